"""Brings the schema up or down, as the owner of the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from persistence.connecting import connector

SCRIPTS = Path(__file__).resolve().parent.parent / "alembic"
TIMEOUTS = {"lock_timeout": "5s", "statement_timeout": "15min", "idle_in_transaction_session_timeout": "15min"}
"""A migration that waits for a lock holds up all that come after it, so it gives up soon and is run again."""

# Held until the connection ends: of two that start at once the second finds the schema as the first one left it.
ONE_AT_A_TIME = "SET lock_timeout = 0; SELECT pg_advisory_lock(471119); RESET lock_timeout"


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Blocks, with an event loop of its own: from a running one call it in a thread."""
    asyncio.run(_run(owner_url, lambda config: command.upgrade(config, revision)))


def downgrade(owner_url: str, revision: str = "base") -> None:
    asyncio.run(_run(owner_url, lambda config: command.downgrade(config, revision)))


def run(sql: str) -> None:
    """For migrations: statements of a text, each ended by a semicolon at the end of its line."""
    for statement in sql.split(";\n"):
        if statement.strip():
            run_one(statement.strip().removesuffix(";"))


def run_one(statement: str) -> None:
    """For what has semicolons inside, such as a function."""
    op.execute(text(statement))


async def _run(owner_url: str, task: Callable[[Config], None]) -> None:
    config = Config()
    # The value is read with interpolation, so a percent sign in a path is doubled.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")

    def within(connection: Connection) -> None:
        config.attributes["connection"] = connection
        task(config)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connector(owner_url, name="interpact migrate", settings=TIMEOUTS),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None, "it has just been opened"
            await raw.execute(ONE_AT_A_TIME)
            await connection.run_sync(within)
            await connection.commit()
    finally:
        await engine.dispose()

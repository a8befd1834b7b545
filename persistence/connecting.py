"""How every connection is opened: one place for the driver, the timeouts and the session's settings."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from sqlalchemy import Pool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from persistence.statements import WatchStatements, watch_driver, watch_engine

CONNECT_SECONDS_MAX = 10
STATEMENT_SECONDS_MAX = 60
"""Of one statement of the service; the server ends a longer one."""
IDLE_SECONDS_MAX = 60
"""Of a transaction that waits for its client."""
ABANDONED_SECONDS_MAX = 2
"""Of a statement whose client is gone: a process that was killed tells the server nothing."""
LOOKUP_SECONDS_MAX = 10
"""Of what is looked up before an operation has a deadline: keys, people, quotas."""


def dsn(url: str) -> str:
    """The URL as the driver reads it, with or without SQLAlchemy's name of the driver in it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def connector(
    url: str, *, name: str, settings: dict[str, str], watch: WatchStatements | None = None
) -> Callable[[], Awaitable[asyncpg.Connection]]:
    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(
            dsn(url),
            timeout=CONNECT_SECONDS_MAX,
            server_settings={"application_name": name, "timezone": "UTC", "jit": "off", **settings},
        )
        if watch is not None:
            watch_driver(connection, watch)
        return connection

    return connect


def engine(
    url: str,
    *,
    name: str,
    settings: dict[str, str],
    pool_class: type[Pool] | None = None,
    watch: WatchStatements | None = None,
    **pool: Any,
) -> AsyncEngine:
    """An engine whose connections are in autocommit: who uses one opens and ends its own transaction."""
    made = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connector(url, name=name, settings=settings, watch=watch),
        isolation_level="AUTOCOMMIT",
        json_serializer=json.dumps,
        json_deserializer=json.loads,
        # What people posted stays out of the logs.
        hide_parameters=True,
        poolclass=pool_class,
        **pool,
    )
    if watch is not None:
        watch_engine(made, watch)
    return made

"""The service's way into the database: a pool of connections, and units of work over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.actor import Actor
from domain.ids import TenantId
from domain.ports import Mint, Work
from persistence.closing import close
from persistence.connecting import IDLE_SECONDS_MAX, STATEMENT_SECONDS_MAX, engine
from persistence.session import Session
from persistence.statements import WatchStatements
from persistence.work import StoredWork

POOL_WAIT_SECONDS_MAX = 10
ROLLBACK_SECONDS_MAX = 5

LOGIN = """
SELECT current_user AS name, role.rolsuper AS superuser, role.rolbypassrls AS bypasses,
    EXISTS (
        SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND pg_has_role(current_user, relowner, 'USAGE')
    ) AS owns
FROM pg_roles role WHERE role.rolname = current_user
"""


class UnsafeLogin(Exception):
    """The service was given a login that row-level security does not hold."""


def _nobody_waits(tenant: TenantId) -> None:
    """The hook of a database of which nobody follows the feed."""


class Database:
    """`on_commit` is called with the tenant after each commit that made its feed longer, `watch` with each statement
    that was run; neither may block.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        mint: Mint,
        on_commit: Callable[[TenantId], None] = _nobody_waits,
        watch: WatchStatements | None = None,
    ) -> None:
        self._mint = mint
        self._on_commit = on_commit
        self._engine = engine(
            url,
            name="interpact",
            settings={
                "statement_timeout": f"{STATEMENT_SECONDS_MAX}s",
                "idle_in_transaction_session_timeout": f"{IDLE_SECONDS_MAX}s",
            },
            watch=watch,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS_MAX,
        )

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @property
    def in_use(self) -> int:
        """Connections that somebody works with just now."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool), "the service's engine has a pool"
        return pool.checkedout()

    async def verify(self) -> None:
        """Raises UnsafeLogin for a superuser, a role that bypasses row-level security, or the owner of the tables."""
        async with self._engine.connect() as connection:
            raw = await raw_of(connection)
            found = await raw.fetchrow(LOGIN)
        wrong = [
            why
            for why, is_so in (
                ("is a superuser", found["superuser"]),
                ("bypasses row-level security", found["bypasses"]),
                ("owns the tables", found["owns"]),
            )
            if is_so
        ]
        if wrong:
            raise UnsafeLogin(f"the role {found['name']} {' and '.join(wrong)}: give the service a login of its own")

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def open_work(self, actor: Actor) -> AsyncIterator[Work]:
        """Commits where the block ends well; on anything else nothing is kept."""
        async with self._engine.connect() as connection, _transaction(connection, actor.tenant) as raw:
            session = Session(connection=connection, raw=raw, actor=actor, posting=self._mint(), mint=self._mint)
            yield StoredWork(session)
            longer = await close(session)
        if longer:
            self._on_commit(actor.tenant)


async def raw_of(connection: AsyncConnection) -> Any:
    """The driver's own connection. One that the server has closed meanwhile is replaced by a new one."""
    raw = (await connection.get_raw_connection()).driver_connection
    while raw is None or raw.is_closed():
        await connection.invalidate()
        raw = (await connection.get_raw_connection()).driver_connection
    return raw


@asynccontextmanager
async def _transaction(connection: AsyncConnection, tenant: UUID) -> AsyncIterator[asyncpg.Connection]:
    raw = await raw_of(connection)
    try:
        # One message of the simple protocol: nothing is prepared for it, so no tenant's text stays in a cache.
        await raw.execute(f"BEGIN; SET LOCAL interpact.tenant = '{UUID(int=tenant.int)}'")
        yield raw
        await raw.execute("COMMIT")
    except Exception:
        await _rolled_back(connection, raw)
        raise
    except BaseException:
        # A cancelled statement may still run and its answer still come: such a connection is not used again.
        raw.terminate()
        await connection.invalidate()
        raise


async def _rolled_back(connection: AsyncConnection, raw: asyncpg.Connection) -> None:
    try:
        await raw.execute("ROLLBACK", timeout=ROLLBACK_SECONDS_MAX)
    except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        raw.terminate()
        await connection.invalidate()

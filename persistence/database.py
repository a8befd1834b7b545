"""The service's way into the database: a pool of connections, and units of work over them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import QueuePool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFreeError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.actor import Actor
from domain.errors import Overloaded
from domain.ids import TenantId
from domain.ports import Mint, Work
from persistence.closing import close
from persistence.conflicts import out_of_time, translating, unavailable
from persistence.connecting import ABANDONED_SECONDS_MAX, IDLE_SECONDS_MAX, STATEMENT_SECONDS_MAX, engine
from persistence.session import Session
from persistence.statements import WatchStatements
from persistence.work import StoredWork

POOL_WAIT_SECONDS_MAX = 10
ROLLBACK_SECONDS_MAX = 5
CANCEL_SECONDS_MAX = 2
"""How long the server is waited for once it was told to stop a statement."""
TIMEOUT_MS_MAX = 2**31 - 1

_BROKEN = (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the driver raises of a connection that cannot be opened, or is good for nothing any more."""

_log = logging.getLogger(__name__)

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
        wait_seconds_max: float = POOL_WAIT_SECONDS_MAX,
    ) -> None:
        self._mint = mint
        self._on_commit = on_commit
        self._months: set[tuple[str, date]] = set()
        self._engine = engine(
            url,
            name="interpact",
            settings={
                "statement_timeout": f"{STATEMENT_SECONDS_MAX}s",
                "idle_in_transaction_session_timeout": f"{IDLE_SECONDS_MAX}s",
                "client_connection_check_interval": f"{ABANDONED_SECONDS_MAX}s",
            },
            watch=watch,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=wait_seconds_max,
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
    async def open_work(self, actor: Actor, *, deadline: float = math.inf) -> AsyncIterator[Work]:
        """Commits where the block ends well; on anything else nothing is kept.

        `deadline` is in the event loop's time: the server ends a statement that would run longer than that is away.
        Raises Overloaded, Unavailable and OutOfTime.
        """
        async with (
            connected(self._engine) as (connection, raw),
            _transaction(connection, raw, actor.tenant, deadline),
        ):
            session = Session(
                connection=connection,
                raw=raw,
                actor=actor,
                posting=self._mint(),
                mint=self._mint,
                months=self._months,
            )
            yield StoredWork(session)
            longer = await close(session)
        self._months |= session.closing.months
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
async def connected(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, Any]]:
    """A connection of the pool, and the driver's own. Raises Overloaded where none gets free, or Unavailable.

    What the driver raises in the block comes out as the error of the field that it stands for, where there is one.
    """
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
            raw = await raw_of(connection)
        except NoneFreeError as error:
            _log.warning("no connection became free in time: %s", error)
            raise Overloaded("more is asked for than can be served just now: try again soon") from error
        except (DBAPIError, *_BROKEN) as error:
            _log.warning("the database cannot be reached: %s", error or type(error).__name__)
            raise unavailable() from error
        with translating():
            yield connection, raw


async def let_go(connection: AsyncConnection, raw: asyncpg.Connection) -> None:
    """Ends a connection that nobody may use again. A statement that still runs on it is ended by the server first.

    Only a driver's connection that is closed, and not terminated, tells the server to stop what was cancelled.
    """
    try:
        with suppress(*_BROKEN):
            await raw.close(timeout=CANCEL_SECONDS_MAX)
    finally:
        await connection.invalidate()


@asynccontextmanager
async def _transaction(
    connection: AsyncConnection, raw: asyncpg.Connection, tenant: UUID, deadline: float
) -> AsyncIterator[None]:
    try:
        # One message of the simple protocol: nothing is prepared for it, so no tenant's text stays in a cache.
        await raw.execute(_begin(tenant, deadline))
        yield
        await raw.execute("COMMIT")
    except Exception:
        await _rolled_back(connection, raw)
        raise
    except BaseException:
        # A cancelled statement may still run and its answer still come.
        await let_go(connection, raw)
        raise


def _begin(tenant: UUID, deadline: float) -> str:
    """Waiting for a lock is part of a statement, so there is no limit of its own for that."""
    begin = f"BEGIN; SET LOCAL interpact.tenant = '{UUID(int=tenant.int)}'"
    if deadline == math.inf:
        return begin
    left_ms = math.ceil((deadline - asyncio.get_running_loop().time()) * 1000)
    if left_ms <= 0:
        raise out_of_time()
    return f"{begin}; SET LOCAL statement_timeout = '{min(left_ms, TIMEOUT_MS_MAX)}'"


async def _rolled_back(connection: AsyncConnection, raw: asyncpg.Connection) -> None:
    try:
        await raw.execute("ROLLBACK", timeout=ROLLBACK_SECONDS_MAX)
    except _BROKEN:
        raw.terminate()
        await connection.invalidate()

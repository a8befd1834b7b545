"""Wiring: from settings to a running service. The one place where storage, schema, clock and doors meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

import asyncpg

from domain.ids import TenantId
from domain.ports import Mint
from domain.risk import LOOK
from graph.application import OpenWorkInTime
from persistence import migrate
from persistence.connecting import connector
from persistence.database import POOL_WAIT_SECONDS_MAX, Database, UnsafeLogin
from persistence.directory import Directory
from persistence.wakeups import Wakeups
from runtime import embedded
from runtime.clock import Mint as TimeOrderedMint
from runtime.embedded import EmbeddedServer, EmbeddedServerError
from runtime.hub import HEARTBEAT_S, Hub
from runtime.metrics import Metrics
from runtime.settings import DATA_DIR, DATABASE_URL, OWNER_DATABASE_URL, TRACES, Settings, SettingsError, Variable
from runtime.watching import Tracing, Watcher
from runtime.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the database is: as the service's role, and as the owner of its tables."""

    service_url: str
    owner_url: str | None


@asynccontextmanager
async def addresses(settings: Settings) -> AsyncIterator[Addresses]:
    """The configured server, or else the embedded one, which is started, and stopped at the end if we started it.

    Raises SettingsError where the server cannot be reached or started.
    """
    if settings.database_url is not None:
        await _require_answer(DATABASE_URL, settings.database_url)
        yield Addresses(service_url=settings.database_url, owner_url=settings.owner_database_url)
        return
    async with _embedded(settings) as server:
        yield Addresses(service_url=server.service_url, owner_url=server.owner_url)


@asynccontextmanager
async def owner_address(settings: Settings) -> AsyncIterator[str]:
    """For the commands that work as the owner of the tables."""
    if settings.owner_database_url is not None:
        await _require_answer(OWNER_DATABASE_URL, settings.owner_database_url)
        yield settings.owner_database_url
        return
    async with _embedded(settings) as server:
        yield server.owner_url


@asynccontextmanager
async def _embedded(settings: Settings) -> AsyncIterator[EmbeddedServer]:
    """Its schema is brought up to date by whoever uses it; another server's is by `interpact migrate`."""
    try:
        server = await asyncio.to_thread(embedded.start, settings.data_dir)
    except EmbeddedServerError as error:
        raise SettingsError((f"{DATA_DIR.name}: {error}",)) from error
    try:
        await asyncio.to_thread(migrate.upgrade, server.owner_url)
        yield server
    finally:
        await asyncio.shield(asyncio.to_thread(server.stop))


async def _require_answer(variable: Variable, url: str) -> None:
    """A wrong address or password is told before anything is begun, without its secret."""
    try:
        connection = await connector(url, name="interpact", settings={})()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SettingsError((f"{variable.name}: no login there: {error or type(error).__name__}",)) from error
    await connection.close()


@contextmanager
def traced(settings: Settings) -> Iterator[Tracing | None]:
    """Where traces go, if they are wanted: only then are the packages for it imported, and needed."""
    if not settings.traces:
        yield None
        return
    try:
        module = import_module("runtime.tracing")
    except ModuleNotFoundError as error:
        message = f"{TRACES.name} is 1, and needs the packages of requirements/tracing.txt: {error}"
        raise SettingsError((message,)) from error
    spans = module.Spans()
    try:
        yield spans
    finally:
        spans.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a process works with once it is connected."""

    open_work: OpenWorkInTime
    database: Database
    directory: Directory
    hub: Hub
    worker: Worker
    clock: Callable[[], datetime]
    mint: Mint
    metrics: Metrics
    watcher: Watcher


@asynccontextmanager
async def running(
    service_url: str,
    *,
    pool_size: int,
    clock: Callable[[], datetime],
    pool_wait_s: float = POOL_WAIT_SECONDS_MAX,
    heartbeat_s: float = HEARTBEAT_S,
    tracing: Tracing | None = None,
    look: timedelta = LOOK,
) -> AsyncIterator[Running]:
    """Connected storage with wake-ups in both directions. The worker is there to be run; it does not run by itself."""
    metrics = Metrics()
    watcher = Watcher(metrics, tracing)
    mint = TimeOrderedMint()
    async with AsyncExitStack() as stack:
        wakeups = Wakeups(service_url)

        def committed(tenant: TenantId) -> None:
            hub.hint(tenant)
            wakeups.notify(tenant)

        database = Database(
            service_url,
            pool_size=pool_size,
            wait_seconds_max=pool_wait_s,
            mint=mint,
            on_commit=committed,
            watch=watcher.statement,
        )
        metrics.gauge("interpact_pool_connections_in_use", "Connections of the pool in use", lambda: database.in_use)
        metrics.gauge("interpact_pool_connections_max", "Connections that the pool may hold", lambda: pool_size)
        stack.push_async_callback(database.close)
        await _verify(database)
        directory = Directory(database.engine)
        hub = Hub(directory.heads, heartbeat_s=heartbeat_s, metrics=metrics)
        stack.push_async_callback(_ended, asyncio.create_task(wakeups.run(hub.hint), name="wake-ups"))
        stack.push_async_callback(_ended, asyncio.create_task(hub.poll(), name="feed poll"))
        worker = Worker(
            open_work=database.open_work,
            directory=directory,
            hub=hub,
            clock=clock,
            mint=mint,
            metrics=metrics,
            look=look,
        )
        yield Running(
            open_work=database.open_work,
            database=database,
            directory=directory,
            hub=hub,
            worker=worker,
            clock=clock,
            mint=mint,
            metrics=metrics,
            watcher=watcher,
        )


async def _verify(database: Database) -> None:
    try:
        await database.verify()
    except UnsafeLogin as error:
        raise SettingsError((f"{DATABASE_URL.name}: {error}",)) from error


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

"""Wiring: from settings to a running service. The one place where storage, schema, clock and doors meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from domain.ids import TenantId
from domain.ports import Mint, OpenWork
from persistence.database import Database
from persistence.directory import Directory
from persistence.wakeups import Wakeups
from runtime import embedded
from runtime.clock import Mint as TimeOrderedMint
from runtime.hub import HEARTBEAT_S, Hub
from runtime.settings import Settings
from runtime.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the database is: as the service's role, and as the owner of its tables."""

    service_url: str
    owner_url: str | None


@asynccontextmanager
async def addresses(settings: Settings) -> AsyncIterator[Addresses]:
    """The configured server, or else the embedded one, which is started, and stopped at the end if we started it."""
    if settings.database_url is not None:
        yield Addresses(service_url=settings.database_url, owner_url=settings.owner_database_url)
        return
    server = await asyncio.to_thread(embedded.start, settings.data_dir)
    try:
        yield Addresses(service_url=server.service_url, owner_url=server.owner_url)
    finally:
        await asyncio.shield(asyncio.to_thread(server.stop))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a process works with once it is connected."""

    open_work: OpenWork
    directory: Directory
    hub: Hub
    worker: Worker
    clock: Callable[[], datetime]
    mint: Mint


@asynccontextmanager
async def running(
    service_url: str, *, pool_size: int, clock: Callable[[], datetime], heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[Running]:
    """Connected storage with wake-ups in both directions. The worker is there to be run; it does not run by itself."""
    mint = TimeOrderedMint()
    async with AsyncExitStack() as stack:
        wakeups = Wakeups(service_url)

        def committed(tenant: TenantId) -> None:
            hub.hint(tenant)
            wakeups.notify(tenant)

        database = Database(service_url, pool_size=pool_size, mint=mint, on_commit=committed)
        stack.push_async_callback(database.close)
        await database.verify()
        directory = Directory(database.engine)
        hub = Hub(directory.heads, heartbeat_s=heartbeat_s)
        stack.push_async_callback(_ended, asyncio.create_task(wakeups.run(hub.hint), name="wake-ups"))
        stack.push_async_callback(_ended, asyncio.create_task(hub.poll(), name="feed poll"))
        worker = Worker(open_work=database.open_work, directory=directory, hub=hub, clock=clock, mint=mint)
        yield Running(
            open_work=database.open_work, directory=directory, hub=hub, worker=worker, clock=clock, mint=mint
        )


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

"""One embedded server for all stories of a test process; each story has tenants of its own in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from persistence import migrate
from runtime import embedded
from runtime.clock import SettableClock, system_clock
from runtime.embedded import EmbeddedServer
from runtime.service import Running, running
from tests.stories import processes
from tests.stories.histories import NOW
from tests.stories.shop import Shop, opened
from tests.stories.storage import Store, store_of
from tests.stories.talking import Client
from tests.stories.tenants import a_tenant
from tests.stories.workshop import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where the processes of the stories keep their data. This one uses the server too, so it never stops between."""

    data_dir: Path
    server: EmbeddedServer

    @property
    def log(self) -> Path:
        return self.data_dir.parent / "processes.log"


@pytest.fixture(scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    data_dir = tmp_path_factory.mktemp("a house") / "data"
    server = await asyncio.to_thread(embedded.start, data_dir)
    try:
        await asyncio.to_thread(migrate.upgrade, server.owner_url)
        yield House(data_dir=data_dir, server=server)
    finally:
        await asyncio.to_thread(server.stop)


@pytest.fixture(scope="session")
async def store(house: House) -> AsyncIterator[Store]:
    async with store_of(house.server) as held:
        yield held


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
async def doors(house: House) -> AsyncIterator[processes.Running]:
    """`interpact serve --no-worker`: nothing changes in the database but by what a story does."""
    async with processes.serving(house.data_dir, "--no-worker", log=house.log) as served:
        yield served


@pytest.fixture(scope="session")
async def inside(house: House) -> AsyncIterator[Running]:
    """The service's own wiring in this process, for what a story needs to have happened before."""
    async with running(house.server.service_url, pool_size=4, clock=system_clock) as process:
        yield process


NewWorkshop = Callable[[], Awaitable[Workshop]]


@pytest.fixture(scope="session")
async def a_workshop(house: House, inside: Running) -> NewWorkshop:
    """Makes a new tenant on the real clock."""

    async def made() -> Workshop:
        tenant = await a_tenant(house.server.owner_url)
        return Workshop(open_work=inside.open_work, tenant=tenant, clock=inside.clock, mint=inside.mint)

    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The service's wiring on a clock that the story sets, with tenants of its own."""

    owner_url: str
    service_url: str

    @asynccontextmanager
    async def workshops(self, count: int) -> AsyncIterator[tuple[SettableClock, Running, list[Workshop]]]:
        clock = SettableClock(NOW)
        async with AsyncExitStack() as stack:
            process = await stack.enter_async_context(running(self.service_url, pool_size=2, clock=clock))
            tenants = [await a_tenant(self.owner_url) for _ in range(count)]
            yield (
                clock,
                process,
                [
                    Workshop(open_work=process.open_work, tenant=tenant, clock=clock, mint=process.mint)
                    for tenant in tenants
                ],
            )


@pytest.fixture(scope="session")
async def past(house: House) -> Past:
    return Past(owner_url=house.server.owner_url, service_url=house.server.service_url)


ClientOf = Callable[[str], Client]


@pytest.fixture(scope="session")
async def client_of(doors: processes.Running, http: httpx.AsyncClient) -> ClientOf:
    """The client who holds a key, at the doors."""
    return lambda key: Client(http=http, graphql=doors.graphql, key=key)


NewShop = Callable[[processes.Running], Awaitable[Shop]]


@pytest.fixture(scope="session")
async def a_shop(house: House, http: httpx.AsyncClient) -> NewShop:
    """Makes a new shop, which talks to these doors."""
    return lambda served: opened(house.data_dir, http, served)

"""Storage for tests: one server for the run, one database for each test module, one tenant for each test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import settings

from domain.actor import Actor
from domain.ids import KeyId, TenantId
from domain.policy import Role
from persistence.database import Database
from persistence.operator import Operator, Tenant
from runtime.clock import Mint, system_clock
from tests import servers
from tests.counting import pytest_terminal_summary as pytest_terminal_summary  # noqa: PLC0414 - a hook by its name
from tests.servers import Urls

POOL_SIZE = 16
MADE_AT = datetime(2024, 1, 1, tzinfo=UTC)

# How long one example takes tells how busy the machine is, nothing else.
settings.register_profile("interpact", deadline=None)
settings.load_profile("interpact")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    """Shared by the processes of a run: under xdist their folders lie beside each other."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with servers.server(folder) as urls:
        yield urls


@pytest.fixture(scope="module")
def urls(server: Urls, request: pytest.FixtureRequest) -> Iterator[Urls]:
    """A database of the module's own."""
    name = f"test_{request.module.__name__.rpartition('.')[2]}_{os.getpid()}"[:60]
    with servers.database(server, name) as found:
        yield found


@pytest.fixture(scope="session")
def mint() -> Mint:
    return Mint()


@pytest.fixture
async def database(urls: Urls, mint: Mint) -> AsyncIterator[Database]:
    opened = Database(urls.service, pool_size=POOL_SIZE, mint=mint)
    yield opened
    await opened.close()


@pytest.fixture
def operator(urls: Urls) -> Operator:
    return Operator(urls.owner, mint=Mint(), clock=system_clock)


@pytest.fixture
async def tenant(operator: Operator, mint: Mint) -> TenantId:
    return await new_tenant(operator, mint)


@pytest.fixture
def admin(tenant: TenantId, mint: Mint) -> Actor:
    return Actor(tenant=tenant, caller=KeyId(mint()), role=Role.ADMIN)


async def new_tenant(operator: Operator, mint: Mint) -> TenantId:
    made = Tenant(id=TenantId(mint()), code=f"tenant-{mint().hex}", name="Tenant", created_at=MADE_AT)
    await operator.create_tenant(made)
    return made.id

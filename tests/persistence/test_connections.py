"""A connection that goes back to the pool carries no transaction, no tenant and no role, whatever happened on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from domain.actor import Actor
from domain.errors import Taken, TenantMissing
from domain.ids import KeyId, TenantId
from domain.party import PartyKind
from domain.policy import Role
from persistence.conflicts import translated
from persistence.database import Database, raw_of
from persistence.directory import Directory
from persistence.operator import Key, Operator
from persistence.wakeups import Wakeups
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.persistence.world import JANUARY, NOW, World, populate
from tests.servers import Urls


@pytest.fixture
async def single(urls: Urls, admin: Actor, mint: Mint) -> AsyncIterator[World]:
    """A pool of one connection, so that the next one to ask gets the very same."""
    database = Database(urls.service, pool_size=1, mint=mint)
    yield await populate(World(database=database, admin=admin, mint=mint))
    await database.close()


async def assert_clean(database: Database) -> int:
    """The connection of the pool has nothing of its former user's; its process id."""
    async with database.engine.connect() as connection:
        raw = await raw_of(connection)
        assert not raw.is_in_transaction()
        assert await raw.fetchval("SELECT current_user") == "interpact_service"
        assert await raw.fetchval("SELECT coalesce(current_setting('interpact.tenant', true), '')") == ""
        with pytest.raises(asyncpg.PostgresError) as refused:
            await raw.fetchval("SELECT count(*) FROM party")
        assert isinstance(translated(refused.value), TenantMissing)
        process: int = raw.get_server_pid()
    return process


async def test_after_a_work_that_ended_well(single: World) -> None:
    before = await assert_clean(single.database)
    async with single.open() as work:
        await work.parties.count([])
    assert await assert_clean(single.database) == before


async def test_after_an_error_of_ours_and_after_one_of_the_database(single: World) -> None:
    before = await assert_clean(single.database)

    async def failing() -> None:
        async with single.open() as work:
            await work.parties.count([])
            raise ZeroDivisionError

    async def colliding() -> None:
        async with single.open() as work:
            await work.parties.add([single.party("vendor", PartyKind.VENDOR)])

    with pytest.raises(ZeroDivisionError):
        await failing()
    with pytest.raises(Taken) as taken:
        await colliding()
    assert taken.value.path == ("code",)
    assert await assert_clean(single.database) == before


async def test_after_a_cancellation_between_statements(single: World) -> None:
    started = asyncio.Event()

    async def hanging() -> None:
        async with single.open() as work:
            await work.parties.add([single.party("lost", PartyKind.VENDOR)])
            started.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(hanging())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_clean(single.database)
    async with single.open() as work:
        assert await work.parties.by_codes(["lost"]) == {}


async def test_after_a_cancellation_while_a_statement_runs(single: World, urls: Urls) -> None:
    """The statement waits for a lock that another holds."""
    holder = await asyncpg.connect(urls.owner)
    hold = holder.transaction()
    await hold.start()
    await holder.execute("LOCK TABLE party IN ACCESS EXCLUSIVE MODE")

    async def waiting() -> None:
        async with single.open() as work:
            await work.parties.count([])

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await hold.rollback()
    await holder.close()
    await assert_clean(single.database)


async def test_cancelled_at_any_moment_a_work_is_kept_whole_or_not_at_all(single: World) -> None:
    kept = []
    for number in range(30):
        code = f"party-{number:02}"

        async def adding(code: str = code) -> None:
            async with single.open() as work:
                await work.parties.add([single.party(code, PartyKind.VENDOR)])

        task = asyncio.create_task(adding())
        await asyncio.sleep(number * 0.0004)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            kept.append(code)
        await assert_clean(single.database)
    async with single.open() as work:
        found = await work.parties.by_codes([f"party-{number:02}" for number in range(30)])
        lines = await work.parties.lineages([party.id for party in found.values()])
    assert set(kept) <= set(found)
    assert len(lines) == len(found)


async def test_a_connection_that_the_server_closed_is_replaced(single: World, urls: Urls) -> None:
    process = await assert_clean(single.database)
    superuser = await asyncpg.connect(urls.superuser)
    await superuser.execute("SELECT pg_terminate_backend($1)", process)
    await superuser.close()
    await asyncio.sleep(0.1)
    async with single.open() as work:
        assert await work.parties.count([]) == 3
    assert await assert_clean(single.database) != process


async def test_the_directory_leaves_no_role_behind(single: World, operator: Operator, mint: Mint) -> None:
    directory = Directory(single.database.engine)
    before = await assert_clean(single.database)
    assert await directory.heads([single.admin.tenant]) == {single.admin.tenant: 1}
    assert await assert_clean(single.database) == before


async def test_keys_are_found_by_id_whatever_their_tenant(database: Database, operator: Operator, mint: Mint) -> None:
    tenants = [await new_tenant(operator, mint) for _ in range(2)]
    keys = [
        Key(
            id=KeyId(mint()),
            tenant=tenant,
            secret_hash=bytes(range(32)),
            role=role,
            party=None,
            label="Key",
            created_at=JANUARY,
            expires_at=NOW,
        )
        for tenant, role in zip(tenants, (Role.ADMIN, Role.INGEST), strict=True)
    ]
    for key in keys:
        await operator.create_key(key)
    directory = Directory(database.engine)
    assert await directory.keys([key.id for key in keys]) == {key.id: key for key in keys}
    assert await directory.keys([KeyId(mint())]) == {}
    assert await operator.keys(tenants[0]) == [keys[0]]
    assert await operator.revoke_key(keys[0].id, JANUARY)
    assert await operator.revoke_key(keys[0].id, NOW)
    assert not await operator.revoke_key(KeyId(mint()), NOW)
    found = (await directory.keys([keys[0].id]))[keys[0].id]
    assert found.revoked_at == JANUARY
    one_second = timedelta(seconds=1)
    assert [found.holds(JANUARY), keys[1].holds(NOW - one_second), keys[1].holds(NOW)] == [False, True, False]


async def test_only_tenants_with_work_are_listed(single: World, operator: Operator, mint: Mint) -> None:
    quiet = await new_tenant(operator, mint)
    directory = Directory(single.database.engine)
    listed = await directory.tenants_with_work(NOW, 1000)
    assert single.admin.tenant in listed
    assert quiet not in listed
    await single.settled()
    assert single.admin.tenant not in await directory.tenants_with_work(NOW, 1000)


async def test_wake_ups_reach_other_processes_and_survive_a_lost_connection(urls: Urls, mint: Mint) -> None:
    here, there = Wakeups(urls.service), Wakeups(urls.service)
    heard: asyncio.Queue[TenantId] = asyncio.Queue()
    tasks = [asyncio.create_task(here.run(lambda tenant: None)), asyncio.create_task(there.run(heard.put_nowait))]
    tenant = TenantId(mint())

    async def told() -> None:
        while True:
            here.notify(tenant)
            try:
                assert await asyncio.wait_for(heard.get(), 0.5) == tenant
            except TimeoutError:
                continue
            return

    await asyncio.wait_for(told(), 20)
    superuser = await asyncpg.connect(urls.superuser)
    await superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'interpact wake-ups'"
    )
    while not heard.empty():
        heard.get_nowait()
    await asyncio.wait_for(told(), 20)
    await superuser.execute("SELECT pg_notify('interpact_feed', 'no tenant')")
    while not heard.empty():
        heard.get_nowait()
    await asyncio.wait_for(told(), 20)
    await superuser.close()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

"""A statement never outlives the operation that it was run for, and what cannot be served says so in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import asyncpg
import pytest

from domain.actor import Actor
from domain.errors import OutOfTime, Overloaded, Unavailable
from domain.feed import PostingKind
from domain.party import PartyKind
from domain.ports import Work
from persistence.database import Database, connected
from persistence.directory import Directory
from persistence.quotas import Quotas
from runtime.clock import Mint
from tests.persistence.world import NOW, World, populate
from tests.servers import Urls

RUNNING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'interpact' AND state = 'active' AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def world(database: Database, admin: Actor, mint: Mint) -> World:
    return await populate(World(database=database, admin=admin, mint=mint))


@asynccontextmanager
async def locked(urls: Urls, sql: str) -> AsyncIterator[asyncpg.Connection]:
    """Another transaction holds a lock while the block runs; with a connection of its own to look on."""
    holder, watcher = [await asyncpg.connect(urls.superuser) for _ in range(2)]
    try:
        async with holder.transaction():
            await holder.execute(sql)
            yield watcher
    finally:
        await holder.close()
        await watcher.close()


async def until_running(watcher: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(10):
        while await watcher.fetchval(RUNNING) != count:
            await asyncio.sleep(0.01)


def in_seconds(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def counts(work: Work) -> None:
    """A composed statement."""
    await work.parties.count([])


async def posts(work: Work) -> None:
    """It is the closing of the unit of work that waits, for the head of the feed: a written statement."""
    work.posts(PostingKind.CATALOG, NOW)


PARTIES = "LOCK TABLE party IN ACCESS EXCLUSIVE MODE"
HEADS = "SELECT 1 FROM feed_head FOR UPDATE"
WAYS = pytest.mark.parametrize(
    ("lock", "do"), [(PARTIES, counts), (HEADS, posts)], ids=["a composed statement", "a written one"]
)
Do = Callable[[Work], Awaitable[None]]


@WAYS
async def test_the_server_ends_a_statement_at_its_deadline(world: World, urls: Urls, lock: str, do: Do) -> None:
    async with locked(urls, lock) as watcher:
        with pytest.raises(OutOfTime):
            async with world.database.open_work(world.admin, deadline=in_seconds(0.2)) as work:
                await do(work)
        assert await watcher.fetchval(RUNNING) == 0
    async with world.database.open_work(world.admin, deadline=in_seconds(30)) as work:
        await do(work)


async def test_a_deadline_holds_for_its_own_transaction_alone(urls: Urls, admin: Actor, mint: Mint) -> None:
    database = Database(urls.service, pool_size=1, mint=mint)
    async with database.open_work(admin, deadline=in_seconds(5)) as work:
        await counts(work)
    async with connected(database.engine) as (_, raw):
        assert await raw.fetchval("SHOW statement_timeout") == "1min"
    await database.close()


async def test_after_its_deadline_no_work_begins(world: World) -> None:
    with pytest.raises(OutOfTime):
        async with world.database.open_work(world.admin, deadline=in_seconds(-1)):
            raise AssertionError("it began")


@WAYS
async def test_a_cancelled_statement_is_ended_on_the_server_too(world: World, urls: Urls, lock: str, do: Do) -> None:
    async with locked(urls, lock) as watcher:

        async def waiting() -> None:
            async with world.database.open_work(world.admin) as work:
                await do(work)

        task = asyncio.create_task(waiting())
        await until_running(watcher, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await watcher.fetchval(RUNNING) == 0


async def test_a_statement_whose_process_is_gone_is_ended_by_the_server_itself(world: World, urls: Urls) -> None:
    async with locked(urls, PARTIES) as watcher:
        async with connected(world.database.engine) as (connection, raw):
            begun = asyncio.create_task(raw.fetch("TABLE party"))
            await until_running(watcher, 1)
            # As by kill -9: the socket closes, and nobody asks the server to stop anything.
            raw.terminate()
            await asyncio.wait([begun])
            assert begun.exception() is not None
            await connection.invalidate()
        await until_running(watcher, 0)


async def test_who_waits_too_long_for_a_connection_is_told_that_there_is_none(
    urls: Urls, admin: Actor, mint: Mint
) -> None:
    database = Database(urls.service, pool_size=1, mint=mint, wait_seconds_max=0.1)
    async with database.open_work(admin):
        with pytest.raises(Overloaded):
            async with database.open_work(admin):
                raise AssertionError("there was one")
        with pytest.raises(Overloaded):
            await Directory(database.engine).heads([])
        with pytest.raises(Overloaded):
            await Quotas(database.engine, units_max=1, units_per_second=1).take(admin.tenant, wanted=1, needed=1)
    async with database.open_work(admin) as work:
        await counts(work)
    await database.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@127.0.0.1:1", query=""),
        lambda url: url._replace(netloc=url.netloc.replace(":", ":not-", 1)),
        lambda url: url._replace(path="/nowhere"),
    ],
    ids=["nobody listens", "a wrong password", "no such database"],
)
async def test_a_database_that_cannot_be_reached_is_told_as_that(
    urls: Urls, admin: Actor, mint: Mint, change: Callable[[SplitResult], SplitResult]
) -> None:
    database = Database(change(urlsplit(urls.service)).geturl(), pool_size=1, mint=mint)
    with pytest.raises(Unavailable):
        async with database.open_work(admin):
            raise AssertionError("it was reached")
    with pytest.raises(Unavailable):
        await Directory(database.engine).heads([])
    await database.close()


async def test_a_connection_that_is_lost_in_the_middle_is_told_as_that(world: World, urls: Urls) -> None:
    async with locked(urls, PARTIES) as watcher:

        async def waiting() -> None:
            async with world.database.open_work(world.admin) as work:
                await counts(work)

        task = asyncio.create_task(waiting())
        await until_running(watcher, 1)
        await watcher.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'interpact' AND state = 'active'"
        )
        with pytest.raises(Unavailable):
            await task
    async with world.open() as work:
        await work.parties.add([world.party("after", PartyKind.VENDOR)])

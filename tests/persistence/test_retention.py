"""Old events of the feed are let go, and nobody who would have read them is left to think that there were none."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta

import pytest

from domain.actor import Actor
from domain.errors import CursorExpired
from domain.feed import BreachChange, BreachFilter, FeedRead, PostingKind
from domain.ids import Position
from domain.usecases.following import follow_breaches
from persistence.database import Database, connected
from persistence.operator import Operator
from persistence.retention import Trimmed, trim
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.persistence.filled import a_breach, a_change, an_attainment
from tests.persistence.world import NOW, World, populate

EVERYTHING = BreachFilter()
DAY = timedelta(days=1)


@pytest.fixture
async def world(database: Database, admin: Actor, mint: Mint) -> World:
    return await populate(World(database=database, admin=admin, mint=mint))


def change(world: World) -> BreachChange:
    side = world.vendor
    verdict = an_attainment(side, world.judged(side.objectives[0].id, side.service.id, 1)[0])
    return a_change(side, a_breach(world, verdict), verdict)


async def posted(world: World, *, at: datetime = NOW) -> BreachChange:
    made = change(world)
    async with world.open() as work:
        await work.feed.append([made])
        work.posts(PostingKind.FACTS, at)
    return made


async def head(world: World) -> Position:
    async with world.open() as work:
        return await work.feed.head()


def following(world: World, after: Position) -> AsyncGenerator[FeedRead, None]:
    """It never waits: whoever asks for the next read gets one."""

    async def awaken(position: Position) -> Position:
        return position

    return follow_breaches(world.database.open_work, world.admin, after=after, where=EVERYTHING, awaken=awaken)


async def first_read(world: World, after: Position) -> FeedRead:
    async with aclosing(following(world, after)) as reads:
        return await anext(reads)


async def postings(world: World) -> list[int]:
    async with connected(world.database.engine) as (_, raw), raw.transaction():
        await raw.execute("SELECT set_config('interpact.tenant', $1, true)", str(world.admin.tenant))
        rows = await raw.fetch("SELECT number FROM feed WHERE kind <> 'breach' ORDER BY number")
    return [row["number"] for row in rows]


async def test_old_events_go_and_who_was_before_them_is_told_so(world: World, operator: Operator) -> None:
    before = await head(world)
    await posted(world)
    middle = await head(world)
    young = await posted(world, at=NOW + DAY)
    kept = await postings(world)

    trimmed = await trim(operator, world.admin.tenant, before=NOW + DAY)
    assert trimmed == Trimmed(events=1, floor=middle)
    async with world.open() as work:
        read = await work.feed.breaches_after(before, EVERYTHING, 10)
    assert ([each.change for each in read.events], read.floor) == ([young], middle)
    assert await postings(world) == kept
    for after in (before, Position(middle - 1)):
        with pytest.raises(CursorExpired):
            await first_read(world, after)
    assert [each.change for each in (await first_read(world, middle)).events] == [young]

    # Again it finds nothing, and an earlier instant brings the floor down for nobody.
    assert await trim(operator, world.admin.tenant, before=NOW - DAY) == Trimmed(events=0, floor=middle)


async def test_a_subscriber_who_falls_behind_what_goes_is_told_so_too(world: World, operator: Operator) -> None:
    """It has read some, and the rest goes before it comes back for it."""
    start = await head(world)
    await posted(world)
    async with aclosing(following(world, start)) as reads:
        assert len((await anext(reads)).events) == 1
        await posted(world)
        await trim(operator, world.admin.tenant, before=NOW + DAY)
        with pytest.raises(CursorExpired):
            await anext(reads)


async def test_events_of_other_tenants_stay(world: World, operator: Operator, mint: Mint) -> None:
    before = await head(world)
    made = await posted(world)
    assert await trim(operator, await new_tenant(operator, mint), before=NOW + DAY) == Trimmed(
        events=0, floor=Position(0)
    )
    assert [each.change for each in (await first_read(world, before)).events] == [made]


async def test_more_than_one_transaction_deletes_go_all_the_same(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.retention.EVENTS_A_TIME", 2)
    for _ in range(4):
        await posted(world)
    assert (await trim(operator, world.admin.tenant, before=NOW + DAY)).events == 4

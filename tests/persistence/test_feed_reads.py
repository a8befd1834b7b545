"""Subscribers who want the same read at once share it; nobody gets one that began before they asked, or another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from domain.actor import Actor
from domain.breach import Transition
from domain.feed import BreachFilter
from domain.ids import Position
from domain.ports import Work
from graph.feed_reads import FeedReads
from tests.persistence.test_feed import EVERYTHING, change, head, posted
from tests.persistence.world import World


class Opened:
    """The database's units of work, and how many were opened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._counted = count(1)
        self.works = 0

    @asynccontextmanager
    async def __call__(self, actor: Actor) -> AsyncIterator[Work]:
        self.works = next(self._counted)
        async with self._world.database.open_work(actor) as work:
            yield work


async def test_those_who_want_the_same_at_once_read_it_once(world: World) -> None:
    before = await head(world)
    await posted(world, change(world))
    opened = Opened(world)
    reads = FeedReads(opened)
    found = await asyncio.gather(*(reads(world.admin, before, EVERYTHING) for _ in range(50)))
    assert opened.works == 1
    assert {len(each.events) for each in found} == {1}


async def test_who_asks_later_reads_anew(world: World) -> None:
    before = await head(world)
    reads = FeedReads(world.database.open_work)
    assert (await reads(world.admin, before, EVERYTHING)).events == ()
    await posted(world, change(world))
    assert len((await reads(world.admin, before, EVERYTHING)).events) == 1


async def test_another_position_filter_or_party_is_another_read(world: World) -> None:
    before = await head(world)
    await posted(world, change(world), change(world, transition=Transition.CONFIRMED))
    opened = Opened(world)
    reads = FeedReads(opened)
    confirmed = BreachFilter(transitions=frozenset({Transition.CONFIRMED}))
    found = await asyncio.gather(
        reads(world.admin, before, EVERYTHING),
        reads(world.admin, Position(before + 2), EVERYTHING),
        reads(world.admin, before, confirmed),
        reads(world.as_party(world.rival.party.id), before, EVERYTHING),
    )
    assert opened.works == 4
    assert [len(each.events) for each in found] == [2, 1, 1, 0]


async def test_who_leaves_takes_nothing_from_the_others(world: World) -> None:
    before = await head(world)
    await posted(world, change(world))
    reads = FeedReads(world.database.open_work)
    left, stays = (asyncio.create_task(reads(world.admin, before, EVERYTHING)) for _ in range(2))
    await asyncio.sleep(0)
    left.cancel()
    assert len((await stays).events) == 1
    assert left.cancelled()

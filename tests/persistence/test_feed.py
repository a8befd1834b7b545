"""Law 12: the feed never skips an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from domain.actor import Actor
from domain.breach import Severity, Transition
from domain.errors import CycleRefused
from domain.feed import BreachChange, BreachEvent, BreachFilter, PostingKind
from domain.ids import AgreementId, Position, ServiceId, TenantId
from domain.service import StructureVersion
from domain.structure import Component
from persistence.database import Database
from runtime.clock import Mint
from tests.persistence.filled import a_breach, a_change, an_attainment
from tests.persistence.world import JANUARY, NOW, World, month, populate
from tests.servers import Urls

WRITERS = 12
POSTINGS = 20
EVERYTHING = BreachFilter()


@pytest.fixture
async def superuser(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.superuser)
    yield connection
    await connection.close()


def change(
    world: World, *, transition: Transition = Transition.OPENED, severity: Severity = Severity.MINIMUM
) -> BreachChange:
    side = world.vendor
    verdict = an_attainment(side, world.judged(side.objectives[0].id, side.service.id, 1)[0])
    return a_change(side, a_breach(world, verdict), verdict, transition=transition, severity=severity)


async def posted(world: World, *changes: BreachChange) -> None:
    async with world.open() as work:
        await work.feed.append(changes)
        work.posts(PostingKind.FACTS, NOW)


async def read(world: World, after: Position, where: BreachFilter = EVERYTHING, limit: int = 500) -> list[BreachEvent]:
    async with world.open() as work:
        return list((await work.feed.breaches_after(after, where, limit)).events)


async def head(world: World) -> Position:
    async with world.open() as work:
        return await work.feed.head()


async def test_twelve_writers_at_once_lose_no_event(world: World) -> None:
    before = await head(world)
    changes = [[change(world) for _ in range(POSTINGS)] for _ in range(WRITERS)]
    followed: list[BreachEvent] = []
    writing = asyncio.gather(*(_write(world, mine) for mine in changes))
    position = before
    while not (writing.done() and position == await head(world)):
        async with world.open() as work:
            found = await work.feed.breaches_after(position, EVERYTHING, 7)
        followed += found.events
        position = found.through
    await writing
    assert {each.change.breach for each in followed} == {each.breach for mine in changes for each in mine}
    # A posting and its change: two numbers each, none left out, none twice.
    numbers = [each.position for each in followed]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == WRITERS * POSTINGS
    assert await head(world) == before + 2 * WRITERS * POSTINGS


async def _write(world: World, changes: list[BreachChange]) -> None:
    for each in changes:
        await posted(world, each)


async def test_two_interleaved_writers_lose_one_event_of_a_plain_identity_column(
    urls: Urls, superuser: asyncpg.Connection
) -> None:
    """The control: the reader of `id > last` passes the event that commits late."""
    first, second = await asyncpg.connect(urls.superuser), await asyncpg.connect(urls.superuser)
    await superuser.execute("CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    early, late = first.transaction(), second.transaction()
    await early.start()
    await first.execute("INSERT INTO plain (name) VALUES ('first')")
    await late.start()
    await second.execute("INSERT INTO plain (name) VALUES ('second')")
    await late.commit()
    seen = await superuser.fetch("SELECT id, name FROM plain WHERE id > 0")
    await early.commit()
    seen += await superuser.fetch("SELECT id, name FROM plain WHERE id > $1", seen[-1]["id"])
    await first.close()
    await second.close()
    assert [row["name"] for row in seen] == ["second"]


async def test_two_interleaved_writers_lose_no_event_of_the_feed(world: World) -> None:
    """The same interleaving: the first has written its facts before the second starts, and commits after it."""
    one, two = change(world), change(world)
    written, committed = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with world.open() as work:
            await work.feed.append([one])
            work.posts(PostingKind.FACTS, NOW)
            await work.outages.report({world.vendor.outages.id: NOW})
            written.set()
            await committed.wait()

    slow = asyncio.create_task(first())
    before = await head(world)
    await written.wait()
    await posted(world, two)
    seen = await read(world, before)
    committed.set()
    await slow
    seen += await read(world, seen[-1].position)
    assert [each.change for each in seen] == [two, one]


async def test_a_posting_comes_before_its_changes_and_numbers_have_no_gaps(
    world: World, superuser: asyncpg.Connection
) -> None:
    before = await head(world)
    await posted(world, change(world), change(world))
    rows = await superuser.fetch(
        "SELECT number, kind, posting_id IS NOT NULL AS posting FROM feed"
        " WHERE tenant_id = $1 AND number > $2 ORDER BY number",
        world.admin.tenant,
        before,
    )
    assert [tuple(row) for row in rows] == [
        (before + 1, "facts", True),
        (before + 2, "breach", False),
        (before + 3, "breach", False),
    ]


async def test_what_adds_nothing_or_fails_takes_no_number(world: World) -> None:
    before = await head(world)
    async with world.open() as work:
        await work.parties.by_ids([world.customer.id])
    with pytest.raises(ZeroDivisionError):
        await _failing_posting(world)
    assert await head(world) == before


async def _failing_posting(world: World) -> None:
    async with world.open() as work:
        await work.feed.append([change(world)])
        work.posts(PostingKind.FACTS, NOW)
        raise ZeroDivisionError


async def test_recorded_instants_never_go_back(world: World) -> None:
    before = await head(world)
    for at in (NOW, NOW - timedelta(days=1), NOW + timedelta(days=1)):
        async with world.open() as work:
            await work.feed.append([change(world)])
            work.posts(PostingKind.FACTS, at)
    assert [each.recorded_at for each in await read(world, before)] == [NOW, NOW, NOW + timedelta(days=1)]


async def test_a_read_tells_how_far_it_went(world: World) -> None:
    before = await head(world)
    await posted(world, *(change(world, severity=Severity.EXPECTED) for _ in range(3)))
    await posted(world, change(world))
    end = await head(world)
    only_minimum = BreachFilter(severities=frozenset({Severity.MINIMUM}))
    async with world.open() as work:
        cut = await work.feed.breaches_after(before, EVERYTHING, 2)
        rest = await work.feed.breaches_after(cut.through, EVERYTHING, 5)
        few = await work.feed.breaches_after(before, only_minimum, 5)
        none = await work.feed.breaches_after(end, EVERYTHING, 5)
    assert (len(cut.events), cut.through, cut.head) == (2, cut.events[-1].position, end)
    assert (len(rest.events), rest.through) == (2, end)
    assert ([each.change.severity for each in few.events], few.through) == ([Severity.MINIMUM], end)
    assert (none.events, none.through, none.head) == ((), end, end)


async def test_filters_are_those_of_the_domain(world: World) -> None:
    before = await head(world)
    changes = [change(world, transition=step, severity=level) for step in Transition for level in Severity]
    await posted(world, *changes)
    nobody = world.mint()
    filters = [
        BreachFilter(transitions=frozenset({Transition.CONFIRMED, Transition.OPENED})),
        BreachFilter(severities=frozenset({Severity.EXPECTED})),
        BreachFilter(agreements=frozenset({changes[0].agreement}), transitions=frozenset({Transition.WITHDRAWN})),
        BreachFilter(agreements=frozenset({AgreementId(nobody)})),
        BreachFilter(services=frozenset({changes[0].service, ServiceId(nobody)})),
        BreachFilter(services=frozenset({ServiceId(nobody)})),
    ]
    for where in filters:
        found = [each.change for each in await read(world, before, where)]
        assert found == [each for each in changes if where.fits(each)]


async def test_the_hook_is_called_after_a_commit_that_lengthened_the_feed(urls: Urls, admin: Actor, mint: Mint) -> None:
    heard: list[TenantId] = []
    database = Database(urls.service, pool_size=2, mint=mint, on_commit=heard.append)
    world = await populate(World(database=database, admin=admin, mint=mint))
    assert heard == [admin.tenant]
    await posted(world, change(world))
    async with world.open() as work:
        await work.feed.head()
    with pytest.raises(ZeroDivisionError):
        await _failing_posting(world)
    assert heard == [admin.tenant, admin.tenant]
    await database.close()


async def test_two_structures_that_make_a_cycle_together_are_not_both_kept(world: World) -> None:
    """Each is fine as it finds things; whoever ends second is told."""
    one, two = world.vendor.service.id, world.rival.service.id
    written = asyncio.Barrier(2)

    async def rest(service: ServiceId, on: ServiceId) -> str:
        try:
            async with world.open() as work:
                await work.services.add_structure(
                    service, StructureVersion(effective_from=JANUARY, structure=Component(on))
                )
                work.posts(PostingKind.CATALOG, NOW)
                await written.wait()
        except CycleRefused:
            return "refused"
        return "kept"

    assert sorted(await asyncio.gather(rest(one, two), rest(two, one))) == ["kept", "refused"]
    async with world.open() as work:
        found = await work.services.by_ids([one, two])
    assert sorted(len(each.structures) for each in found.values()) == [0, 1]


async def test_a_change_keeps_what_was_known_when_it_was_appended(world: World) -> None:
    before = await head(world)
    told = replace(change(world), period=month(2), shown_value="49.123456")
    await posted(world, told)
    assert [each.change for each in await read(world, before)] == [told]

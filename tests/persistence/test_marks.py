"""Marks: no work is lost, and a mark leads to the periods that it touches and to no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from domain.feed import PostingKind
from domain.ids import ObjectiveId, PeriodId, ServiceId, TenantId
from domain.mark import Claim, JudgedPeriod, Mark
from domain.service import StructureVersion
from domain.spans import Span
from domain.structure import Component
from persistence.directory import Directory
from tests.persistence.world import JANUARY, MINUTES, NOW, Side, World, an_outage, lay_down, month, recorded, tallies
from tests.servers import Urls

MANY = 100
MICROSECOND = timedelta(microseconds=1)
FEBRUARY, MARCH = month(2).start, month(3).start


async def record(world: World, side: Side, start: datetime, end: datetime | None, name: str = "x") -> None:
    async with world.open() as work:
        await work.outages.add([recorded(side.outages, an_outage(name, start, end))])
        work.posts(PostingKind.FACTS, NOW)


async def claimed(world: World, at: datetime = NOW, limit: int = MANY) -> Claim:
    """Takes the work and judges nothing."""
    async with world.open() as work:
        claim = await work.marks.claim(at, limit)
        await work.marks.settle({each.period.id: None for each in claim.periods})
    return claim


def ids(periods: list[JudgedPeriod] | Claim) -> set[PeriodId]:
    return {each.period.id for each in (periods.periods if isinstance(periods, Claim) else periods)}


def of_month(periods: list[JudgedPeriod], objective: ObjectiveId, *months: int) -> set[PeriodId]:
    spans = {month(number) for number in months}
    return {each.period.id for each in periods if each.objective == objective and each.period.span in spans}


async def busy(world: World, at: datetime = NOW) -> bool:
    return world.admin.tenant in await Directory(world.database.engine).tenants_with_work(at, 1000)


class Interleaved:
    """A worker that stops after it has taken its marks, until it is told to go on."""

    def __init__(self, world: World) -> None:
        self.taken: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        self._go_on = asyncio.Event()
        self._task = asyncio.create_task(self._run(world))

    async def _run(self, world: World) -> None:
        async with world.open() as work:
            claim = await work.marks.claim(NOW, MANY)
            self.taken.set_result(claim)
            await self._go_on.wait()
            await work.marks.settle({each.period.id: None for each in claim.periods})

    async def finish(self) -> None:
        self._go_on.set()
        await self._task


async def test_what_is_posted_while_a_worker_judges_is_not_lost(world: World) -> None:
    """The worker has read the marks; a posting marks the same period; the worker ends and deletes what it read."""
    periods = await lay_down(world, world.vendor)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES, "first")
    worker = Interleaved(world)
    assert ids(await worker.taken) == of_month(periods, world.vendor.objectives[0].id, 1)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES, "second")
    await worker.finish()
    assert await busy(world)
    again = await claimed(world)
    assert (ids(again), again.marks, again.more) == (of_month(periods, world.vendor.objectives[0].id, 1), 1, False)
    assert not await busy(world)


async def test_the_same_interleaving_loses_work_where_marks_are_upserted(urls: Urls) -> None:
    """The control."""
    worker, poster = await asyncpg.connect(urls.superuser), await asyncpg.connect(urls.superuser)
    await worker.execute("CREATE TABLE dirty (period int PRIMARY KEY); CREATE TABLE fact (period int, name text)")
    post = "INSERT INTO fact VALUES (1, '{}'); INSERT INTO dirty VALUES (1) ON CONFLICT DO NOTHING"
    await poster.execute(post.format("first"))
    async with worker.transaction():
        marks = await worker.fetch("SELECT period FROM dirty")
        seen = await worker.fetch("SELECT name FROM fact WHERE period = 1")
        await poster.execute(post.format("second"))
        await worker.execute("DELETE FROM dirty WHERE period = ANY ($1)", [row["period"] for row in marks])
    left = await worker.fetch("SELECT period FROM dirty")
    await worker.close()
    await poster.close()
    assert ([row["name"] for row in seen], left) == (["first"], [])


async def test_marks_of_a_worker_that_fails_come_back(world: World) -> None:
    periods = await lay_down(world, world.vendor)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES)

    async def failing() -> None:
        async with world.open() as work:
            await work.marks.claim(NOW, MANY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert ids(await claimed(world)) == of_month(periods, world.vendor.objectives[0].id, 1)


async def test_a_worker_passes_over_marks_that_another_holds_and_the_tenant_stays_listed(world: World) -> None:
    periods = await lay_down(world, world.vendor)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES)
    worker = Interleaved(world)
    await worker.taken
    other = await claimed(world)
    assert (list(other.periods), other.marks, other.more) == ([], 0, False)
    assert await busy(world)
    await worker.finish()
    assert ids(await worker.taken) == of_month(periods, world.vendor.objectives[0].id, 1)
    await claimed(world)
    assert not await busy(world)


async def test_a_period_is_never_judged_twice_at_once(world: World) -> None:
    """The second worker has other marks on the same period: it waits for the first, and then reads later facts."""
    await lay_down(world, world.vendor)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES, "first")
    worker = Interleaved(world)
    await worker.taken
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES, "second")
    second = asyncio.create_task(claimed(world))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(second), 0.3)
    await worker.finish()
    assert ids(await second) == ids(await worker.taken)


async def test_a_mark_of_outages_leads_to_the_months_that_it_touches(world: World) -> None:
    periods = await lay_down(world, world.vendor)
    await lay_down(world, world.rival)
    availability = world.vendor.objectives[0].id
    # A minute more on either side: whole minutes of a merged outage may change (rules.md, Time down).
    reach = timedelta(minutes=1)
    cases = [
        (JANUARY + MINUTES, JANUARY + 2 * MINUTES, (1,)),
        (FEBRUARY - MINUTES, FEBRUARY + MINUTES, (1, 2)),
        (FEBRUARY - MINUTES, FEBRUARY - reach, (1,)),
        (FEBRUARY - MINUTES, FEBRUARY - reach + MICROSECOND, (1, 2)),
        (FEBRUARY + reach, FEBRUARY + MINUTES, (2,)),
        (FEBRUARY + reach - MICROSECOND, FEBRUARY + MINUTES, (1, 2)),
        (JANUARY, MARCH + MINUTES, (1, 2, 3)),
        (FEBRUARY + MINUTES, None, (2, 3)),
    ]
    for number, (start, end, months) in enumerate(cases):
        await record(world, world.vendor, start, end, f"outage-{number}")
        claim = await claimed(world)
        assert (ids(claim), claim.marks) == (of_month(periods, availability, *months), 1), (start, end)


async def test_a_minimum_duration_reaches_into_the_neighbouring_month(world: World) -> None:
    """An outage that touches a short one before midnight may make that one long enough to count."""
    patient = world.objective(world.availability, minimum_duration=timedelta(minutes=10))
    side = world.vendor
    agreement = world.agreement(
        "patient", world.version(patient), provider=side.party.id, customer=None, service=side.service.id
    )
    periods = world.judged(patient.id, world.vendor.service.id, 1, 2)
    async with world.open() as work:
        await work.agreements.add(agreement)
        await work.periods.lay_down(periods)
    await world.settled()
    await record(world, world.vendor, FEBRUARY + 2 * MINUTES, FEBRUARY + 3 * MINUTES)
    assert ids(await claimed(world)) == of_month(periods, patient.id, 1, 2)


async def test_tallies_mark_the_months_of_their_starts(world: World) -> None:
    periods = await lay_down(world, world.vendor)
    success = world.vendor.objectives[1].id
    async with world.open() as work:
        await work.measurements.add_tallies([tallies(world.vendor.tallies, FEBRUARY - 2 * MINUTES, 2)])
        work.posts(PostingKind.FACTS, NOW)
    # Objectives on points reach a minute further too, which costs one needless look and loses nothing.
    assert ids(await claimed(world)) == of_month(periods, success, 1)
    async with world.open() as work:
        await work.measurements.add_tallies([tallies(world.vendor.tallies, FEBRUARY, 2)])
        work.posts(PostingKind.FACTS, NOW)
    assert of_month(periods, success, 2) <= ids(await claimed(world))


async def test_a_mark_reaches_all_services_that_rest_on_the_marked_one(world: World) -> None:
    middle, top = (
        replace(
            world.service(code, world.customer.id),
            structures=(StructureVersion(effective_from=JANUARY, structure=Component(below)),),
        )
        for code, below in (("middle", world.vendor.service.id), ("top", ServiceId(world.mint())))
    )
    top = replace(top, structures=(StructureVersion(effective_from=JANUARY, structure=Component(middle.id)),))
    promised = world.version(world.objective(world.availability))
    promise = world.agreement("top", promised, provider=world.customer.id, customer=None, service=top.id)
    objective = promised.objectives[0].id
    periods = world.judged(objective, top.id, 1, 2)
    async with world.open() as work:
        await work.services.add([middle, top])
        await work.agreements.add(promise)
        await work.periods.lay_down(periods)
        work.posts(PostingKind.CATALOG, NOW)
    await world.settled()
    await record(world, world.vendor, JANUARY + MINUTES, JANUARY + 2 * MINUTES)
    assert ids(await claimed(world)) == of_month(periods, objective, 1)
    async with world.open() as work:
        await work.marks.add([Mark(service=middle.id, span=Span(FEBRUARY, FEBRUARY + MINUTES))])
    assert of_month(periods, objective, 2) <= ids(await claimed(world))


async def test_a_mark_of_an_objective_leads_to_its_periods_that_have_begun(world: World) -> None:
    periods = await lay_down(world, world.vendor, months=(1, 2, 3, 4, 5))
    objective = world.vendor.objectives[1].id
    async with world.open() as work:
        await work.marks.add([Mark(objective=objective, span=Span(FEBRUARY, month(200).end))])
    assert ids(await claimed(world)) == of_month(periods, objective, 2, 3)


async def test_periods_are_due_at_their_start_and_then_as_settled(world: World) -> None:
    side = world.vendor
    [period] = world.judged(side.objectives[0].id, side.service.id, 4)
    await world.settled()
    async with world.open() as work:
        await work.periods.lay_down([period])
    start = period.period.span.start
    assert not await busy(world, start - MICROSECOND)
    assert await busy(world, start)
    assert list((await claimed(world, start - MICROSECOND)).periods) == []
    later = start + timedelta(days=3)
    async with world.open() as work:
        claim = await work.marks.claim(start, MANY)
        assert list(claim.periods) == [period]
        await work.marks.settle({period.period.id: later})
    assert not await busy(world, later - MICROSECOND)
    assert await busy(world, later)
    assert list((await claimed(world, later)).periods) == [period]
    assert not await busy(world, later)


async def test_periods_laid_down_while_a_worker_judges_stay_due(world: World) -> None:
    """The worker writes when the tenant is due next; it sees what others laid down until then, or they correct it."""
    side = world.vendor
    [first, second] = world.judged(side.objectives[0].id, side.service.id, 1, 2)
    await world.settled()
    worker = Interleaved(world)
    await worker.taken
    async with world.open() as work:
        await work.periods.lay_down([first])
    await worker.finish()
    assert await busy(world, first.period.span.start)
    await claimed(world)
    async with world.open() as work:
        await work.periods.lay_down([second])
        assert list((await claimed(world)).periods) == []
    assert await busy(world, second.period.span.start)


async def test_work_beyond_the_limit_is_done_in_later_passes(world: World) -> None:
    periods = await lay_down(world, world.vendor, months=tuple(range(1, 4)))
    for number in range(5):
        await record(world, world.vendor, JANUARY, MARCH + MINUTES, f"outage-{number}")
    async with world.open() as work:
        await work.marks.add([Mark(service=world.vendor.service.id, span=Span(JANUARY, NOW))])
    seen: set[PeriodId] = set()
    passes = 0
    more = True
    while more:
        claim = await claimed(world, limit=2)
        assert len(claim.periods) <= 4
        seen |= ids(claim)
        more = claim.more
        passes += 1
        assert passes < 20
    assert seen == ids(periods)
    assert not await busy(world)


@pytest.fixture
async def connection(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(urls.superuser)
    yield opened
    await opened.close()


async def test_a_new_stream_of_outages_and_a_report_are_marks_too(world: World) -> None:
    """Time that no stream reports on is missing, so both change verdicts."""
    periods = await lay_down(world, world.vendor)
    availability = world.vendor.objectives[0].id
    async with world.open() as work:
        [probe] = await work.streams.obtain([world.stream(world.availability, world.vendor.service, "probe")])
    assert ids(await claimed(world)) == of_month(periods, availability, 1, 2, 3)
    async with world.open() as work:
        await work.outages.report({probe.id: FEBRUARY + MINUTES})
    assert ids(await claimed(world)) == of_month(periods, availability, 1, 2)
    async with world.open() as work:
        await work.outages.report({probe.id: FEBRUARY + 4 * MINUTES})
    assert ids(await claimed(world)) == of_month(periods, availability, 2)
    async with world.open() as work:
        await work.outages.report({probe.id: FEBRUARY + 2 * MINUTES})
    assert (await claimed(world)).marks == 0
    async with world.open() as work:
        await work.streams.obtain([world.stream(world.success, world.vendor.service, "probe")])
    assert (await claimed(world)).marks == 0


async def test_a_pass_leaves_nothing_behind_that_looks_like_work(world: World, connection: asyncpg.Connection) -> None:
    tenant: TenantId = world.admin.tenant
    await lay_down(world, world.vendor)
    await record(world, world.vendor, JANUARY, JANUARY + MINUTES)
    await claimed(world)
    head = await connection.fetchrow("SELECT last_number, judged_number FROM feed_head WHERE tenant_id = $1", tenant)
    assert head["last_number"] == head["judged_number"]

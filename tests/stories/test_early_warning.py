"""A running period that burns its budget is at risk before it is missed, and is so no more when it is calm
(docs/rules.md, Early warning).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.breach import AtRisk, Breach, Open, RiskPassed, Severity, Transition
from domain.calendars import CalendarWindow, Every
from domain.feed import BreachChange, BreachFilter
from domain.filters import BreachListFilter
from domain.ids import Position
from domain.metric import Aggregation
from domain.paging import PageRequest
from domain.party import PartyKind
from domain.policy import Role
from domain.risk import CALM_FOR, LOOK, Cause
from domain.stream import StreamKey
from domain.usecases.record_measurements import RecordMeasurements, TallySeries, record_measurements
from domain.usecases.record_outages import PostedOutage, RecordOutages, record_outages
from runtime.clock import SettableClock
from runtime.service import Running
from tests.stories.conftest import Past
from tests.stories.workshop import Workshop, a_promise

MARCH = datetime(2025, 3, 1, tzinfo=UTC)
NOON = MARCH + timedelta(days=10, hours=12)
MONTHLY = CalendarWindow(every=Every.MONTH, zone="UTC")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UP = StreamKey(metric="up", service="leaf", vendor="vendor", source="default")
ANSWERED = StreamKey(metric="answered", service="leaf", vendor="vendor", source="default")


@dataclass
class Story:
    workshop: Workshop
    clock: SettableClock
    process: Running

    async def begin(self) -> None:
        """99.9 % of each month: of March 44 minutes and 38.4 seconds may be down."""
        self.clock.move_to(MARCH)
        for vendor in ("vendor", "rival"):
            await self.workshop.party(vendor, PartyKind.VENDOR)
        up = await self.workshop.metric("up")
        answered = await self.workshop.metric("answered", Aggregation.RATIO_OF_SUMS)
        await self.workshop.service("leaf", provider="vendor")
        promises = (
            a_promise("up", up, "99.9", minimum="99", window=MONTHLY),
            a_promise("answered", answered, "99.9", window=MONTHLY),
        )
        await self.workshop.agreement("uc", *promises, provider="vendor", service="leaf", starts_at=MARCH)

    async def down(self, start: datetime, end: datetime | None, *, replaces: int | None = None) -> None:
        posted = PostedOutage(
            stream=UP, external_id=f"{start}", impact="critical", start=start, end=end, replaces=replaces
        )
        vendor, open_work = self.workshop.actor(Role.VENDOR, "vendor"), self.workshop.open_work
        command = RecordOutages(outages=(posted,))
        await record_outages(open_work, vendor, command, at=self.clock(), mint=self.workshop.mint)

    async def count(self, start: datetime, good: Sequence[int], total: int) -> None:
        """Tallies of 5 minutes."""
        starts = [start + place * LOOK for place in range(len(good))]
        series = TallySeries(
            stream=ANSWERED,
            starts=starts,
            ends=[each + LOOK for each in starts],
            good=good,
            total=[total] * len(good),
        )
        vendor, open_work = self.workshop.actor(Role.VENDOR, "vendor"), self.workshop.open_work
        command = RecordMeasurements(tallies=(series,))
        await record_measurements(open_work, vendor, command, at=self.clock(), mint=self.workshop.mint)

    async def settle(self) -> None:
        await self.process.worker.settle_tenant(self.workshop.tenant)

    async def live_until(self, instant: datetime) -> None:
        while self.clock() < instant:
            self.clock.move_to(self.clock() + LOOK)
            await self.settle()

    async def told(self, party: str | None = None) -> list[BreachChange]:
        actor = self.workshop.admin if party is None else self.workshop.actor(Role.VENDOR, party)
        async with self.workshop.open_work(actor) as work:
            heard = await work.feed.breaches_after(Position(0), BreachFilter(), 1_000)
        return [event.change for event in heard.events]

    async def listed(self, *states: str, party: str | None = None) -> list[Breach]:
        actor = self.workshop.admin if party is None else self.workshop.actor(Role.VENDOR, party)
        where = BreachListFilter(states=frozenset(states))
        async with self.workshop.open_work(actor) as work:
            page = await work.breaches.page(PageRequest(), where)
            assert await work.breaches.count(where) == len(page.rows)
        return [row.item for row in page.rows]


def steps(changes: Sequence[BreachChange]) -> list[tuple[Transition, str]]:
    return [(change.transition, change.objective_code) for change in changes]


async def test_a_month_that_burns_is_at_risk_and_no_more_when_all_was_calm_for_an_hour(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        story = Story(workshop, clock, process)
        await story.begin()
        clock.move_to(NOON)
        await story.down(NOON - 5 * MINUTE, NOON)
        await story.settle()
        (raised,) = await story.told()
        assert (raised.transition, raised.severity, raised.causes) == (
            Transition.AT_RISK,
            Severity.EXPECTED,
            (Cause.BURN_1_HOUR, Cause.BURN_6_HOURS, Cause.BURN_1_DAY, Cause.BURN_3_DAYS),
        )
        assert await story.listed() == []
        (breach,) = await story.listed("at_risk")
        assert (breach.state, breach.id) == (AtRisk(NOON), raised.breach)
        # The short window of the longest pair empties after 6 hours.
        await story.live_until(NOON + 6 * HOUR + CALM_FOR - LOOK)
        assert steps(await story.told()) == [(Transition.AT_RISK, "up")]
        await story.live_until(NOON + 12 * HOUR)
        (_, over) = await story.told()
        assert (over.transition, over.causes) == (Transition.RISK_PASSED, ())
        assert await story.listed("at_risk") == []
        (breach,) = await story.listed("risk_passed")
        assert isinstance(breach.state, RiskPassed)
        assert NOON + 6 * HOUR + CALM_FOR <= breach.state.since <= NOON + 7 * HOUR + LOOK


async def test_an_outage_that_lasts_burns_by_time_alone_and_then_opens_the_breach_that_was_at_risk(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        story = Story(workshop, clock, process)
        await story.begin()
        clock.move_to(NOON)
        await story.down(NOON, None)
        await story.settle()
        (breach,) = await story.listed("at_risk")
        assert breach.risk is not None
        assert breach.risk.causes == (Cause.PROJECTION,), "of how long it lasts nothing is known yet"
        await story.live_until(NOON + LOOK)
        (breach,) = await story.listed("at_risk")
        assert breach.risk is not None
        assert (breach.risk.causes, breach.risk.raised_at) == (tuple(Cause), NOON)
        await story.live_until(NOON + HOUR)
        told = await story.told()
        assert steps(told) == [(Transition.AT_RISK, "up"), (Transition.OPENED, "up")]
        (breach,) = await story.listed()
        assert {change.breach for change in told} == {breach.id}
        # The expected level's budget of 44 minutes and 38.4 seconds is used up between two looks.
        assert isinstance(breach.state, Open)
        assert NOON + 44 * MINUTE < breach.opened_at <= NOON + 50 * MINUTE
        assert breach.risk is not None
        assert breach.risk.raised_at == NOON
        assert await story.listed("at_risk", "risk_passed") == []


async def test_counts_burn_too(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        story = Story(workshop, clock, process)
        await story.begin()
        for day in range(10):
            clock.move_to(MARCH + timedelta(days=day + 1))
            await story.count(MARCH + timedelta(days=day), [1_000] * 288, 1_000)
        clock.move_to(NOON)
        await story.count(NOON - HOUR, [1_000] * 6 + [100] * 6, 1_000)
        await story.settle()
        (raised,) = await story.told()
        assert (raised.transition, raised.objective_code, raised.severity) == (
            Transition.AT_RISK,
            "answered",
            Severity.MINIMUM,
        )
        # 5,400 of about 9,000 that may be bad in the month.
        assert raised.causes[:4] == (Cause.BURN_1_HOUR, Cause.BURN_6_HOURS, Cause.BURN_1_DAY, Cause.BURN_3_DAYS)


async def test_a_month_in_which_nothing_is_bad_is_not_looked_at_again(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        story = Story(workshop, clock, process)
        await story.begin()
        clock.move_to(NOON)
        await story.down(NOON - 40 * timedelta(days=1), NOON - 39 * timedelta(days=1))
        await story.settle()
        clock.move_to(NOON + HOUR)
        assert await process.worker.settle_tenant(workshop.tenant) == 0


async def test_only_the_parties_of_the_agreement_see_a_risk(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        story = Story(workshop, clock, process)
        await story.begin()
        clock.move_to(NOON)
        await story.down(NOON - 5 * MINUTE, NOON)
        await story.settle()
        assert steps(await story.told("vendor")) == [(Transition.AT_RISK, "up")]
        assert len(await story.listed("at_risk", party="vendor")) == 1
        assert (await story.told("rival"), await story.listed("at_risk", party="rival")) == ([], [])


async def test_two_workers_agree_with_one(past: Past) -> None:
    """A risk is a function of what was known and of the instants of the looks, not of who looks."""
    found: list[tuple[Mapping[str, object], list[tuple[Transition, tuple[Cause, ...]]]]] = []
    for workers in (1, 2):
        async with past.workshops(1) as (clock, process, (workshop,)):
            story = Story(workshop, clock, process)
            await story.begin()
            for hour in (0, 1, 5, 9):
                at = NOON + hour * HOUR
                await _lived(story, at, workers)
                await story.down(at - (3 + hour) * MINUTE, at)
                await story.count(at - LOOK, [900 - 90 * hour], 1_000)
            await _lived(story, NOON + 20 * HOUR, workers)
            breaches = await story.listed("at_risk", "risk_passed", "open")
            told = [(change.transition, change.causes) for change in await story.told()]
        states = {f"{each.opened_at} {each.severity}": (each.state, each.risk) for each in breaches}
        found.append((states, told))
    assert found[0] == found[1]
    assert {step for step, _ in found[0][1]} >= {Transition.AT_RISK, Transition.RISK_PASSED}


async def _lived(story: Story, until: datetime, workers: int) -> None:
    story.clock.move_to(min(until, NOON))
    while True:
        await asyncio.gather(*(story.settle() for _ in range(workers)))
        if story.clock() >= until:
            return
        story.clock.move_to(min(until, story.clock() + LOOK))

"""What was known at an instant is told alike for ever, and is what its facts said (docs/rules.md, Known at)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.attainment import Attainment
from domain.feed import BreachFilter
from domain.ids import PeriodId, Position
from domain.usecases.history import attainments_as_of
from tests.stories.conftest import Past
from tests.stories.histories import (
    Content,
    Identity,
    OutageContent,
    OutageIdentity,
    Step,
    histories,
    orders,
    outage_contents,
)
from tests.stories.replaying import Player
from tests.stories.scratch import END, from_scratch, furnish, stored
from tests.stories.test_laws import told
from tests.stories.workshop import GRACE, Workshop

few = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
STEPS_MAX = 12


async def as_of(workshop: Workshop, ids: list[PeriodId], instant: datetime) -> Mapping[PeriodId, Attainment]:
    found = await attainments_as_of(workshop.open_work, workshop.admin, ids, instant, now=workshop.clock())
    return {period: known.attainment for period, known in found.items()}


@few
@given(data=st.data(), history=histories(), pauses=st.lists(st.integers(0, 20), min_size=STEPS_MAX, max_size=STEPS_MAX))
async def test_what_was_known_at_an_instant_is_what_its_facts_said_and_never_changes(
    past: Past, data: st.DataObject, history: dict[Identity, list[Content | None]], pauses: list[int]
) -> None:
    """Some steps follow at the very instant that was asked about: they were not known at it."""
    steps: list[Step] = data.draw(orders(history))[:STEPS_MAX]
    async with past.workshops(1) as (clock, process, (workshop,)):
        await furnish(workshop)
        player = Player(workshop, lambda: process.worker.settle_tenant(workshop.tenant))
        clock.move_to(clock() + timedelta(days=2))
        await process.worker.settle_tenant(workshop.tenant)
        ids = [each.id for each in (await stored(workshop)).values()]
        answers: dict[datetime, Mapping[PeriodId, Attainment]] = {}
        for step, pause in zip(steps, pauses, strict=False):
            await player.play([step])
            if pause == 0:
                continue
            clock.move_to(clock() + pause * timedelta(minutes=37))
            computed = await from_scratch(workshop, player.facts, clock())
            answers[clock()] = await as_of(workshop, ids, clock())
            named = {place: answers[clock()][each.id] for place, each in computed.items()}
            assert told(named) == told(computed)
            for instant, answer in answers.items():
                assert await as_of(workshop, ids, instant) == answer


async def _nothing() -> None:
    """The worker is away."""


@few
@given(contents=st.lists(outage_contents(), min_size=1, max_size=5))
async def test_who_only_heard_of_restatements_knows_every_verdict(past: Past, contents: list[OutageContent]) -> None:
    """From the final verdicts on, each restatement begins where the one before it ended."""
    async with past.workshops(1) as (clock, process, (workshop,)):
        await furnish(workshop)
        player = Player(workshop, _nothing)
        clock.move_to(END + GRACE + timedelta(days=1))
        await process.worker.settle_tenant(workshop.tenant)
        heard = {each.id: each.status for each in (await stored(workshop)).values()}
        for content in contents:
            clock.move_to(clock() + timedelta(hours=1))
            await player.post([Step(OutageIdentity("probe", "late"), content, alone=True, judge=False)])
            await process.worker.settle_tenant(workshop.tenant)
        async with workshop.open_work(workshop.admin) as work:
            read = await work.feed.breaches_after(Position(0), BreachFilter(), 10_000)
        positions = [each.position for each in read.all]
        assert positions == sorted(set(positions))
        for event in read.restatements:
            told_of = event.restatement
            assert heard[told_of.attainment] is told_of.former_status
            heard[told_of.attainment] = told_of.status
        assert heard == {each.id: each.status for each in (await stored(workshop)).values()}

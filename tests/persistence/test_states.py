"""States in storage: revisions, races, and runs that are those of a look at every state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.columns import Clash, StateColumns, StatesWanted
from domain.feed import PostingKind
from domain.ids import MetricId
from domain.mark import Claim, JudgedPeriod
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Granularity
from domain.spans import Span, intersect, union
from domain.state import UP, StateChange, StateLog, StateRun, log_of
from domain.stream import Stream
from tests.persistence.world import JANUARY, NOW, World, month

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FEBRUARY, MARCH = month(2).start, month(3).start


def a_metric(world: World) -> Metric:
    return Metric(
        id=MetricId(world.mint()),
        code=f"probes-{world.mint().hex}",
        name="Probes",
        aggregation=Aggregation.AVAILABILITY,
        shape=Shape.STATE,
        staleness=HOUR,
    )


async def a_stream(world: World) -> Stream:
    metric = a_metric(world)
    async with world.open() as work:
        await work.metrics.add([metric])
        assert await work.metrics.by_ids([metric.id]) == {metric.id: metric}
        [stream] = await work.streams.obtain([world.stream(metric, world.vendor.service)])
        work.posts(PostingKind.FACTS, NOW)
    return stream


async def add(world: World, stream: Stream, *said: tuple[datetime, str | None], revision: int = 1) -> Sequence[Clash]:
    instants, states = [at for at, _ in said], [state for _, state in said]
    async with world.open() as work:
        clashes = await work.states.add(
            [StateColumns(stream=stream.id, instants=instants, states=states, revision=revision)]
        )
        work.posts(PostingKind.FACTS, NOW)
    return clashes


async def logged(world: World, stream: Stream, span: Span, staleness: timedelta | None = None) -> StateLog:
    async with world.open() as work:
        [log] = await work.states.logs([StatesWanted(stream.id, span, staleness)])
    return log


async def test_a_state_is_added_once_and_a_correction_names_the_revision_before_it(world: World) -> None:
    stream = await a_stream(world)
    assert await add(world, stream, (JANUARY, "up"), (JANUARY + HOUR, "down")) == []
    again = await add(world, stream, (JANUARY, "up"), (JANUARY + HOUR, "up"))
    assert again == [
        Clash(column=0, index=0, latest=1, same=True),
        Clash(column=0, index=1, latest=1, same=False),
    ]
    assert await add(world, stream, (JANUARY + HOUR, "up"), revision=2) == []
    assert await add(world, stream, (JANUARY, "down"), revision=3) == [Clash(column=0, index=0, latest=1, same=False)]
    assert await add(world, stream, (FEBRUARY, "down"), revision=2) == [Clash(column=0, index=0, latest=0, same=False)]
    assert (await logged(world, stream, month(1))).runs == (StateRun("up", JANUARY, None),)


async def test_a_state_that_was_withdrawn_lets_the_one_before_it_hold_on(world: World) -> None:
    stream = await a_stream(world)
    await add(world, stream, (JANUARY, "up"), (JANUARY + HOUR, "down"), (JANUARY + 2 * HOUR, "up"))
    assert await add(world, stream, (JANUARY + HOUR, None), revision=2) == []
    assert await add(world, stream, (JANUARY + HOUR, None), revision=2) == [
        Clash(column=0, index=0, latest=2, same=True)
    ]
    assert await logged(world, stream, month(1)) == StateLog(
        stream=stream.id, runs=(StateRun("up", JANUARY, None),), since=JANUARY
    )
    await add(world, stream, (JANUARY, None), revision=2)
    assert (await logged(world, stream, month(1))).since == JANUARY + 2 * HOUR


async def test_of_many_that_say_different_things_of_one_instant_one_is_kept(world: World) -> None:
    stream = await a_stream(world)
    answers = await asyncio.gather(*(add(world, stream, (JANUARY, f"state-{number}")) for number in range(8)))
    assert sorted(len(clashes) for clashes in answers) == [0, *[1] * 7]
    [winner] = [number for number, clashes in enumerate(answers) if not clashes]
    assert (await logged(world, stream, month(1))).runs == (StateRun(f"state-{winner}", JANUARY, None),)


async def test_overlapping_batches_in_any_order_never_wait_in_a_circle(world: World) -> None:
    stream = await a_stream(world)
    said = [(JANUARY + number * HOUR, "up") for number in range(500)]
    await asyncio.gather(*(add(world, stream, *(said if turn % 2 else said[::-1])) for turn in range(6)))
    assert (await logged(world, stream, month(1))).runs == (StateRun("up", JANUARY, None),)


async def test_what_was_not_up_when_the_period_began_or_ended_is_whole(world: World) -> None:
    stream = await a_stream(world)
    began, over = FEBRUARY - 40 * DAY, MARCH + 2 * DAY
    await add(world, stream, (began - DAY, "up"), (began, "minor"), (FEBRUARY - HOUR, "down"), (FEBRUARY, "up"))
    await add(world, stream, (MARCH - HOUR, "down"), (MARCH + HOUR, "minor"), (over, "up"), (over + DAY, "down"))
    log = await logged(world, stream, month(2))
    assert log == StateLog(
        stream=stream.id,
        runs=(
            StateRun("up", began - DAY, began),
            StateRun("minor", began, FEBRUARY - HOUR),
            StateRun("down", FEBRUARY - HOUR, FEBRUARY),
            StateRun("up", FEBRUARY, MARCH - HOUR),
            StateRun("down", MARCH - HOUR, MARCH + HOUR),
            StateRun("minor", MARCH + HOUR, over),
            StateRun("up", over, None),
        ),
        since=began - DAY,
    )


@dataclass(frozen=True)
class Said:
    hour: int
    contents: tuple[str | None, ...]
    """Revision by revision; None: withdrawn."""


contents = st.lists(st.sampled_from(["up", "up", "down", "minor", None]), min_size=1, max_size=3).filter(
    lambda revisions: revisions[0] is not None and all(one != other for one, other in pairwise(revisions))
)
histories = st.lists(
    st.builds(Said, hour=st.integers(0, 80 * 24), contents=contents.map(tuple)),
    max_size=12,
    unique_by=lambda said: said.hour,
)


@given(
    histories=histories,
    start=st.integers(-24, 80 * 24),
    length=st.integers(1, 40 * 24),
    limit=st.sampled_from([None, HOUR, DAY, 10 * DAY]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_runs_are_what_a_look_at_every_state_would_find(
    world: World, histories: Sequence[Said], start: int, length: int, limit: timedelta | None
) -> None:
    stream = await a_stream(world)
    for said in histories:
        for revision, state in enumerate(said.contents, start=1):
            assert await add(world, stream, (JANUARY + said.hour * HOUR, state), revision=revision) == []
    known = [
        StateChange(JANUARY + said.hour * HOUR, said.contents[-1])
        for said in histories
        if said.contents[-1] is not None
    ]
    whole = log_of(stream.id, known, limit)
    span = Span(JANUARY + start * HOUR, JANUARY + (start + length) * HOUR)
    found = await logged(world, stream, span, limit)
    assert found.since == whole.since
    assert [run for run in found.runs if run.state != UP and _near(run, span)] == [
        run for run in whole.runs if run.state != UP and _near(run, span)
    ]
    for state in {run.state for run in (*found.runs, *whole.runs)}:
        assert _held(found, state, span) == _held(whole, state, span)


def _near(run: StateRun, span: Span) -> bool:
    return run.start <= span.end and (run.end is None or run.end >= span.start)


def _held(log: StateLog, state: str, span: Span) -> tuple[Span, ...]:
    end = span.end + DAY
    held = union(
        Span(run.start, run.end or end) for run in log.runs if run.state == state and run.start < (run.end or end)
    )
    return intersect(held, (span,))


async def judged_months(
    world: World, stream: Stream, *months: int, granularity: Granularity = Granularity.EXACT
) -> list[JudgedPeriod]:
    """Periods of a promise on the stream's metric, and no work left over."""
    objective = replace(
        world.objective(world.availability), metric=stream.metric, code="probes", granularity=granularity
    )
    version = world.version(objective)
    agreement = world.agreement(
        "probed", version, provider=world.vendor.party.id, customer=None, service=world.vendor.service.id
    )
    periods = world.judged(objective.id, world.vendor.service.id, *months)
    async with world.open() as work:
        await work.agreements.add(agreement)
        await work.periods.lay_down(periods)
        work.posts(PostingKind.TERMS, NOW)
    await world.settled()
    return periods


async def touched(world: World, periods: Sequence[JudgedPeriod]) -> list[int]:
    """The months, counted from January, that the marks since the last look lead to."""
    async with world.open() as work:
        claim: Claim = await work.marks.claim(NOW, 100)
        await work.marks.settle({each.period.id: None for each in claim.periods})
    ids = {each.period.id for each in claim.periods}
    return [each.period.span.start.month for each in periods if each.period.id in ids]


async def test_a_change_touches_the_periods_up_to_the_next_state(world: World) -> None:
    stream = await a_stream(world)
    periods = await judged_months(world, stream, 1, 2, 3)
    await add(world, stream, (JANUARY + HOUR, "up"))
    assert await touched(world, periods) == [1, 2, 3]
    await add(world, stream, (MARCH + HOUR, "up"))
    assert await touched(world, periods) == [3]
    await add(world, stream, (JANUARY + 2 * HOUR, "down"), (JANUARY + 3 * HOUR, "up"))
    assert await touched(world, periods) == [1, 2, 3]
    await add(world, stream, (JANUARY + 2 * HOUR + HOUR / 2, "up"))
    assert await touched(world, periods) == [1]
    await add(world, stream, (JANUARY + 3 * HOUR, None), revision=2)
    assert await touched(world, periods) == [1, 2, 3]
    await add(world, stream, (FEBRUARY + HOUR, "down"), (MARCH - HOUR, "up"), revision=1)
    assert await touched(world, periods) == [2, 3]
    assert await add(world, stream, (MARCH - HOUR, "up")) == [Clash(column=0, index=0, latest=1, same=True)]
    assert await touched(world, periods) == []


async def test_where_whole_minutes_count_a_change_touches_all_that_hangs_together_after_it(world: World) -> None:
    """What lengthens an outage in front changes what is dropped at its end."""
    stream = await a_stream(world)
    exact = await judged_months(world, stream, 1, 2, 3, granularity=Granularity.WHOLE_MINUTES)
    await add(world, stream, (JANUARY, "up"), (JANUARY + 2 * HOUR, "down"), (JANUARY + 3 * HOUR, "minor"))
    await add(world, stream, (FEBRUARY + HOUR, "down"), (FEBRUARY + 2 * HOUR, "up"), (MARCH + HOUR, "down"))
    await touched(world, exact)
    await add(world, stream, (JANUARY + HOUR, "minor"))
    assert await touched(world, exact) == [1, 2]

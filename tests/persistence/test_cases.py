"""Cases in storage: revisions, races, and those that may be decided in a span."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.case import Case, CaseRevision, Milestone, Pause
from domain.columns import RecordedCase, StreamSpan
from domain.feed import PostingKind
from domain.filters import CaseFilter
from domain.ids import MetricId, ServiceId
from domain.mark import JudgedPeriod
from domain.metric import Aggregation, Metric, Shape
from domain.paging import PageRequest
from domain.spans import Span
from domain.stream import Stream
from tests.persistence.world import JANUARY, NOW, Side, World, month

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
FEBRUARY, MARCH = month(2).start, month(3).start


def a_metric(world: World) -> Metric:
    return Metric(
        id=MetricId(world.mint()),
        code=f"tickets-{world.mint().hex}",
        name="Tickets",
        aggregation=Aggregation.CASES_WITHIN,
        shape=Shape.CASE,
    )


async def a_stream(world: World, side: Side | None = None) -> Stream:
    metric = a_metric(world)
    async with world.open() as work:
        await work.metrics.add([metric])
        assert await work.metrics.by_ids([metric.id]) == {metric.id: metric}
        [stream] = await work.streams.obtain([world.stream(metric, (side or world.vendor).service)])
        work.posts(PostingKind.FACTS, NOW)
    return stream


def a_case(name: str, opened: datetime, resolved: datetime | None = None, *pauses: Pause) -> Case:
    return Case(external_id=name, opened_at=opened, resolved_at=resolved, pauses=pauses)


def recorded(stream: Stream, case: Case, revision: int = 1) -> CaseRevision:
    kept = replace(case, revision=revision)
    return CaseRevision(stream=stream.id, external_id=case.external_id, revision=revision, case=kept)


def withdrawn(stream: Stream, name: str, revision: int) -> CaseRevision:
    return CaseRevision(stream=stream.id, external_id=name, revision=revision, case=None)


async def add(world: World, *revisions: CaseRevision) -> set[str]:
    """The external ids of those that another writer was faster with."""
    async with world.open() as work:
        lost = {external_id for _, external_id in await work.cases.add(revisions)}
        work.posts(PostingKind.FACTS, NOW)
    return lost


async def logged(world: World, stream: Stream, span: Span) -> Sequence[Case]:
    async with world.open() as work:
        [log] = await work.cases.logs([StreamSpan(stream.id, span)])
    return log.cases


async def test_every_revision_of_a_case_is_known_as_it_was_told(world: World) -> None:
    stream = await a_stream(world)
    paused = Pause(JANUARY + HOUR + MICROSECOND, None)
    told = [
        recorded(stream, a_case("a", JANUARY, None, paused)),
        recorded(
            stream,
            Case(
                external_id="a",
                opened_at=JANUARY,
                responded_at=JANUARY + HOUR,
                resolved_at=FEBRUARY,
                pauses=(Pause(paused.start, JANUARY + 2 * HOUR), Pause(JANUARY + 3 * HOUR, None)),
            ),
            2,
        ),
        withdrawn(stream, "a", 3),
    ]
    for revision in told:
        assert await add(world, revision) == set()
        async with world.open() as work:
            assert await work.cases.latest([(stream.id, "a"), (stream.id, "b")]) == {(stream.id, "a"): revision}


async def test_who_comes_second_with_a_revision_is_told_and_changes_nothing(world: World) -> None:
    stream = await a_stream(world)
    told = [recorded(stream, a_case("a", JANUARY, JANUARY + number * HOUR)) for number in range(1, 9)]
    answers = await asyncio.gather(*(add(world, each) for each in told))
    assert sorted(len(lost) for lost in answers) == [0, *[1] * 7]
    [winner] = [each for each, lost in zip(told, answers, strict=True) if not lost]
    async with world.open() as work:
        assert await work.cases.latest([(stream.id, "a")]) == {(stream.id, "a"): winner}
    assert await add(world, recorded(stream, a_case("a", JANUARY), 3)) == {"a"}


async def test_logs_hold_latest_revisions_of_what_was_open_in_the_span_or_resolved_at_its_start(world: World) -> None:
    stream = await a_stream(world)
    start, end = FEBRUARY, MARCH
    inside = [
        a_case("over-all", start - 40 * DAY, end + 70 * DAY),
        a_case("since-long", start - 400 * DAY),
        a_case("until-start", start - HOUR, start),
        a_case("at-once", start + HOUR, start + HOUR),
        a_case("at-end", end - MICROSECOND),
    ]
    outside = [
        a_case("before", start - HOUR, start - MICROSECOND),
        a_case("after", end, end + HOUR),
        a_case("opens-at-end", end),
    ]
    await add(world, *(recorded(stream, each) for each in [*inside, *outside]))
    in_january = a_case("moved-away", JANUARY, JANUARY + HOUR)
    for number, case in enumerate([a_case("moved-away", start), in_january], start=1):
        await add(world, recorded(stream, case, number))
    await add(world, recorded(stream, a_case("gone", start)))
    await add(world, withdrawn(stream, "gone", 2))
    found = await logged(world, stream, Span(start, end))
    assert found == sorted(inside, key=lambda each: (each.opened_at, each.external_id))


instants = st.integers(0, 5 * 31 * 24).map(lambda hours: datetime.fromisoformat("2023-11-01T00:00:00Z") + hours * HOUR)
lengths = st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=100)))


@given(
    told=st.lists(st.tuples(instants, lengths), max_size=12),
    start=instants,
    length=st.timedeltas(HOUR, timedelta(days=60)),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_logs_are_what_a_look_at_every_case_would_find(
    world: World, told: Sequence[tuple[datetime, timedelta | None]], start: datetime, length: timedelta
) -> None:
    stream = await a_stream(world)
    cases = [
        a_case(f"{number:02}", opened, None if lasts is None else opened + lasts)
        for number, (opened, lasts) in enumerate(told)
    ]
    await add(world, *(recorded(stream, each) for each in cases))
    span = Span(start, start + length)
    expected = [each for each in cases if each.opened_at < span.end and (each.resolved_at or span.start) >= span.start]
    assert await logged(world, stream, span) == sorted(expected, key=lambda each: (each.opened_at, each.external_id))


async def test_a_case_keeps_its_id_through_its_revisions(world: World) -> None:
    stream = await a_stream(world)
    await add(world, recorded(stream, a_case("a", JANUARY)))
    async with world.open() as work:
        [before] = (await work.cases.page(PageRequest(), CaseFilter())).rows
    second = recorded(stream, a_case("a", JANUARY, FEBRUARY, Pause(JANUARY + HOUR, None)), 2)
    await add(world, second)
    assert second.case is not None
    async with world.open() as work:
        expected = RecordedCase(id=before.item.id, stream=stream, case=second.case)
        assert await work.cases.by_ids([before.item.id]) == {before.item.id: expected}
    await add(world, withdrawn(stream, "a", 3))
    async with world.open() as work:
        assert await work.cases.by_ids([before.item.id]) == {}
        assert await work.cases.count(CaseFilter()) == 0


async def test_lists_of_cases_are_narrowed_by_service_time_and_whether_they_are_open(world: World) -> None:
    here, there = await a_stream(world), await a_stream(world, world.rival)
    await add(
        world,
        recorded(here, a_case("january", JANUARY, JANUARY + HOUR)),
        recorded(here, a_case("february", FEBRUARY, FEBRUARY + HOUR)),
        recorded(there, a_case("open", JANUARY + HOUR)),
    )
    of_here: frozenset[ServiceId] = frozenset({here.service})
    cases = [
        (CaseFilter(), ["january", "open", "february"]),
        (CaseFilter(services=of_here), ["january", "february"]),
        (CaseFilter(within=month(2)), ["open", "february"]),
        (CaseFilter(open=True), ["open"]),
        (CaseFilter(open=False, within=month(1)), ["january"]),
    ]
    for where, names in cases:
        async with world.open() as work:
            page = await work.cases.page(PageRequest(), where)
            assert [row.item.case.external_id for row in page.rows] == names
            assert await work.cases.count(where) == len(names)


async def judged_months(world: World, stream: Stream, *months: int) -> list[JudgedPeriod]:
    """Periods of a promise on the stream's metric, and no work left over."""
    objective = replace(
        world.objective(world.availability),
        metric=stream.metric,
        code="tickets",
        case_milestone=Milestone.RESPONSE,
        case_limit=HOUR,
    )
    version = world.version(objective)
    agreement = world.agreement(
        "desk", version, provider=world.vendor.party.id, customer=None, service=world.vendor.service.id
    )
    periods = world.judged(objective.id, world.vendor.service.id, *months)
    async with world.open() as work:
        await work.agreements.add(agreement)
        [kept] = (await work.agreements.by_objectives([objective.id])).values()
        assert kept.objective == objective
        await work.periods.lay_down(periods)
        work.posts(PostingKind.TERMS, NOW)
    await world.settled()
    return periods


async def touched(world: World, periods: Sequence[JudgedPeriod]) -> list[int]:
    """The months, counted from January, that the marks since the last look lead to."""
    async with world.open() as work:
        claim = await work.marks.claim(NOW, 100)
        await work.marks.settle({each.period.id: None for each in claim.periods})
    ids = {each.period.id for each in claim.periods}
    return [each.period.span.start.month for each in periods if each.period.id in ids]


async def test_a_change_touches_the_periods_in_which_the_case_may_be_decided(world: World) -> None:
    stream = await a_stream(world)
    periods = await judged_months(world, stream, 1, 2, 3)
    await add(world, recorded(stream, a_case("a", JANUARY, JANUARY + HOUR)))
    assert await touched(world, periods) == [1]
    await add(world, recorded(stream, a_case("a", JANUARY, FEBRUARY), 2))
    assert await touched(world, periods) == [1, 2]
    await add(world, recorded(stream, a_case("b", FEBRUARY)))
    assert await touched(world, periods) == [2, 3]
    await add(world, recorded(stream, a_case("b", FEBRUARY, FEBRUARY), 2))
    assert await touched(world, periods) == [2, 3]
    await add(world, withdrawn(stream, "a", 3))
    assert await touched(world, periods) == [1, 2]
    assert await add(world, withdrawn(stream, "a", 3)) == {"a"}
    assert await touched(world, periods) == []

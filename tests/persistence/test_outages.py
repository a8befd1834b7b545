"""Outage records: revisions, races, and the logs that verdicts are made from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.columns import RecordedOutage, StreamSpan
from domain.fact import Outage, OutageLog, OutageRevision
from domain.filters import OutageFilter
from domain.paging import PageRequest
from domain.spans import Span
from domain.stream import Stream
from tests.persistence.world import JANUARY, NOW, World, an_outage, month, recorded

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
FEBRUARY = month(2)


async def add(world: World, *revisions: OutageRevision) -> set[str]:
    """The external ids of those that another writer was faster with."""
    async with world.open() as work:
        return {external_id for _, external_id in await work.outages.add(revisions)}


async def logged(world: World, stream: Stream, span: Span) -> list[Outage]:
    async with world.open() as work:
        [log] = await work.outages.logs([StreamSpan(stream.id, span)])
    return list(log.outages)


def withdrawn(stream: Stream, external_id: str, revision: int) -> OutageRevision:
    return OutageRevision(stream=stream.id, external_id=external_id, revision=revision, outage=None)


async def test_the_latest_revision_is_known_withdrawn_ones_too(world: World) -> None:
    stream = world.vendor.outages
    first = recorded(stream, an_outage("a", JANUARY, None))
    second = recorded(stream, an_outage("a", JANUARY, JANUARY + HOUR), 2)
    gone = withdrawn(stream, "a", 3)
    async with world.open() as work:
        for revision in (first, second, gone):
            assert await work.outages.add([revision]) == frozenset()
            assert await work.outages.latest([(stream.id, "a"), (stream.id, "b")]) == {(stream.id, "a"): revision}


async def test_who_comes_second_with_a_revision_is_told_and_changes_nothing(world: World) -> None:
    stream = world.vendor.outages
    revisions = [recorded(stream, an_outage("a", JANUARY, JANUARY + number * HOUR)) for number in range(1, 9)]
    answers = await asyncio.gather(*(add(world, each) for each in revisions))
    assert sorted(len(lost) for lost in answers) == [0, *[1] * 7]
    [winner] = [each for each, lost in zip(revisions, answers, strict=True) if not lost]
    async with world.open() as work:
        assert await work.outages.latest([(stream.id, "a")]) == {(stream.id, "a"): winner}


async def test_a_revision_needs_the_one_before_it(world: World) -> None:
    stream = world.vendor.outages
    assert await add(world, recorded(stream, an_outage("a", JANUARY, None), 2)) == {"a"}
    assert await add(world, recorded(stream, an_outage("a", JANUARY, None), 1)) == set()
    assert await add(world, recorded(stream, an_outage("a", JANUARY, None), 3)) == {"a"}


async def test_logs_hold_what_overlaps_or_touches_in_order(world: World) -> None:
    stream = world.vendor.outages
    start, end = FEBRUARY.start, FEBRUARY.end
    inside = [
        an_outage("over-all", start - 40 * 24 * HOUR, end + 70 * 24 * HOUR),
        an_outage("since-long", start - 400 * 24 * HOUR, None),
        an_outage("touches-start", start - HOUR, start),
        an_outage("at-start", start, start + MICROSECOND),
        an_outage("at-end", end - MICROSECOND, end + HOUR),
        an_outage("touches-end", end, end + HOUR),
        an_outage("opens-at-end", end, None),
    ]
    outside = [
        an_outage("before", start - HOUR, start - MICROSECOND),
        an_outage("after", end + MICROSECOND, end + HOUR),
        an_outage("opens-after", end + MICROSECOND, None),
    ]
    await add(world, *(recorded(stream, each) for each in [*inside, *outside]))
    assert await logged(world, stream, FEBRUARY) == sorted(inside, key=lambda each: (each.start, each.external_id))


async def test_logs_are_of_latest_revisions(world: World) -> None:
    """An outage that was moved, ended, opened again or withdrawn is where it is now, not where it was."""
    stream = world.vendor.outages
    in_february, in_january = FEBRUARY.start + HOUR, JANUARY + HOUR
    histories: dict[str, list[tuple[datetime, datetime | None] | None]] = {
        "moved-away": [(in_february, in_february + HOUR), (in_january, in_january + HOUR)],
        "moved-here": [(in_january, in_january + HOUR), (in_february, in_february + HOUR)],
        "ended": [(in_january, None), (in_january, in_january + HOUR)],
        "ended-here": [(in_january, None), (in_january, in_february)],
        "opened-again": [(in_january, None), (in_january, in_january + HOUR), (in_january, None)],
        "withdrawn": [(in_february, in_february + HOUR), None],
        "withdrawn-while-open": [(in_january, None), None],
        "back": [(in_february, None), None, (in_february, in_february + HOUR)],
    }
    for name, contents in histories.items():
        for revision, content in enumerate(contents, start=1):
            outage = None if content is None else an_outage(name, *content)
            kept = withdrawn(stream, name, revision) if outage is None else recorded(stream, outage, revision)
            assert await add(world, kept) == set()
    found = await logged(world, stream, FEBRUARY)
    assert {(each.external_id, each.revision) for each in found} == {
        ("moved-here", 2),
        ("ended-here", 2),
        ("opened-again", 3),
        ("back", 3),
    }


instants = st.datetimes(datetime(2023, 11, 1), datetime(2024, 4, 1)).map(lambda each: each.replace(tzinfo=UTC))  # noqa: DTZ001
lengths = st.one_of(st.none(), st.timedeltas(MICROSECOND, timedelta(days=100)))


@given(
    spans=st.lists(st.tuples(instants, lengths), max_size=12),
    start=instants,
    length=st.timedeltas(HOUR, timedelta(days=60)),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_logs_are_what_a_look_at_every_record_would_find(
    world: World, spans: Sequence[tuple[datetime, timedelta | None]], start: datetime, length: timedelta
) -> None:
    async with world.open() as work:
        [stream] = await work.streams.obtain(
            [world.stream(world.availability, world.vendor.service, f"probe-{world.mint().hex}")]
        )
    outages = [
        an_outage(f"{number}", begins, None if lasts is None else begins + lasts)
        for number, (begins, lasts) in enumerate(spans)
    ]
    await add(world, *(recorded(stream, each) for each in outages))
    wanted = Span(start, start + length)
    expected = [each for each in outages if each.start <= wanted.end and (each.end is None or each.end >= wanted.start)]
    assert await logged(world, stream, wanted) == sorted(expected, key=lambda each: (each.start, each.external_id))


async def test_logs_of_many_streams_and_spans_come_in_the_order_asked_for(world: World) -> None:
    one, two = world.vendor.outages, world.rival.outages
    mine, other = an_outage("mine", JANUARY, JANUARY + HOUR), an_outage("other", FEBRUARY.start, None)
    await add(world, recorded(one, mine), recorded(two, other))
    async with world.open() as work:
        await work.outages.report({two.id: NOW})
        await work.outages.report({two.id: NOW - HOUR})
        wanted = [StreamSpan(two.id, month(1)), StreamSpan(one.id, month(1)), StreamSpan(two.id, FEBRUARY)]
        logs = await work.outages.logs(wanted)
        assert await work.outages.logs([]) == []
    assert logs == [
        OutageLog(stream=two.id, outages=[other], reported_through=NOW),
        OutageLog(stream=one.id, outages=[mine], reported_through=None),
        OutageLog(stream=two.id, outages=[other], reported_through=NOW),
    ]


async def test_an_outage_keeps_its_id_through_its_revisions(world: World) -> None:
    stream = world.vendor.outages
    await add(world, recorded(stream, an_outage("a", JANUARY, None)))
    async with world.open() as work:
        [[before]] = [(await work.outages.page(PageRequest(), OutageFilter())).rows]
        ended = an_outage("a", JANUARY, JANUARY + HOUR)
        await work.outages.add([recorded(stream, ended, 2)])
        found = await work.outages.by_ids([before.item.id])
        kept = recorded(stream, ended, 2).outage
        assert kept is not None
        assert found == {before.item.id: RecordedOutage(id=before.item.id, stream=stream, outage=kept)}
        await work.outages.add([withdrawn(stream, "a", 3)])
        assert await work.outages.by_ids([before.item.id]) == {}
        assert await work.outages.count(OutageFilter()) == 0


async def test_lists_of_outages_are_narrowed_by_service_and_time(world: World) -> None:
    here, there = world.vendor.outages, world.rival.outages
    await add(
        world,
        recorded(here, an_outage("january", JANUARY, JANUARY + HOUR)),
        recorded(here, an_outage("february", FEBRUARY.start, FEBRUARY.start + HOUR)),
        recorded(there, an_outage("open", JANUARY + HOUR, None)),
    )
    cases = [
        (OutageFilter(), ["january", "open", "february"]),
        (OutageFilter(services=frozenset({here.service})), ["january", "february"]),
        (OutageFilter(within=FEBRUARY), ["open", "february"]),
        (OutageFilter(within=month(1)), ["january", "open"]),
        (OutageFilter(services=frozenset({here.service}), within=month(1)), ["january"]),
    ]
    for where, names in cases:
        async with world.open() as work:
            page = await work.outages.page(PageRequest(), where)
            assert [row.item.outage.external_id for row in page.rows] == names
            assert await work.outages.count(where) == len(names)


async def test_streams_are_obtained_once_however_many_ask_at_once(world: World) -> None:
    def wanted() -> list[Stream]:
        service, sources = world.vendor.service, [f"source-{number}" for number in range(5)]
        asked = [world.stream(world.success, service, source) for source in sources for _ in range(2)]
        return [replace(each, customer=(None, world.customer.id)[at % 2]) for at, each in enumerate(asked)]

    async def obtain() -> list[Stream]:
        async with world.open() as work:
            return list(await work.streams.obtain(wanted()))

    answers = await asyncio.gather(*(obtain() for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert len({each.id for each in answers[0]}) == 10
    assert [(each.source, each.customer) for each in answers[0]] == [(each.source, each.customer) for each in wanted()]
    async with world.open() as work:
        twice = await work.streams.obtain([answers[0][0], answers[0][0]])
        assert list(twice) == [answers[0][0]] * 2
        assert await work.streams.obtain([]) == []
        measuring = await work.streams.measuring(world.success.id, [world.vendor.service.id])
    assert {each.id for each in measuring} == {world.vendor.tallies.id, *(each.id for each in answers[0])}

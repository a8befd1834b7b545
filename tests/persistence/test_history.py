"""What was known at a place of the feed: each noun is read then as it was read at the time, whatever came later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from domain.case import Case, CaseRevision
from domain.columns import (
    RanksWanted,
    SampleColumns,
    SlicesWanted,
    StateColumns,
    StatesWanted,
    StreamSpan,
    TotalsWanted,
)
from domain.exclusion import Exclusion, ExclusionKind
from domain.fact import OutageRevision
from domain.feed import PostingKind
from domain.history_ports import Known
from domain.ids import ExclusionId, Position
from domain.metric import Aggregation, Metric, Shape
from domain.party import PartyKind
from domain.ports import Work
from domain.ratio import Ratio
from domain.service import StructureVersion
from domain.slices import SliceRule
from domain.spans import Span
from domain.stream import Stream
from domain.structure import AllOf, Component
from tests.persistence.world import JANUARY, NOW, World, an_outage, month, recorded, tallies

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
Do = Callable[[Work], Awaitable[Any]]
Read = Callable[[Known], Awaitable[Any]]
RAGGED = (Span(JANUARY + 7 * MINUTE, JANUARY + 70 * MINUTE), Span(JANUARY + 2 * HOUR, JANUARY + 3 * HOUR))


async def post(world: World, do: Do, at: datetime) -> None:
    async with world.open() as work:
        await do(work)
        work.posts(PostingKind.FACTS, at)


async def known(world: World, read: Read, at: datetime) -> Any:
    async with world.open() as work:
        await work.histories.seal(at)
    async with world.open() as work:
        return await read(await work.histories.as_of(at))


async def lived(world: World, read: Read, *steps: Do) -> None:
    """After each step what is read now is kept; after all of them it is read again as it was known."""
    kept: dict[datetime, Any] = {}
    at = NOW
    for step in steps:
        await post(world, step, at)
        async with world.open() as work:
            kept[at] = await read(work)
        at += 20 * timedelta(days=1)
    assert len({repr(each) for each in kept.values()}) == len(steps), "each step changes what is read"
    for instant, answer in kept.items():
        assert await known(world, read, instant) == answer
        assert await known(world, read, instant + HOUR) == answer


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_outages_with_their_reports_are_as_they_were(world: World, number: int) -> None:
    """The one without an end was down in all months since, before it was ended in the first, and withdrawn."""
    stream = world.vendor.outages
    span = month(number)

    async def read(known_then: Known) -> Any:
        return await known_then.outages.logs([StreamSpan(stream.id, span)])

    opened = an_outage("o", JANUARY + HOUR, None)
    ended = an_outage("o", JANUARY + HOUR, JANUARY + 2 * HOUR)
    through = [NOW, NOW + 20 * timedelta(days=1), NOW + 40 * timedelta(days=1)]

    async def first(work: Work) -> None:
        await work.outages.add([recorded(stream, opened)])
        await work.outages.report({stream.id: through[0]})

    async def second(work: Work) -> None:
        await work.outages.add([recorded(stream, ended, revision=2)])
        await work.outages.report({stream.id: through[1]})

    async def third(work: Work) -> None:
        gone = OutageRevision(stream=stream.id, external_id="o", revision=3, outage=None)
        await work.outages.add([gone])
        await work.outages.report({stream.id: through[2]})

    kept = []
    for at, step in zip(through, (first, second, third), strict=True):
        await post(world, step, at)
        async with world.open() as work:
            kept.append(await read(work))
    told = [await known(world, read, at) for at in through]
    assert [[log.outages for log in each] for each in told] == [[log.outages for log in each] for each in kept]
    # How far it was reported is told as far as the span goes.
    reached = [log.reported_through for each in told for log in each]
    for then, now in zip(reached, through, strict=True):
        assert then == now or (then is None and now < span.start) or (then is not None and span.end <= then <= now)


async def test_a_report_of_a_slow_writer_does_not_hide_a_later_one_that_was_known(world: World) -> None:
    stream, span = world.vendor.outages, Span(JANUARY, JANUARY + HOUR)

    async def read(known_then: Known) -> Any:
        [log] = await known_then.outages.logs([StreamSpan(stream.id, span)])
        return log.reported_through

    async with world.open() as slow:
        await slow.outages.report({stream.id: JANUARY + 2 * HOUR})
        await post(world, lambda work: work.outages.report({stream.id: JANUARY + 3 * HOUR}), NOW)
        slow.posts(PostingKind.FACTS, NOW + HOUR)
    assert await known(world, read, NOW) == JANUARY + 3 * HOUR
    assert await known(world, read, NOW - HOUR) is None


async def test_what_a_slow_writer_posts_after_the_question_was_not_known_at_its_instant(world: World) -> None:
    """It read the clock before the instant, and is recorded after it: the instant is sealed."""
    stream, span = world.vendor.outages, Span(JANUARY, JANUARY + HOUR)

    async def read(known_then: Known) -> Any:
        return await known_then.outages.logs([StreamSpan(stream.id, span)])

    async with world.open() as slow:
        await slow.outages.add([recorded(stream, an_outage("slow", JANUARY, JANUARY + MINUTE))])
        slow.posts(PostingKind.FACTS, NOW)
        before = await known(world, read, NOW + HOUR)
    assert await known(world, read, NOW + HOUR) == before
    [log] = await known(world, read, NOW + HOUR + timedelta(microseconds=1))
    assert [outage.external_id for outage in log.outages] == ["slow"]


async def test_a_snapshot_sees_nothing_of_what_is_posted_meanwhile_and_writes_nothing(world: World) -> None:
    stream, wanted = world.vendor.outages, StreamSpan(world.vendor.outages.id, Span(JANUARY, JANUARY + HOUR))
    async with world.open() as work:
        await work.histories.seal(NOW)
    async with world.open() as work:
        history = await work.histories.as_of(NOW)
        streams = await work.streams.by_ids([stream.id])
        await post(world, lambda other: other.outages.report({stream.id: NOW}), NOW - HOUR)
        assert [log.reported_through for log in await work.outages.logs([wanted])] == [None]
        assert [log.reported_through for log in await history.outages.logs([wanted])] == [None]
        assert await work.streams.by_ids([stream.id]) == streams

    async def write() -> None:
        async with world.open() as work:
            await work.histories.as_of(NOW)
            await work.parties.add([world.party("late", PartyKind.VENDOR)])

    with pytest.raises(DBAPIError, match="read-only"):
        await write()


async def test_states_are_as_they_were(world: World) -> None:
    metric = replace(world.metric("probed", Aggregation.AVAILABILITY), shape=Shape.STATE)
    stream = await a_stream(world, metric)
    wanted = StatesWanted(stream.id, Span(JANUARY + HOUR, JANUARY + 5 * HOUR), 2 * HOUR)

    async def add(work: Work, hours: list[int], states: list[str | None], revision: int = 1) -> None:
        instants = [JANUARY + hour * HOUR for hour in hours]
        assert not await work.states.add(
            [StateColumns(stream=stream.id, instants=instants, states=states, revision=revision)]
        )

    await lived(
        world,
        lambda known_then: known_then.states.logs([wanted]),
        lambda work: add(work, [0, 1, 2, 6], ["down", "up", "down", "down"]),
        lambda work: add(work, [1, 2], ["down", None], revision=2),
        lambda work: add(work, [3, 4, 7], ["up", "down", "up"]),
        lambda work: add(work, [0], ["up"], revision=2),
    )


async def test_cases_are_as_they_were(world: World) -> None:
    stream = await a_stream(world, world.metric("cases", Aggregation.CASES_WITHIN))
    span = month(2)

    def add(revision: int, case: Case | None) -> Do:
        kept = None if case is None else replace(case, revision=revision)
        revised = CaseRevision(stream=stream.id, external_id="c", revision=revision, case=kept)
        return lambda work: work.cases.add([revised])

    opened = Case(external_id="c", opened_at=JANUARY + HOUR)
    await lived(
        world,
        lambda known_then: known_then.cases.logs([StreamSpan(stream.id, span)]),
        add(1, opened),
        add(2, replace(opened, resolved_at=JANUARY + 2 * HOUR)),
    )


async def test_tallies_are_as_they_were(world: World) -> None:
    stream = world.vendor.tallies
    rule = SliceRule(length=timedelta(minutes=30), level=Ratio(1, 2))

    async def read(known_then: Known) -> Any:
        totals = TotalsWanted(streams=[stream.id], spans=RAGGED, grid=timedelta(minutes=15))
        sliced = SlicesWanted(streams=[stream.id], spans=RAGGED, rule=rule)
        return (
            await known_then.measurements.tally_totals([totals]),
            await known_then.distributions.tally_slices([sliced]),
        )

    async def corrected(work: Work) -> None:
        assert not await work.measurements.add_tallies([tallies(stream, JANUARY, 10, good=2, revision=2)])

    await lived(
        world,
        read,
        lambda work: work.measurements.add_tallies([tallies(stream, JANUARY, 20)]),
        corrected,
        lambda work: work.measurements.withdraw(stream.id, [JANUARY + 10 * MINUTE, JANUARY + 15 * MINUTE], 2),
        lambda work: work.measurements.add_tallies([tallies(stream, JANUARY + 2 * HOUR, 6, good=1)]),
    )


async def test_samples_are_as_they_were(world: World) -> None:
    stream = await a_stream(world, world.latency, known=True)
    grid = timedelta(minutes=15)

    async def read(known_then: Known) -> Any:
        totals = TotalsWanted(streams=[stream.id], spans=RAGGED, grid=grid)
        ranks = RanksWanted(streams=[stream.id], spans=RAGGED, percentile=Decimal(90), grid=grid)
        sliced = SlicesWanted(streams=[stream.id], spans=RAGGED, rule=SliceRule(length=HOUR, level=Ratio(300, 1)))
        return (
            await known_then.measurements.sample_totals([totals]),
            await known_then.distributions.sample_slices([sliced]),
            await known_then.distributions.histograms([ranks]),
            await known_then.distributions.ranked([ranks]),
        )

    def add(minutes: range, value: int, revision: int = 1) -> Do:
        instants = [JANUARY + minute * MINUTE for minute in minutes]
        columns = SampleColumns(
            stream=stream.id,
            instants=instants,
            values=[value + minute for minute in minutes],
            originals=[None] * len(instants),
            revision=revision,
        )
        return lambda work: work.measurements.add_samples([columns])

    await lived(
        world,
        read,
        add(range(0, 60, 5), 100),
        add(range(10, 30, 5), 900, revision=2),
        lambda work: work.measurements.withdraw(stream.id, [JANUARY + 20 * MINUTE, JANUARY + 25 * MINUTE], 2),
        add(range(125, 160, 5), 500),
    )


async def test_exclusions_are_as_they_were(world: World) -> None:
    side = world.vendor
    made = Exclusion(
        id=ExclusionId(world.mint()),
        kind=ExclusionKind.MAINTENANCE,
        span=Span(JANUARY, JANUARY + HOUR),
        service=side.service.id,
    )
    await lived(
        world,
        lambda known_then: known_then.exclusions.concerning([side.service.id], [side.agreement.id], [month(1)]),
        lambda work: work.exclusions.add([made]),
        lambda work: work.exclusions.add([replace(made, revision=2, span=Span(JANUARY, JANUARY + 2 * HOUR))]),
        lambda work: work.exclusions.add([replace(made, revision=3, withdrawn=True)]),
    )


async def test_structures_and_streams_are_as_they_were(world: World) -> None:
    service, below = world.vendor.service, world.rival.service

    async def read(known_then: Known) -> Any:
        services = await known_then.services.with_components([service.id])
        streams = await known_then.streams.measuring(world.latency.id, [service.id, below.id])
        return services[service.id], [stream.id for stream in streams]

    later = StructureVersion(effective_from=JANUARY, structure=AllOf((Component(below.id),)))
    await lived(
        world,
        read,
        lambda work: work.streams.obtain([world.stream(world.latency, service)]),
        lambda work: work.services.add_structure(service.id, later),
        lambda work: work.streams.obtain([world.stream(world.latency, below)]),
    )


async def test_terms_are_as_they_were(world: World) -> None:
    agreement = world.vendor.agreement
    objective = world.objective(world.success)
    drafted = agreement.drafted(world.version(objective, number=2, activated_at=None))
    activated = drafted.activate(at=NOW)

    async def read(known_then: Known) -> Any:
        places = await known_then.agreements.by_objectives([objective.id, agreement.versions[0].objectives[0].id])
        return {key: place.agreement for key, place in places.items() if place.version in _activated(place.agreement)}

    await lived(
        world,
        read,
        lambda work: work.outages.report({world.vendor.outages.id: NOW}),
        lambda work: work.agreements.add_version(drafted),
        lambda work: work.agreements.activate(activated),
    )


def _activated(agreement: Any) -> set[object]:
    return {version.id for version in agreement.activated}


async def test_the_position_is_that_of_the_last_posting_and_events_do_not_move_it(world: World) -> None:
    async def position(at: datetime) -> Position:
        async with world.open() as work:
            await work.histories.seal(at)
        async with world.open() as work:
            return (await work.histories.as_of(at)).known_at.position

    first = await position(NOW)
    await post(world, lambda work: work.outages.report({world.vendor.outages.id: NOW}), NOW)
    assert (await position(NOW), await position(NOW + HOUR), await position(JANUARY)) == (first, first + 1, Position(0))


async def a_stream(world: World, metric: Metric, *, known: bool = False) -> Stream:
    async with world.open() as work:
        if not known:
            await work.metrics.add([metric])
        [stream] = await work.streams.obtain([world.stream(metric, world.vendor.service)])
        work.posts(PostingKind.FACTS, NOW)
    return stream

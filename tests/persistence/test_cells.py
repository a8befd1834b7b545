"""Totals are composed from cells and from facts at ragged edges: always what the facts alone say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.columns import SampleColumns, TallyColumns, TotalsWanted
from domain.fact import SampleTotals, TallyTotals
from domain.ids import StreamId
from domain.metric import Metric
from domain.spans import Span
from domain.stream import Stream
from tests.persistence.world import JANUARY, MINUTES, World, tallies
from tests.servers import Urls

PLACES = 60
"""Places for points: one every five minutes of five hours, of which the first begins at 23:00."""
BEGINS = JANUARY + timedelta(hours=23)
SOURCES = count()


@dataclass(frozen=True, slots=True)
class Put:
    """Values at these places; those that are there are corrected. None withdraws."""

    values: Mapping[int, int | None]


puts = st.builds(
    Put, st.dictionaries(st.integers(0, PLACES - 1), st.none() | st.integers(0, 1_000), min_size=1, max_size=30)
)
edges = st.lists(st.integers(0, PLACES * 5 * 60), min_size=2, max_size=8, unique=True).map(sorted)


def spans_of(seconds: Sequence[int]) -> list[Span]:
    """Disjoint and sorted, mostly with ragged edges."""
    instants = [BEGINS + timedelta(seconds=each) for each in seconds]
    return [Span(start, end) for start, end in zip(instants[::2], instants[1::2], strict=False)]


def inside(known: Mapping[int, int], spans: Sequence[Span]) -> list[int]:
    return [value for place, value in known.items() if any(span.contains(BEGINS + place * MINUTES) for span in spans)]


async def a_stream(world: World, metric: Metric) -> Stream:
    async with world.open() as work:
        wanted = world.stream(metric, world.vendor.service, source=f"source-{next(SOURCES)}")
        [found] = await work.streams.obtain([wanted])
    return found


class Kept:
    """What was put, by the plainest means: the latest value and revision of each place."""

    def __init__(self, world: World, stream: StreamId) -> None:
        self.world = world
        self.stream = stream
        self.revisions: dict[int, int] = {}
        self.values: dict[int, int] = {}

    async def put(self, put: Put, *, tallies: bool) -> None:
        revisions: dict[int, list[int]] = {}
        for place, value in put.values.items():
            if value is not None and self.values.get(place) != value:
                revisions.setdefault(self.revisions.get(place, 0) + 1, []).append(place)
        for revision, places in revisions.items():
            values = [put.values[place] or 0 for place in places]
            async with self.world.open() as work:
                if tallies:
                    assert not await work.measurements.add_tallies([self._tallies(places, values, revision)])
                else:
                    assert not await work.measurements.add_samples([self._samples(places, values, revision)])
            self.revisions.update(dict.fromkeys(places, revision))
            self.values.update(zip(places, values, strict=True))
        for place in [place for place, value in put.values.items() if value is None and place in self.values]:
            async with self.world.open() as work:
                latest = self.revisions[place]
                assert not await work.measurements.withdraw(self.stream, [BEGINS + place * MINUTES], latest)
            self.revisions[place] += 1
            del self.values[place]

    def _tallies(self, places: Sequence[int], values: Sequence[int], revision: int) -> TallyColumns:
        starts = [BEGINS + place * MINUTES for place in places]
        return TallyColumns(
            stream=self.stream,
            starts=starts,
            ends=[each + MINUTES for each in starts],
            good=values,
            total=[value + 1 for value in values],
            revision=revision,
        )

    def _samples(self, places: Sequence[int], values: Sequence[int], revision: int) -> SampleColumns:
        return SampleColumns(
            stream=self.stream,
            instants=[BEGINS + place * MINUTES for place in places],
            values=values,
            originals=[None] * len(values),
            revision=revision,
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(puts, min_size=1, max_size=5), edges)
async def test_totals_of_tallies_are_those_of_the_facts(world: World, written: list[Put], seconds: list[int]) -> None:
    kept = Kept(world, (await a_stream(world, world.success)).id)
    spans = spans_of(seconds)
    for put in written:
        await kept.put(put, tallies=True)
    async with world.open() as work:
        [found] = await work.measurements.tally_totals([TotalsWanted(streams=[kept.stream], spans=spans)])
    values = inside(kept.values, spans)
    assert found == TallyTotals(good=sum(values), total=sum(values) + len(values), points=len(values))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(puts, min_size=1, max_size=5), edges)
async def test_totals_of_samples_are_those_of_the_facts(world: World, written: list[Put], seconds: list[int]) -> None:
    kept = Kept(world, (await a_stream(world, world.latency)).id)
    spans = spans_of(seconds)
    for put in written:
        await kept.put(put, tallies=False)
    async with world.open() as work:
        [found] = await work.measurements.sample_totals([TotalsWanted(streams=[kept.stream], spans=spans)])
    values = inside(kept.values, spans)
    assert found == SampleTotals(
        points=len(values),
        sum=sum(values),
        minimum=min(values, default=None),
        maximum=max(values, default=None),
    )


async def test_whole_cells_are_read_without_their_facts(world: World, urls: Urls) -> None:
    """The facts are taken away behind the service's back: what lies on quarters of an hour is told all the same."""
    stream = await a_stream(world, world.success)
    kept = Kept(world, stream.id)
    await kept.put(Put(dict.fromkeys(range(PLACES), 9)), tallies=True)
    superuser = await asyncpg.connect(urls.superuser)
    await superuser.execute("DELETE FROM tally WHERE stream_id = $1", stream.id)
    await superuser.close()
    quarter, start = timedelta(minutes=15), BEGINS + timedelta(minutes=15)
    whole, ragged = Span(start, start + 9 * quarter), Span(start - MINUTES, start + 9 * quarter + MINUTES)
    async with world.open() as work:
        found = await work.measurements.tally_totals(
            [TotalsWanted(streams=[stream.id], spans=[each]) for each in (whole, ragged)]
        )
    assert found == [TallyTotals(good=243, total=270, points=27)] * 2


@pytest.mark.parametrize("writers", [8])
async def test_writers_at_once_neither_lose_a_count_nor_lock_each_other_out(world: World, writers: int) -> None:
    """All write into the same hours, each its own points, in batches that also repeat those of others."""
    streams = [await a_stream(world, world.success) for _ in range(3)]

    async def write(number: int) -> None:
        for batch in range(6):
            own = [place for place in range(PLACES) if place % writers == (number + batch) % writers]
            async with world.open() as work:
                await work.measurements.add_tallies(
                    [
                        Kept(world, stream.id)._tallies(own, [1] * len(own), 1)
                        for stream in streams[:: 1 - 2 * (number % 2)]
                    ]
                )

    await asyncio.gather(*(write(number) for number in range(writers)))
    span = Span(BEGINS, BEGINS + PLACES * MINUTES)
    async with world.open() as work:
        found = await work.measurements.tally_totals(
            [TotalsWanted(streams=[each.id], spans=[span]) for each in streams]
        )
    assert found == [TallyTotals(good=PLACES, total=2 * PLACES, points=PLACES)] * 3


async def test_a_month_that_two_need_at_once_is_made_once(world: World) -> None:
    streams = [await a_stream(world, world.success) for _ in range(6)]
    unheard_of = JANUARY.replace(year=1993)

    async def first(stream: Stream) -> None:
        async with world.open() as work:
            await work.measurements.add_tallies([tallies(stream, unheard_of, 1)])

    await asyncio.gather(*(first(stream) for stream in streams))
    async with world.open() as work:
        found = await work.measurements.tally_totals(
            [TotalsWanted(streams=[each.id], spans=[Span(unheard_of, unheard_of + MINUTES)]) for each in streams]
        )
    assert [each.points for each in found] == [1] * 6

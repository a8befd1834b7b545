"""Slices, histograms and ranks as the database counts them equal those that the domain counts of the same points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from domain.columns import HistogramRead, RanksWanted, SampleColumns, SlicesWanted, TallyColumns
from domain.fact import Sample, SampleBounds, Tally
from domain.histogram import Histogram, nearest_rank
from domain.ids import StreamId
from domain.metric import COUNT_MAX
from domain.ratio import Direction, Ratio
from domain.slices import WHOLE, SliceRule, SliceTotals, sample_slices, tally_slices
from domain.spans import Span
from domain.totals import cells_of, within
from tests.persistence.world import JANUARY, World

MINUTE = timedelta(minutes=1)
FIVE, QUARTER, HOUR, DAY = 5 * MINUTE, 15 * MINUTE, timedelta(hours=1), timedelta(days=1)
SPANS = (
    Span(JANUARY + 7 * MINUTE, JANUARY + 200 * MINUTE),
    Span(JANUARY + 203 * MINUTE, JANUARY + 204 * MINUTE),
    Span(JANUARY + 290 * MINUTE + timedelta(microseconds=1), JANUARY + 700 * MINUTE),
)
"""They begin and end inside slices; two of them touch one slice."""
RULES = (
    SliceRule(length=HOUR),
    SliceRule(length=FIVE),
    SliceRule(length=FIVE, level=Ratio(9, 10)),
    SliceRule(length=HOUR, level=Ratio(1, 2), direction=Direction.AT_MOST),
)


def tallies_of(chance: Random, starts: Sequence[datetime]) -> list[Tally]:
    """Of any size; some have no total, and so do all from the 30th to the 44th."""
    totals = [
        0 if 30 <= place < 45 else chance.choice((0, 1, 7, chance.randrange(COUNT_MAX))) for place in range(len(starts))
    ]
    return [
        Tally(start, start + MINUTE, chance.randint(0, total), total)
        for start, total in zip(starts, totals, strict=True)
    ]


def columns(stream: StreamId, tallies: Sequence[Tally], revision: int = 1) -> TallyColumns:
    return TallyColumns(
        stream=stream,
        starts=[each.start for each in tallies],
        ends=[each.end for each in tallies],
        good=[each.good for each in tallies],
        total=[each.total for each in tallies],
        revision=revision,
    )


async def some_tallies(world: World, seed: int) -> tuple[list[StreamId], list[Tally]]:
    """One a minute and one every ten on another stream. Half of the first are corrected, and some withdrawn then."""
    chance, stream = Random(seed), world.vendor.tallies.id
    first = tallies_of(chance, [JANUARY + number * MINUTE for number in range(720)])
    second = tallies_of(chance, [JANUARY + 10 * number * MINUTE for number in range(72)])
    corrected = [
        replace(each, good=each.total) if each.good < each.total else replace(each, total=each.total + 1)
        for each in first[360:]
    ]
    gone = set(chance.sample([each.start for each in corrected], 150))
    async with world.open() as work:
        [other] = await work.streams.obtain([world.stream(world.success, world.vendor.service, "second")])
        assert not await work.measurements.add_tallies([columns(stream, first), columns(other.id, second)])
        assert not await work.measurements.add_tallies([columns(stream, corrected, revision=2)])
        assert not await work.measurements.withdraw(stream, sorted(gone), 2)
    return [stream, other.id], [*first[:360], *(each for each in corrected if each.start not in gone), *second]


async def some_samples(world: World, values: Sequence[int]) -> tuple[StreamId, list[Sample]]:
    """One a minute; every third is corrected to its double, and every sixth of the whole withdrawn then."""
    known = [Sample(JANUARY + number * MINUTE, value) for number, value in enumerate(values)]
    doubled = [Sample(each.at, each.value // 2) for each in known[::3] if each.value // 2 != each.value]
    gone = {each.at for each in doubled[::2]}
    async with world.open() as work:
        [stream] = await work.streams.obtain([world.stream(world.latency, world.vendor.service)])
        for revision, samples in ((1, known), (2, doubled)):
            added = SampleColumns(
                stream=stream.id,
                instants=[each.at for each in samples],
                values=[each.value for each in samples],
                originals=[None] * len(samples),
                revision=revision,
            )
            assert not await work.measurements.add_samples([added])
        assert not await work.measurements.withdraw(stream.id, sorted(gone), 2)
    latest = {each.at: each for each in (*known, *doubled)}
    return stream.id, [each for at, each in latest.items() if at not in gone]


def values_of(seed: int, count: int) -> list[int]:
    """Small ones, of which many are alike, and ones of every size and sign."""
    chance = Random(seed)
    return [
        chance.choice((chance.randint(-5, 300), chance.randint(0, COUNT_MAX) >> chance.randint(0, 53)))
        * chance.choice((1, 1, -1))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_slices_of_tallies_are_those_that_the_domain_counts(world: World, seed: int) -> None:
    streams, tallies = await some_tallies(world, seed)
    async with world.open() as work:
        found = await work.distributions.tally_slices(
            [SlicesWanted(streams=streams, spans=SPANS, rule=rule) for rule in RULES]
        )
    assert found == [tally_slices(tallies, SPANS, rule) for rule in RULES]
    assert all(each.reported > each.idle > 0 for each in found[1:3])


async def test_slices_of_samples_are_those_that_the_domain_counts(world: World) -> None:
    stream, samples = await some_samples(world, values_of(1, 720))
    rules = [
        SliceRule(length=length, level=Ratio(level, 3), direction=direction)
        for length in (FIVE, HOUR)
        for level in (-7, 300, 10**12)
        for direction in Direction
    ]
    async with world.open() as work:
        found = await work.distributions.sample_slices(
            [SlicesWanted(streams=[stream], spans=SPANS, rule=rule) for rule in rules]
        )
    assert found == [sample_slices(samples, SPANS, rule) for rule in rules]


async def test_the_halves_of_a_trillionth_go_to_the_even_side_in_the_database_too(world: World) -> None:
    halves = [
        Tally(JANUARY + place * HOUR, JANUARY + place * HOUR + MINUTE, good, 2 * WHOLE)
        for place, good in enumerate((1, 3, 5, 4))
    ]
    async with world.open() as work:
        assert not await work.measurements.add_tallies([columns(world.vendor.tallies.id, halves)])
        [found] = await work.distributions.tally_slices(
            [SlicesWanted(streams=[world.vendor.tallies.id], spans=[Span(JANUARY, JANUARY + DAY)], rule=RULES[0])]
        )
    assert found == SliceTotals(reported=4, ratios=0 + 2 + 2 + 2, points=4)


@pytest.mark.parametrize("percentile", ["0.000001", "7", "50", "95", "99.9", "100"])
async def test_ranks_and_histograms_are_those_of_sorting(world: World, percentile: str) -> None:
    stream, samples = await some_samples(world, values_of(2, 720))
    inside = [each for each in samples if within(each.at, SPANS)]
    values = sorted(each.value for each in inside)
    cells = cells_of((each.at for each in inside), QUARTER)
    wanted = [
        RanksWanted(streams=[stream], spans=SPANS, percentile=Decimal(percentile), grid=QUARTER),
        RanksWanted(streams=[stream], spans=[], percentile=Decimal(percentile), grid=QUARTER),
    ]
    async with world.open() as work:
        ranked = await work.distributions.ranked(wanted)
        histograms = await work.distributions.histograms(wanted)
    exact = values[nearest_rank(Decimal(percentile), len(values)) - 1]
    assert ranked == [SampleBounds(points=len(values), low=exact, high=exact, cells=cells), SampleBounds()]
    assert histograms == [
        HistogramRead(histogram=Histogram.of(values), cells=cells),
        HistogramRead(histogram=Histogram({}), cells=0),
    ]


async def test_what_another_party_measured_is_not_read(world: World) -> None:
    streams, _ = await some_tallies(world, 4)
    everything = SlicesWanted(streams=streams, spans=SPANS, rule=RULES[0])
    async with world.open(world.as_party(world.rival.party.id)) as work:
        assert await work.distributions.tally_slices([everything]) == [SliceTotals()]
        assert await work.distributions.tally_slices([]) == []

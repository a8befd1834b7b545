"""Law 1 and 2 for points: added once, corrected by a next revision, never lost and never silently changed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.columns import Clash, SampleColumns, TallyColumns, TotalsWanted
from domain.fact import SampleTotals, TallyTotals
from domain.ids import StreamId
from domain.spans import Span
from domain.stream import Stream
from tests.persistence.world import JANUARY, MINUTES, NOW, World, month, tallies

ALWAYS = Span(JANUARY, NOW)


async def add(world: World, *columns: TallyColumns) -> Sequence[Clash]:
    async with world.open() as work:
        return await work.measurements.add_tallies(columns)


async def totals(world: World, streams: Sequence[StreamId], *spans: Span) -> TallyTotals:
    async with world.open() as work:
        [found] = await work.measurements.tally_totals([TotalsWanted(streams=streams, spans=spans)])
    return found


async def latency_stream(world: World) -> Stream:
    async with world.open() as work:
        [stream] = await work.streams.obtain([world.stream(world.latency, world.vendor.service)])
    return stream


def samples(stream: Stream, values: Sequence[int], *, start: datetime = JANUARY, revision: int = 1) -> SampleColumns:
    return SampleColumns(
        stream=stream.id,
        instants=[start + number * MINUTES for number in range(len(values))],
        values=values,
        originals=["1.5"] + [None] * (len(values) - 1),
        revision=revision,
    )


async def test_tallies_are_added_and_totalled(world: World) -> None:
    stream = world.vendor.tallies
    assert await add(world, tallies(stream, JANUARY, 300, good=2, total=3)) == []
    assert await totals(world, [stream.id], ALWAYS) == TallyTotals(good=600, total=900, points=300)
    # Each belongs to its start; spans are half-open.
    assert await totals(world, [stream.id], Span(JANUARY + MINUTES, JANUARY + 3 * MINUTES)) == TallyTotals(
        good=4, total=6, points=2
    )
    assert await totals(world, [world.rival.tallies.id], ALWAYS) == TallyTotals()
    assert await totals(world, [stream.id]) == TallyTotals()
    assert await totals(world, [], ALWAYS) == TallyTotals()


async def test_totals_of_many_are_told_in_order(world: World) -> None:
    one, two = world.vendor.tallies, world.rival.tallies
    await add(world, tallies(one, JANUARY, 4, good=1), tallies(two, JANUARY, 4, good=2))
    first, second = Span(JANUARY, JANUARY + MINUTES), Span(JANUARY + 2 * MINUTES, JANUARY + 4 * MINUTES)
    wanted = [
        TotalsWanted(streams=[two.id], spans=[first, second]),
        TotalsWanted(streams=[one.id], spans=[]),
        TotalsWanted(streams=[one.id, two.id], spans=[second]),
        TotalsWanted(streams=[one.id], spans=[second]),
    ]
    async with world.open() as work:
        found = await work.measurements.tally_totals(wanted)
        assert await work.measurements.tally_totals([]) == []
    assert [(each.good, each.points) for each in found] == [(6, 3), (0, 0), (6, 4), (2, 2)]


async def test_the_same_points_again_are_duplicates(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 3)
    await add(world, sent)
    more = tallies(world.vendor.tallies, JANUARY, 5)
    assert await add(world, more) == [Clash(column=0, index=index, latest=1, same=True) for index in range(3)]
    assert (await totals(world, [sent.stream], ALWAYS)).points == 5


async def test_other_content_without_a_revision_clashes_and_changes_nothing(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 3)
    await add(world, sent)
    for other in (
        replace(sent, good=[9, 8, 9]),
        replace(sent, total=[10, 11, 10]),
        replace(sent, ends=[sent.ends[0], sent.ends[1] - timedelta(seconds=1), sent.ends[2]]),
    ):
        clashes = await add(world, other)
        assert [(each.index, each.same) for each in clashes] == [(0, True), (1, False), (2, True)]
    assert await totals(world, [sent.stream], ALWAYS) == TallyTotals(good=27, total=30, points=3)


async def test_a_correction_counts_instead_of_what_it_replaces(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 3)
    await add(world, sent)
    corrected = replace(sent, starts=sent.starts[:2], ends=sent.ends[:2], good=[1, 1], total=[20, 20], revision=2)
    assert await add(world, corrected) == []
    assert await totals(world, [sent.stream], ALWAYS) == TallyTotals(good=11, total=50, points=3)
    # Again it is a duplicate; with a revision that is not the next one it clashes.
    assert {each.same for each in await add(world, corrected)} == {True}
    assert [(each.latest, each.same) for each in await add(world, replace(corrected, revision=4))] == [(2, True)] * 2
    assert [(each.latest, each.same) for each in await add(world, replace(corrected, good=[2, 2]))] == [(2, False)] * 2
    unknown = tallies(world.vendor.tallies, JANUARY + timedelta(days=9), 1, revision=2)
    assert await add(world, unknown) == [Clash(column=0, index=0, latest=0, same=False)]


async def test_a_batch_may_mix_streams_revisions_and_order(world: World) -> None:
    one, two = world.vendor.tallies, world.rival.tallies
    await add(world, tallies(one, JANUARY, 2))
    shuffled = tallies(two, JANUARY, 50, good=3)
    order = list(range(50))
    random.Random(7).shuffle(order)
    mixed = _some(shuffled, order)
    clashes = await add(world, mixed, tallies(one, JANUARY, 1, good=5, revision=2), tallies(one, JANUARY + MINUTES, 2))
    assert clashes == [Clash(column=2, index=0, latest=1, same=True)]
    assert await totals(world, [one.id], ALWAYS) == TallyTotals(good=23, total=30, points=3)
    assert await totals(world, [two.id], ALWAYS) == TallyTotals(good=150, total=500, points=50)
    # Out of order alone, all new.
    day = timedelta(days=1)
    later = replace(mixed, starts=[each + day for each in mixed.starts], ends=[each + day for each in mixed.ends])
    assert await add(world, later) == []


async def test_a_point_that_comes_twice_in_a_batch_is_told_once(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 1)
    assert await add(world, sent, sent, replace(sent, good=[1])) == [
        Clash(column=1, index=0, latest=1, same=True),
        Clash(column=2, index=0, latest=1, same=False),
    ]


async def test_withdrawn_points_count_no_longer_and_can_come_back(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 3)
    await add(world, sent)
    instants = [*sent.starts[:2], JANUARY - MINUTES, sent.starts[0]]
    async with world.open() as work:
        assert await work.measurements.withdraw(sent.stream, instants, 1) == [
            Clash(column=0, index=2, latest=0, same=False),
            Clash(column=0, index=3, latest=2, same=True),
        ]
    assert await totals(world, [sent.stream], ALWAYS) == TallyTotals(good=9, total=10, points=1)
    async with world.open() as work:
        again = await work.measurements.withdraw(sent.stream, sent.starts, 1)
        assert again == [Clash(column=0, index=index, latest=2, same=True) for index in range(2)]
        assert await work.measurements.withdraw(sent.stream, sent.starts[:1], 2) == [
            Clash(column=0, index=0, latest=2, same=True)
        ]
    assert await totals(world, [sent.stream], ALWAYS) == TallyTotals()
    assert await add(world, replace(sent, revision=3)) == []
    assert (await totals(world, [sent.stream], ALWAYS)).points == 3


async def test_samples_are_added_corrected_withdrawn_and_totalled(world: World) -> None:
    stream = await latency_stream(world)
    wanted = [TotalsWanted(streams=[stream.id], spans=[ALWAYS])]
    sent = samples(stream, [5, -7, 2**53 - 1])
    async with world.open() as work:
        assert await work.measurements.add_samples([sent]) == []
        found = await work.measurements.sample_totals(wanted)
        assert found == [SampleTotals(points=3, sum=2**53 - 3, minimum=-7, maximum=2**53 - 1)]
        assert {each.same for each in await work.measurements.add_samples([sent])} == {True}
        others = [replace(sent, values=[6, -7, 2**53 - 1]), replace(sent, originals=["1.6", None, None])]
        for other in others:
            assert [each.same for each in await work.measurements.add_samples([other])] == [False, True, True]
        assert await work.measurements.add_samples([samples(stream, [8], revision=2)]) == []
        assert await work.measurements.withdraw(stream.id, [sent.instants[2]], 1) == []
        assert await work.measurements.sample_totals(wanted) == [SampleTotals(points=2, sum=1, minimum=-7, maximum=8)]
        nothing = await work.measurements.sample_totals([TotalsWanted(streams=[stream.id], spans=[month(3)])])
        assert nothing == [SampleTotals()]


async def test_one_of_two_corrections_at_once_wins_and_the_other_is_told(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 1)
    await add(world, sent)
    answers = await asyncio.gather(*(add(world, replace(sent, good=[good], revision=2)) for good in range(8)))
    assert sorted(len(clashes) for clashes in answers) == [0, *[1] * 7]
    assert {clash for clashes in answers for clash in clashes} == {Clash(column=0, index=0, latest=2, same=False)}


async def test_overlapping_batches_in_any_order_at_once_never_wait_in_a_circle(world: World) -> None:
    """Sorted before they are written. Unsorted ones deadlocked."""
    columns = [tallies(stream, JANUARY, 400) for stream in (world.vendor.tallies, world.rival.tallies)]

    async def one(seed: int) -> int:
        chance = random.Random(seed)
        clashes = 0
        for _ in range(3):
            sent = [_some(each, chance.sample(range(400), 300)) for each in columns]
            clashes += len(await add(world, *chance.sample(sent, 2)))
        return clashes

    clashes = await asyncio.wait_for(asyncio.gather(*(one(seed) for seed in range(8))), 60)
    streams = [each.stream for each in columns]
    points = (await totals(world, streams, ALWAYS)).points
    assert points + sum(clashes) == 8 * 3 * 600


def _some(columns: TallyColumns, order: Sequence[int]) -> TallyColumns:
    return replace(
        columns,
        starts=[columns.starts[index] for index in order],
        ends=[columns.ends[index] for index in order],
        good=[columns.good[index] for index in order],
        total=[columns.total[index] for index in order],
    )


async def test_a_batch_that_fails_leaves_nothing(world: World) -> None:
    sent = tallies(world.vendor.tallies, JANUARY, 3)
    await world.settled()

    async def failing() -> None:
        async with world.open() as work:
            await work.measurements.add_tallies([sent])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await totals(world, [sent.stream], ALWAYS) == TallyTotals()
    assert await claim_marks(world) == 0


async def test_duplicates_mark_nothing_and_new_points_each_month_once(world: World) -> None:
    sent = tallies(world.vendor.tallies, month(1).end - 2 * MINUTES, 4)
    await world.settled()
    await add(world, sent)
    assert await claim_marks(world) == 2
    await add(world, sent)
    assert await claim_marks(world) == 0
    await add(world, tallies(world.vendor.tallies, month(1).end - 2 * MINUTES, 5))
    assert await claim_marks(world) == 1


async def claim_marks(world: World) -> int:
    async with world.open() as work:
        return (await work.marks.claim(NOW, 1000)).marks

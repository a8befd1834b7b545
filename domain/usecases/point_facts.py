"""The facts of periods that are judged on tallies or samples: each kind of them in one read, for all periods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.columns import RanksWanted, SlicesWanted, TotalsWanted
from domain.fact import SampleBounds
from domain.history_ports import Known
from domain.ids import PeriodId, StreamId
from domain.metric import Aggregation, Metric, Shape
from domain.points import PointFacts, bounds_of
from domain.slices import rule_of
from domain.spans import Span

W = TypeVar("W")
F = TypeVar("F", bound=PointFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsAsked:
    """`spans`: the allowed time so far, disjoint and sorted. `ended`: the period has, so that a percentile is exact."""

    period: PeriodId
    metric: Metric
    streams: Sequence[StreamId]
    spans: Sequence[Span]
    ended: bool


async def point_facts(work: Known, asked: Sequence[PointsAsked]) -> dict[PeriodId, PointFacts]:
    """Of those whose metric is of tallies or samples; the others are left out."""
    tallies = [each for each in asked if each.metric.shape is Shape.TALLY]
    samples = [each for each in asked if each.metric.shape is Shape.SAMPLE]
    ranks = [each for each in samples if each.metric.aggregation is Aggregation.PERCENTILE]
    plain = [each for each in samples if not _sliced(each) and each.metric.aggregation is not Aggregation.PERCENTILE]
    measured, sliced = work.measurements, work.distributions
    return {
        **await _read([each for each in tallies if not _sliced(each)], _totals, measured.tally_totals),
        **await _read([each for each in tallies if _sliced(each)], _slices, sliced.tally_slices),
        **await _read(plain, _totals, measured.sample_totals),
        **await _read([each for each in samples if _sliced(each)], _slices, sliced.sample_slices),
        **await _read([each for each in ranks if each.ended], _ranks, sliced.ranked),
        **await _running_percentiles(work, [each for each in ranks if not each.ended]),
    }


async def _read(
    asked: Sequence[PointsAsked],
    wanted: Callable[[PointsAsked], W],
    read: Callable[[Sequence[W]], Awaitable[Sequence[F]]],
) -> dict[PeriodId, PointFacts]:
    if not asked:
        return {}
    found = await read([wanted(each) for each in asked])
    return {each.period: facts for each, facts in zip(asked, found, strict=True)}


async def _running_percentiles(work: Known, asked: Sequence[PointsAsked]) -> dict[PeriodId, SampleBounds]:
    if not asked:
        return {}
    found = await work.distributions.histograms([_ranks(each) for each in asked])
    return {
        each.period: bounds_of(read.histogram, each.metric, cells=read.cells)
        for each, read in zip(asked, found, strict=True)
    }


def _sliced(asked: PointsAsked) -> bool:
    return asked.metric.aggregation.is_sliced


def _totals(asked: PointsAsked) -> TotalsWanted:
    return TotalsWanted(streams=asked.streams, spans=asked.spans, grid=asked.metric.grid)


def _slices(asked: PointsAsked) -> SlicesWanted:
    return SlicesWanted(streams=asked.streams, spans=asked.spans, rule=rule_of(asked.metric))


def _ranks(asked: PointsAsked) -> RanksWanted:
    assert asked.metric.percentile is not None, f"{asked.metric.aggregation.value} is no percentile"
    return RanksWanted(
        streams=asked.streams, spans=asked.spans, percentile=asked.metric.percentile, grid=asked.metric.grid
    )

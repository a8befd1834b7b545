"""Tallies and samples brought to what their metric's aggregation is judged by, all within the time that counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.fact import Sample, SampleBounds, SampleTotals, Tally, TallyTotals
from domain.histogram import Histogram, nearest_rank
from domain.metric import Aggregation, Metric
from domain.slices import SliceTotals, rule_of, sample_slices, tally_slices
from domain.spans import Span
from domain.totals import cells_of, sample_totals, tally_totals, within

PointFacts = TallyTotals | SampleTotals | SliceTotals | SampleBounds


def tally_facts(tallies: Iterable[Tally], spans: Sequence[Span], metric: Metric) -> PointFacts:
    if metric.aggregation.is_sliced:
        return tally_slices(tallies, spans, rule_of(metric))
    return tally_totals(tallies, spans, metric.grid)


def sample_facts(samples: Iterable[Sample], spans: Sequence[Span], metric: Metric, *, ended: bool) -> PointFacts:
    """`ended`: the period has, so that a percentile is exact."""
    if metric.aggregation.is_sliced:
        return sample_slices(samples, spans, rule_of(metric))
    if metric.aggregation is not Aggregation.PERCENTILE:
        return sample_totals(samples, spans, metric.grid)
    inside = [sample for sample in samples if within(sample.at, spans)]
    cells = cells_of((sample.at for sample in inside), metric.grid)
    values = sorted(sample.value for sample in inside)
    if not ended:
        return bounds_of(Histogram.of(values), metric, cells=cells)
    return exact_bounds(values, metric, cells=cells)


def bounds_of(histogram: Histogram, metric: Metric, *, cells: int) -> SampleBounds:
    """The percentile's bounds, as a running period tells them."""
    if not histogram.points or metric.percentile is None:
        return SampleBounds()
    low, high = histogram.bounds(nearest_rank(metric.percentile, histogram.points))
    return SampleBounds(points=histogram.points, low=low, high=high, cells=cells)


def exact_bounds(ordered: Sequence[int], metric: Metric, *, cells: int) -> SampleBounds:
    if not ordered or metric.percentile is None:
        return SampleBounds()
    value = ordered[nearest_rank(metric.percentile, len(ordered)) - 1]
    return SampleBounds(points=len(ordered), low=value, high=value, cells=cells)

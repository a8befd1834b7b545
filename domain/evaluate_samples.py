"""Verdicts on samples: one value of many."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.agreement import Period
from domain.allowed import excluded_us
from domain.attainment import Attainment, SampleEvidence, Status, Subject
from domain.due import end_or_final
from domain.fact import SampleTotals
from domain.metric import Aggregation
from domain.ratio import Direction, Ratio
from domain.spans import Span, total_us
from domain.totals import coverage_of
from domain.verdict import attainment, covered_status, level_status


def judge_samples(
    subject: Subject, totals: SampleTotals, period: Period, at: datetime, allowed: tuple[Span, ...]
) -> Attainment:
    evidence = SampleEvidence(
        allowed_us=total_us(allowed),
        excluded_us=excluded_us(period, at, allowed),
        points=totals.points,
        sum=totals.sum,
        minimum=totals.minimum,
        maximum=totals.maximum,
        scale=subject.metric.scale,
    )
    value = _sample_value(subject.metric.aggregation, totals, 10**subject.metric.scale) if allowed else None
    ended = at >= period.span.end
    coverage = coverage_of(totals.cells, allowed, subject.metric.grid)
    status = covered_status(subject.objective, value, coverage, ended=ended)
    if value is not None and _only_worsens(subject.metric.aggregation, subject.objective.direction):
        status = _with_certain_miss(status, level_status(subject.objective, value))
    return attainment(subject, period, at, status, value, coverage, evidence, end_or_final(subject, period, at))


def _with_certain_miss(status: Status, so_far: Status) -> Status:
    """A miss that no later sample and no missing one could mend is told while the period runs, and where it is held."""
    if so_far is Status.MISSED or (so_far is Status.BELOW_EXPECTED and status is Status.PENDING):
        return so_far
    return status


def _sample_value(aggregation: Aggregation, totals: SampleTotals, unit: int) -> Ratio | None:
    """A sum or count of nothing is 0; a mean or an extreme of nothing is no value."""
    match aggregation:
        case Aggregation.COUNT:
            return Ratio(totals.points, 1)
        case Aggregation.SUM:
            return Ratio(totals.sum, unit)
        case Aggregation.MEAN:
            return Ratio(totals.sum, totals.points * unit) if totals.points else None
        case Aggregation.MINIMUM:
            return None if totals.minimum is None else Ratio(totals.minimum, unit)
        case Aggregation.MAXIMUM:
            return None if totals.maximum is None else Ratio(totals.maximum, unit)
        case (
            Aggregation.AVAILABILITY
            | Aggregation.RATIO_OF_SUMS
            | Aggregation.MEAN_OF_SLICES
            | Aggregation.GOOD_SLICES
            | Aggregation.PERCENTILE
            | Aggregation.CASES_WITHIN
        ):
            raise AssertionError(f"{aggregation.value} is not a total of samples")
        case _ as never:
            assert_never(never)


def _only_worsens(aggregation: Aggregation, direction: Direction) -> bool:
    """Whether more samples can never mend a miss: sums and counts (never negative) and maxima against an upper limit,
    minima against a lower one."""
    if direction is Direction.AT_MOST:
        return aggregation in (Aggregation.SUM, Aggregation.COUNT, Aggregation.MAXIMUM)
    return aggregation is Aggregation.MINIMUM

"""Verdicts on a percentile of samples: between bounds while the period runs, exact when it has ended."""

from __future__ import annotations

from datetime import datetime

from domain.agreement import Period
from domain.allowed import excluded_us
from domain.attainment import Attainment, PercentileEvidence, Subject
from domain.due import end_or_final
from domain.fact import SampleBounds
from domain.objective import Objective
from domain.ratio import Ratio
from domain.spans import Span, total_us
from domain.totals import coverage_of
from domain.verdict import attainment, covered_status, level_status


def judge_percentile(
    subject: Subject, bounds: SampleBounds, period: Period, at: datetime, allowed: tuple[Span, ...]
) -> Attainment:
    metric, objective = subject.metric, subject.objective
    assert metric.percentile is not None, f"{metric.aggregation.value} is no percentile"
    ended = at >= period.span.end
    low, high = (None if each is None else Ratio(each, 10**metric.scale) for each in (bounds.low, bounds.high))
    value = low if low == high else None
    assert not ended or value == low, "at the end the percentile is read exactly"
    evidence = PercentileEvidence(
        allowed_us=total_us(allowed),
        excluded_us=excluded_us(period, at, allowed),
        percentile=metric.percentile,
        points=bounds.points,
        low=bounds.low,
        high=bounds.high,
        undecided=_undecided(objective, low, high),
        scale=metric.scale,
    )
    coverage = coverage_of(bounds.cells, allowed, metric.grid)
    status = covered_status(objective, value, coverage, ended=ended)
    return attainment(subject, period, at, status, value, coverage, evidence, end_or_final(subject, period, at))


def _undecided(objective: Objective, low: Ratio | None, high: Ratio | None) -> bool:
    return low is not None and high is not None and level_status(objective, low) is not level_status(objective, high)

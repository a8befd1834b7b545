"""Verdicts on tallies: good of total."""

from __future__ import annotations

from datetime import datetime

from domain.agreement import Period
from domain.allowed import excluded_us
from domain.attainment import Attainment, CountEvidence, Subject
from domain.due import end_or_final
from domain.fact import TallyTotals
from domain.ratio import Ratio
from domain.spans import Span, total_us
from domain.totals import coverage_of
from domain.verdict import attainment, covered_status, tolerant_status


def judge_tallies(
    subject: Subject, totals: TallyTotals, period: Period, at: datetime, allowed: tuple[Span, ...]
) -> Attainment:
    evidence = CountEvidence(
        allowed_us=total_us(allowed),
        excluded_us=excluded_us(period, at, allowed),
        good=totals.good,
        total=totals.total,
        points=totals.points,
    )
    value = Ratio(totals.good, totals.total) if totals.total else None
    coverage = coverage_of(totals.cells, allowed, subject.metric.grid)
    status = covered_status(subject.objective, value, coverage, ended=at >= period.span.end)
    status = tolerant_status(subject.objective, status, totals.good, totals.total)
    return attainment(subject, period, at, status, value, coverage, evidence, end_or_final(subject, period, at))

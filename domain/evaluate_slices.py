"""Verdicts on slices: the mean of their ratios, or the share of good ones (rules.md, Slices)."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.agreement import Period
from domain.allowed import AllowedTime, so_far
from domain.attainment import Attainment, SliceEvidence, Subject
from domain.due import end_or_final
from domain.metric import Aggregation
from domain.objective import Missing
from domain.ratio import Ratio
from domain.slices import WHOLE, SliceTotals, rule_of
from domain.spans import microseconds, total_us
from domain.totals import cells_touched
from domain.verdict import attainment, covered_status


def judge_slices(
    subject: Subject,
    totals: SliceTotals,
    allowed: AllowedTime,
    period: Period,
    at: datetime,
) -> Attainment:
    rule = rule_of(subject.metric)
    counted = so_far(allowed.counted, at)
    slices = cells_touched(counted, rule.length)
    silent = slices - totals.reported
    assert silent >= 0, "a slice that has a point in the allowed time shares an instant with it"
    mean = subject.metric.aggregation is Aggregation.MEAN_OF_SLICES
    value = (_mean if mean else _share)(totals, silent, subject.objective.missing)
    evidence = SliceEvidence(
        allowed_us=total_us(counted),
        excluded_us=0,
        slice_us=microseconds(rule.length),
        slices=slices,
        slices_total=cells_touched(allowed.counted, rule.length),
        reported=totals.reported,
        idle=totals.idle,
        good=None if mean else totals.good,
        counted=0 if value is None else value.denominator // (WHOLE if mean else 1),
        bad=0 if value is None else (value.denominator - value.numerator) * (1 if mean else WHOLE),
        points=totals.points,
    )
    coverage = Ratio(totals.reported, slices) if slices else None
    status = covered_status(subject.objective, value, coverage, ended=at >= period.span.end)
    return attainment(subject, period, at, status, value, coverage, evidence, end_or_final(subject, period, at))


def _mean(totals: SliceTotals, silent: int, missing: Missing) -> Ratio | None:
    """A slice without total counts as good, and so does one that nobody reported on, unless the objective says else.

    Where no slice has any total there is nothing to judge (rules.md, Degenerate values), but for what the terms say.
    """
    if totals.reported == totals.idle and missing in (Missing.HOLD, Missing.EXCLUDED):
        return None
    counted, good = _silence(silent, Missing.GOOD if missing is Missing.HOLD else missing)
    whole = totals.reported + counted
    return Ratio(totals.ratios + (totals.idle + good) * WHOLE, whole * WHOLE) if whole else None


def _share(totals: SliceTotals, silent: int, missing: Missing) -> Ratio | None:
    """A slice without total is left out, and so is one that nobody reported on, unless the objective says else."""
    counted, good = _silence(silent, Missing.EXCLUDED if missing is Missing.HOLD else missing)
    whole = totals.reported - totals.idle + counted
    return Ratio(totals.good + good, whole) if whole else None


def _silence(silent: int, missing: Missing) -> tuple[int, int]:
    """Of the slices that nobody reported on: how many count, and how many of these as good."""
    match missing:
        case Missing.GOOD:
            return silent, silent
        case Missing.BAD:
            return silent, 0
        case Missing.EXCLUDED | Missing.HOLD:
            return 0, 0
        case _ as never:
            assert_never(never)

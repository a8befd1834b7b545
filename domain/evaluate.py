"""The judge: `evaluate(subject, facts, exclusions, period, at) -> Attainment`, a pure function of facts and terms.

Rules: rules.md, Exactness, Time down, Degenerate values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.agreement import Period
from domain.allowed import AllowedTime, allowed_time, set_aside, so_far
from domain.attainment import Attainment, Subject
from domain.evaluate_cases import CaseFacts, judge_cases
from domain.evaluate_counts import judge_tallies
from domain.evaluate_percentile import judge_percentile
from domain.evaluate_samples import judge_samples
from domain.evaluate_slices import judge_slices
from domain.evaluate_time import judge_time
from domain.exclusion import Exclusion
from domain.fact import SampleBounds, SampleTotals, TallyTotals
from domain.outage_time import OutageFacts
from domain.slices import SliceTotals

Facts = OutageFacts | TallyTotals | SampleTotals | SliceTotals | SampleBounds | CaseFacts


def evaluate(
    subject: Subject, facts: Facts, exclusions: Sequence[Exclusion], period: Period, at: datetime
) -> Attainment:
    """Judge one period on the facts as known, counting time up to `min(at, end)`.

    Totals of tallies and samples are those inside `counted_spans`. Before the end a miss is told only where nothing
    that can still happen would mend it.
    """
    allowed = allowed_time(subject, exclusions, period)
    judged = _judged(subject, facts, allowed, period, at)
    aside = set_aside(allowed, period, at)
    # What is set aside is the same whatever the facts are; of what is not open nothing is excluded.
    evidence = replace(judged.evidence, excluded_us=aside.excluded_us)
    return replace(judged, evidence=evidence, set_aside=aside)


def _judged(subject: Subject, facts: Facts, allowed: AllowedTime, period: Period, at: datetime) -> Attainment:
    counted = so_far(allowed.counted, at)
    match facts:
        case OutageFacts():
            return judge_time(subject, facts, allowed, period, at)
        case TallyTotals():
            return judge_tallies(subject, facts, period, at, counted)
        case SampleTotals():
            return judge_samples(subject, facts, period, at, counted)
        case SampleBounds():
            return judge_percentile(subject, facts, period, at, counted)
        case CaseFacts():
            return judge_cases(subject, facts, allowed, period, at)
        case SliceTotals():
            return judge_slices(subject, facts, allowed, period, at)
        case _ as never:
            assert_never(never)

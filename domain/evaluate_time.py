"""Availability: the share of the allowed time in which a service was not down (rules.md, Time down)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import assert_never

from domain.agreement import Period
from domain.allowed import AllowedTime, so_far
from domain.attainment import OUTAGES_TOLD_MAX, Attainment, OutageUsed, StateUsed, Status, Subject, TimeEvidence, Use
from domain.due import lasting_since, next_look
from domain.fact import Outage
from domain.objective import Missing, Objective
from domain.outage_time import (
    OutageFacts,
    Record,
    TimeDown,
    clipped,
    lasting,
    records_of,
    time_down,
    weight_of,
    weightless,
)
from domain.ratio import Direction, Ratio
from domain.spans import Span, intersect, subtract, total_us, union
from domain.state import StateRun
from domain.verdict import attainment, level_status


def judge_time(
    subject: Subject,
    facts: OutageFacts,
    allowed: AllowedTime,
    period: Period,
    at: datetime,
) -> Attainment:
    objective = subject.objective
    down = time_down(facts, subject.service, objective, subject.metric, period.span, at)
    evidence = _time_evidence(subject, facts, down, allowed, period, at)
    coverage = _coverage(evidence)
    value = _availability(objective, evidence)
    status = _time_status(objective, evidence, value, coverage, ended=at >= period.span.end)
    since = lasting_since(subject, facts, down, at)
    next_at = next_look(subject, evidence, status, period, at, since=since, allowed=allowed.counted)
    return attainment(subject, period, at, status, value, coverage, evidence, next_at)


def _time_evidence(
    subject: Subject,
    facts: OutageFacts,
    down: TimeDown,
    allowed: AllowedTime,
    period: Period,
    at: datetime,
) -> TimeEvidence:
    passed, serving = so_far((period.span,), at), so_far(allowed.counted, at)
    excluded = so_far([piece.span for piece in allowed.excluded], at)
    down_spans = union(piece.span for piece in down.counted)
    counted = clipped(down.counted, serving)
    units = lcm(*(weight.denominator for weight in subject.metric.weights.values()))
    bad = sum((piece.weight * piece.span.length_us * units for piece in counted), start=Fraction(0))
    idle = subtract(weightless(facts, subject.metric, at), down_spans)
    outages, states = records_used(facts, subject, down, allowed, period, at)
    return TimeEvidence(
        period_us=total_us(passed),
        excluded_us=total_us(excluded),
        allowed_us=total_us(serving),
        allowed_total_us=total_us(allowed.counted),
        down_us=total_us(piece.span for piece in counted),
        excused_us=total_us(intersect(down_spans, excluded)),
        short_us=total_us(intersect(down.short, serving)),
        weightless_us=total_us(intersect(idle, serving)),
        missing_us=total_us(intersect(down.missing, serving)),
        bad_units=_whole(bad),
        units_per_us=units,
        outages=outages[:OUTAGES_TOLD_MAX],
        outages_total=len(outages),
        states=states[:OUTAGES_TOLD_MAX],
        states_total=len(states),
    )


def _whole(value: Fraction) -> int:
    """Badness combines declared weights by minimum and maximum only, so their common denominator clears it."""
    assert value.denominator == 1, "weights are whole in units of their common denominator"
    return value.numerator


def records_used(
    facts: OutageFacts,
    subject: Subject,
    down: TimeDown,
    allowed: AllowedTime,
    period: Period,
    at: datetime,
) -> tuple[tuple[OutageUsed, ...], tuple[StateUsed, ...]]:
    """What became of each record that touches the period so far, in order of time."""
    passed = so_far((period.span,), at)
    counted = intersect(union(piece.span for piece in down.counted), passed)
    counted_allowed, counted_open = intersect(counted, allowed.counted), intersect(counted, allowed.open)

    def use_of(record: Record, span: Span) -> Use:
        if weight_of(record, subject.metric) == 0:
            return Use.WEIGHTLESS
        if _reaches(span, counted_allowed):
            return Use.COUNTED
        if _reaches(span, counted):
            return Use.EXCUSED if _reaches(span, counted_open) else Use.CLOSED
        return Use.TOO_SHORT if _reaches(span, down.short) else Use.NO_EFFECT

    outages: list[tuple[datetime, OutageUsed]] = []
    states: list[StateUsed] = []
    for log in facts.all_logs():
        for record in records_of(log):
            span = lasting(record, at)
            if span is None or not _reaches(span, passed):
                continue
            use = use_of(record, span)
            match record:
                case Outage(external_id=name, revision=revision):
                    told = OutageUsed(stream=log.stream, external_id=name, revision=revision, use=use)
                    outages.append((record.start, told))
                case StateRun(state=state, start=start):
                    states.append(StateUsed(stream=log.stream, state=state, since=start, use=use))
                case _ as never:
                    assert_never(never)
    outages.sort(key=lambda pair: (pair[0], pair[1].stream, pair[1].external_id))
    states.sort(key=lambda used: (used.since, used.stream))
    return tuple(told for _, told in outages), tuple(states)


def _reaches(span: Span, others: Sequence[Span]) -> bool:
    """Whether it shares an instant with any of the others, which are disjoint and sorted. Logarithmic."""
    after = bisect_right(others, span.start, key=lambda other: other.end)
    return after < len(others) and others[after].start < span.end


def _coverage(evidence: TimeEvidence) -> Ratio | None:
    if evidence.allowed_us == 0:
        return None
    return Ratio(evidence.allowed_us - evidence.missing_us, evidence.allowed_us)


def _availability(objective: Objective, evidence: TimeEvidence) -> Ratio | None:
    bad, allowed = evidence.bad_units, evidence.allowed_us
    match objective.missing:
        case Missing.GOOD:
            pass
        case Missing.BAD:
            bad += evidence.missing_us * evidence.units_per_us
        case Missing.HOLD | Missing.EXCLUDED:
            allowed -= evidence.missing_us
        case _ as never:
            assert_never(never)
    if allowed == 0:
        return None
    whole = allowed * evidence.units_per_us
    return Ratio(whole - bad, whole)


def _time_status(
    objective: Objective, evidence: TimeEvidence, value: Ratio | None, coverage: Ratio | None, *, ended: bool
) -> Status:
    """A miss is certain where even an unbroken and fully reported rest would leave it one."""
    if evidence.allowed_total_us == 0:
        return Status.NOT_APPLICABLE
    whole = evidence.allowed_total_us * evidence.units_per_us
    at_best = Ratio(whole - evidence.bad_units, whole)
    if not at_best.meets(objective.breach_level, objective.direction):
        return Status.MISSED
    if not ended:
        return Status.PENDING if at_best.meets(objective.expected, objective.direction) else Status.BELOW_EXPECTED
    if coverage is None:
        return Status.NOT_APPLICABLE
    if not coverage.meets(objective.coverage_needed, Direction.AT_LEAST):
        return Status.HELD
    return Status.NOT_APPLICABLE if value is None else level_status(objective, value)

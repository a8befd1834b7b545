"""The judge: `evaluate(subject, facts, exclusions, period, at) -> Attainment`, a pure function of facts and terms.

Rules: rules.md, Exactness, Time down, Degenerate values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import assert_never

from domain.agreement import Period
from domain.attainment import (
    OUTAGES_TOLD_MAX,
    Attainment,
    CountEvidence,
    Evidence,
    OutageUsed,
    SampleEvidence,
    Status,
    Subject,
    TimeEvidence,
    Use,
    phase_at,
)
from domain.due import end_or_final, lasting_since, next_look
from domain.exclusion import Exclusion
from domain.fact import Sample, SampleTotals, Tally, TallyTotals
from domain.metric import Aggregation
from domain.objective import Missing, Objective
from domain.outage_time import OutageFacts, TimeDown, clipped, lasting, time_down, weightless
from domain.ratio import Direction, Ratio
from domain.spans import Span, intersect, microseconds, subtract, total_us, union

Facts = OutageFacts | TallyTotals | SampleTotals


def evaluate(
    subject: Subject, facts: Facts, exclusions: Sequence[Exclusion], period: Period, at: datetime
) -> Attainment:
    """Judge one period on the facts as known, counting time up to `min(at, end)`.

    Totals of tallies and samples are those inside `counted_spans`. Before the end a miss is told only where nothing
    that can still happen would mend it.
    """
    allowed = counted_spans(subject, exclusions, period, at)
    match facts:
        case OutageFacts():
            return _judge_time(subject, facts, exclusions, period, at, allowed)
        case TallyTotals():
            return _judge_tallies(subject, facts, period, at, allowed)
        case SampleTotals():
            return _judge_samples(subject, facts, period, at, allowed)
        case _ as never:
            assert_never(never)


def counted_spans(subject: Subject, exclusions: Sequence[Exclusion], period: Period, at: datetime) -> tuple[Span, ...]:
    """The allowed time of the period so far: disjoint, sorted, exclusions taken out."""
    until = min(at, period.span.end)
    if until <= period.span.start:
        return ()
    return subtract((Span(period.span.start, until),), _excluded(subject, exclusions))


def tally_totals(tallies: Iterable[Tally], spans: Sequence[Span]) -> TallyTotals:
    """Each tally belongs to its start. The spans are disjoint and sorted, as `counted_spans` gives them."""
    inside = [tally for tally in tallies if _inside(tally.start, spans)]
    return TallyTotals(
        good=sum(tally.good for tally in inside), total=sum(tally.total for tally in inside), points=len(inside)
    )


def sample_totals(samples: Iterable[Sample], spans: Sequence[Span]) -> SampleTotals:
    """The spans are disjoint and sorted, as `counted_spans` gives them."""
    inside = [sample.value for sample in samples if _inside(sample.at, spans)]
    return SampleTotals(
        points=len(inside),
        sum=sum(inside),
        minimum=min(inside, default=None),
        maximum=max(inside, default=None),
    )


def _inside(instant: datetime, spans: Sequence[Span]) -> bool:
    """Logarithmic."""
    after = bisect_right(spans, instant, key=lambda span: span.end)
    return after < len(spans) and spans[after].contains(instant)


def _excluded(subject: Subject, exclusions: Sequence[Exclusion]) -> tuple[Span, ...]:
    return union(
        each.span
        for each in exclusions
        if not each.withdrawn and each.concerns(service=subject.service, agreement=subject.agreement)
    )


def _judge_time(
    subject: Subject,
    facts: OutageFacts,
    exclusions: Sequence[Exclusion],
    period: Period,
    at: datetime,
    allowed: tuple[Span, ...],
) -> Attainment:
    objective = subject.objective
    down = time_down(facts, subject.service, objective, subject.metric, period.span, at)
    excluded = _excluded(subject, exclusions)
    evidence = _time_evidence(subject, facts, down, excluded, period, at, allowed)
    coverage = _coverage(evidence)
    value = _availability(objective, evidence)
    status = _time_status(objective, evidence, value, coverage, ended=at >= period.span.end)
    since = lasting_since(subject, facts, down, at)
    next_at = next_look(subject, evidence, status, period, at, since=since, excluded=excluded)
    return _attainment(subject, period, at, status, value, coverage, evidence, next_at)


def _time_evidence(
    subject: Subject,
    facts: OutageFacts,
    down: TimeDown,
    excluded: tuple[Span, ...],
    period: Period,
    at: datetime,
    allowed: tuple[Span, ...],
) -> TimeEvidence:
    until = min(at, period.span.end)
    so_far = (Span(period.span.start, until),) if until > period.span.start else ()
    down_spans = union(piece.span for piece in down.counted)
    counted = clipped(down.counted, allowed)
    units = lcm(*(weight.denominator for weight in subject.metric.weights.values()))
    bad = sum((piece.weight * piece.span.length_us * units for piece in counted), start=Fraction(0))
    idle = subtract(weightless(facts, subject.metric, at), down_spans)
    used = _outages_used(facts, subject, down, allowed, so_far, at)
    return TimeEvidence(
        period_us=total_us(so_far),
        excluded_us=total_us(so_far) - total_us(allowed),
        allowed_us=total_us(allowed),
        allowed_total_us=total_us(subtract((period.span,), excluded)),
        down_us=total_us(piece.span for piece in counted),
        excused_us=total_us(intersect(intersect(down_spans, so_far), excluded)),
        short_us=total_us(intersect(down.short, allowed)),
        weightless_us=total_us(intersect(idle, allowed)),
        missing_us=total_us(intersect(down.missing, allowed)),
        bad_units=_whole(bad),
        units_per_us=units,
        outages=used[:OUTAGES_TOLD_MAX],
        outages_total=len(used),
    )


def _whole(value: Fraction) -> int:
    """Badness combines declared weights by minimum and maximum only, so their common denominator clears it."""
    assert value.denominator == 1, "weights are whole in units of their common denominator"
    return value.numerator


def _outages_used(
    facts: OutageFacts,
    subject: Subject,
    down: TimeDown,
    allowed: tuple[Span, ...],
    so_far: tuple[Span, ...],
    at: datetime,
) -> tuple[OutageUsed, ...]:
    counted = union(piece.span for piece in down.counted)
    counted_so_far, counted_allowed = intersect(counted, so_far), intersect(counted, allowed)
    used: list[tuple[datetime, OutageUsed]] = []
    for log in facts.all_logs():
        for outage in log.outages:
            span = lasting(outage, at)
            if span is None or not _reaches(span, so_far):
                continue
            if subject.metric.weight(outage.impact) == 0:
                use = Use.WEIGHTLESS
            elif _reaches(span, counted_so_far):
                use = Use.COUNTED if _reaches(span, counted_allowed) else Use.EXCUSED
            else:
                use = Use.TOO_SHORT if _reaches(span, down.short) else Use.NO_EFFECT
            told = OutageUsed(stream=log.stream, external_id=outage.external_id, revision=outage.revision, use=use)
            used.append((outage.start, told))
    used.sort(key=lambda pair: (pair[0], pair[1].stream, pair[1].external_id))
    return tuple(told for _, told in used)


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
    return Status.NOT_APPLICABLE if value is None else _level_status(objective, value)


def _level_status(objective: Objective, value: Ratio) -> Status:
    if not value.meets(objective.breach_level, objective.direction):
        return Status.MISSED
    return Status.MET if value.meets(objective.expected, objective.direction) else Status.BELOW_EXPECTED


def _judge_tallies(
    subject: Subject, totals: TallyTotals, period: Period, at: datetime, allowed: tuple[Span, ...]
) -> Attainment:
    evidence = CountEvidence(
        allowed_us=total_us(allowed),
        excluded_us=_excluded_us(period, at, allowed),
        good=totals.good,
        total=totals.total,
        points=totals.points,
    )
    value = Ratio(totals.good, totals.total) if totals.total else None
    status = _status_at_end(subject.objective, value, ended=at >= period.span.end)
    return _attainment(subject, period, at, status, value, None, evidence, end_or_final(subject, period, at))


def _judge_samples(
    subject: Subject, totals: SampleTotals, period: Period, at: datetime, allowed: tuple[Span, ...]
) -> Attainment:
    evidence = SampleEvidence(
        allowed_us=total_us(allowed),
        excluded_us=_excluded_us(period, at, allowed),
        points=totals.points,
        sum=totals.sum,
        minimum=totals.minimum,
        maximum=totals.maximum,
        scale=subject.metric.scale,
    )
    value = _sample_value(subject.metric.aggregation, totals, 10**subject.metric.scale) if allowed else None
    ended = at >= period.span.end
    status = _status_at_end(subject.objective, value, ended=ended)
    if not ended and value is not None and _only_worsens(subject.metric.aggregation, subject.objective.direction):
        level = _level_status(subject.objective, value)
        status = level if level is not Status.MET else Status.PENDING
    return _attainment(subject, period, at, status, value, None, evidence, end_or_final(subject, period, at))


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
        case Aggregation.AVAILABILITY | Aggregation.RATIO_OF_SUMS:
            raise AssertionError(f"{aggregation.value} is not of samples")
        case _ as never:
            assert_never(never)


def _only_worsens(aggregation: Aggregation, direction: Direction) -> bool:
    """Whether more samples can never mend a miss: sums and counts (never negative) and maxima against an upper limit,
    minima against a lower one."""
    if direction is Direction.AT_MOST:
        return aggregation in (Aggregation.SUM, Aggregation.COUNT, Aggregation.MAXIMUM)
    return aggregation is Aggregation.MINIMUM


def _status_at_end(objective: Objective, value: Ratio | None, *, ended: bool) -> Status:
    if not ended:
        return Status.PENDING
    return Status.NOT_APPLICABLE if value is None else _level_status(objective, value)


def _excluded_us(period: Period, at: datetime, allowed: tuple[Span, ...]) -> int:
    until = min(at, period.span.end)
    return max(0, microseconds(until - period.span.start)) - total_us(allowed)


def _attainment(
    subject: Subject,
    period: Period,
    at: datetime,
    status: Status,
    value: Ratio | None,
    coverage: Ratio | None,
    evidence: Evidence,
    next_at: datetime | None,
) -> Attainment:
    return Attainment(
        objective=subject.objective.id,
        version=subject.version,
        agreement=subject.agreement,
        service=subject.service,
        period=period,
        judged_at=at,
        phase=phase_at(period, subject.grace, at),
        status=status,
        value=value,
        coverage=coverage,
        evidence=evidence,
        next_at=next_at,
    )

"""When time alone may change a verdict: what a worker must look at again without any new fact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from domain.agreement import Period
from domain.attainment import Phase, Status, Subject, TimeEvidence, phase_at
from domain.objective import Granularity
from domain.outage_time import MINUTE, OutageFacts, TimeDown, lasting
from domain.spans import Span, union

RECHECK = timedelta(seconds=1)
"""While an outage lasts, the next look is at least this far ahead."""


def next_look(
    subject: Subject,
    evidence: TimeEvidence,
    status: Status,
    period: Period,
    at: datetime,
    *,
    since: Sequence[datetime],
    excluded: Sequence[Span],
) -> datetime | None:
    """The earliest instant at which time alone may change a verdict on outages; None where it can't.

    `since`: when outages that go on began or will begin. A look that comes too early asks for the next one.
    """
    if at >= period.span.end:
        return _next_after_end(subject, period, at, since=since)
    if not since:
        return end_or_final(subject, period, at)
    if status is Status.MISSED:
        return period.span.end
    candidates = [period.span.end, *since, *(start + subject.objective.minimum_duration for start in since)]
    spent = Fraction(evidence.bad_units, evidence.units_per_us)
    dropped = MINUTE if subject.objective.granularity is Granularity.WHOLE_MINUTES else timedelta(0)
    counts_from = _first_counted(at, excluded)
    for level in (subject.objective.breach_level, subject.objective.expected):
        left = (1 - level.exact) * evidence.allowed_total_us - spent
        if left >= 0:
            candidates.append(counts_from + max(RECHECK, timedelta(microseconds=int(left) + 1) - dropped))
    return min(candidate for candidate in candidates if candidate > at)


def _first_counted(at: datetime, excluded: Sequence[Span]) -> datetime:
    """The first instant from `at` on that no exclusion takes out; those are disjoint, sorted, and do not touch."""
    return next((span.end for span in excluded if span.contains(at)), at)


def _next_after_end(subject: Subject, period: Period, at: datetime, *, since: Sequence[datetime]) -> datetime | None:
    """An outage that outlasts the period may only afterwards become long enough to count in it."""
    final = end_or_final(subject, period, at)
    candidates = [] if final is None else [final]
    for start in since:
        if start >= period.span.end:
            continue
        candidates.append(start + subject.objective.minimum_duration)
        counted_until = start + (at - start) // MINUTE * MINUTE
        if subject.objective.granularity is Granularity.WHOLE_MINUTES and counted_until < period.span.end:
            candidates.append(counted_until + MINUTE)
    return min((candidate for candidate in candidates if candidate > at), default=None)


def lasting_since(subject: Subject, facts: OutageFacts, down: TimeDown, at: datetime) -> list[datetime]:
    """When outages that go on after the instant began or will: each by itself, merged with what it touches, and as
    the service is composed. Empty where none goes on.
    """
    weigh = subject.metric.weight
    bad = [outage for log in facts.all_logs() for outage in log.outages if weigh(outage.impact) > 0]
    alone = [outage.start for outage in bad if outage.end is None or outage.end > at]
    if not alone:
        return []
    merged = union(span for outage in bad if (span := lasting(outage, at)) is not None)
    return alone + [span.start for span in (*merged, *down.short) if span.end >= at]


def end_or_final(subject: Subject, period: Period, at: datetime) -> datetime | None:
    """When time alone may next change the verdict or its phase."""
    match phase_at(period, subject.grace, at):
        case Phase.OPEN:
            return period.span.end
        case Phase.PROVISIONAL:
            return period.span.end + subject.grace
        case _:
            return None

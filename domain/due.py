"""When time alone may change a verdict: what a worker must look at again without any new fact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from domain.agreement import Period
from domain.attainment import Phase, Status, Subject, TimeEvidence, phase_at
from domain.objective import Granularity
from domain.outage_time import MINUTE, OutageFacts, TimeDown, lasting, weight_of
from domain.spans import Span, microseconds, union

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
    allowed: Sequence[Span],
) -> datetime | None:
    """The earliest instant at which time alone may change a verdict on outages; None where it can't.

    `since`: when outages that go on began or will begin. `allowed`: all of the period's time that counts, what is yet
    to come included; only that uses the budget. A look that comes too early asks for the next one.
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
    for level in (subject.objective.breach_level, subject.objective.expected):
        left = (1 - level.exact) * evidence.allowed_total_us - spent
        exceeded = None if left < 0 else _passed(allowed, at, int(left) + 1)
        if exceeded is not None:
            candidates.append(max(_passed(allowed, at, 0) or at, exceeded - dropped - RECHECK) + RECHECK)
    return min(candidate for candidate in candidates if candidate > at)


def _passed(allowed: Sequence[Span], at: datetime, us: int) -> datetime | None:
    """The instant at which so much of the allowed time after `at` has passed; for none, where it goes on. None where
    there is not so much.
    """
    for span in allowed:
        start = max(span.start, at)
        if start < span.end and us <= microseconds(span.end - start):
            return start + timedelta(microseconds=us)
        us -= max(0, microseconds(span.end - start))
    return None


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
    bad = [record for record in facts.all_records() if weight_of(record, subject.metric) > 0]
    alone = [record.start for record in bad if record.end is None or record.end > at]
    if not alone:
        return []
    merged = union(span for record in bad if (span := lasting(record, at)) is not None)
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

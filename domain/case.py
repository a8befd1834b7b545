"""Cases: tickets with a timeline, and when each is decided by a limit on the business clock (rules.md, Cases)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never

from domain.errors import FactConflict, Invalid, OutOfRange, RevisionConflict
from domain.fact import checked_external_id
from domain.hours import ServiceHours, after_business_time, business_time
from domain.ids import StreamId
from domain.spans import microseconds

CASES_MAX = 1_000
"""Cases in one call."""
PAUSES_MAX = 100
CASE_LENGTH_MAX = timedelta(days=3650)
MICROSECOND = timedelta(microseconds=1)


class Milestone(Enum):
    """What of a case is promised within a limit. A case that is resolved without a response is responded to by that."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Pause:
    """Time [start, end) in which the clock stands still; `end` is None while it lasts."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Identity: `external_id`. Invariant: pauses are in order and apart, and only the last may have no end: then the
    resolution ends it.
    """

    external_id: str
    opened_at: datetime
    responded_at: datetime | None = None
    resolved_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    revision: int = 1

    def __post_init__(self) -> None:
        checked_external_id(self.external_id)
        if self.responded_at is not None and self.responded_at < self.opened_at:
            raise OutOfRange("a case is responded to at or after its opening", path=("respondedAt",))
        if self.resolved_at is not None:
            if self.resolved_at < self.opened_at:
                raise OutOfRange("a case is resolved at or after its opening", path=("resolvedAt",))
            if self.resolved_at - self.opened_at > CASE_LENGTH_MAX:
                raise OutOfRange(f"a case is open for at most {CASE_LENGTH_MAX.days} days", path=("resolvedAt",))
            if self.responded_at is not None and self.responded_at > self.resolved_at:
                raise OutOfRange("a case is responded to by its resolution", path=("respondedAt",))
        if len(self.pauses) > PAUSES_MAX:
            raise OutOfRange(f"a case has at most {PAUSES_MAX} pauses", path=("pauses",))
        self._check_pauses()

    def _check_pauses(self) -> None:
        before: Pause | None = None
        for place, pause in enumerate(self.pauses):
            if pause.start < self.opened_at:
                raise OutOfRange("a pause begins at or after the opening", path=("pauses", place, "pausedAt"))
            if self.resolved_at is not None and pause.start >= self.resolved_at:
                raise OutOfRange("a pause begins before the resolution", path=("pauses", place, "pausedAt"))
            if pause.end is not None and pause.end <= pause.start:
                raise OutOfRange("a case is resumed after it was paused", path=("pauses", place, "resumedAt"))
            if self.resolved_at is not None and pause.end is not None and pause.end > self.resolved_at:
                raise OutOfRange("a case is resumed by its resolution", path=("pauses", place, "resumedAt"))
            if before is not None and (before.end is None or before.end > pause.start):
                raise Invalid(
                    "a case is paused while it runs, and pauses come in order", path=("pauses", place, "pausedAt")
                )
            before = pause

    def reached(self, milestone: Milestone) -> datetime | None:
        match milestone:
            case Milestone.RESPONSE:
                return self.responded_at or self.resolved_at
            case Milestone.RESOLUTION:
                return self.resolved_at
            case _ as never:
                assert_never(never)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRevision:
    """One revision as kept. A withdrawal has no case."""

    stream: StreamId
    external_id: str
    revision: int
    case: Case | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLog:
    """One stream's cases that may be decided in a span, as known."""

    stream: StreamId
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Decision:
    """When it was certain whether a case is in time, and whether it is."""

    at: datetime
    in_time: bool


def decision(case: Case, milestone: Milestone, limit: timedelta, hours: ServiceHours | None) -> Decision | None:
    """In time: at the milestone. Late: at the last instant at which the limit could still be met.

    So every case is decided once, and by staying open it is decided late. None while it is neither: paused for good.
    """
    reached = case.reached(milestone)
    # No more passes on the clock than on the wall, and that is quick to tell.
    if reached is not None and reached - case.opened_at <= limit:
        return Decision(reached, in_time=True)
    runs_out = runs_out_at(case, limit, hours)
    if reached is not None and (runs_out is None or reached <= runs_out):
        return Decision(reached, in_time=True)
    return None if runs_out is None else Decision(runs_out, in_time=False)


def runs_out_at(case: Case, limit: timedelta, hours: ServiceHours | None) -> datetime | None:
    """The last instant by which no more than the limit has passed on the case's clock; None where that never ends.

    The clock stands still outside service hours and in pauses: where it stops just as the limit is used up, the limit
    runs out when it goes on.
    """
    left = microseconds(limit) + 1
    for start, end in _running(case):
        # Looked for first: a stretch may be far longer than the limit.
        found = _instant_after(hours, start, left)
        if end is None or (found is not None and found < end):
            return found
        left -= microseconds(end - start) if hours is None else business_time(hours, start, end)
    return None


def _running(case: Case) -> Iterator[tuple[datetime, datetime | None]]:
    """The time outside pauses, from the opening on, as if the case were never resolved."""
    start = case.opened_at
    for pause in case.pauses:
        if start < pause.start:
            yield start, pause.start
        if pause.end is None and case.resolved_at is None:
            return
        start = pause.end or case.resolved_at or pause.start
    yield start, None


def _instant_after(hours: ServiceHours | None, start: datetime, left: int) -> datetime | None:
    length = timedelta(microseconds=left)
    if hours is None:
        return start + length - MICROSECOND
    try:
        return after_business_time(hours, start, length) - MICROSECOND
    except OutOfRange:
        return None


def accept_case(stream: StreamId, case: Case, latest: CaseRevision | None, replaces: int | None) -> CaseRevision | None:
    """The revision to add; None where the very same content is there already (rules.md, Facts).

    `replaces` names the revision that the poster means to correct.
    Raises FactConflict: other content, no revision named. RevisionConflict: not the latest one named.
    """
    if latest is not None and latest.case is not None and replace(latest.case, revision=case.revision) == case:
        return None
    number = _next_revision(latest.revision if latest else None, replaces)
    if latest is not None and replaces is None:
        raise FactConflict(
            f"case {case.external_id} is known with other content, as revision {latest.revision}: "
            "name it in `replacesRevision` to correct it",
            path=("externalId",),
        )
    kept = replace(case, revision=number)
    return CaseRevision(stream=stream, external_id=case.external_id, revision=number, case=kept)


def withdraw_case(latest: CaseRevision, replaces: int | None) -> CaseRevision | None:
    """A revision without content; None where the case is withdrawn already."""
    if latest.case is None:
        return None
    number = _next_revision(latest.revision, latest.revision if replaces is None else replaces)
    return CaseRevision(stream=latest.stream, external_id=latest.external_id, revision=number, case=None)


def _next_revision(latest: int | None, replaces: int | None) -> int:
    if replaces is not None and replaces != (latest or 0):
        known = "there is none" if latest is None else f"the latest is {latest}"
        raise RevisionConflict(f"revision {replaces} is not the latest one: {known}", path=("replacesRevision",))
    return (latest or 0) + 1

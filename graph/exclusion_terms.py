"""What a version says of exclusions: notice and yearly caps, and those that recur."""

from __future__ import annotations

from datetime import timedelta

import strawberry

import domain.exclusion
import domain.recurrence
from domain.errors import DomainError
from domain.exclusion import YEARLY_CAP_MAX, ExclusionKind
from domain.recurrence import DURATION_MAX, OCCURRENCES_A_DAY_MAX, OCCURRENCES_MAX, RULE_LENGTH_MAX
from domain.text import NOTE_LENGTH_MAX
from graph.calendar_scalars import LocalDateTime
from graph.exclusion_kind import KIND
from graph.fields import told, view

NOTICE = "One counts only if it was announced at least so long before its start."
CAP = (
    "So much of them counts in a contract year, used up in the order of time and within service hours only; what is"
    " beyond it is service time."
)
RULE = (
    "The value of an RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=SU; hourly at most, with UNTIL in UTC. It says when"
    " occurrences start."
)
STARTS = "From which local time on the rule counts; an occurrence only where the rule matches it."
LASTS = "How long each occurrence lasts, in elapsed time."


@view(domain.exclusion.ExclusionTerms, "What a version says of exclusions of one kind.")
class ExclusionTerms:
    kind: ExclusionKind = told(KIND)
    notice: timedelta | None = told(f"{NOTICE} Null: announced or not.")
    yearly_cap: timedelta | None = told(f"{CAP} Null: all of it.")


@view(
    domain.recurrence.Recurrence, "Exclusions that recur under a version: announced with it.", name="RecurringExclusion"
)
class RecurringExclusion:
    rule: str = told(RULE)
    starts: LocalDateTime = told(STARTS)
    zone: str = told("The IANA time zone whose clock on the wall is read.")
    duration: timedelta = told(LASTS)
    kind: ExclusionKind = told(KIND)
    reason: str = told("In words.")


@strawberry.input(description="What a version is to say of exclusions of one kind: a notice, a yearly cap, or both.")
class ExclusionTermsInput:
    kind: ExclusionKind = strawberry.field(description=f"{KIND} Each kind once.")
    notice: timedelta | None = strawberry.field(
        description=f"{NOTICE} At most {YEARLY_CAP_MAX.days} days. Default: announced or not."
    )
    yearly_cap: timedelta | None = strawberry.field(
        description=f"{CAP} At most {YEARLY_CAP_MAX.days} days. Default: all of it."
    )

    def meant(self, place: int) -> domain.exclusion.ExclusionTerms:
        try:
            return domain.exclusion.ExclusionTerms(kind=self.kind, notice=self.notice, yearly_cap=self.yearly_cap)
        except DomainError as error:
            raise error.at("exclusionTerms", place) from error


@strawberry.input(
    description="Exclusions that are to recur under a version. It ends with COUNT, UNTIL or the agreement;"
    f" {OCCURRENCES_A_DAY_MAX} occurrences a day and {OCCURRENCES_MAX} in all at most."
)
class RecurringExclusionInput:
    rule: str = strawberry.field(description=f"{RULE} At most {RULE_LENGTH_MAX} characters.")
    starts: LocalDateTime = strawberry.field(description=STARTS)
    zone: str = strawberry.field(description="The IANA time zone whose clock on the wall is read.")
    duration: timedelta = strawberry.field(description=f"{LASTS} At most {DURATION_MAX.days} days.")
    kind: ExclusionKind = strawberry.field(description=KIND)
    reason: str = strawberry.field(default="", description=f"In words: at most {NOTE_LENGTH_MAX} characters.")

    def meant(self, place: int) -> domain.recurrence.Recurrence:
        try:
            return domain.recurrence.Recurrence(
                rule=self.rule,
                starts=self.starts,
                zone=self.zone,
                duration=self.duration,
                kind=self.kind,
                reason=self.reason,
            )
        except DomainError as error:
            raise error.at("recurring", place) from error

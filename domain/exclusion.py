"""Time that does not count: kind, notice, approval and scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from domain.errors import Invalid, OutOfRange
from domain.ids import AgreementId, ExclusionId, ServiceId
from domain.spans import Span
from domain.text import checked_note


class ExclusionKind(Enum):
    MAINTENANCE = "maintenance"
    FORCE_MAJEURE = "force_majeure"
    CUSTOMER_CAUSED = "customer_caused"
    SUSPENSION = "suspension"
    AGREED = "agreed"


YEARLY_CAP_MAX = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionTerms:
    """What a version says of exclusions of one kind (rules.md, Time down).

    `notice`: one counts only if it was announced at least so long before its start. `yearly_cap`: so much of them
    counts in a contract year, used up in time order; what is beyond it is service time.
    """

    kind: ExclusionKind
    notice: timedelta | None = None
    yearly_cap: timedelta | None = None

    def __post_init__(self) -> None:
        if self.notice is None and self.yearly_cap is None:
            raise Invalid("terms of exclusions name a notice, a yearly cap, or both", path=("notice",))
        for value, name in ((self.notice, "notice"), (self.yearly_cap, "yearlyCap")):
            if value is not None and not timedelta(0) <= value <= YEARLY_CAP_MAX:
                raise OutOfRange(f"this is 0 to {YEARLY_CAP_MAX.days} days", path=(name,))

    def takes(self, exclusion: Exclusion) -> bool:
        """Whether an exclusion of the kind was announced in time."""
        if self.notice is None:
            return True
        return exclusion.announced_at is not None and exclusion.announced_at <= exclusion.span.start - self.notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Invariant: at least one of `service` and `agreement` is named; both named narrow the scope to their meeting.

    A fact: corrected by a next revision, taken back by one with `withdrawn`.
    """

    id: ExclusionId
    revision: int = 1
    kind: ExclusionKind
    span: Span
    service: ServiceId | None = None
    agreement: AgreementId | None = None
    announced_at: datetime | None = None
    approved_by: str = ""
    reason: str = ""
    withdrawn: bool = False

    def __post_init__(self) -> None:
        if self.service is None and self.agreement is None:
            raise Invalid("an exclusion names a service, an agreement, or both", path=("service",))
        checked_note(self.reason, "reason")
        checked_note(self.approved_by, "approvedBy")

    def concerns(self, *, service: ServiceId, agreement: AgreementId) -> bool:
        return self.service in (None, service) and self.agreement in (None, agreement)

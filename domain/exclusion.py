"""Time that does not count: kind, notice, approval and scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from domain.errors import Invalid
from domain.ids import AgreementId, ExclusionId, ServiceId
from domain.spans import Span
from domain.text import checked_note


class ExclusionKind(Enum):
    MAINTENANCE = "maintenance"
    FORCE_MAJEURE = "force_majeure"
    CUSTOMER_CAUSED = "customer_caused"
    SUSPENSION = "suspension"
    AGREED = "agreed"


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

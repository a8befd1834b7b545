"""The tenant's feed: what changed, numbered densely in commit order, never edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from domain.breach import Severity, Transition
from domain.ids import AgreementId, BreachId, ObjectiveId, PartyId, PeriodId, Position, ServiceId
from domain.ratio import Ratio
from domain.spans import Span

EVENTS_MAX = 500
"""Events that one read of the feed returns."""


class PostingKind(Enum):
    """What a transaction added."""

    FACTS = "facts"
    TERMS = "terms"
    CATALOG = "catalog"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachChange:
    """One transition of a breach, with what was known of it then. Shown values: percent for shares, else the unit."""

    transition: Transition
    breach: BreachId
    objective: ObjectiveId
    objective_code: str
    agreement: AgreementId
    agreement_code: str
    service: ServiceId
    service_code: str
    provider: PartyId
    customer: PartyId | None
    attainment: PeriodId
    period: Span
    severity: Severity
    value: Ratio | None
    target: Ratio
    shown_value: str | None
    shown_target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachEvent:
    """A breach change as it stands in the feed."""

    position: Position
    recorded_at: datetime
    change: BreachChange


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFilter:
    """Every part that is given must fit; within one part any may."""

    agreements: frozenset[AgreementId] = frozenset()
    services: frozenset[ServiceId] = frozenset()
    transitions: frozenset[Transition] = frozenset()
    severities: frozenset[Severity] = frozenset()

    def fits(self, change: BreachChange) -> bool:
        return (
            (not self.agreements or change.agreement in self.agreements)
            and (not self.services or change.service in self.services)
            and (not self.transitions or change.transition in self.transitions)
            and (not self.severities or change.severity in self.severities)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRead:
    """What a read of the feed found: the breach events that the actor may see, and how far it read.

    `through` is the last position read, seen or not; reading goes on after it. `head` is the tenant's last one.
    """

    events: tuple[BreachEvent, ...]
    through: Position
    head: Position

"""The tenant's feed: what changed, numbered densely in commit order, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from domain.attainment import Status
from domain.breach import Severity, Transition
from domain.ids import AgreementId, BreachId, ObjectiveId, PartyId, PeriodId, Position, ServiceId
from domain.ratio import Ratio
from domain.risk import Cause
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
    """One transition of a breach, with what was known of it then. Shown values: percent for shares, else the unit.

    `ended_at`: of an episode of a rolling objective, once it has ended. `causes`: why it is at risk.
    """

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
    ended_at: datetime | None = None
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachEvent:
    """A breach change as it stands in the feed."""

    position: Position
    recorded_at: datetime
    change: BreachChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """A final verdict that a late fact changed: what it was, and what it is now. Both stay readable, as revisions.

    Shown values: percent for shares, else the unit.
    """

    attainment: PeriodId
    revision: int
    objective: ObjectiveId
    objective_code: str
    agreement: AgreementId
    agreement_code: str
    service: ServiceId
    service_code: str
    provider: PartyId
    customer: PartyId | None
    period: Span
    former_status: Status
    former_shown_value: str | None
    status: Status
    shown_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestatementEvent:
    """A restatement as it stands in the feed."""

    position: Position
    recorded_at: datetime
    restatement: Restatement


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFilter:
    """Every part that is given must fit; within one part any may. A restatement has no transition and no severity."""

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

    `through` is the last position read, seen or not; reading goes on after it. `head` is the tenant's last one. Events
    up to `floor` are not held any more, so a read that began before it may have passed some over.
    """

    events: tuple[BreachEvent, ...]
    through: Position
    head: Position
    floor: Position
    restatements: tuple[RestatementEvent, ...] = ()

    @property
    def all(self) -> Sequence[BreachEvent | RestatementEvent]:
        """Events and restatements in the feed's order."""
        return sorted((*self.events, *self.restatements), key=lambda each: each.position)

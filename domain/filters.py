"""Which rows of a list are asked for: every part that is given must fit; within one part any may. Empty fits all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.agreement import AgreementKind
from domain.attainment import Phase, Status
from domain.breach import Severity
from domain.exclusion import ExclusionKind
from domain.ids import AgreementId, ObjectiveId, PartyId, ServiceId
from domain.policy import Action
from domain.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFilter:
    providers: frozenset[PartyId] = frozenset()
    consumers: frozenset[PartyId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementFilter:
    kinds: frozenset[AgreementKind] = frozenset()
    providers: frozenset[PartyId] = frozenset()
    customers: frozenset[PartyId] = frozenset()
    services: frozenset[ServiceId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageFilter:
    services: frozenset[ServiceId] = frozenset()
    within: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """`open`: those that are not resolved, or those that are; None: both."""

    services: frozenset[ServiceId] = frozenset()
    within: Span | None = None
    open: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionFilter:
    services: frozenset[ServiceId] = frozenset()
    agreements: frozenset[AgreementId] = frozenset()
    kinds: frozenset[ExclusionKind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttainmentFilter:
    objectives: frozenset[ObjectiveId] = frozenset()
    agreements: frozenset[AgreementId] = frozenset()
    services: frozenset[ServiceId] = frozenset()
    statuses: frozenset[Status] = frozenset()
    phases: frozenset[Phase] = frozenset()
    within: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachListFilter:
    agreements: frozenset[AgreementId] = frozenset()
    services: frozenset[ServiceId] = frozenset()
    severities: frozenset[Severity] = frozenset()
    states: frozenset[str] = frozenset()
    """Of 'at_risk', 'risk_passed', 'open', 'confirmed', 'withdrawn'; empty: those that ever opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """`since` and `until` bound [since, until); each may be open."""

    actions: frozenset[Action] = frozenset()
    operations: frozenset[str] = frozenset()
    callers: frozenset[UUID] = frozenset()
    subjects: frozenset[UUID] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

"""A tenant of its own, furnished through the use cases that the API calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from domain.actor import Actor
from domain.agreement import Agreement, AgreementKind
from domain.calendars import CalendarWindow, Every, Window
from domain.hours import ServiceHours
from domain.ids import KeyId, PartyId, TenantId
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Granularity, Missing
from domain.party import Party, PartyKind
from domain.policy import Role
from domain.ports import Mint, OpenWork
from domain.ratio import Direction
from domain.service import Service
from domain.structure import Structure
from domain.usecases.agreements import (
    ActivateAgreement,
    DraftAgreement,
    DraftObjective,
    DraftTerms,
    activate_agreement,
    draft_agreement,
)
from domain.usecases.catalog import (
    CreateMetric,
    CreateParty,
    CreateService,
    create_metric,
    create_party,
    create_service,
)

DAILY = CalendarWindow(every=Every.DAY, zone="UTC")
GRACE = timedelta(days=5)


def a_promise(
    code: str,
    metric: Metric,
    expected: str,
    *,
    minimum: str | None = None,
    window: Window = DAILY,
    missing: Missing = Missing.GOOD,
    minimum_duration: timedelta = timedelta(0),
    granularity: Granularity = Granularity.EXACT,
    hours: ServiceHours | None = None,
) -> DraftObjective:
    return DraftObjective(
        code=code,
        name=code,
        metric=metric.id,
        expected=Decimal(expected),
        minimum=None if minimum is None else Decimal(minimum),
        window=window,
        missing=missing,
        minimum_duration=minimum_duration,
        granularity=granularity,
        hours=hours,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What is made is kept by its code."""

    open_work: OpenWork
    tenant: TenantId
    clock: Callable[[], datetime]
    mint: Mint
    parties: dict[str, Party] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)

    @property
    def admin(self) -> Actor:
        return self.actor(Role.ADMIN)

    def actor(self, role: Role, party: str | None = None) -> Actor:
        acting_for: PartyId | None = None if party is None else self.parties[party].id
        return Actor(tenant=self.tenant, caller=KeyId(self.tenant), role=role, party=acting_for)

    async def party(self, code: str, kind: PartyKind, *, parent: str | None = None) -> Party:
        above = None if parent is None else self.parties[parent].id
        command = CreateParty(code=code, name=f"{code} by name", kind=kind, parent=above)
        made = await create_party(self.open_work, self.admin, command, at=self.clock(), mint=self.mint)
        return self.parties.setdefault(code, made)

    async def metric(
        self,
        code: str,
        aggregation: Aggregation = Aggregation.AVAILABILITY,
        *,
        direction: Direction = Direction.AT_LEAST,
        scale: int = 3,
        shape: Shape | None = None,
        staleness: timedelta | None = None,
    ) -> Metric:
        command = CreateMetric(
            code=code,
            name=f"{code} by name",
            aggregation=aggregation,
            direction=direction,
            scale=scale,
            shape=shape,
            staleness=staleness,
        )
        made = await create_metric(self.open_work, self.admin, command, at=self.clock(), mint=self.mint)
        return self.metrics.setdefault(code, made)

    async def service(
        self, code: str, *, provider: str, consumers: Sequence[str] = (), structure: Structure | None = None
    ) -> Service:
        command = CreateService(
            code=code,
            name=f"{code} by name",
            provider=self.parties[provider].id,
            consumers=tuple(self.parties[consumer].id for consumer in consumers),
            structure=structure,
        )
        made = await create_service(self.open_work, self.admin, command, at=self.clock(), mint=self.mint)
        return self.services.setdefault(code, made)

    async def agreement(
        self,
        code: str,
        *promises: DraftObjective,
        provider: str,
        service: str,
        starts_at: datetime,
        customer: str | None = None,
        ends_at: datetime | None = None,
        kind: AgreementKind = AgreementKind.UC,
        grace: timedelta = GRACE,
    ) -> Agreement:
        """In force from its start on."""
        command = DraftAgreement(
            code=code,
            name=f"{code} by name",
            kind=kind,
            provider=self.parties[provider].id,
            customer=None if customer is None else self.parties[customer].id,
            service=self.services[service].id,
            starts_at=starts_at,
            ends_at=ends_at,
            terms=DraftTerms(effective_from=starts_at, objectives=promises, grace=grace),
        )
        drafted = await draft_agreement(self.open_work, self.admin, command, at=self.clock(), mint=self.mint)
        activate = ActivateAgreement(agreement=drafted.id)
        made = await activate_agreement(self.open_work, self.admin, activate, at=self.clock(), mint=self.mint)
        return self.agreements.setdefault(code, made)

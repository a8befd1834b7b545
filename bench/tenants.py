"""A fresh tenant: one vendor, its services under a contract, what is measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bench.ground import Place
from domain.actor import Actor
from domain.agreement import AgreementKind
from domain.calendars import CalendarWindow, Every
from domain.ids import KeyId, PartyId, TenantId
from domain.metric import Aggregation, Metric
from domain.party import PartyKind
from domain.policy import Role
from domain.stream import StreamKey
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
from persistence.operator import Tenant
from runtime.clock import system_clock
from runtime.commands.key import issued, operator_at
from runtime.service import Running

VENDOR = "vendor"
CUSTOMER = "customer"
OUTAGES = "availability"
TALLIES = "requests"
MONTHLY = CalendarWindow(every=Every.MONTH, zone="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`services`: their codes, as integrations write them."""

    tenant: TenantId
    admin: Actor
    vendor: PartyId
    customer: PartyId
    services: tuple[str, ...]

    def streams(self, metric: str) -> tuple[StreamKey, ...]:
        return tuple(StreamKey(metric=metric, service=service, vendor=VENDOR) for service in self.services)


async def a_tenant(
    place: Place,
    process: Running,
    *,
    services: int,
    promised: str,
    since: datetime,
    at: datetime,
    code: str = "bench",
) -> Measured:
    """Each service is promised `promised` percent a month of its availability and of its requests, from `since` on."""
    tenant = TenantId(process.mint())
    kept = Tenant(id=tenant, code=code, name="Benchmarks", created_at=system_clock())
    await operator_at(place.owner_url).create_tenant(kept)
    admin = Actor(tenant=tenant, caller=KeyId(process.mint()), role=Role.ADMIN)
    work, mint = process.open_work, process.mint
    vendor = await create_party(
        work, admin, CreateParty(code=VENDOR, name="Vendor", kind=PartyKind.VENDOR), at=at, mint=mint
    )
    customer = await create_party(
        work, admin, CreateParty(code=CUSTOMER, name="Customer", kind=PartyKind.CUSTOMER), at=at, mint=mint
    )
    codes = tuple(f"service-{number:02}" for number in range(services))
    for each in codes:
        command = CreateService(code=each, name=each, provider=vendor.id, consumers=(customer.id,))
        await create_service(work, admin, command, at=at, mint=mint)
    measured = Measured(tenant=tenant, admin=admin, vendor=vendor.id, customer=customer.id, services=codes)
    metrics = [
        await create_metric(work, admin, CreateMetric(code=each, name=each, aggregation=how), at=at, mint=mint)
        for each, how in ((OUTAGES, Aggregation.AVAILABILITY), (TALLIES, Aggregation.RATIO_OF_SUMS))
    ]
    await _promise(process, measured, customer.id, metrics, promised=promised, since=since, at=at)
    return measured


async def a_key(place: Place, process: Running, measured: Measured, role: Role, party: PartyId | None = None) -> str:
    """The text of a new key."""
    text, key = issued(measured.tenant, KeyId(process.mint()), role=role, party=party, label="bench")
    await operator_at(place.owner_url).create_key(key)
    return text


async def _promise(
    process: Running,
    measured: Measured,
    customer: PartyId,
    metrics: list[Metric],
    *,
    promised: str,
    since: datetime,
    at: datetime,
) -> None:
    objectives = tuple(
        DraftObjective(
            code=metric.code,
            name=metric.name,
            metric=metric.id,
            expected=Decimal(promised),
            window=MONTHLY,
        )
        for metric in metrics
    )
    command = DraftAgreement(
        code="contract",
        name="Contract",
        kind=AgreementKind.SLA,
        provider=measured.vendor,
        customer=customer,
        starts_at=since,
        terms=DraftTerms(effective_from=since, objectives=objectives),
    )
    work, admin, mint = process.open_work, measured.admin, process.mint
    agreement = await draft_agreement(work, admin, command, at=at, mint=mint)
    await activate_agreement(work, admin, ActivateAgreement(agreement=agreement.id), at=at, mint=mint)

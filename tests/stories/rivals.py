"""Two vendors and two customers of one tenant, and another tenant beside it. Whatever is one's own bears its name.

A text that holds a name is of that party's world: so a leak is found by looking for names in answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from domain.agreement import AgreementKind
from domain.exclusion import ExclusionKind
from domain.metric import CELL, Aggregation
from domain.party import PartyKind
from domain.policy import Role
from domain.ratio import Direction
from domain.stream import StreamKey
from domain.structure import AllOf, Component
from domain.usecases.record_exclusions import RecordExclusion, record_exclusion
from domain.usecases.record_measurements import (
    RecordMeasurements,
    SampleSeries,
    TallySeries,
    record_measurements,
)
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report, record_outages
from tests.stories.tenants import a_key
from tests.stories.workshop import Workshop, a_promise

LEFT, RIGHT = "leftvendor", "rightvendor"
LEFT_BUYER, RIGHT_BUYER = "leftcustomer", "rightcustomer"
TEAM, PORTAL = "houseteam", "houseportal"
SHARED, FOREIGN = "shared", "foreign"
NAMES = frozenset({LEFT, RIGHT, LEFT_BUYER, RIGHT_BUYER, TEAM, PORTAL, SHARED, FOREIGN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intruder:
    """Someone with a key of its own who asks for what is not its own."""

    name: str
    key: str
    may_see: frozenset[str]

    @property
    def may_not_see(self) -> frozenset[str]:
        return NAMES - self.may_see


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """`admin` is the key of the tenant's administrator, who sees all but the foreign."""

    house: Workshop
    foreign: Workshop
    admin: str
    intruders: tuple[Intruder, ...]
    begins: datetime


async def rivals(
    a_workshop: Callable[[], Awaitable[Workshop]], settle: Callable[[], Awaitable[int]], owner_url: str
) -> Rivals:
    house, foreign = await a_workshop(), await a_workshop()
    begins = house.clock().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=20)
    await _furnish(house, begins)
    await _furnish_foreign(foreign, begins)
    while await settle():
        pass
    admin, _ = await a_key(owner_url, house.tenant, Role.ADMIN)
    left, _ = await a_key(owner_url, house.tenant, Role.VENDOR, house.parties[LEFT].id)
    buyer, _ = await a_key(owner_url, house.tenant, Role.CUSTOMER, house.parties[LEFT_BUYER].id)
    auditor, _ = await a_key(owner_url, house.tenant, Role.AUDITOR, house.parties[LEFT].id)
    stranger, _ = await a_key(owner_url, foreign.tenant, Role.ADMIN)
    intruders = (
        Intruder(name="vendor", key=left, may_see=frozenset({LEFT, TEAM, SHARED})),
        Intruder(name="customer", key=buyer, may_see=frozenset({LEFT_BUYER, TEAM, PORTAL, SHARED})),
        Intruder(name="auditor", key=auditor, may_see=frozenset({LEFT, TEAM, SHARED})),
        Intruder(name="stranger", key=stranger, may_see=frozenset({FOREIGN})),
    )
    return Rivals(house=house, foreign=foreign, admin=admin, intruders=intruders, begins=begins)


async def _furnish(house: Workshop, begins: datetime) -> None:
    await house.party(TEAM, PartyKind.INTERNAL)
    for vendor in (LEFT, RIGHT):
        await house.party(vendor, PartyKind.VENDOR)
        await house.party(f"{vendor}-branch", PartyKind.VENDOR, parent=vendor)
    for buyer in (LEFT_BUYER, RIGHT_BUYER):
        await house.party(buyer, PartyKind.CUSTOMER)
    await _metrics(house, SHARED)
    for vendor in (LEFT, RIGHT):
        await house.service(f"{vendor}-hosting", provider=vendor, consumers=[TEAM])
        await house.service(f"{vendor}-cdn", provider=f"{vendor}-branch", consumers=[TEAM])
    parts = tuple(Component(house.services[f"{vendor}-hosting"].id) for vendor in (LEFT, RIGHT))
    # One vendor's service rests on its rival's too; the portal that customers see rests on both.
    await house.service(f"{LEFT}-suite", provider=LEFT, consumers=[TEAM], structure=AllOf(parts))
    await house.service(PORTAL, provider=TEAM, consumers=[LEFT_BUYER, RIGHT_BUYER], structure=AllOf(parts))
    for vendor in (LEFT, RIGHT):
        await _agreed(house, begins, f"{vendor}-uc", provider=vendor, service=f"{vendor}-hosting", customer=TEAM)
        await _agreed(
            house, begins, f"{vendor}-cdn-uc", provider=f"{vendor}-branch", service=f"{vendor}-cdn", customer=TEAM
        )
    await _agreed(house, begins, f"{LEFT}-suite-uc", provider=LEFT, service=f"{LEFT}-suite", customer=TEAM)
    for buyer in (LEFT_BUYER, RIGHT_BUYER):
        await _agreed(house, begins, f"{buyer}-sla", provider=TEAM, service=PORTAL, customer=buyer)
    for vendor in (LEFT, RIGHT):
        await record_facts(house, vendor, begins)
        await _report_by_itself(house, vendor, begins)
        await _exclude(house, vendor, begins, service=f"{vendor}-hosting")
    for buyer in (LEFT_BUYER, RIGHT_BUYER):
        await _exclude(house, buyer, begins, agreement=f"{buyer}-sla")


async def _furnish_foreign(foreign: Workshop, begins: datetime) -> None:
    await foreign.party(FOREIGN, PartyKind.VENDOR)
    await foreign.party(f"{FOREIGN}-buyer", PartyKind.CUSTOMER)
    await _metrics(foreign, FOREIGN)
    await foreign.service(f"{FOREIGN}-hosting", provider=FOREIGN, consumers=[f"{FOREIGN}-buyer"])
    await _agreed(
        foreign,
        begins,
        f"{FOREIGN}-uc",
        provider=FOREIGN,
        service=f"{FOREIGN}-hosting",
        customer=f"{FOREIGN}-buyer",
    )
    await record_facts(foreign, FOREIGN, begins)
    await _exclude(foreign, FOREIGN, begins, service=f"{FOREIGN}-hosting")


async def _metrics(workshop: Workshop, name: str) -> None:
    await workshop.metric(f"{name}-up")
    await workshop.metric(f"{name}-good", Aggregation.RATIO_OF_SUMS)
    await workshop.metric(f"{name}-delay", Aggregation.MAXIMUM, direction=Direction.AT_MOST)


def metric_of(workshop: Workshop, kind: str) -> str:
    return next(code for code in workshop.metrics if code.endswith(kind))


async def _agreed(
    workshop: Workshop, begins: datetime, code: str, *, provider: str, service: str, customer: str
) -> None:
    up, good, delay = (workshop.metrics[metric_of(workshop, kind)] for kind in ("-up", "-good", "-delay"))
    await workshop.agreement(
        code,
        a_promise(f"{code}-up", up, "99.99", minimum="99.9"),
        a_promise(f"{code}-good", good, "99"),
        a_promise(f"{code}-delay", delay, "100"),
        provider=provider,
        service=service,
        customer=customer,
        starts_at=begins,
        ends_at=begins + timedelta(days=3),
        kind=AgreementKind.SLA if code.endswith("sla") else AgreementKind.UC,
    )


async def record_facts(workshop: Workshop, vendor: str, begins: datetime, *, day: int = 0) -> None:
    """On the vendor's hosting, on one day: an hour's outage, a tally half bad, and a sample far too high."""

    def stream(kind: str) -> StreamKey:
        return StreamKey(
            metric=metric_of(workshop, kind), service=f"{vendor}-hosting", vendor=vendor, source=f"{vendor}-probe"
        )

    start = begins + timedelta(days=day, hours=1)
    outage = PostedOutage(
        stream=stream("-up"),
        external_id=f"{vendor}-o{day}",
        impact="critical",
        start=start,
        end=start + timedelta(hours=1),
    )
    outages = RecordOutages(
        outages=(outage,), reports=(Report(stream=stream("-up"), through=begins + timedelta(days=3)),)
    )
    admin, at, mint = workshop.admin, workshop.clock(), workshop.mint
    await record_outages(workshop.open_work, admin, outages, at=at, mint=mint)
    points = RecordMeasurements(
        tallies=(TallySeries(stream=stream("-good"), starts=[start], ends=[start + CELL], good=[1], total=[2]),),
        samples=(SampleSeries(stream=stream("-delay"), instants=[start], values=[Decimal(999)]),),
    )
    await record_measurements(workshop.open_work, admin, points, at=at, mint=mint)


async def _report_by_itself(workshop: Workshop, vendor: str, begins: datetime) -> None:
    """The vendor says what is known already: it changes no verdict, and leaves an entry in the audit log."""
    stream = StreamKey(
        metric=metric_of(workshop, "-up"), service=f"{vendor}-hosting", vendor=vendor, source=f"{vendor}-probe"
    )
    command = RecordOutages(reports=(Report(stream=stream, through=begins),))
    actor = workshop.actor(Role.VENDOR, vendor)
    await record_outages(workshop.open_work, actor, command, at=workshop.clock(), mint=workshop.mint)


async def _exclude(
    workshop: Workshop, name: str, begins: datetime, *, service: str | None = None, agreement: str | None = None
) -> None:
    command = RecordExclusion(
        kind=ExclusionKind.AGREED,
        start=begins + timedelta(days=2),
        end=begins + timedelta(days=2, hours=1),
        service=None if service is None else workshop.services[service].id,
        agreement=None if agreement is None else workshop.agreements[agreement].id,
        approved_by=f"{name} by name",
        reason=f"{name}'s reason",
    )
    await record_exclusion(workshop.open_work, workshop.admin, command, at=workshop.clock(), mint=workshop.mint)

"""A tenant with a vendor, its rival and a customer, as storage keeps them: what tests of storage start from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from domain.actor import Actor
from domain.agreement import Agreement, AgreementKind, Period, Version
from domain.calendars import CalendarWindow, Every
from domain.columns import TallyColumns
from domain.fact import Outage, OutageRevision
from domain.feed import PostingKind
from domain.ids import AgreementId, KeyId, MetricId, ObjectiveId, PartyId, PeriodId, ServiceId, StreamId, VersionId
from domain.mark import JudgedPeriod
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Objective
from domain.party import Party, PartyKind
from domain.policy import Role
from domain.ports import Mint, Work
from domain.ratio import Direction, Ratio
from domain.service import Service
from domain.spans import Span
from domain.stream import Stream
from persistence.database import Database

JANUARY = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)
MONTHLY = CalendarWindow(every=Every.MONTH, zone="UTC")
MINUTES = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Side:
    """A vendor with its service, its agreement with the customer, and its streams of outages and of tallies."""

    party: Party
    service: Service
    agreement: Agreement
    outages: Stream
    tallies: Stream

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Of outages, then of tallies."""
        return self.agreement.versions[0].objectives


@dataclass(slots=True)
class World:
    """Both sides promise the same to one customer; `vendor` and `rival` know nothing of each other."""

    database: Database
    admin: Actor
    mint: Mint
    customer: Party = field(init=False)
    availability: Metric = field(init=False)
    success: Metric = field(init=False)
    latency: Metric = field(init=False)
    probes: Metric = field(init=False)
    tickets: Metric = field(init=False)
    vendor: Side = field(init=False)
    rival: Side = field(init=False)

    def open(self, actor: Actor | None = None) -> AbstractAsyncContextManager[Work]:
        return self.database.open_work(actor or self.admin)

    def as_party(self, party: PartyId, role: Role = Role.VENDOR) -> Actor:
        return Actor(tenant=self.admin.tenant, caller=KeyId(self.mint()), role=role, party=party)

    def party(self, code: str, kind: PartyKind, parent: PartyId | None = None) -> Party:
        return Party(id=PartyId(self.mint()), code=code, name=code.title(), kind=kind, parent=parent)

    def metric(self, code: str, aggregation: Aggregation) -> Metric:
        return Metric(
            id=MetricId(self.mint()),
            code=code,
            name=code.title(),
            aggregation=aggregation,
            shape=aggregation.shapes[0],
        )

    def service(self, code: str, provider: PartyId, *consumers: PartyId) -> Service:
        return Service(
            id=ServiceId(self.mint()), code=code, name=code.title(), provider=provider, consumers=frozenset(consumers)
        )

    def objective(self, metric: Metric, *, minimum_duration: timedelta = timedelta(0)) -> Objective:
        return Objective(
            id=ObjectiveId(self.mint()),
            code=metric.code,
            name=metric.name,
            metric=metric.id,
            direction=Direction.AT_LEAST,
            expected=Ratio.percent("99.9"),
            window=MONTHLY,
            minimum_duration=minimum_duration,
        )

    def version(self, *objectives: Objective, number: int = 1, activated_at: datetime | None = NOW) -> Version:
        return Version(
            id=VersionId(self.mint()),
            number=number,
            effective_from=JANUARY + timedelta(days=number - 1),
            objectives=objectives,
            activated_at=activated_at,
        )

    def agreement(
        self, code: str, *versions: Version, provider: PartyId, customer: PartyId | None, service: ServiceId | None
    ) -> Agreement:
        return Agreement(
            id=AgreementId(self.mint()),
            code=code,
            name=code.title(),
            kind=AgreementKind.UC,
            provider=provider,
            customer=customer,
            service=service,
            starts_at=JANUARY,
            versions=versions,
        )

    def stream(self, metric: Metric, service: Service, source: str = "default") -> Stream:
        return Stream(
            id=StreamId(self.mint()), metric=metric.id, service=service.id, vendor=service.provider, source=source
        )

    def judged(self, objective: ObjectiveId, service: ServiceId, *months: int) -> list[JudgedPeriod]:
        """Periods of these months, counted from January 2024."""
        return [
            JudgedPeriod(
                objective=objective,
                service=service,
                period=Period(id=PeriodId(self.mint()), span=month(number)),
            )
            for number in months
        ]

    async def settled(self) -> None:
        """Take all work that waits, judging nothing."""
        async with self.open() as work:
            claim = await work.marks.claim(NOW, 10_000)
            await work.marks.settle({each.period.id: None for each in claim.periods})
            assert not claim.more


def month(number: int) -> Span:
    """The month of this number, counted from January 2024."""
    years, index = divmod(number - 1, 12)
    years_after, index_after = divmod(number, 12)
    return Span(
        JANUARY.replace(year=2024 + years, month=index + 1),
        JANUARY.replace(year=2024 + years_after, month=index_after + 1),
    )


def an_outage(external_id: str, start: datetime, end: datetime | None, *, impact: str = "major") -> Outage:
    return Outage(external_id=external_id, impact=impact, start=start, end=end)


def recorded(stream: Stream, outage: Outage, revision: int = 1) -> OutageRevision:
    kept = Outage(
        external_id=outage.external_id, impact=outage.impact, start=outage.start, end=outage.end, revision=revision
    )
    return OutageRevision(stream=stream.id, external_id=outage.external_id, revision=revision, outage=kept)


def tallies(
    stream: Stream, start: datetime, count: int, *, good: int = 9, total: int = 10, revision: int = 1
) -> TallyColumns:
    """One every five minutes."""
    starts = [start + number * MINUTES for number in range(count)]
    return TallyColumns(
        stream=stream.id,
        starts=starts,
        ends=[each + MINUTES for each in starts],
        good=[good] * count,
        total=[total] * count,
        revision=revision,
    )


async def populate(world: World) -> World:
    world.customer = world.party("customer", PartyKind.CUSTOMER)
    world.availability = world.metric("availability", Aggregation.AVAILABILITY)
    world.success = world.metric("success", Aggregation.RATIO_OF_SUMS)
    world.latency = world.metric("latency", Aggregation.MEAN)
    world.probes = replace(world.metric("probes", Aggregation.AVAILABILITY), shape=Shape.STATE)
    world.tickets = world.metric("tickets", Aggregation.CASES_WITHIN)
    async with world.open() as work:
        await work.metrics.add([world.availability, world.success, world.latency, world.probes, world.tickets])
        await work.parties.add([world.customer])
        world.vendor = await _side(world, work, "vendor")
        world.rival = await _side(world, work, "rival")
        work.posts(PostingKind.CATALOG, NOW)
    return world


async def _side(world: World, work: Work, code: str) -> Side:
    party = world.party(code, PartyKind.VENDOR)
    service = world.service(f"{code}-service", party.id, world.customer.id)
    objectives = [world.objective(metric) for metric in (world.availability, world.success)]
    agreement = world.agreement(
        f"{code}-agreement",
        world.version(*objectives),
        provider=party.id,
        customer=world.customer.id,
        service=service.id,
    )
    await work.parties.add([party])
    await work.services.add([service])
    await work.agreements.add(agreement)
    outages, counted = await work.streams.obtain(
        [world.stream(world.availability, service), world.stream(world.success, service)]
    )
    return Side(party=party, service=service, agreement=agreement, outages=outages, tallies=counted)


async def lay_down(world: World, side: Side, months: Sequence[int] = (1, 2, 3, 4)) -> list[JudgedPeriod]:
    """Of both objectives, and no work left over from it."""
    periods = [period for each in side.objectives for period in world.judged(each.id, side.service.id, *months)]
    async with world.open() as work:
        await work.periods.lay_down(periods)
    await world.settled()
    return periods

"""Puts the story into a tenant by the use cases of the API. What is there already is kept, so it may be done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.actor import Actor
from domain.agreement import Agreement, AgreementKind
from domain.calendars import CalendarWindow, Every, Window, natural_period
from domain.filters import AgreementFilter
from domain.ids import PartyId, ServiceId
from domain.instants import EARLIEST
from domain.metric import Metric
from domain.party import Party, PartyKind
from domain.policy import Action
from domain.ports import Mint, OpenWork
from domain.service import Service
from domain.structure import Component
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
from domain.usecases.reading import read
from runtime.demo.contracts import CONTRACTS, Contract, Promise
from runtime.demo.naming import Names
from runtime.demo.story import COMPANY, METRICS, PARTIES, SERVICES, UNDER_CONTRACT, RecordName, ServiceSketch
from runtime.demo.whole import every


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What the tenant holds, by code."""

    parties: Mapping[str, Party]
    metrics: Mapping[str, Metric]
    services: Mapping[str, Service]
    agreements: Mapping[str, Agreement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """`at`: the instant at which all of it becomes known. `advanced` is called after each thing made or found."""

    open_work: OpenWork
    steward: Actor
    at: datetime
    mint: Mint
    advanced: Callable[[], None]


def things_of(names: Names) -> int:
    """How many things the catalog has."""
    services = len(SERVICES) + len(names.services)
    return len(PARTIES) + len(names.vendors) + len(METRICS) + services + len(CONTRACTS)


async def build_catalog(builder: Builder, names: Names, first: datetime) -> Catalog:
    """Parties, metrics, services, then agreements, which take effect at the period of the first record."""
    parties = await _parties(builder, names)
    metrics = await _metrics(builder)
    services = await _services(builder, names, parties)
    agreements = await _agreements(builder, names, parties, metrics, services, first)
    return Catalog(parties=parties, metrics=metrics, services=services, agreements=agreements)


def takes_effect(contract: Contract, first: datetime) -> datetime:
    """The start of the longest calendar period of the contract's promises that holds the first record."""
    return max(EARLIEST, min(_period_start(promise.window, first) for promise in contract.promises))


def _period_start(window: Window, instant: datetime) -> datetime:
    """A contract year has no start of its own: it begins with the month."""
    if not isinstance(window, CalendarWindow):
        window = CalendarWindow(every=Every.MONTH, zone=window.zone)
    return natural_period(window, instant, starts=instant).start


async def _parties(builder: Builder, names: Names) -> dict[str, Party]:
    codes = [*(party.code for party in PARTIES), *names.vendors.values()]
    known = dict(
        await read(builder.open_work, builder.steward, Action.READ_PARTIES, lambda work: work.parties.by_codes(codes))
    )
    for sketch in PARTIES:
        parent = None if sketch.parent is None else known[sketch.parent].id
        command = CreateParty(code=sketch.code, name=sketch.name, kind=sketch.kind, parent=parent)
        await _party(builder, known, command)
    for name, code in names.vendors.items():
        await _party(builder, known, CreateParty(code=code, name=name, kind=PartyKind.VENDOR))
    return known


async def _party(builder: Builder, known: dict[str, Party], command: CreateParty) -> None:
    if command.code not in known:
        known[command.code] = await create_party(
            builder.open_work, builder.steward, command, at=builder.at, mint=builder.mint
        )
    builder.advanced()


async def _metrics(builder: Builder) -> dict[str, Metric]:
    codes = [metric.code for metric in METRICS]
    known = dict(
        await read(builder.open_work, builder.steward, Action.READ_METRICS, lambda work: work.metrics.by_codes(codes))
    )
    for sketch in METRICS:
        if sketch.code not in known:
            command = CreateMetric(
                code=sketch.code,
                name=sketch.name,
                aggregation=sketch.aggregation,
                direction=sketch.direction,
                unit=sketch.unit,
                grid=sketch.grid,
                methodology=sketch.methodology,
            )
            known[sketch.code] = await create_metric(
                builder.open_work, builder.steward, command, at=builder.at, mint=builder.mint
            )
        builder.advanced()
    return known


async def _services(builder: Builder, names: Names, parties: Mapping[str, Party]) -> dict[str, Service]:
    """Components first, as the company's own services rest on them. Those under contract have it as their consumer."""
    codes = [*names.services.values(), *(service.code for service in SERVICES)]
    known = dict(
        await read(builder.open_work, builder.steward, Action.READ_SERVICES, lambda work: work.services.by_codes(codes))
    )
    for name, code in names.services.items():
        consumers = (parties[COMPANY].id,) if name in UNDER_CONTRACT else ()
        provider = parties[names.vendors[name.vendor]].id
        await _service(
            builder, known, CreateService(code=code, name=name.service, provider=provider, consumers=consumers)
        )
    ids = {name: known[code].id for name, code in names.services.items()}
    for sketch in SERVICES:
        await _service(builder, known, _own_service(sketch, parties, ids))
    return known


def _own_service(
    sketch: ServiceSketch, parties: Mapping[str, Party], ids: Mapping[RecordName, ServiceId]
) -> CreateService:
    structure = None if sketch.structure is None else sketch.structure(lambda name: Component(ids[name]))
    return CreateService(
        code=sketch.code,
        name=sketch.name,
        provider=parties[sketch.provider].id,
        consumers=tuple(parties[code].id for code in sketch.consumers),
        structure=structure,
    )


async def _service(builder: Builder, known: dict[str, Service], command: CreateService) -> None:
    if command.code not in known:
        known[command.code] = await create_service(
            builder.open_work, builder.steward, command, at=builder.at, mint=builder.mint
        )
    builder.advanced()


async def _agreements(
    builder: Builder,
    names: Names,
    parties: Mapping[str, Party],
    metrics: Mapping[str, Metric],
    services: Mapping[str, Service],
    first: datetime,
) -> dict[str, Agreement]:
    found = await every(
        builder.open_work, builder.steward, lambda work, wanted: work.agreements.page(wanted, AgreementFilter())
    )
    known = {agreement.code: agreement for agreement in found}
    for contract in CONTRACTS:
        agreement = known.get(contract.code)
        if agreement is None:
            command = _draft(contract, names, parties, metrics, services, first)
            agreement = await draft_agreement(
                builder.open_work, builder.steward, command, at=builder.at, mint=builder.mint
            )
        if not agreement.activated:
            agreement = await activate_agreement(
                builder.open_work,
                builder.steward,
                ActivateAgreement(agreement=agreement.id),
                at=builder.at,
                mint=builder.mint,
            )
        known[contract.code] = agreement
        builder.advanced()
    return known


def _draft(
    contract: Contract,
    names: Names,
    parties: Mapping[str, Party],
    metrics: Mapping[str, Metric],
    services: Mapping[str, Service],
    first: datetime,
) -> DraftAgreement:
    starts = takes_effect(contract, first)
    service = contract.service
    if isinstance(service, RecordName):
        service = names.services[service]
    return DraftAgreement(
        code=contract.code,
        name=contract.name,
        kind=contract.kind,
        provider=_provider(contract, names, parties),
        customer=None if contract.customer is None else parties[contract.customer].id,
        service=None if service is None else services[service].id,
        starts_at=starts,
        terms=DraftTerms(
            effective_from=starts,
            objectives=_objectives(contract.promises, metrics),
            clauses=contract.clauses,
            grace=contract.grace,
        ),
    )


def _provider(contract: Contract, names: Names, parties: Mapping[str, Party]) -> PartyId:
    is_vendors = contract.kind is AgreementKind.UC
    return parties[names.vendors[contract.provider] if is_vendors else contract.provider].id


def _objectives(promises: Sequence[Promise], metrics: Mapping[str, Metric]) -> tuple[DraftObjective, ...]:
    return tuple(
        DraftObjective(
            code=promise.code,
            name=promise.name,
            metric=metrics[promise.metric].id,
            expected=promise.expected,
            minimum=promise.minimum,
            window=promise.window,
            importance=promise.importance,
            source=promise.source,
            minimum_duration=promise.minimum_duration,
            override=promise.override,
        )
        for promise in promises
    )

"""Parties, services and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.errors import DomainError, Invalid, NotFound, OutOfRange, WrongState, require_found
from domain.feed import PostingKind
from domain.ids import MetricId, PartyId, ServiceId
from domain.instants import EARLIEST, LATEST, checked_instant
from domain.mark import Mark
from domain.metric import CELL, DEFAULT_WEIGHTS, Aggregation, Metric, Shape
from domain.party import PARTY_DEPTH_MAX, Party, PartyKind
from domain.policy import Action, Relation
from domain.ports import Mint, OpenWork, Work
from domain.ratio import Direction
from domain.service import Service, StructureVersion, refuse_cycles
from domain.spans import Span
from domain.structure import Structure, components
from domain.usecases.once import answered, earlier
from domain.usecases.periods import lay_down_periods, mark_versions
from domain.usecases.relating import require_related


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateParty:
    code: str
    name: str
    kind: PartyKind
    parent: PartyId | None = None


async def create_party(
    open_work: OpenWork, actor: Actor, command: CreateParty, *, at: datetime, mint: Mint, key: str | None = None
) -> Party:
    actor.must(Action.MANAGE_PARTIES)
    party = Party(id=PartyId(mint()), code=command.code, name=command.name, kind=command.kind, parent=command.parent)
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return await _party_of(work, before)
        await _check_parent(work, command.parent)
        await _check_own_parent(work, command.parent)
        await work.parties.add([party])
        work.posts(PostingKind.CATALOG, at)
        work.audits(act_on(Action.MANAGE_PARTIES, "createParty", [Subject(SubjectType.PARTY, party.id)]), at)
        await answered(work, key, {"id": str(party.id)})
    return party


async def _check_parent(work: Work, parent: PartyId | None) -> None:
    if parent is None:
        return
    if parent not in await work.parties.by_ids([parent]):
        raise NotFound("party", parent, path=("parent",))
    depth = len((await work.parties.lineages([parent]))[parent])
    if depth >= PARTY_DEPTH_MAX:
        raise OutOfRange(f"the tree of parties is at most {PARTY_DEPTH_MAX} deep", path=("parent",))


async def _check_own_parent(work: Work, parent: PartyId | None) -> None:
    """An actor with a party adds below it, and nowhere else."""
    refusal: DomainError = NotFound("party", parent, path=("parent",))
    if parent is None:
        refusal = Invalid("name the party that it is below: you act for one party", path=("parent",))
    await require_related(work, Action.MANAGE_PARTIES, {Relation.SELF: parent}, refusal)


async def _party_of(work: Work, before: Mapping[str, object]) -> Party:
    found = PartyId(UUID(str(before["id"])))
    return (await work.parties.by_ids([found]))[found]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMetric:
    code: str
    name: str
    aggregation: Aggregation
    direction: Direction = Direction.AT_LEAST
    unit: str = ""
    scale: int = 3
    grid: timedelta = CELL
    weights: tuple[tuple[str, Fraction], ...] = tuple(DEFAULT_WEIGHTS.items())
    methodology: str = ""
    shape: Shape | None = None
    percentile: Decimal | None = None
    slice: timedelta | None = None
    slice_target: Decimal | None = None
    slice_direction: Direction = Direction.AT_LEAST
    staleness: timedelta | None = None


async def create_metric(
    open_work: OpenWork, actor: Actor, command: CreateMetric, *, at: datetime, mint: Mint, key: str | None = None
) -> Metric:
    actor.must(Action.MANAGE_METRICS)
    metric = Metric(
        id=MetricId(mint()),
        code=command.code,
        name=command.name,
        aggregation=command.aggregation,
        direction=command.direction,
        unit=command.unit,
        scale=command.scale,
        grid=command.grid,
        weights=dict(command.weights),
        methodology=command.methodology,
        shape=command.shape or command.aggregation.shapes[0],
        percentile=command.percentile,
        slice=command.slice,
        slice_target=command.slice_target,
        slice_direction=command.slice_direction,
        staleness=command.staleness,
    )
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            found = MetricId(UUID(str(before["id"])))
            return (await work.metrics.by_ids([found]))[found]
        await work.metrics.add([metric])
        work.posts(PostingKind.CATALOG, at)
        work.audits(act_on(Action.MANAGE_METRICS, "createMetric", [Subject(SubjectType.METRIC, metric.id)]), at)
        await answered(work, key, {"id": str(metric.id)})
    return metric


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateService:
    """`structure` holds from the beginning of time; later ones by `ChangeStructure`."""

    code: str
    name: str
    provider: PartyId
    consumers: tuple[PartyId, ...] = ()
    structure: Structure | None = None


async def create_service(
    open_work: OpenWork, actor: Actor, command: CreateService, *, at: datetime, mint: Mint, key: str | None = None
) -> Service:
    """Raises CycleRefused, NotFound for a party or component, Taken for the code."""
    actor.must(Action.MANAGE_SERVICES)
    structures: tuple[StructureVersion, ...] = ()
    if command.structure is not None:
        structures = (StructureVersion(effective_from=EARLIEST, structure=command.structure),)
    service = Service(
        id=ServiceId(mint()),
        code=command.code,
        name=command.name,
        provider=command.provider,
        consumers=frozenset(command.consumers),
        structures=structures,
    )
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            found = ServiceId(UUID(str(before["id"])))
            return (await work.services.by_ids([found]))[found]
        parties = await work.parties.by_ids({command.provider, *command.consumers})
        if command.provider not in parties:
            raise NotFound("party", command.provider, path=("provider",))
        missing = NotFound("party", command.provider, path=("provider",))
        await require_related(work, Action.MANAGE_SERVICES, {Relation.PROVIDER: command.provider}, missing)
        require_found("party", command.consumers, parties, "consumers")
        await _check_structure(work, service, command.structure)
        await work.services.add([service])
        await _judge_under_open_scopes(work, service, at=at, mint=mint)
        work.posts(PostingKind.CATALOG, at)
        work.audits(act_on(Action.MANAGE_SERVICES, "createService", [Subject(SubjectType.SERVICE, service.id)]), at)
        await answered(work, key, {"id": str(service.id)})
    return service


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStructure:
    service: ServiceId
    structure: Structure
    effective_from: datetime


async def change_structure(
    open_work: OpenWork, actor: Actor, command: ChangeStructure, *, at: datetime, key: str | None = None
) -> Service:
    """The service rests on other services from an instant on; its verdicts from then on are judged again."""
    actor.must(Action.MANAGE_SERVICES)
    effective_from = checked_instant(command.effective_from, "effectiveFrom")
    version = StructureVersion(effective_from=effective_from, structure=command.structure)
    async with open_work(actor) as work:
        found = (await work.services.by_ids([command.service])).get(command.service)
        if found is None:
            raise NotFound("service", command.service, path=("service",))
        missing = NotFound("service", command.service, path=("service",))
        await require_related(work, Action.MANAGE_SERVICES, {Relation.PROVIDER: found.provider}, missing)
        ordered = sorted([*found.structures, version], key=lambda each: each.effective_from)
        changed = replace(found, structures=tuple(ordered))
        if await earlier(work, key, command) is not None:
            return found
        if any(each.effective_from == effective_from for each in found.structures):
            raise WrongState("a structure takes effect at that instant already", path=("effectiveFrom",))
        await _check_structure(work, changed, command.structure)
        await work.services.add_structure(found.id, version)
        await work.marks.add([Mark(service=found.id, span=Span(effective_from, LATEST))])
        work.posts(PostingKind.CATALOG, at)
        work.audits(
            act_on(Action.MANAGE_SERVICES, "changeServiceStructure", [Subject(SubjectType.SERVICE, found.id)]), at
        )
        await answered(work, key, {"id": str(found.id)})
    return changed


async def _check_structure(work: Work, service: Service, added: Structure | None) -> None:
    """What an earlier structure rests on need not be the actor's to see: a provider's service may rest on a rival's."""
    if added is None:
        return
    named = components(added)
    if service.id in named:
        raise Invalid("a service does not rest on itself", path=("structure",))
    if not named <= (await work.services.by_ids(named)).keys():
        raise NotFound("service", "of that id to rest on", path=("structure",))
    below = await work.services.with_components(service.components)
    refuse_cycles([*(each for each in below.values() if each.id != service.id), service])


async def _judge_under_open_scopes(work: Work, service: Service, *, at: datetime, mint: Mint) -> None:
    """A new service comes under the agreements of its provider that hold for all services."""
    agreements = [each for each in await work.agreements.of_provider(service.provider) if each.service is None]
    versions = [(agreement, version) for agreement in agreements for version in agreement.activated]
    if versions:
        await lay_down_periods(work, versions, [service], at=at, mint=mint)
        await mark_versions(work, [version for _, version in versions])

"""Parties, metrics and services: made, and changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import strawberry

import domain.metric
import domain.party
import domain.service
from domain.errors import DomainError, Invalid
from domain.ids import PartyId, ServiceId
from domain.metric import (
    CELL,
    DEFAULT_WEIGHTS,
    IMPACTS_MAX,
    PERCENTILE_PLACES_MAX,
    SCALE_MAX,
    Aggregation,
    Shape,
)
from domain.party import PARTY_DEPTH_MAX, PartyKind
from domain.ratio import Direction
from domain.service import CONSUMERS_MAX
from domain.text import CODE_LENGTH_MAX, NAME_LENGTH_MAX, NOTE_LENGTH_MAX, checked_code
from domain.usecases import catalog
from graph.desk import Desk, Info
from graph.fields import told
from graph.metric import Metric
from graph.mutating import COMMAND, id_of, idempotency_key, optional_id_of, text_of
from graph.party import Party
from graph.service import Service
from graph.structure_input import StructureInput
from graph.user_errors import Answer, Payload, carried_out

CODE = f"1 to {CODE_LENGTH_MAX} of a-z, 0-9 and ._/-, starting and ending with a letter or digit; unique"
NAME = f"As people call it: 1 to {NAME_LENGTH_MAX} printable characters."


@strawberry.input(description="A party to be.")
class CreatePartyInput:
    code: str = strawberry.field(description=f"{CODE} among the tenant's parties.")
    name: str = strawberry.field(description=NAME)
    kind: PartyKind = strawberry.field(description="What it is to the tenant.")
    parent: strawberry.ID | None = strawberry.field(
        description=f"The party above it; the tree is at most {PARTY_DEPTH_MAX} deep."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> catalog.CreateParty:
        parent = optional_id_of(PartyId, "Party", self.parent, "parent")
        return catalog.CreateParty(code=self.code, name=self.name, kind=self.kind, parent=parent)


@strawberry.input(description="What an outage of an impact weighs.")
class ImpactWeightInput:
    impact: str = strawberry.field(description=f"As outages name it: a code of at most {CODE_LENGTH_MAX} characters.")
    weight: Decimal = strawberry.field(description="0 (told, not counted) to 1 (wholly down), at most 6 decimals.")


@strawberry.input(description="A metric to be.")
class CreateMetricInput:
    code: str = strawberry.field(description=f"{CODE} among the tenant's metrics.")
    name: str = strawberry.field(description=NAME)
    aggregation: Aggregation = strawberry.field(description="How facts are brought to one value.")
    direction: Direction = strawberry.field(
        default=Direction.AT_LEAST, description="Which side of a target is the good one; AT_LEAST for availability."
    )
    unit: str = strawberry.field(default="", description="Of samples and targets, such as ms. Shares are in percent.")
    scale: int = strawberry.field(default=3, description=f"Decimals that a sample keeps, 0 to {SCALE_MAX}.")
    grid: timedelta = strawberry.field(
        default=CELL, description="A tally lies inside one such cell: a multiple of 15 minutes that divides a day."
    )
    weights: list[ImpactWeightInput] | None = strawberry.field(
        description=f"What each impact weighs, 1 to {IMPACTS_MAX}. Default: critical and major 1, minor and none 0."
    )
    methodology: str = strawberry.field(
        default="", description=f"How it is measured, in words: at most {NOTE_LENGTH_MAX} characters."
    )
    shape: Shape | None = strawberry.field(
        description="The form of its facts. Default: the first that the aggregation takes."
    )
    percentile: Decimal | None = strawberry.field(
        description=f"Above 0 and at most 100, with at most {PERCENTILE_PLACES_MAX} decimals; for PERCENTILE only.",
    )
    slice: timedelta | None = strawberry.field(
        description="A minute or longer, and divides a day; for MEAN_OF_SLICES and GOOD_SLICES only."
    )
    slice_target: Decimal | None = strawberry.field(
        description="When a slice is good: percent for tallies, else in the unit; for GOOD_SLICES only.",
    )
    slice_direction: Direction = strawberry.field(
        default=Direction.AT_LEAST, description="Which side of the slice target is the good one."
    )
    staleness: timedelta | None = strawberry.field(
        description="How long a state holds that no other follows, 1 second to 31 days."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> catalog.CreateMetric:
        return catalog.CreateMetric(
            code=self.code,
            name=self.name,
            aggregation=self.aggregation,
            direction=self.direction,
            unit=text_of(self.unit, "unit"),
            scale=self.scale,
            grid=self.grid,
            weights=tuple(DEFAULT_WEIGHTS.items()) if self.weights is None else _weights(self.weights),
            methodology=self.methodology,
            shape=self.shape,
            percentile=self.percentile,
            slice=self.slice,
            slice_target=self.slice_target,
            slice_direction=self.slice_direction,
            staleness=self.staleness,
        )


@strawberry.input(description="A service to be.")
class CreateServiceInput:
    code: str = strawberry.field(description=f"{CODE} among the tenant's services.")
    name: str = strawberry.field(description=NAME)
    provider: strawberry.ID = strawberry.field(description="The party that delivers it.")
    consumers: list[strawberry.ID] = strawberry.field(
        default_factory=list, description=f"The parties that receive it, {CONSUMERS_MAX} at most."
    )
    structure: StructureInput | None = strawberry.field(
        description="What it has always rested on; without one it is measured by itself."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> catalog.CreateService:
        consumers = (id_of(PartyId, "Party", text, "consumers", place) for place, text in enumerate(self.consumers))
        return catalog.CreateService(
            code=self.code,
            name=self.name,
            provider=id_of(PartyId, "Party", self.provider, "provider"),
            consumers=tuple(consumers),
            structure=self.structure.meant("structure") if self.structure else None,
        )


@strawberry.input(description="What a service rests on from an instant on.")
class ChangeServiceStructureInput:
    service: strawberry.ID = strawberry.field(description="The service.")
    structure: StructureInput = strawberry.field(description="What it rests on.")
    effective_from: datetime = strawberry.field(description="From when on; once for each instant.")
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> catalog.ChangeStructure:
        return catalog.ChangeStructure(
            service=id_of(ServiceId, "Service", self.service, "service"),
            structure=self.structure.meant("structure"),
            effective_from=self.effective_from,
        )


@strawberry.type(description="What createParty came to.")
class CreatePartyPayload(Payload):
    party: Party | None = told("The new party; null where there are user errors.", "result")


@strawberry.type(description="What createMetric came to.")
class CreateMetricPayload(Payload):
    metric: Metric | None = told("The new metric; null where there are user errors.", "result")


@strawberry.type(description="What createService came to.")
class CreateServicePayload(Payload):
    service: Service | None = told("The new service; null where there are user errors.", "result")


@strawberry.type(description="What changeServiceStructure came to.")
class ChangeServiceStructurePayload(Payload):
    service: Service | None = told("The service as it is now; null where there are user errors.", "result")


@strawberry.type
class CatalogMutations:
    @strawberry.mutation(graphql_type=CreatePartyPayload, description="Add a customer, vendor or internal team.")
    async def create_party(
        self, info: Info, command: Annotated[CreatePartyInput, COMMAND]
    ) -> Answer[domain.party.Party]:
        return await carried_out(
            info,
            lambda at: catalog.create_party(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(graphql_type=CreateMetricPayload, description="Add a shared definition of what is measured.")
    async def create_metric(
        self, info: Info, command: Annotated[CreateMetricInput, COMMAND]
    ) -> Answer[domain.metric.Metric]:
        return await carried_out(info, lambda at: _create_metric(at, command))

    @strawberry.mutation(
        graphql_type=CreateServicePayload,
        description="Add a service. It comes under its provider's agreements for all services at once.",
    )
    async def create_service(
        self, info: Info, command: Annotated[CreateServiceInput, COMMAND]
    ) -> Answer[domain.service.Service]:
        return await carried_out(
            info,
            lambda at: catalog.create_service(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=ChangeServiceStructurePayload,
        description="Let a service rest on others from an instant on; verdicts from then on are judged again.",
    )
    async def change_service_structure(
        self, info: Info, command: Annotated[ChangeServiceStructureInput, COMMAND]
    ) -> Answer[domain.service.Service]:
        return await carried_out(
            info,
            lambda at: catalog.change_structure(
                at.open_work, at.actor, command.meant(), at=at.now(), key=command.idempotency_key
            ),
        )


async def _create_metric(at: Desk, command: CreateMetricInput) -> domain.metric.Metric:
    """The domain tells a wrong weight by its impact; clients count items."""
    try:
        return await catalog.create_metric(
            at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
        )
    except DomainError as error:
        impacts = [each.impact for each in command.weights or ()]
        match error.path:
            case ("weights", str(impact)) if impact in impacts:
                error.path = ("weights", impacts.index(impact), "weight")
        raise


def _weights(weights: list[ImpactWeightInput]) -> tuple[tuple[str, Fraction], ...]:
    seen: set[str] = set()
    for place, each in enumerate(weights):
        try:
            checked_code(each.impact, "impact")
        except DomainError as error:
            raise error.at("weights", place) from error
        if each.impact in seen:
            raise Invalid("an impact has one weight", path=("weights", place, "impact"))
        seen.add(each.impact)
    return tuple((each.impact, Fraction(each.weight)) for each in weights)

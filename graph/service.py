"""Services and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

import domain.party
import domain.service
from domain import filters
from domain.ids import PartyId
from domain.service import CONSUMERS_MAX
from domain.structure import DEPTH_MAX, NODES_MAX, AllOf, AnyOf, Component, KOfN, Structure
from graph.connections import OrderDirection
from graph.desk import Desk, Info, desk
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, condition
from graph.party import Party

VERSIONS_SHOWN_MAX = 100


class StructureKind(Enum):
    COMPONENT = "component"
    ALL_OF = "all_of"
    ANY_OF = "any_of"
    K_OF_N = "k_of_n"


described(
    StructureKind,
    "How a node of a structure rests on its parts.",
    COMPONENT="A service; it has no parts.",
    ALL_OF="Serial: needs every part.",
    ANY_OF="Redundant: needs one part.",
    K_OF_N="Needs `k` of its parts.",
)


@dataclass(frozen=True, slots=True)
class _Row:
    index: int
    parent: int | None
    node: Structure


_KINDS = {
    Component: StructureKind.COMPONENT,
    AllOf: StructureKind.ALL_OF,
    AnyOf: StructureKind.ANY_OF,
    KOfN: StructureKind.K_OF_N,
}


def _rows(structure: Structure) -> list[_Row]:
    """Level by level; the domain bounds the number of nodes."""
    rows = [_Row(0, None, structure)]
    done = 0
    while done < len(rows):
        node = rows[done].node
        for part in () if isinstance(node, Component) else node.parts:
            rows.append(_Row(len(rows), done, part))
        done += 1
    return rows


@strawberry.type(description="One node of a structure, in a list of all of them.")
class StructureNode:
    index: int = told("Its place in the list, from 0; the root is 0, and parts come after what they are parts of.")
    parent: int | None = told("The index of the node that it is a part of; null for the root.")
    kind: StructureKind = told("How it rests on its parts.", lambda row: _KINDS[type(row.node)])
    k: int | None = told(
        "How many parts a K_OF_N node needs; null for others.", lambda row: getattr(row.node, "k", None)
    )
    service: Service | None = loaded(
        "The service of a COMPONENT; null for others, and where the caller may not see it.",
        lambda desk, row: desk.services.load(row.node.service) if isinstance(row.node, Component) else None,
    )


@strawberry.type(description=f"What a service rests on: a tree, at most {DEPTH_MAX} deep.")
class ServiceStructure:
    nodes: list[StructureNode] = told(
        f"The tree as a flat list, {NODES_MAX} nodes at most, so that it is read whole whatever its depth.",
        _rows,
    )


@strawberry.type(description="How a service rests on others, from an instant on, until the next version.")
class StructureVersion:
    effective_from: datetime = told("From when on.")
    structure: ServiceStructure = told("What the service rests on then.")


async def _consumers(desk: Desk, service: domain.service.Service) -> list[domain.party.Party]:
    found = await desk.parties.load_many(service.consumers)
    return sorted((party for party in found if party is not None), key=lambda party: party.code)


def _structure(
    root: strawberry.Parent[domain.service.Service],
    info: Info,
    at: Annotated[datetime | None, strawberry.argument(description="When. Default: now.")] = strawberry.UNSET,
) -> Any:
    instant = at or desk(info).now()
    before = [version.structure for version in root.structures if version.effective_from <= instant]
    return before[-1] if before else None


@view(domain.service.Service, "What a provider delivers to its consumers.")
class Service(Node):
    id: strawberry.ID = node_id("Service")
    code: str = told("Unique among the tenant's services; integrations name the service by it.")
    name: str = told("As people call it.")
    provider: Party | None = loaded(
        "Who delivers it; null where the caller may not see the party.",
        lambda desk, service: desk.parties.load(service.provider),
    )
    consumers: list[Party] = loaded(
        f"Who receives it, by code, {CONSUMERS_MAX} at most; only those that the caller may see.",
        _consumers,
    )
    structure_versions: list[StructureVersion] = told(
        f"How it came to rest on others, oldest first, the newest {VERSIONS_SHOWN_MAX}. Empty where it is measured by"
        " itself.",
        lambda service: service.structures[-VERSIONS_SHOWN_MAX:],
    )
    structure: ServiceStructure | None = strawberry.field(
        resolver=_structure, description="What it rests on at an instant; null where it is measured by itself."
    )


@strawberry.input(description=FILTER)
class ServiceFilter:
    providers: list[strawberry.ID] | None = condition("Services of any of these providers.")
    consumers: list[strawberry.ID] | None = condition("Services that any of these parties receives.")

    def meant(self) -> filters.ServiceFilter:
        return filters.ServiceFilter(
            providers=any_id_of(PartyId, "Party", self.providers, "providers"),
            consumers=any_id_of(PartyId, "Party", self.consumers, "consumers"),
        )


class ServiceOrderField(Enum):
    CODE = "code"


described(
    ServiceOrderField,
    "What services are ordered by.",
    CODE="Their code.",
)


@strawberry.input(description="The order of services.")
class ServiceOrder:
    field: ServiceOrderField = strawberry.field(default=ServiceOrderField.CODE, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")

"""Parties: customers, vendors and internal teams."""

from __future__ import annotations

from enum import Enum

import strawberry

import domain.party
from domain.party import PARTY_DEPTH_MAX, PartyKind
from graph.connections import OrderDirection
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_of, condition

described(
    PartyKind,
    "What a party is to the tenant.",
    CUSTOMER="It receives services.",
    VENDOR="It delivers services under contract.",
    INTERNAL="A team of the tenant's own.",
)


@view(
    domain.party.Party, f"A customer, vendor or internal team. Parties form a tree of at most {PARTY_DEPTH_MAX} levels."
)
class Party(Node):
    id: strawberry.ID = node_id("Party")
    code: str = told("Unique among the tenant's parties; integrations name the party by it.")
    name: str = told("As people call it.")
    kind: PartyKind = told("What it is to the tenant.")
    parent: Party | None = loaded(
        "The party above it; null for a root, and where the caller may not see it.",
        lambda desk, party: desk.parties.load(party.parent) if party.parent else None,
    )


@strawberry.input(description=FILTER)
class PartyFilter:
    kinds: list[PartyKind] | None = condition("Parties of any of these kinds.")

    def meant(self) -> frozenset[PartyKind]:
        return any_of(self.kinds, "kinds")


class PartyOrderField(Enum):
    CODE = "code"


described(
    PartyOrderField,
    "What parties are ordered by.",
    CODE="Their code.",
)


@strawberry.input(description="The order of parties.")
class PartyOrder:
    field: PartyOrderField = strawberry.field(default=PartyOrderField.CODE, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")

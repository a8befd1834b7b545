"""Who asks."""

from __future__ import annotations

import strawberry

from domain.actor import Actor
from graph.fields import loaded, told, view
from graph.ids import encode
from graph.party import Party
from graph.role import Role


@view(Actor, "Who asks: the key that the request carries.")
class Viewer:
    role: Role = told("What the key may do.")
    tenant_id: strawberry.ID = told(
        "The tenant that the key is of; it names no node.", lambda actor: encode("Tenant", actor.tenant)
    )
    party: Party | None = loaded(
        "The party whose slice the key sees and touches; null where it is for the whole tenant.",
        lambda desk, actor: desk.parties.load(actor.party) if actor.party else None,
    )

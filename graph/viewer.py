"""Who asks."""

from __future__ import annotations

import strawberry

from domain.actor import Actor, Role
from graph.fields import described, loaded, told, view
from graph.ids import encode
from graph.party import Party

described(
    Role,
    "What a key may do.",
    ADMIN="Everything within the tenant.",
    SERVICE_LEVEL_MANAGER="Reads, and keeps the catalog, agreements, exclusions and facts.",
    ANALYST="Reads.",
    FINANCE="Reads.",
    AUDITOR="Reads.",
    VENDOR="Reads what its party provides or consumes, and records facts of its party's services.",
    CUSTOMER="Reads what its party provides or consumes.",
    INGEST="Records facts, and reads nothing.",
)


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

"""What the actor's party is to the things that a change names, as the policy asks of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.errors import DomainError
from domain.ids import PartyId
from domain.policy import Action, Relation, rule_of
from domain.ports import Work


async def own_parties(work: Work, action: Action, relation: Relation) -> Collection[PartyId] | None:
    """Whom the actor may stand for in the relation; None where it may for anyone of the tenant."""
    party = work.actor.party
    if party is None:
        return None
    if relation not in rule_of(action).relations:
        return frozenset()
    return (await work.parties.below([party]))[party]


async def require_related(
    work: Work, action: Action, parties: Mapping[Relation, PartyId | None], refusal: DomainError
) -> None:
    """Raises the refusal unless one of the parties is the actor's own in a relation that the policy takes."""
    for relation, party in parties.items():
        own = await own_parties(work, action, relation)
        if own is None or party in own:
            return
    raise refusal

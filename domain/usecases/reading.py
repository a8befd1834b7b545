"""Reads: one short unit of work for one question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from domain.actor import Actor
from domain.errors import NotFound
from domain.ids import PartyId, ServiceId
from domain.levels import EffectiveObjective, effective
from domain.policy import Action
from domain.ports import OpenWork, Work

T = TypeVar("T")


async def read(open_work: OpenWork, actor: Actor, action: Action, ask: Callable[[Work], Awaitable[T]]) -> T:
    """The answer of one question, such as `lambda work: work.parties.by_ids(ids)`."""
    actor.must(action)
    async with open_work(actor) as work:
        return await ask(work)


async def effective_objectives(
    open_work: OpenWork, actor: Actor, *, customer: PartyId, service: ServiceId, at: datetime
) -> tuple[EffectiveObjective, ...]:
    """What binds for a customer and a service at an instant, with the agreement and version each comes from."""
    actor.must(Action.READ_AGREEMENTS)
    async with open_work(actor) as work:
        if customer not in await work.parties.by_ids([customer]):
            raise NotFound("party", customer, path=("customer",))
        found = (await work.services.by_ids([service])).get(service)
        if found is None:
            raise NotFound("service", service, path=("service",))
        lineage = (await work.parties.lineages([customer]))[customer]
        agreements = await work.agreements.concerning(found, lineage)
    return effective(agreements, found, lineage, at)

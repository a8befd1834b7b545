"""Effective objectives: what binds for a customer and a service, and where each term comes from."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import strawberry

import domain.levels
from domain.agreement import Level
from domain.ids import PartyId, ServiceId
from domain.usecases.reading import effective_objectives
from graph.agreement import Agreement, AgreementVersion, Terms
from graph.desk import Desk
from graph.fields import told, view
from graph.ids import uuid_of
from graph.objective import Objective, placed
from graph.placed import PlacedObjective


@dataclass(frozen=True, slots=True)
class Effective:
    placed: PlacedObjective
    terms: Terms
    overrides: tuple[PlacedObjective, ...]


@strawberry.type(description="An objective that another one of its code overrides.")
class OverriddenObjective:
    objective: Objective = told("What would bind without the other.", lambda placed: placed)
    agreement: Agreement = told("Where it was promised.")


@view(Effective, "An objective that binds for a customer and a service, with where it comes from.")
class EffectiveObjective:
    objective: Objective = told("What binds.", "placed")
    agreement: Agreement = told("Where it was promised.", "terms.agreement")
    version: AgreementVersion = told("The version that governs the instant.", "terms")
    level: Level = told("The level of its agreement.", "terms.agreement.level")
    overrides: list[OverriddenObjective] = told(
        "The objectives of its code that it overrides, the weakest first; one for each agreement that applies."
    )


async def effective(desk: Desk, customer: str, service: str, at: datetime) -> Sequence[Effective]:
    found = await effective_objectives(
        desk.open_work,
        desk.actor,
        customer=PartyId(uuid_of(customer, "Party", path=("customer",))),
        service=ServiceId(uuid_of(service, "Service", path=("service",))),
        at=at,
    )
    return await gather(*(_shown(desk, each) for each in found))


async def _shown(desk: Desk, found: domain.levels.EffectiveObjective) -> Effective:
    binding, *overridden = await placed(desk, [(found.objective, found.agreement), *found.overrides])
    return Effective(binding, Terms(found.agreement, found.version), tuple(overridden))

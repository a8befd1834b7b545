"""Verdicts and terms as they were known at an instant: how they are asked for, many of one instant at once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

import strawberry

from domain.agreement import Agreement
from domain.attainment import Attainment
from domain.ids import Position
from domain.usecases.history import KnownVerdict, past_instant
from graph.desk import Desk, Info, desk
from graph.placed import PlacedObjective, Verdict

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

At = Annotated[datetime, strawberry.argument(description="The instant. One that is yet to come is INVALID.")]


@dataclass(frozen=True, slots=True)
class AsOf:
    """A verdict as it was known, as the schema shows it."""

    known: KnownVerdict
    placed: PlacedObjective

    @property
    def attainment(self) -> Attainment:
        return self.known.attainment

    @property
    def position(self) -> Position:
        return self.known.known_at.position


@dataclass(frozen=True, slots=True)
class TermsAsOf:
    """An agreement with the versions that were known."""

    agreement: Agreement
    at: datetime


async def attainment_as_of(root: strawberry.Parent[Verdict], info: Info, at: At) -> AsOf | None:
    here = desk(info)
    instant = past_instant(at, now=here.now())
    known = await here.attainments_as_of.load((root.attainment.id, instant))
    return None if known is None else AsOf(known, root.placed)


async def agreement_as_of(root: strawberry.Parent[Agreement], info: Info, at: At) -> TermsAsOf | None:
    here = desk(info)
    instant = past_instant(at, now=here.now())
    known = await here.agreements_as_of.load((root.id, instant))
    return None if known is None else TermsAsOf(known, instant)


def sealed_position(at: Desk, position: Position) -> str:
    """Tells no number: how much others post is not to be guessed from it. Alike for alike, for one tenant and party."""
    scope = (str(at.actor.tenant), "" if at.actor.party is None else str(at.actor.party))
    return at.application.seal.seal("asOf", scope, str(position).encode())

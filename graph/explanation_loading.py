"""Explanations as a verdict's field asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from domain.attainment import Attainment
from domain.usecases.explaining import Explained, explain_as_of
from domain.usecases.history import past_instant
from graph.as_of_loading import AsOf
from graph.desk import Info, desk
from graph.placed import PlacedObjective, Verdict


@dataclass(frozen=True, slots=True)
class ToldExplanation:
    explained: Explained
    as_of: AsOf

    @property
    def attainment(self) -> Attainment:
        return self.as_of.attainment

    @property
    def placed(self) -> PlacedObjective:
        return self.as_of.placed


async def explanation(
    root: strawberry.Parent[Verdict],
    info: Info,
    as_of: Annotated[
        datetime | None,
        strawberry.argument(description="By what was known at this instant. Default: now. One to come is INVALID."),
    ] = strawberry.UNSET,
) -> ToldExplanation | None:
    here = desk(info)
    now = here.now()
    instant = past_instant(as_of, now=now, field="asOf") if as_of else now
    explained = await explain_as_of(here.open_work, here.actor, root.attainment.id, instant, now=now)
    return None if explained is None else ToldExplanation(explained, AsOf(explained.known, root.placed))

"""Objectives and verdicts with what it takes to show them: the metric says the unit, the agreement who promised."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.agreement import Agreement
from domain.attainment import Attainment
from domain.breach import Breach
from domain.filters import AttainmentFilter
from domain.ids import ObjectiveId, ServiceId
from domain.metric import Metric
from domain.objective import Objective
from domain.paging import PageRequest
from domain.ports import Work
from domain.spans import Span


@dataclass(frozen=True, slots=True)
class PlacedObjective:
    objective: Objective
    metric: Metric
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Verdict:
    attainment: Attainment
    placed: PlacedObjective


@dataclass(frozen=True, slots=True)
class Judged:
    """What tells an attainment apart, besides its id: no two periods of an objective on a service share an instant."""

    objective: ObjectiveId
    service: ServiceId
    period: Span


def judged(breach: Breach) -> Judged:
    return Judged(breach.objective, breach.service, breach.period)


async def placed_objectives(work: Work, ids: Collection[ObjectiveId]) -> Mapping[ObjectiveId, PlacedObjective]:
    places = await work.agreements.by_objectives(ids)
    metrics = await work.metrics.by_ids({place.objective.metric for place in places.values()})
    return {
        objective: PlacedObjective(place.objective, metrics[place.objective.metric], place.agreement)
        for objective, place in places.items()
    }


async def verdicts(work: Work, attainments: Sequence[Attainment]) -> Sequence[Verdict]:
    """In the given order. Whoever sees an attainment sees its agreement, so each has its place."""
    placed = await placed_objectives(work, {attainment.objective for attainment in attainments})
    return [Verdict(attainment, placed[attainment.objective]) for attainment in attainments]


async def verdicts_on(work: Work, wanted: Sequence[Judged]) -> Mapping[Judged, Verdict]:
    """One look at an index for each: a breach does not name its period's id."""
    found: dict[Judged, Attainment] = {}
    for each in wanted:
        where = AttainmentFilter(
            objectives=frozenset({each.objective}), services=frozenset({each.service}), within=each.period
        )
        page = await work.attainments.page(PageRequest(size=1), where)
        found.update((each, row.item) for row in page.rows if row.item.period.span == each.period)
    return dict(zip(found, await verdicts(work, list(found.values())), strict=True))

"""What can be asked. Every field asks first whether the actor may (graph/rights.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from domain.actor import Actor
from domain.errors import Invalid, TooMany
from domain.hours import Holiday
from domain.ids import (
    AgreementId,
    AuditEntryId,
    BreachId,
    ExclusionId,
    MetricId,
    ObjectiveId,
    PartyId,
    PeriodId,
    ServiceId,
    StreamId,
)
from graph.desk import Desk, Info
from graph.effective import Effective, EffectiveObjective, effective
from graph.fields import Node
from graph.ids import decode
from graph.lists import Lists
from graph.rights import admitted, must_see
from graph.service_hours import ProposedHoliday
from graph.viewer import Viewer

NODES_MAX = 100

_LOADERS: dict[str, Callable[[Desk, UUID], Awaitable[object]]] = {
    "Party": lambda at, uuid: at.parties.load(PartyId(uuid)),
    "Metric": lambda at, uuid: at.metrics.load(MetricId(uuid)),
    "Service": lambda at, uuid: at.services.load(ServiceId(uuid)),
    "Agreement": lambda at, uuid: at.agreements.load(AgreementId(uuid)),
    "Objective": lambda at, uuid: at.objectives.load(ObjectiveId(uuid)),
    "Stream": lambda at, uuid: at.streams.load(StreamId(uuid)),
    "Outage": lambda at, uuid: at.outages.load(uuid),
    "Case": lambda at, uuid: at.cases.load(uuid),
    "Exclusion": lambda at, uuid: at.exclusions.load(ExclusionId(uuid)),
    "Attainment": lambda at, uuid: at.attainments.load(PeriodId(uuid)),
    "Breach": lambda at, uuid: at.breaches.load(BreachId(uuid)),
    "AuditEntry": lambda at, uuid: at.audit_entries.load(AuditEntryId(uuid)),
}
"""How a node of each type is found."""


@strawberry.type(description="What can be asked.")
class Query(Lists):
    @strawberry.field(graphql_type=Viewer, description="Who asks: any key may know what it is.")
    def viewer(self, info: Info) -> Actor:
        return admitted(info).actor

    @strawberry.field(
        graphql_type=Node | None,
        description="Anything by its id; null where it is not there or not the caller's to see.",
    )
    def node(
        self,
        info: Info,
        node_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="As `id` of any node told it.")],
    ) -> Any:
        at = admitted(info)
        return _found(at, node_id, "id")

    @strawberry.field(
        graphql_type=list[Node | None],
        description=f"Several by their ids, {NODES_MAX} at most, in the order of the ids; null as in `node`.",
    )
    def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"1 to {NODES_MAX} ids of any types.")],
    ) -> Sequence[Any]:
        at = admitted(info)
        if len(ids) > NODES_MAX:
            raise TooMany(f"at most {NODES_MAX} nodes are asked for at once, not {len(ids)}", path=("ids",))
        return [_found(at, each, "ids", place) for place, each in enumerate(ids)]

    @strawberry.field(
        graphql_type=list[EffectiveObjective],
        description="What binds for a customer and a service at an instant, by code: one for each code that an"
        " agreement in force promises.",
    )
    async def effective_objectives(
        self,
        info: Info,
        customer: Annotated[strawberry.ID, strawberry.argument(description="The customer, a party.")],
        service: Annotated[strawberry.ID, strawberry.argument(description="The service that it receives.")],
        at: Annotated[
            datetime | None, strawberry.argument(description="The instant. Default: now.")
        ] = strawberry.UNSET,
    ) -> Sequence[Effective]:
        here = admitted(info)
        return await effective(here, customer, service, at or here.now())

    @strawberry.field(
        graphql_type=list[ProposedHoliday],
        description="Holidays of a country, in order, to choose from for service hours: they bind nobody before they"
        " stand in terms. Of ten years at most.",
    )
    def proposed_holidays(
        self,
        info: Info,
        country: Annotated[str, strawberry.argument(description="Two letters of ISO 3166-1, such as AT.")],
        since: Annotated[date, strawberry.argument(name="from", description="The first day.")],
        until: Annotated[date, strawberry.argument(description="The first day after the last one.")],
        subdivision: Annotated[
            str | None, strawberry.argument(description="A code of ISO 3166-2 without the country's. Default: none.")
        ] = strawberry.UNSET,
    ) -> Sequence[Holiday]:
        return admitted(info).application.propose_holidays(country, subdivision or None, since, until)


def _found(at: Desk, text: str, *path: str | int) -> Awaitable[object]:
    node = decode(text, path=path)
    load = _LOADERS.get(node.type_name)
    if load is None:
        raise Invalid("this is not the id of a node", path=path)
    must_see(at, node.type_name)
    return load(at, node.uuid)

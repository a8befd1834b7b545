"""Cases as recorded."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

import domain.case
from domain import columns, filters
from domain.case import PAUSES_MAX
from domain.ids import ServiceId
from graph.connections import OrderDirection
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, condition
from graph.intervals import IntervalInput
from graph.party import Party
from graph.service import Service
from graph.stream import Stream


@view(domain.case.Pause, "Time in which a case's clock stands still.", name="CasePause")
class CasePause:
    paused_at: datetime = told("Its first instant.", "start")
    resumed_at: datetime | None = told("The first instant after it; null while it lasts.", "end")


@view(columns.RecordedCase, "A ticket as known now: its latest revision. A withdrawn one is not there.")
class Case(Node):
    id: strawberry.ID = node_id("Case")
    external_id: str = told("Names it within its stream; given by whoever reported it.", "case.external_id")
    opened_at: datetime = told("When its clock began to run.", "case.opened_at")
    responded_at: datetime | None = told("When it was first responded to; null until then.", "case.responded_at")
    resolved_at: datetime | None = told("When it was resolved; null until then.", "case.resolved_at")
    pauses: list[CasePause] = told(f"When its clock stood still, in order; {PAUSES_MAX} at most.", "case.pauses")
    revision: int = told("From 1; each correction adds one.", "case.revision")
    stream: Stream = told("What reported it.")
    service: Service | None = loaded(
        "What it is about; null where the caller may not see it.",
        lambda desk, recorded: desk.services.load(recorded.stream.service),
    )
    vendor: Party | None = loaded(
        "Whose service it is; null where the caller may not see it.",
        lambda desk, recorded: desk.parties.load(recorded.stream.vendor),
    )


@strawberry.input(description=FILTER)
class CaseFilter:
    services: list[strawberry.ID] | None = condition("Cases of any of these services.")
    within: IntervalInput | None = condition("Cases that were open at some time of this interval.")
    open: bool | None = condition("Cases that are not resolved, or those that are.")

    def meant(self) -> filters.CaseFilter:
        return filters.CaseFilter(
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            within=self.within.span("filter", "within") if self.within else None,
            open=None if self.open is strawberry.UNSET else self.open,
        )


class CaseOrderField(Enum):
    OPENED_AT = "opened_at"


described(
    CaseOrderField,
    "What cases are ordered by.",
    OPENED_AT="When they were opened.",
)


@strawberry.input(description="The order of cases.")
class CaseOrder:
    field: CaseOrderField = strawberry.field(default=CaseOrderField.OPENED_AT, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

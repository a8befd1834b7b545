"""Outages as recorded."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from domain import columns, filters
from domain.ids import ServiceId
from graph.connections import OrderDirection
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, condition
from graph.intervals import IntervalInput
from graph.party import Party
from graph.service import Service
from graph.stream import Stream


@view(columns.RecordedOutage, "An incident as known now: its latest revision. A withdrawn one is not there.")
class Outage(Node):
    id: strawberry.ID = node_id("Outage")
    external_id: str = told("Names it within its stream; given by whoever reported it.", "outage.external_id")
    impact: str = told("As reported; the metric says what it weighs.", "outage.impact")
    started_at: datetime = told("Its first instant.", "outage.start")
    ended_at: datetime | None = told("The first instant after it; null while it lasts.", "outage.end")
    revision: int = told("From 1; each correction adds one.", "outage.revision")
    stream: Stream = told("What reported it.")
    service: Service | None = loaded(
        "What was down; null where the caller may not see it.",
        lambda desk, recorded: desk.services.load(recorded.stream.service),
    )
    vendor: Party | None = loaded(
        "Whose service it is; null where the caller may not see it.",
        lambda desk, recorded: desk.parties.load(recorded.stream.vendor),
    )


@strawberry.input(description=FILTER)
class OutageFilter:
    services: list[strawberry.ID] | None = condition("Outages of any of these services.")
    within: IntervalInput | None = condition("Outages that share time with this interval.")

    def meant(self) -> filters.OutageFilter:
        return filters.OutageFilter(
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            within=self.within.span("filter", "within") if self.within else None,
        )


class OutageOrderField(Enum):
    STARTED_AT = "started_at"


described(
    OutageOrderField,
    "What outages are ordered by.",
    STARTED_AT="When they started.",
)


@strawberry.input(description="The order of outages.")
class OutageOrder:
    field: OutageOrderField = strawberry.field(default=OutageOrderField.STARTED_AT, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

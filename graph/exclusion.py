"""Exclusions: time that does not count."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

import domain.exclusion
from domain import filters
from domain.exclusion import ExclusionKind
from domain.ids import AgreementId, ServiceId
from graph.agreement import Agreement
from graph.connections import OrderDirection
from graph.exclusion_kind import KIND
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, any_of, condition
from graph.service import Service


@view(domain.exclusion.Exclusion, "Time that leaves the denominator, for a service, an agreement, or where both meet.")
class Exclusion(Node):
    id: strawberry.ID = node_id("Exclusion")
    revision: int = told("From 1; each correction or withdrawal adds one.")
    kind: ExclusionKind = told(KIND)
    starts_at: datetime = told("Its first instant.", "span.start")
    ends_at: datetime = told("The first instant after it.", "span.end")
    service: Service | None = loaded(
        "For which service; null for all, and where the caller may not see it.",
        lambda desk, exclusion: desk.services.load(exclusion.service) if exclusion.service else None,
    )
    agreement: Agreement | None = loaded(
        "Under which agreement; null for all, and where the caller may not see it.",
        lambda desk, exclusion: desk.agreements.load(exclusion.agreement) if exclusion.agreement else None,
    )
    announced_at: datetime | None = told("When it was announced; null where it was not.")
    approved_by: str = told("Who approved it; empty where nobody is named.")
    reason: str = told("In words.")
    withdrawn: bool = told("Whether it was taken back: its time counts again.")


@strawberry.input(description=FILTER)
class ExclusionFilter:
    services: list[strawberry.ID] | None = condition("Exclusions that name any of these services.")
    agreements: list[strawberry.ID] | None = condition("Exclusions that name any of these agreements.")
    kinds: list[ExclusionKind] | None = condition("Exclusions of any of these kinds.")

    def meant(self) -> filters.ExclusionFilter:
        return filters.ExclusionFilter(
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            agreements=any_id_of(AgreementId, "Agreement", self.agreements, "agreements"),
            kinds=any_of(self.kinds, "kinds"),
        )


class ExclusionOrderField(Enum):
    STARTS_AT = "starts_at"


described(
    ExclusionOrderField,
    "What exclusions are ordered by.",
    STARTS_AT="When they start.",
)


@strawberry.input(description="The order of exclusions.")
class ExclusionOrder:
    field: ExclusionOrderField = strawberry.field(
        default=ExclusionOrderField.STARTS_AT, description="What to order by."
    )
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

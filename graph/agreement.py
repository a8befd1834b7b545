"""Agreements: who promised what to whom, in which version from when on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types.lazy_type import LazyType

import domain.agreement
from domain import filters
from domain.agreement import CLAUSES_MAX, OBJECTIVES_MAX, AgreementKind, ClauseKind, Level
from domain.ids import PartyId, ServiceId
from domain.recurrence import RECURRENCES_MAX
from graph.as_of_loading import agreement_as_of
from graph.connections import OrderDirection
from graph.desk import Desk, Info, desk
from graph.exclusion_terms import ExclusionTerms, RecurringExclusion
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, any_of, condition
from graph.objective import Objective, placed
from graph.party import Party
from graph.placed import PlacedObjective
from graph.service import VERSIONS_SHOWN_MAX, Service

described(
    AgreementKind,
    "Between whom an agreement is.",
    SLA="Service level agreement: to a customer.",
    OLA="Operational level agreement: between internal teams.",
    UC="Underpinning contract: a vendor's.",
)
described(
    Level,
    "How far an agreement reaches, and so which one overrides which: a later value overrides an earlier one.",
    name="AgreementLevel",
    CORPORATE="All customers and all services.",
    CUSTOMER="One customer, all services.",
    SERVICE="One service, all customers.",
    CUSTOMER_AND_SERVICE="One customer and one service.",
)
described(
    ClauseKind,
    "What a clause is about.",
    PURPOSE="Why the agreement was made.",
    SCOPE="What it covers.",
    RESPONSIBILITIES="Who does what.",
    EXCLUSIONS="What does not count.",
    MEASUREMENT_METHOD="How it is measured, and by whom.",
    REPORTING="Who reports what, and when.",
    DISPUTE_PROCEDURE="How disagreement is settled.",
    INDEMNIFICATION="Who answers for harm to others.",
    TERMINATION="How it ends.",
    CHANGE_PROCEDURE="How it is changed.",
)


class VersionState(Enum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    SUCCEEDED = "succeeded"
    ENDED = "ended"


described(
    VersionState,
    "Where a version of an agreement stands now.",
    DRAFT="Not activated: it binds nobody.",
    SCHEDULED="Activated, and takes effect later.",
    IN_FORCE="It governs what begins now.",
    SUCCEEDED="A later version is in force.",
    ENDED="The agreement has ended.",
)


@dataclass(frozen=True, slots=True)
class Terms:
    """A version with the agreement that it is of."""

    agreement: domain.agreement.Agreement
    version: domain.agreement.Version
    at: datetime | None = None
    """When it is looked at; None: now."""


@view(domain.agreement.Clause, "A clause of a version, in words.")
class Clause:
    kind: ClauseKind = told("What it is about.")
    text: str = told("Its words.")


async def _promised(desk: Desk, terms: Terms) -> list[PlacedObjective]:
    return await placed(desk, ((objective, terms.agreement) for objective in terms.version.objectives))


@strawberry.type(description="The terms of an agreement from an instant on. Once activated it is only ever succeeded.")
class AgreementVersion:
    number: int = told("From 1.", "version.number")
    effective_from: datetime = told("From when on it governs, once activated.", "version.effective_from")
    activated_at: datetime | None = told("When it was activated; null for a draft.", "version.activated_at")
    grace: timedelta = told("How long after its end a period stays provisional.", "version.grace")
    judge_partial_periods: bool = told(
        "Whether periods that the agreement's term cuts count in full; else they are told and breach nothing.",
        "version.judge_partial_periods",
    )
    state: VersionState = loaded(
        "Where it stands now, or stood at the instant of which it is told.",
        lambda desk, terms: state_of(terms, terms.at or desk.now()),
    )
    objectives: list[Objective] = loaded(
        f"What is promised, in the order of the draft, {OBJECTIVES_MAX} at most.",
        _promised,
    )
    clauses: list[Clause] = told(f"What is agreed in words, {CLAUSES_MAX} at most.", "version.clauses")
    exclusion_terms: list[ExclusionTerms] = told(
        "What it says of exclusions, at most one for each kind; of other kinds all count.", "version.exclusion_terms"
    )
    recurring: list[RecurringExclusion] = told(
        f"Exclusions that recur under it, {RECURRENCES_MAX} at most.", "version.recurring"
    )


def _in_force(
    root: strawberry.Parent[domain.agreement.Agreement],
    info: Info,
    at: Annotated[datetime | None, strawberry.argument(description="When. Default: now.")] = strawberry.UNSET,
) -> Any:
    version = root.in_force(at or desk(info).now())
    return None if version is None else Terms(root, version)


@view(domain.agreement.Agreement, "What a provider promises, for one customer or all and for one service or all.")
class Agreement(Node):
    id: strawberry.ID = node_id("Agreement")
    code: str = told("Unique among the tenant's agreements.")
    name: str = told("As people call it.")
    kind: AgreementKind = told("Between whom it is.")
    level: Level = told("How far it reaches.")
    provider: Party | None = loaded(
        "Who promises; null where the caller may not see the party.",
        lambda desk, agreement: desk.parties.load(agreement.provider),
    )
    customer: Party | None = loaded(
        "To whom; null for all customers, and where the caller may not see the party.",
        lambda desk, agreement: desk.parties.load(agreement.customer) if agreement.customer else None,
    )
    service: Service | None = loaded(
        "For which service; null for all of the provider's, and where the caller may not see it.",
        lambda desk, agreement: desk.services.load(agreement.service) if agreement.service else None,
    )
    starts_at: datetime = told("From when on it may bind.")
    ends_at: datetime | None = told("When it ends; null where that is open.")
    versions: list[AgreementVersion] = told(
        f"Its versions, the first one first, the newest {VERSIONS_SHOWN_MAX}.",
        lambda agreement: [Terms(agreement, version) for version in agreement.versions[-VERSIONS_SHOWN_MAX:]],
    )
    version_in_force: AgreementVersion | None = strawberry.field(
        resolver=_in_force, description="The version that governs an instant; null where none does."
    )
    as_of: Any = strawberry.field(
        resolver=agreement_as_of,
        graphql_type=LazyType("AgreementAsOf", "graph.as_of") | None,
        description="The terms as they were known at an instant; null where the agreement was not known yet. The answer"
        " never changes.",
    )


@strawberry.input(description=FILTER)
class AgreementFilter:
    kinds: list[AgreementKind] | None = condition("Agreements of any of these kinds.")
    providers: list[strawberry.ID] | None = condition("Agreements of any of these providers.")
    customers: list[strawberry.ID] | None = condition("Agreements with any of these customers by name.")
    services: list[strawberry.ID] | None = condition("Agreements for any of these services by name.")

    def meant(self) -> filters.AgreementFilter:
        return filters.AgreementFilter(
            kinds=any_of(self.kinds, "kinds"),
            providers=any_id_of(PartyId, "Party", self.providers, "providers"),
            customers=any_id_of(PartyId, "Party", self.customers, "customers"),
            services=any_id_of(ServiceId, "Service", self.services, "services"),
        )


class AgreementOrderField(Enum):
    CODE = "code"


described(
    AgreementOrderField,
    "What agreements are ordered by.",
    CODE="Their code.",
)


@strawberry.input(description="The order of agreements.")
class AgreementOrder:
    field: AgreementOrderField = strawberry.field(default=AgreementOrderField.CODE, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")


def state_of(terms: Terms, now: datetime) -> VersionState:
    agreement, version = terms.agreement, terms.version
    if version.activated_at is None:
        return VersionState.DRAFT
    if agreement.ends_at is not None and agreement.ends_at <= now:
        return VersionState.ENDED
    if version.effective_from > now:
        return VersionState.SCHEDULED
    governing = agreement.in_force(now)
    return VersionState.IN_FORCE if governing is not None and governing.id == version.id else VersionState.SUCCEEDED

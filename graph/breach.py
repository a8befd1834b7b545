"""Breaches: objectives missed in a period, from at risk over open to confirmed or withdrawn."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

import domain.breach
from domain import filters
from domain.breach import AtRisk, Confirmed, Open, RiskPassed, Severity, Transition, Withdrawn
from domain.ids import AgreementId, ServiceId
from graph.agreement import Agreement
from graph.attainment import Attainment
from graph.budget import Risk
from graph.connections import OrderDirection
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, any_of, condition
from graph.intervals import Interval
from graph.objective import Objective
from graph.placed import judged
from graph.service import Service

described(
    Severity,
    "Which level was missed.",
    name="BreachSeverity",
    EXPECTED="Below the expected level, and at or above the minimum.",
    MINIMUM="Below the minimum level, or below the expected one where there is no minimum.",
)
described(
    Transition,
    "A step in the life of a breach.",
    name="BreachTransition",
    AT_RISK="Nothing is missed yet: the error budget burns too fast, or the period's end is projected as a miss.",
    RISK_PASSED="The risk is over, and nothing was missed.",
    OPENED="The miss became certain.",
    SEVERITY_CHANGED="Another level is missed now.",
    CONFIRMED="The period became final.",
    WITHDRAWN="A late fact mended the miss.",
    ENDED="Of a rolling objective: an evaluation passed; or by a late fact another one is now the first that did.",
    RESUMED="Of a rolling objective: by a late fact no evaluation has passed since.",
)


class BreachState(Enum):
    AT_RISK = "at_risk"
    RISK_PASSED = "risk_passed"
    OPEN = "open"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


described(
    BreachState,
    "Where a breach stands.",
    AT_RISK="Nothing is missed yet; it may be.",
    RISK_PASSED="It was at risk, and never opened.",
    OPEN="The miss is certain; the period is not final yet.",
    CONFIRMED="The period is final.",
    WITHDRAWN="A late fact mended the miss.",
)


_STATES = {
    AtRisk: BreachState.AT_RISK,
    RiskPassed: BreachState.RISK_PASSED,
    Open: BreachState.OPEN,
    Confirmed: BreachState.CONFIRMED,
    Withdrawn: BreachState.WITHDRAWN,
}


@view(domain.breach.Breach, "An objective missed in a period, on one service.")
class Breach(Node):
    id: strawberry.ID = node_id("Breach")
    severity: Severity = told("Which level was missed; at risk, which one would be missed first.")
    state: BreachState = told("Where it stands.", lambda breach: _STATES[type(breach.state)])
    since: datetime = told("Since when it stands there.", "state.since")
    opened_at: datetime = told("When it first opened; of one that never did, when it was first at risk.")
    ended_at: datetime | None = told(
        "Of a rolling objective: when the first evaluation after it passed; null while it lasts, and for other windows."
    )
    risk: Risk | None = told("The latest risk before it opened; null where there was none.")
    period: Interval = told("In which period; of a rolling objective the one of the first evaluation that failed.")
    objective: Objective | None = loaded(
        "What was missed; null where the caller may not see it.",
        lambda desk, breach: desk.objectives.load(breach.objective),
    )
    agreement: Agreement | None = loaded(
        "Where it was promised; null where the caller may not see it.",
        lambda desk, breach: desk.agreements.load(breach.agreement),
    )
    service: Service | None = loaded(
        "On what it was missed; null where the caller may not see it.",
        lambda desk, breach: desk.services.load(breach.service),
    )
    attainment: Attainment | None = loaded(
        "The verdict as it is now; null where another version of the agreement took over the period.",
        lambda desk, breach: desk.attainments_judged.load(judged(breach)),
    )


@strawberry.input(description=FILTER)
class BreachFilter:
    agreements: list[strawberry.ID] | None = condition("Under any of these agreements.")
    services: list[strawberry.ID] | None = condition("On any of these services.")
    severities: list[Severity] | None = condition("Of any of these severities.")
    states: list[BreachState] | None = condition("In any of these states. Default: all that ever opened.")

    def meant(self) -> filters.BreachListFilter:
        return filters.BreachListFilter(
            agreements=any_id_of(AgreementId, "Agreement", self.agreements, "agreements"),
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            severities=any_of(self.severities, "severities"),
            states=frozenset(state.value for state in any_of(self.states, "states")),
        )


class BreachOrderField(Enum):
    OPENED_AT = "opened_at"


described(
    BreachOrderField,
    "What breaches are ordered by.",
    OPENED_AT="When they first opened.",
)


@strawberry.input(description="The order of breaches.")
class BreachOrder:
    field: BreachOrderField = strawberry.field(default=BreachOrderField.OPENED_AT, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

"""Attainments: the verdicts on objectives, period by period, with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.lazy_type import LazyType

import domain.attainment
import domain.ratio
from domain import filters
from domain.attainment import Phase, Status, TimeEvidence, budget_us, formula, shown, shown_target
from domain.ids import AgreementId, ObjectiveId, ServiceId
from graph.agreement import Agreement
from graph.connections import OrderDirection
from graph.desk import Desk
from graph.evidence import Evidence
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_id_of, any_of, condition
from graph.intervals import Interval, IntervalInput
from graph.objective import Objective, percent
from graph.placed import Verdict
from graph.scalars import BigInt
from graph.service import VERSIONS_SHOWN_MAX, Service

described(
    Phase,
    "How settled a period is.",
    name="PeriodPhase",
    OPEN="It runs.",
    PROVISIONAL="It has ended; the days of grace for late facts run.",
    FINAL="Late facts make a restatement from here on.",
    RESTATED="A late fact changed the final verdict.",
)
described(
    Status,
    "The verdict.",
    name="AttainmentStatus",
    MET="The expected level is reached.",
    BELOW_EXPECTED="Below the expected level, and at or above the minimum.",
    MISSED="Below the minimum level, or below the expected one where there is no minimum.",
    PENDING="The period runs, and nothing is certain yet.",
    HELD="Too little was reported to judge.",
    NOT_APPLICABLE="There was nothing to judge: no agreed time, or no cases.",
)


@view(domain.ratio.Ratio, "An exact value: numerator over denominator, not reduced, as they were counted.")
class Ratio:
    numerator: BigInt = told("Above the line.")
    denominator: BigInt = told("Below the line; positive.")


def _value(verdict: Verdict) -> Decimal | None:
    value = verdict.attainment.value
    return None if value is None else shown(value, verdict.placed.metric)


def _minimum(verdict: Verdict) -> Decimal | None:
    minimum = verdict.placed.objective.minimum
    return None if minimum is None else shown_target(minimum, verdict.placed.metric)


def _budget(verdict: Verdict) -> timedelta | None:
    evidence = verdict.attainment.evidence
    if not isinstance(evidence, TimeEvidence):
        return None
    return timedelta(microseconds=budget_us(verdict.placed.objective, evidence))


def _budget_remaining(verdict: Verdict) -> timedelta | None:
    """Rounded down to a microsecond, as the budget is."""
    budget, evidence = _budget(verdict), verdict.attainment.evidence
    if budget is None or not isinstance(evidence, TimeEvidence):
        return None
    return budget - timedelta(microseconds=-(-evidence.bad_units // evidence.units_per_us))


async def _revisions(desk: Desk, verdict: Verdict) -> Sequence[Verdict]:
    told_so_far = await desk.attainment_revisions.load(verdict.attainment.id) or ()
    return [Verdict(attainment, verdict.placed) for attainment in told_so_far[-VERSIONS_SHOWN_MAX:]]


@strawberry.type
class _Judged:
    """What a verdict tells, in its latest revision and in earlier ones."""

    revision: int = told("From 1; each restatement adds one.", "attainment.revision")
    judged_at: datetime = told("When it was judged.", "attainment.judged_at")
    phase: Phase = told("How settled the period is.", "attainment.phase")
    status: Status = told("The verdict.", "attainment.status")
    value: Decimal | None = told(
        "In the objective's unit, 6 places, rounded towards the failing side, so that a miss never shows as met; null"
        " where there is none.",
        _value,
    )
    value_exact: Ratio | None = told("The value as it is compared: a share as a fraction of 1.", "attainment.value")
    coverage: Decimal | None = told(
        "Percent of the period's agreed time so far that was reported; null where the metric has no such thing.",
        lambda verdict: None if verdict.attainment.coverage is None else percent(verdict.attainment.coverage),
    )
    budget: timedelta | None = told(
        "Down time that the whole period allows before it is a breach; null for metrics that do not count time.",
        _budget,
    )
    budget_remaining: timedelta | None = told(
        "What is left of the budget; negative where more was used, null for metrics that do not count time.",
        _budget_remaining,
    )
    evidence: Evidence = told("What it rests on.", "attainment.evidence")
    formula: list[str] = told(
        "From what was counted to the value, a few steps with their numbers.",
        lambda verdict: formula(verdict.attainment, verdict.placed.metric),
    )


@strawberry.type(description="A verdict as it was told in one revision.")
class AttainmentRevision(_Judged):
    pass


@view(Verdict, "The verdict on an objective for a period, of one service; its latest revision.")
class Attainment(Node, _Judged):
    id: strawberry.ID = node_id("Attainment", "attainment.id")
    objective: Objective = told("What was promised.", "placed")
    agreement: Agreement = told("Where it was promised.", "placed.agreement")
    service: Service | None = loaded(
        "On what it is judged; null where the caller may not see it.",
        lambda desk, verdict: desk.services.load(verdict.attainment.service),
    )
    period: Interval = told("Over which time.", "attainment.period.span")
    report_only: bool = told(
        "Whether the period breaches nothing: it is cut by the agreement's term.", "attainment.period.report_only"
    )
    expected: Decimal = told(
        "The level to be reached, in the objective's unit.",
        lambda verdict: shown_target(verdict.placed.objective.expected, verdict.placed.metric),
    )
    minimum: Decimal | None = told(
        "The level below which the period is missed, in the objective's unit; null where that is the expected one.",
        _minimum,
    )
    revisions: list[AttainmentRevision] = loaded(
        f"All that was told of the period, the first revision first, the newest {VERSIONS_SHOWN_MAX}.",
        _revisions,
    )
    # Verdicts and breaches name each other; of the two the breach is the later module.
    breach: Any = loaded(
        "The breach that it opened, withdrawn ones too; null where there was none.",
        lambda desk, verdict: desk.breaches_of_periods.load(verdict.attainment.id),
        graphql_type=LazyType("Breach", "graph.breach") | None,
    )


@strawberry.input(description=FILTER)
class AttainmentFilter:
    objectives: list[strawberry.ID] | None = condition("Of any of these objectives.")
    agreements: list[strawberry.ID] | None = condition("Under any of these agreements.")
    services: list[strawberry.ID] | None = condition("On any of these services.")
    statuses: list[Status] | None = condition("With any of these verdicts.")
    phases: list[Phase] | None = condition("In any of these phases.")
    within: IntervalInput | None = condition("Of periods that share time with this interval.")

    def meant(self) -> filters.AttainmentFilter:
        return filters.AttainmentFilter(
            objectives=any_id_of(ObjectiveId, "Objective", self.objectives, "objectives"),
            agreements=any_id_of(AgreementId, "Agreement", self.agreements, "agreements"),
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            statuses=any_of(self.statuses, "statuses"),
            phases=any_of(self.phases, "phases"),
            within=self.within.span("filter", "within") if self.within else None,
        )


class AttainmentOrderField(Enum):
    PERIOD_START = "period_start"


described(
    AttainmentOrderField,
    "What attainments are ordered by.",
    PERIOD_START="When their period starts.",
)


@strawberry.input(description="The order of attainments.")
class AttainmentOrder:
    field: AttainmentOrderField = strawberry.field(
        default=AttainmentOrderField.PERIOD_START, description="What to order by."
    )
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

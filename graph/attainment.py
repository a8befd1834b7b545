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
import domain.counts
import domain.ratio
import domain.risk
from domain import filters
from domain.attainment import (
    Phase,
    SliceEvidence,
    Status,
    TimeEvidence,
    budget_us,
    formula,
    shown,
    shown_target,
    spent_us,
)
from domain.breach import Breach
from domain.budget import error_budget
from domain.counts import confidence, tolerated
from domain.ids import AgreementId, ObjectiveId, ServiceId
from domain.ratio import Direction
from graph.agreement import Agreement
from graph.as_of_loading import attainment_as_of
from graph.aside import SetAside
from graph.budget import ErrorBudget, Risk
from graph.connections import OrderDirection
from graph.desk import Desk
from graph.evidence import Evidence
from graph.explanation_loading import explanation
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


@view(domain.counts.Confidence, "Between which shares the true one lies at 95 percent, by Wilson's score interval.")
class Confidence:
    low: Decimal = told("Percent, rounded down.", lambda interval: percent(interval.low))
    high: Decimal = told(
        "Percent, rounded up.",
        lambda interval: domain.ratio.Ratio(interval.high.numerator * 100, interval.high.denominator).shown(
            Direction.AT_MOST
        ),
    )


def _value(verdict: Verdict) -> Decimal | None:
    value = verdict.attainment.value
    return None if value is None else shown(value, verdict.placed.metric)


def _minimum(verdict: Verdict) -> Decimal | None:
    minimum = verdict.placed.objective.minimum
    return None if minimum is None else shown_target(minimum, verdict.placed.metric)


def _budget(verdict: Verdict) -> timedelta | None:
    evidence = verdict.attainment.evidence
    if not isinstance(evidence, TimeEvidence | SliceEvidence):
        return None
    return timedelta(microseconds=budget_us(verdict.placed.objective, evidence))


def _budget_remaining(verdict: Verdict) -> timedelta | None:
    """Rounded down to a microsecond, as the budget is."""
    budget, evidence = _budget(verdict), verdict.attainment.evidence
    if budget is None or not isinstance(evidence, TimeEvidence | SliceEvidence):
        return None
    return budget - timedelta(microseconds=spent_us(evidence))


async def _breach_opened(desk: Desk, verdict: Verdict) -> Breach | None:
    found = await desk.breaches_of_periods.load(verdict.attainment.id)
    return None if found is None or found.never_opened else found


async def _risk(desk: Desk, verdict: Verdict) -> domain.risk.Risk | None:
    found = await desk.breaches_of_periods.load(verdict.attainment.id)
    return None if found is None else found.risk


async def _revisions(desk: Desk, verdict: Verdict) -> Sequence[Verdict]:
    told_so_far = await desk.attainment_revisions.load(verdict.attainment.id) or ()
    return [Verdict(attainment, verdict.placed) for attainment in told_so_far[-VERSIONS_SHOWN_MAX:]]


def _revision() -> Any:
    return told("From 1; each restatement adds one.", "attainment.revision")


@strawberry.type
class Judged:
    """What a verdict tells, in its latest revision, in earlier ones, and as it was known at an instant."""

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
        "Down time, or the time of bad slices, that the whole period allows before it is a breach; null for metrics"
        " that do not count time.",
        _budget,
    )
    budget_remaining: timedelta | None = told(
        "What is left of the budget; negative where more was used, null for metrics that do not count time.",
        _budget_remaining,
    )
    error_budget: ErrorBudget | None = told(
        "What may be bad before the expected level is missed, and what is left of that; null where it is no share, and"
        " at 100 percent.",
        lambda verdict: (
            error_budget(verdict.placed.objective, verdict.attainment.evidence)
            if verdict.placed.metric.aggregation.is_share
            else None
        ),
    )
    confidence: Confidence | None = told(
        "How strong a share of counts is; it never decides. Null for anything else, and where there is no case.",
        lambda verdict: confidence(verdict.attainment.evidence),
    )
    miss_tolerated: bool = told(
        "Whether a level is met only because one miss of few cases is tolerated.",
        lambda verdict: tolerated(verdict.placed.objective, verdict.attainment.evidence),
    )
    evidence: Evidence = told("What it rests on.", "attainment.evidence")
    set_aside: SetAside = told("Time of the period so far that does not count.", "attainment.set_aside")
    formula: list[str] = told(
        "From what was counted to the value, a few steps with their numbers.",
        lambda verdict: formula(verdict.attainment, verdict.placed.metric),
    )


@strawberry.type(description="A verdict as it was told in one revision.")
class AttainmentRevision(Judged):
    revision: int = _revision()


@view(Verdict, "The verdict on an objective for a period, of one service; its latest revision.")
class Attainment(Node, Judged):
    id: strawberry.ID = node_id("Attainment", "attainment.id")
    revision: int = _revision()
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
    as_of: Any = strawberry.field(
        resolver=attainment_as_of,
        graphql_type=LazyType("AttainmentAsOf", "graph.as_of") | None,
        description="The verdict as it was known at an instant: by the facts, exclusions and terms that were recorded"
        " by then. The answer never changes. Null where its terms were not activated yet.",
    )
    explanation: Any = strawberry.field(
        resolver=explanation,
        graphql_type=LazyType("Explanation", "graph.explanation") | None,
        description="How the verdict came to be, computed anew in one snapshot; null where its terms were not activated"
        " yet at the instant.",
    )
    # Verdicts and breaches name each other; of the two the breach is the later module.
    breach: Any = loaded(
        "The breach that it opened, withdrawn ones too; null where there was none.",
        _breach_opened,
        graphql_type=LazyType("Breach", "graph.breach") | None,
    )
    risk: Risk | None = loaded(
        "Why it is, or was, at risk before anything was missed; null where it never was.",
        _risk,
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

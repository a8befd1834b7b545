"""How a verdict came to be: a tree of numbers, told as a list from the root on, down to pages of facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

import domain.explain_facts
import domain.ratio
from domain.attainment import CaseUse, Use
from domain.explain_step import DEPTH_MAX, PLACES, Operation, Step
from domain.metric import Shape
from domain.policy import Action
from domain.usecases.explaining import Explained, FactsWanted, count_of_facts, page_of_facts
from graph.as_of_loading import sealed_position
from graph.attainment import Judged, Ratio
from graph.connections import After, Connection, First, Listed, OrderDirection, Wanted, listed
from graph.desk import Info, desk
from graph.explanation_loading import ToldExplanation
from graph.fields import described, loaded, told, view
from graph.scalars import BigInt
from graph.stream import Stream

STEPS_MAX = 150
"""Of a tree: each exclusion that is told is a step, and there are at most a hundred of those."""

described(
    Operation,
    "How the value of a step follows from those of the steps below it, in their order. A share is in percent.",
    name="ExplanationOperation",
    SUM="All of them together.",
    DIFFERENCE="The first less all the others.",
    RATIO="The first over the second.",
    REST="One less the first over the second.",
    SHARE="The first over the sum of all.",
    SAME="That of the only one.",
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A step that has a value, as its quantity."""

    step: Step


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A step with its place in the tree, and the verdict that it explains."""

    explained: Explained
    step: Step
    depth: int


@view(Amount, "A number with its unit.")
class Quantity:
    value: Decimal = told(f"As a decimal, rounded half-even to {PLACES} places.", "step.shown")
    exact: Ratio = told(
        "As an exact fraction, reduced.",
        lambda amount: domain.ratio.Ratio(amount.step.value.numerator, amount.step.value.denominator),
    )
    unit: str = told(
        "`s` for seconds, `%` for percent, what is counted, or the metric's unit; may be empty.", "step.unit"
    )


def _value(fact: domain.explain_facts.ExplainedFact) -> Decimal | None:
    return None if fact.value is None else Decimal(fact.value).scaleb(-fact.scale)


def _use_of(kind: type[Use] | type[CaseUse]) -> Any:
    return lambda fact: fact.use if isinstance(fact.use, kind) else None


@view(
    domain.explain_facts.ExplainedFact,
    "A fact as it was known when the verdict was judged, with what became of it. What its form lacks is null.",
)
class ExplainedFact:
    external_id: str | None = told("Of an outage or a case: names it within its stream.", "name")
    starts_at: datetime = told(
        "When an outage or a state began, a case was opened, a tally begins, or a sample was taken.", "start"
    )
    ends_at: datetime | None = told(
        "When an outage, a state or a tally ends, or a case was decided; null where that is open.", "end"
    )
    content: str | None = told("An outage's impact, or a state.")
    good: BigInt | None = told("Of a tally.")
    total: BigInt | None = told("Of a tally.")
    value: Decimal | None = told("Of a sample, in the metric's unit.", _value)
    revision: int | None = told("The revision that was counted; null for a state, which several reports may make.")
    use: Use | None = told("What became of it; null for a case.", _use_of(Use))
    case_use: CaseUse | None = told("What became of a case.", _use_of(CaseUse))
    recorded_at: datetime | None = told(
        "When it became known.", lambda fact: None if fact.posted is None else fact.posted.recorded_at
    )
    position: str | None = loaded(
        "The place in the tenant's feed at which it became known. Opaque.",
        lambda at, fact: None if fact.posted is None else sealed_position(at, fact.posted.position),
    )
    stream: Stream | None = loaded(
        "What reported it; null where the caller may not see it.", lambda at, fact: at.streams.load(fact.stream)
    )


async def _facts(
    root: strawberry.Parent[ToldStep],
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
) -> Listed[Any] | None:
    counted, known = root.step.facts, root.explained.known
    if counted is None:
        return None
    where = FactsWanted(period=known.attainment.id, known_at=known.known_at, counted=counted)
    unset: Any = strawberry.UNSET
    wanted = Wanted("facts", Action.READ_FACTS, where, OrderDirection.ASC, first, after, unset, unset)
    return await listed(
        desk(info),
        wanted,
        lambda work, request: page_of_facts(work, where, request),
        lambda work: count_of_facts(work, where),
    )


@view(ToldStep, "One number of an explanation, or a heading over several.")
class ExplanationStep:
    key: str = told(
        "Names it among the steps, and stays the same: the names from the root on, with dots between.", "step.key"
    )
    parent_key: str | None = told(
        "The step that it is below; null for the root.", lambda told_step: told_step.step.key.rpartition(".")[0] or None
    )
    depth: int = told(f"How far below the root: 0 to {DEPTH_MAX - 1}.")
    label: str = told("For people.", "step.label")
    quantity: Quantity | None = told(
        "The number; null for a heading, and where there is none.",
        lambda told_step: None if told_step.step.value is None else Amount(told_step.step),
    )
    operation: Operation | None = told(
        "How the number follows from the steps right below; null for a leaf and for a heading.", "step.operation"
    )
    detail: str | None = told("More about it, in words.", "step.detail")
    fact_shape: Shape | None = told(
        "The form of the facts that it was counted of; null where it was not counted of facts.",
        lambda told_step: None if told_step.step.facts is None else told_step.step.facts.shape,
    )
    facts: Connection[ExplainedFact] | None = strawberry.field(
        resolver=_facts,
        description="The facts that it was counted of, the earliest first; null where it was not counted of facts."
        " Those on streams that the caller may not see are left out, though the number holds them. To go on after a"
        " cursor, ask for the explanation with `asOf` as `at` told it.",
    )


def _steps(explanation: ToldExplanation) -> Sequence[ToldStep]:
    explained = explanation.explained
    return [ToldStep(explained, step, depth) for depth, step in explained.root.walk()]


@view(
    ToldExplanation,
    "How a verdict came to be, computed anew from the facts that were known at an instant. The numbers of the leaves"
    " give the verdict: see docs/explain.md.",
)
class Explanation(Judged):
    at: datetime = told(
        "The instant: ask for it again by `asOf`, and the answer is the same.", "as_of.known.known_at.at"
    )
    position: str = loaded(
        "The place in the tenant's feed up to which all was known. Opaque.",
        lambda here, explanation: sealed_position(here, explanation.as_of.position),
    )
    version_number: int = told("Which version of the agreement was judged by.", "as_of.known.version_number")
    steps: list[ExplanationStep] = told(
        f"The tree from the root on, each step before those below it, {STEPS_MAX} at most.", _steps
    )

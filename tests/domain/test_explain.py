"""An explanation adds up: whoever has its leaves can compute the verdict again (docs/explain.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from hypothesis import given
from hypothesis import strategies as some

from domain.agreement import Agreement, AgreementKind, Version
from domain.allowed import counted_spans
from domain.attainment import Attainment
from domain.case import Case, CaseLog, Milestone
from domain.evaluate import Facts, evaluate
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion
from domain.explain import explain
from domain.explain_step import DEPTH_MAX, Operation, Step
from domain.fact import Sample, Tally
from domain.hours import ServiceHours
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Missing, Objective
from domain.points import sample_facts, tally_facts
from domain.ratio import Direction
from domain.spans import Span
from tests.builders import (
    AGREEMENT,
    DAY,
    STREAM,
    VENDOR,
    VERSION,
    a_metric,
    a_period,
    a_subject,
    an_exclusion,
    an_objective,
    an_outage,
    judged,
    outage_facts,
)

QUARTER = timedelta(minutes=15)
HOURS = ServiceHours(zone="Europe/Berlin", weekly=tuple(((480, 1_080),) for _ in range(7)))
minutes = some.integers(0, 1_500).map(lambda minute: DAY + timedelta(minutes=minute))


def recomputed(step: Step) -> Fraction | None:
    """A step's value from its leaves alone."""
    if step.operation is None:
        return step.value
    values = [value for each in step.steps if (value := recomputed(each)) is not None]
    match step.operation:
        case Operation.SUM:
            return sum(values, start=Fraction(0))
        case Operation.DIFFERENCE:
            return values[0] - sum(values[1:])
        case Operation.SAME:
            (value,) = values
            return value
        case Operation.RATIO:
            return _in_unit_of(step, values[0] / values[1])
        case Operation.REST:
            return _in_unit_of(step, 1 - values[0] / values[1])
        case Operation.SHARE:
            return _in_unit_of(step, values[0] / sum(values))
        case _ as never:
            assert_never(never)


def _in_unit_of(step: Step, share: Fraction) -> Fraction:
    return share * 100 if step.unit == "%" else share


def by_key(root: Step) -> Mapping[str, Step]:
    steps = [step for _, step in root.walk()]
    found = {step.key: step for step in steps}
    assert len(found) == len(steps), "keys are unique"
    return found


def in_unit(verdict: Attainment, metric: Metric) -> Fraction | None:
    exact = None if verdict.value is None else verdict.value.exact
    return exact if exact is None or not metric.aggregation.is_share else exact * 100


def an_agreement(objective: Objective) -> Agreement:
    version = Version(id=VERSION, number=3, effective_from=DAY, objectives=(objective,), activated_at=DAY)
    return Agreement(
        id=AGREEMENT,
        code="uc",
        name="Contract",
        kind=AgreementKind.UC,
        provider=VENDOR,
        starts_at=DAY,
        versions=(version,),
    )


def explained(objective: Objective, metric: Metric, facts: Facts, exclusions: list[Exclusion], hours: int) -> None:
    """It adds up at every step and to the verdict."""
    at = DAY + timedelta(hours=hours)
    verdict = evaluate(a_subject(objective, metric=metric), facts, exclusions, a_period(), at)
    root = explain(verdict, an_agreement(objective), objective, metric)
    steps = by_key(root)
    for step in steps.values():
        assert step.value is None or recomputed(step) == step.value, step
    assert recomputed(steps["verdict.value"]) == root.value == in_unit(verdict, metric)
    told = steps.get("verdict.coverage")
    assert (None if told is None else recomputed(told)) == (
        None if verdict.coverage is None else verdict.coverage.exact * 100
    )
    assert max(depth for depth, _ in root.walk()) < DEPTH_MAX
    assert root.detail == verdict.status.value


@some.composite
def exclusions_of(draw: some.DrawFn) -> list[Exclusion]:
    edges = draw(some.lists(some.integers(0, 1_440), unique=True, max_size=4))
    return [
        an_exclusion(DAY + timedelta(minutes=min(pair)), DAY + timedelta(minutes=max(pair)))
        for pair in zip(edges[::2], edges[1::2], strict=False)
    ]


impacts = some.sampled_from(["critical", "minor", "slow"])
hours_judged = some.sampled_from([1, 7, 24, 24 * 30])


@given(
    some.lists(
        some.tuples(minutes, some.integers(1, 400), some.sampled_from(["critical", "minor", "slow"])), max_size=6
    ),
    exclusions_of(),
    some.sampled_from(list(Missing)),
    some.sampled_from([None, HOURS]),
    minutes,
    hours_judged,
)
def test_the_leaves_of_an_availability_give_the_verdict(
    outages: list[tuple[datetime, int, str]],
    exclusions: list[Exclusion],
    missing: Missing,
    hours: ServiceHours | None,
    reported: datetime,
    at: int,
) -> None:
    metric = a_metric(weights={"critical": Fraction(1), "minor": Fraction(0), "slow": Fraction(1, 3)})
    objective = an_objective(minimum="90", missing=missing, hours=hours, minimum_duration=timedelta(minutes=20))
    records = [
        an_outage(start, start + timedelta(minutes=length), impact, external_id=str(number))
        for number, (start, length, impact) in enumerate(outages)
    ]
    explained(objective, metric, outage_facts(*records, reported_through=reported), exclusions, at)


def _tallies(points: list[tuple[int, int, int]]) -> list[Tally]:
    quarters = {quarter: (min(good, total), total) for quarter, good, total in points}
    starts = {DAY + quarter * QUARTER: counts for quarter, counts in quarters.items()}
    return [Tally(start, start + QUARTER, good, total) for start, (good, total) in starts.items()]


counted_points = some.lists(some.tuples(some.integers(0, 95), some.integers(0, 9), some.integers(0, 9)), max_size=12)


@given(
    counted_points,
    some.sampled_from([Aggregation.RATIO_OF_SUMS, Aggregation.MEAN_OF_SLICES, Aggregation.GOOD_SLICES]),
    exclusions_of(),
    some.sampled_from(list(Missing)),
    hours_judged,
)
def test_the_leaves_of_tallies_give_the_verdict(
    points: list[tuple[int, int, int]],
    aggregation: Aggregation,
    exclusions: list[Exclusion],
    missing: Missing,
    at: int,
) -> None:
    sliced = aggregation.is_sliced
    metric = a_metric(
        aggregation,
        shape=Shape.TALLY,
        slice=timedelta(hours=1) if sliced else None,
        slice_target="50" if aggregation is Aggregation.GOOD_SLICES else None,
    )
    objective = an_objective(metric=metric, missing=missing)
    spans = _spans(objective, metric, exclusions, at)
    explained(objective, metric, tally_facts(_tallies(points), spans, metric), exclusions, at)


SAMPLED = (
    Aggregation.COUNT,
    Aggregation.SUM,
    Aggregation.MEAN,
    Aggregation.MINIMUM,
    Aggregation.MAXIMUM,
    Aggregation.PERCENTILE,
)


@given(counted_points, some.sampled_from(SAMPLED), exclusions_of(), hours_judged)
def test_the_leaves_of_samples_give_the_verdict(
    points: list[tuple[int, int, int]], aggregation: Aggregation, exclusions: list[Exclusion], at: int
) -> None:
    metric = a_metric(
        aggregation,
        direction=Direction.AT_MOST,
        unit="ms",
        percentile="95" if aggregation is Aggregation.PERCENTILE else None,
    )
    objective = an_objective("300", metric=metric)
    samples = [Sample(DAY + quarter * QUARTER, one * 1_000 + two) for quarter, one, two in points]
    samples = list({sample.at: sample for sample in samples}.values())
    spans = _spans(objective, metric, exclusions, at)
    explained(objective, metric, sample_facts(samples, spans, metric, ended=at >= 24), exclusions, at)


@given(
    some.lists(some.tuples(minutes, some.none() | some.integers(0, 600)), max_size=8),
    exclusions_of(),
    hours_judged,
)
def test_the_leaves_of_cases_give_the_verdict(
    timelines: list[tuple[datetime, int | None]], exclusions: list[Exclusion], at: int
) -> None:
    metric = a_metric(Aggregation.CASES_WITHIN)
    objective = replace(an_objective(metric=metric), case_milestone=Milestone.RESOLUTION, case_limit=timedelta(hours=4))
    cases = [
        Case(
            external_id=str(number),
            opened_at=opened,
            resolved_at=None if length is None else opened + timedelta(minutes=length),
        )
        for number, (opened, length) in enumerate(timelines)
    ]
    explained(objective, metric, CaseFacts(logs=[CaseLog(stream=STREAM, cases=cases)]), exclusions, at)


def _spans(objective: Objective, metric: Metric, exclusions: list[Exclusion], at: int) -> tuple[Span, ...]:
    subject = a_subject(objective, metric=metric)
    return counted_spans(subject, exclusions, a_period(), DAY + timedelta(hours=at))


def test_an_explanation_names_the_terms_the_time_and_the_outcome() -> None:
    objective = an_objective("99.9", minimum="99")
    verdict = judged(
        an_outage("10:00", "10:30"),
        an_outage("12:00", "12:10"),
        objective=objective,
        exclusions=[an_exclusion("12:00", "13:00")],
    )
    root = explain(verdict, an_agreement(objective), objective, a_metric())
    told = {step.key.removeprefix("verdict."): (step.value, step.unit, step.detail) for _, step in root.walk()}
    share = Fraction(100) * (82_800 - 1_800) / 82_800
    assert told == {
        "verdict": (share, "%", "missed"),
        "terms": (None, "", "uc, version 3, objective objective, metric metric"),
        "terms.expected": (Fraction(Decimal("99.9")), "%", "at_least"),
        "terms.minimum": (99, "%", "at_least"),
        "agreed": (82_800, "s", None),
        "agreed.period": (86_400, "s", "2024-01-01T00:00:00+00:00 to 2024-01-02T00:00:00+00:00"),
        "agreed.closed": (0, "s", None),
        "agreed.excluded": (3_600, "s", None),
        "agreed.excluded.1": (3_600, "s", "from 2024-01-01T12:00:00+00:00"),
        "value": (share, "%", None),
        "value.bad": (1_800, "s", None),
        "value.bad.weighed": (1_800, "s", "1800 s of down time"),
        "value.of": (82_800, "s", None),
        "value.of.agreed": (82_800, "s", None),
        "value.of.missing": (0, "s", "hold"),
        "coverage": (100, "%", None),
        "coverage.reported": (82_800, "s", None),
        "coverage.of": (82_800, "s", None),
        "apart": (None, "", None),
        "apart.excused": (600, "s", None),
        "apart.short": (0, "s", None),
        "apart.weightless": (0, "s", None),
        "apart.closed": (None, "", None),
        "apart.no_effect": (None, "", None),
        "outcome": (None, "", "missed, final"),
        "outcome.expected": (Fraction(Decimal("99.9")), "%", "not met by the value"),
        "outcome.minimum": (99, "%", "not met by the value"),
    }

"""Percentiles: bounds while the period runs, the exact nearest rank when it has ended."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.allowed import counted_spans
from domain.attainment import Attainment, PercentileEvidence, Status, formula
from domain.fact import Sample
from domain.histogram import bucket_of, edges
from domain.metric import COUNT_MAX, Aggregation
from domain.points import sample_facts
from domain.ratio import Direction, Ratio
from tests.builders import AFTER, a_metric, a_period, a_subject, an_exclusion, an_objective, judged, moment

P95 = a_metric(Aggregation.PERCENTILE, percentile="95", direction=Direction.AT_MOST, scale=1, unit="ms")
DAY_US = 86_400_000_000


def samples(*values: int) -> list[Sample]:
    """One a minute, from 6 in the morning on."""
    return [Sample(moment(f"{6 + place // 60}:{place % 60:02}"), value) for place, value in enumerate(values)]


def verdict(
    values: list[int], expected: str, *, at: str | None = None, minimum_coverage: str | None = None
) -> Attainment:
    instant = AFTER if at is None else moment(at)
    spans = counted_spans(a_subject(metric=P95), [], a_period(), instant)
    facts = sample_facts(samples(*values), spans, P95, ended=at is None)
    objective = an_objective(expected, metric=P95, minimum_coverage=minimum_coverage)
    return judged(facts=facts, metric=P95, objective=objective, at=instant)


@pytest.mark.parametrize(("expected", "status"), [("1.9", Status.MET), ("1.8", Status.MISSED)])
def test_at_the_end_a_percentile_is_the_value_at_its_nearest_rank(expected: str, status: Status) -> None:
    """The 19th of 20."""
    found = verdict(list(range(20, 0, -1)), expected)
    assert (found.value, found.status, found.coverage) == (Ratio(19, 10), status, Ratio(2, 96))
    assert found.evidence == PercentileEvidence(
        allowed_us=DAY_US,
        excluded_us=0,
        percentile=Decimal(95),
        points=20,
        low=19,
        high=19,
        undecided=False,
        scale=1,
    )
    assert formula(found, P95) == ("20 samples", "percentile 95 = 1.9 ms")


def test_while_the_period_runs_it_is_told_between_bounds_and_pending() -> None:
    found = verdict([2000] * 20, "200.5", at="12:00")
    assert (found.value, found.status, edges(bucket_of(2000))) == (None, Status.PENDING, (2000, 2015))
    assert isinstance(found.evidence, PercentileEvidence)
    assert (found.evidence.low, found.evidence.high, found.evidence.undecided) == (2000, 2015, True)
    assert formula(found, P95)[1] == "percentile 95 between 200.0 and 201.5 ms, undecided against its target"


@pytest.mark.parametrize("expected", ["199.9", "201.5"])
def test_bounds_on_one_side_of_the_target_are_decided_and_still_pending(expected: str) -> None:
    found = verdict([2000] * 20, expected, at="12:00")
    assert isinstance(found.evidence, PercentileEvidence)
    assert (found.status, found.evidence.undecided) == (Status.PENDING, False)


@given(some.lists(some.integers(-COUNT_MAX, COUNT_MAX), min_size=1, max_size=40))
def test_the_bounds_hold_what_the_end_finds_on_the_same_samples(values: list[int]) -> None:
    running, ended = verdict(values, "200", at="23:00"), verdict(values, "200")
    assert isinstance(running.evidence, PercentileEvidence)
    assert ended.value is not None
    low, high = running.evidence.low, running.evidence.high
    assert low is not None
    assert high is not None
    assert low <= ended.value.numerator <= high


def test_a_percentile_of_nothing_is_not_applicable() -> None:
    found = verdict([], "200")
    assert (found.value, found.status, found.coverage) == (None, Status.NOT_APPLICABLE, Ratio(0, 96))
    assert formula(found, P95) == ("0 samples", "percentile 95 = no sample to rank")


def test_below_the_declared_minimum_of_coverage_it_is_held() -> None:
    assert verdict([1] * 60, "200", minimum_coverage="4").status is Status.MET
    assert verdict([1] * 60, "200", minimum_coverage="4.2").status is Status.HELD


def test_excluded_samples_are_not_ranked() -> None:
    exclusions = [an_exclusion("6:01", "24:00")]
    spans = counted_spans(a_subject(metric=P95), exclusions, a_period(), AFTER)
    facts = sample_facts(samples(1, 9, 9), spans, P95, ended=True)
    found = judged(facts=facts, metric=P95, objective=an_objective("200", metric=P95), exclusions=exclusions)
    assert (found.value, found.coverage) == (Ratio(1, 10), Ratio(1, 25))

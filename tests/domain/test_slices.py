"""Slices: which ones count, what an empty one is, and how their ratios are rounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.allowed import counted_spans
from domain.attainment import SliceEvidence, Status, budget_us, formula, spent_us
from domain.fact import Sample, Tally
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Missing
from domain.points import PointFacts, sample_facts, tally_facts
from domain.ratio import Direction, Ratio
from domain.slices import WHOLE, SliceTotals, rounded
from domain.totals import cells_touched
from tests.builders import (
    AFTER,
    DAY,
    a_metric,
    a_period,
    a_span,
    a_subject,
    an_exclusion,
    an_objective,
    judged,
    moment,
)

HOUR = timedelta(hours=1)
MINUTE_US = 60_000_000
MEAN = a_metric(Aggregation.MEAN_OF_SLICES, slice=HOUR)
GOOD = a_metric(Aggregation.GOOD_SLICES, slice=HOUR, slice_target="90")
FAST = a_metric(
    Aggregation.GOOD_SLICES,
    shape=Shape.SAMPLE,
    slice=HOUR,
    slice_target="200.5",
    slice_direction=Direction.AT_MOST,
    scale=1,
    unit="ms",
)


def a_tally(start: str | datetime, good: int, total: int) -> Tally:
    begins = moment(start)
    return Tally(begins, begins + timedelta(minutes=1), good, total)


def facts_of(metric: Metric, points: list[Any], *, exclusions: Sequence[Any] = (), at: datetime = AFTER) -> PointFacts:
    spans = counted_spans(a_subject(metric=metric), exclusions, a_period(), at)
    if metric.shape is Shape.TALLY:
        return tally_facts(points, spans, metric)
    return sample_facts(points, spans, metric, ended=True)


def verdict(metric: Metric, points: list[Any], expected: str = "50", **terms: Any) -> Any:
    exclusions = terms.pop("exclusions", [])
    objective = an_objective(expected, metric=metric, **terms)
    facts = facts_of(metric, points, exclusions=exclusions)
    return judged(facts=facts, metric=metric, objective=objective, exclusions=exclusions)


def test_the_mean_weighs_each_slice_alike_and_one_without_total_counts_as_good() -> None:
    found = verdict(MEAN, [a_tally("0:00", 1, 2), a_tally("1:30", 0, 1_000_000), a_tally("2:00", 0, 0)])
    assert found.value == Ratio(22 * WHOLE + WHOLE // 2, 24 * WHOLE)
    assert found.coverage == Ratio(3, 24)
    assert found.evidence == SliceEvidence(
        allowed_us=1440 * MINUTE_US,
        excluded_us=0,
        slice_us=60 * MINUTE_US,
        slices=24,
        slices_total=24,
        reported=3,
        idle=1,
        good=None,
        counted=24,
        bad=WHOLE + WHOLE // 2,
        points=3,
    )
    assert formula(found, MEAN) == (
        "slices = 24 of 3600 s in the allowed time; 3 of them reported on, 1 of these without total",
        "mean of slices = (24 - 1.500000000000 bad) / 24 = 93.750000 %",
    )


def test_the_share_of_good_slices_leaves_out_those_without_total() -> None:
    found = verdict(GOOD, [a_tally("0:00", 9, 10), a_tally("1:30", 89, 100), a_tally("2:00", 0, 0)])
    assert (found.value, found.status) == (Ratio(1, 2), Status.MET)
    assert (found.evidence.reported, found.evidence.idle, found.evidence.good, found.evidence.bad) == (3, 1, 1, WHOLE)
    assert formula(found, GOOD)[1] == "good slices = 1 / 2 = 50.000000 %"


def test_a_slice_of_samples_is_good_by_its_mean() -> None:
    samples = [Sample(moment("0:00"), 2000), Sample(moment("0:59:59.999999"), 2010), Sample(moment("1:00"), 2006)]
    assert facts_of(FAST, samples) == SliceTotals(reported=2, good=1, points=3)


@pytest.mark.parametrize(
    ("missing", "mean", "share"),
    [
        (Missing.HOLD, Ratio(23 * WHOLE, 24 * WHOLE), Ratio(1, 2)),
        (Missing.GOOD, Ratio(23 * WHOLE, 24 * WHOLE), Ratio(22, 23)),
        (Missing.BAD, Ratio(2 * WHOLE, 24 * WHOLE), Ratio(1, 23)),
        (Missing.EXCLUDED, Ratio(2 * WHOLE, 3 * WHOLE), Ratio(1, 2)),
    ],
)
def test_a_slice_on_which_nobody_reported_counts_as_the_objective_says_of_silence(
    missing: Missing, mean: Ratio, share: Ratio
) -> None:
    points = [a_tally("0:00", 1, 1), a_tally("1:00", 0, 1), a_tally("2:00", 0, 0)]
    assert verdict(MEAN, points, missing=missing).value == mean
    assert verdict(GOOD, points, missing=missing).value == share


@pytest.mark.parametrize("metric", [MEAN, GOOD])
@pytest.mark.parametrize(
    ("missing", "status"),
    [
        (Missing.HOLD, Status.NOT_APPLICABLE),
        (Missing.EXCLUDED, Status.NOT_APPLICABLE),
        (Missing.GOOD, Status.MET),
        (Missing.BAD, Status.MISSED),
    ],
)
def test_zero_total_is_not_applicable_unless_the_terms_say_what_silence_is(
    metric: Metric, missing: Missing, status: Status
) -> None:
    assert verdict(metric, [], missing=missing).status is status


def test_slices_begin_at_midnight_in_utc_whatever_the_period() -> None:
    assert cells_touched([a_span("0:30", "2:00")], HOUR) == 2
    assert cells_touched([a_span("0:30", "2:00:00.000001")], HOUR) == 3
    assert cells_touched([a_span("0:10", "0:20"), a_span("0:30", "0:40"), a_span("1:59", "2:01")], HOUR) == 3
    assert cells_touched([], HOUR) == 0


@given(some.lists(some.integers(0, 2000), unique=True, max_size=12), some.sampled_from([1, 5, 15, 60, 480, 1440]))
def test_a_slice_counts_where_it_shares_an_instant_with_the_allowed_time(edges: list[int], minutes: int) -> None:
    ordered = sorted(edges)
    pairs = list(zip(ordered[::2], ordered[1::2], strict=False))
    spans = [a_span(DAY + timedelta(minutes=start), DAY + timedelta(minutes=end)) for start, end in pairs]
    touched = {minute // minutes for start, end in pairs for minute in range(start, end)}
    assert cells_touched(spans, timedelta(minutes=minutes)) == len(touched)


def test_a_slice_cut_by_an_exclusion_counts_whole_by_the_facts_outside_of_it() -> None:
    points = [a_tally("0:05", 0, 1), a_tally("0:45", 1, 1), a_tally("1:00", 0, 1), a_tally("2:30", 1, 2)]
    found = verdict(MEAN, points, exclusions=[an_exclusion("0:00", "0:30"), an_exclusion("1:00", "2:00")])
    assert (found.evidence.slices, found.evidence.reported) == (23, 2)
    assert found.value == Ratio(22 * WHOLE + WHOLE // 2, 23 * WHOLE)


def test_tallies_of_one_slice_are_summed_over_all_streams_before_they_are_divided() -> None:
    assert facts_of(MEAN, [a_tally("0:00", 0, 1), a_tally("0:00", 3, 3)]) == SliceTotals(
        reported=1, ratios=WHOLE * 3 // 4, points=2
    )


@given(some.integers(0, 10**13), some.integers(1, 10**13))
def test_a_ratio_is_rounded_half_even_to_a_trillionth(good: int, total: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Fraction(good, total) * WHOLE
        down = exact.numerator // exact.denominator
        rest = exact - down
        expected = down + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and down % 2))
    assert rounded(good, total) == expected


def test_the_halves_of_a_trillionth_go_to_the_even_side() -> None:
    assert [rounded(odd, 2 * WHOLE) for odd in (1, 3, 5)] == [0, 2, 2]
    assert str((Decimal(3) / (2 * WHOLE)).quantize(Decimal(1) / WHOLE, rounding=ROUND_HALF_EVEN)) == "2E-12"


def test_before_the_end_slices_are_pending_and_told_so_far() -> None:
    at = moment("6:30")
    facts = facts_of(MEAN, [a_tally("0:00", 0, 1)], at=at)
    found = judged(facts=facts, metric=MEAN, objective=an_objective("99", metric=MEAN), at=at)
    assert (found.status, found.value) == (Status.PENDING, Ratio(6 * WHOLE, 7 * WHOLE))
    assert isinstance(found.evidence, SliceEvidence)
    assert (found.evidence.slices, found.evidence.slices_total) == (7, 24)


def test_the_budget_of_slices_is_the_time_of_those_that_may_be_bad() -> None:
    found = verdict(GOOD, [a_tally("0:00", 0, 10), a_tally("1:00", 10, 10)], "90")
    assert budget_us(an_objective("90", metric=GOOD), found.evidence) == 144 * MINUTE_US
    assert spent_us(found.evidence) == 60 * MINUTE_US


def test_below_the_declared_minimum_of_coverage_a_verdict_is_held() -> None:
    points = [a_tally(f"{hour}:00", 1, 1) for hour in range(12)]
    assert verdict(MEAN, points, minimum_coverage="50").status is Status.MET
    assert verdict(MEAN, points, minimum_coverage="50.1").status is Status.HELD
    assert verdict(MEAN, points).status is Status.MET

"""Few cases: the one miss that a promise may tolerate; and how strong a share is, which never decides."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.attainment import Attainment, Status
from domain.counts import PLACES, Confidence, Z, confidence, tolerated, wilson
from domain.errors import Invalid
from domain.fact import TallyTotals
from domain.metric import Aggregation
from domain.objective import LowVolume, Objective, check_low_volume
from domain.ratio import Direction, Ratio
from tests.builders import a_metric, an_objective, judged, outage_facts

RATIO = a_metric(Aggregation.RATIO_OF_SUMS)
ERRORS = a_metric(Aggregation.RATIO_OF_SUMS, direction=Direction.AT_MOST)
COUNTS = some.integers(1, 10**12).flatmap(lambda total: some.tuples(some.integers(0, total), some.just(total)))


def tolerant(expected: str, minimum: str | None = None, *, at_most: bool = False) -> Objective:
    objective = an_objective(expected, minimum=minimum, metric=ERRORS if at_most else RATIO)
    return replace(objective, low_volume=LowVolume.ONE_MISS)


def verdict(objective: Objective, good: int, total: int) -> Attainment:
    metric = RATIO if objective.direction is Direction.AT_LEAST else ERRORS
    return judged(facts=TallyTotals(good=good, total=total, points=1, cells=1), metric=metric, objective=objective)


@pytest.mark.parametrize(
    ("good", "total", "status"),
    [
        (0, 1, Status.MET),
        (8, 9, Status.MET),
        (7, 9, Status.MISSED),
        (9, 10, Status.MET),
        (8, 10, Status.MISSED),
        (9, 11, Status.MISSED),
        (0, 0, Status.NOT_APPLICABLE),
    ],
)
def test_below_the_number_that_the_target_can_tell_one_miss_is_tolerated(good: int, total: int, status: Status) -> None:
    """At 90 percent those are 10 cases; the tenth needs no tolerance."""
    assert verdict(tolerant("90"), good, total).status is status


def test_without_being_declared_no_miss_is_tolerated() -> None:
    assert verdict(an_objective("90", metric=RATIO), 8, 9).status is Status.MISSED


@pytest.mark.parametrize("total", [1, 2, 1000])
def test_at_100_percent_no_miss_is_tolerated(total: int) -> None:
    assert verdict(tolerant("100"), total - 1, total).status is Status.MISSED


def test_each_level_tolerates_by_its_own_number_of_cases() -> None:
    objective = tolerant("99", "90")
    found = [verdict(objective, total - 1, total) for total in (9, 10, 99, 100)]
    assert [each.status for each in found] == [Status.MET] * 4
    assert [tolerated(objective, each.evidence) for each in found] == [True, True, True, False]
    assert verdict(objective, 98, 100).status is Status.BELOW_EXPECTED


def test_against_an_upper_limit_one_bad_case_is_tolerated() -> None:
    objective = tolerant("10", at_most=True)
    assert [verdict(objective, 1, total).status for total in (1, 9, 10)] == [Status.MET] * 3
    assert verdict(objective, 2, 9).status is Status.MISSED
    assert verdict(tolerant("0", at_most=True), 1, 9).status is Status.MISSED


def test_only_a_share_of_counts_tolerates_a_miss() -> None:
    fit = [each for each in Aggregation if each.is_share_of_counts]
    assert fit == [Aggregation.RATIO_OF_SUMS, Aggregation.CASES_WITHIN]
    check_low_volume(RATIO, LowVolume.ONE_MISS)
    check_low_volume(a_metric(), LowVolume.NONE)
    with pytest.raises(Invalid) as refused:
        check_low_volume(a_metric(), LowVolume.ONE_MISS)
    assert refused.value.path == ("lowVolume",)


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [
        (0, 10, "0.0000", "0.2775"),
        (10, 10, "0.7225", "1.0000"),
        (9, 10, "0.5958", "0.9821"),
        (999, 1000, "0.9944", "0.9998"),
    ],
)
def test_the_interval_is_wilsons(good: int, total: int, low: str, high: str) -> None:
    """As tables have it with 4 places, and to the last place as computed apart with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        z, n, p = Decimal(Z.numerator) / Z.denominator, Decimal(total), Decimal(good) / total
        middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
        bounds = [(middle + side * half) / (1 + z * z / n) for side in (-1, 1)]
    found = wilson(good, total)
    shown = [Decimal(found.low.numerator) / PLACES, Decimal(found.high.numerator) / PLACES]
    assert -Decimal("1E-50") < bounds[0] - shown[0] < Decimal(1) / PLACES
    assert -Decimal("1E-50") < shown[1] - bounds[1] < Decimal(1) / PLACES
    assert [f"{each:.4f}" for each in shown] == [low, high]


@given(COUNTS)
def test_the_bounds_hold_the_share_and_lie_in_0_to_1(counts: tuple[int, int]) -> None:
    good, total = counts
    found = wilson(good, total)
    assert 0 <= found.low.exact <= Ratio(good, total).exact <= found.high.exact <= 1


@given(COUNTS)
def test_the_bounds_of_the_misses_are_the_mirror_image(counts: tuple[int, int]) -> None:
    good, total = counts
    found, mirrored = wilson(good, total), wilson(total - good, total)
    assert (mirrored.low.numerator, mirrored.high.numerator) == (
        PLACES - found.high.numerator,
        PLACES - found.low.numerator,
    )


def test_the_strength_is_told_of_shares_of_counts_only_and_decides_nothing() -> None:
    few = verdict(an_objective("90", metric=RATIO), 1, 1)
    assert few.status is Status.MET
    assert confidence(few.evidence) == Confidence(low=Ratio(206_549_311_791, PLACES), high=Ratio(PLACES, PLACES))
    assert confidence(verdict(an_objective("90", metric=RATIO), 0, 0).evidence) is None
    assert confidence(judged(facts=outage_facts()).evidence) is None

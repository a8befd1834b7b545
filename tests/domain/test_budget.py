"""The error budget of a period, exact (rules.md, Error budget)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import CaseEvidence, CountEvidence, SampleEvidence, SliceEvidence, Status
from domain.budget import BudgetUnit, ErrorBudget, error_budget
from domain.objective import LowVolume, Missing
from domain.ratio import Direction, Ratio
from tests.builders import an_objective, an_outage, judged

MINUTE_US = 60_000_000


def counted(good: int, total: int) -> CountEvidence:
    return CountEvidence(allowed_us=1, excluded_us=0, good=good, total=total, points=1)


def test_of_time_it_is_the_down_time_by_weight_that_the_whole_period_allows_even_while_it_runs() -> None:
    verdict = judged(an_outage("6:00", "6:09"), objective=an_objective("99"), at="12:00")
    assert error_budget(an_objective("99"), verdict.evidence) == ErrorBudget(
        unit=BudgetUnit.MICROSECONDS, total=Fraction(1440 * MINUTE_US, 100), spent=Fraction(9 * MINUTE_US)
    )


def test_of_counts_it_is_that_of_those_so_far() -> None:
    found = error_budget(an_objective("99.9"), counted(good=2_990, total=3_000))
    assert found == ErrorBudget(unit=BudgetUnit.COUNTS, total=Fraction(3), spent=Fraction(10))
    assert (found.left, found.left_share) == (Fraction(-7), Fraction(-7, 3))


def test_against_an_upper_limit_what_is_counted_as_good_is_what_should_not_be() -> None:
    objective = replace(an_objective("1"), direction=Direction.AT_MOST)
    assert error_budget(objective, counted(good=4, total=500)) == ErrorBudget(
        unit=BudgetUnit.COUNTS, total=Fraction(5), spent=Fraction(4)
    )


def test_of_cases_it_is_how_many_may_be_late_and_of_slices_how_many_may_be_bad() -> None:
    cases = CaseEvidence(allowed_us=1, excluded_us=0, in_time=18, late=2, open=5, cases=(), cases_total=25)
    assert error_budget(an_objective("95"), cases) == ErrorBudget(
        unit=BudgetUnit.CASES, total=Fraction(1), spent=Fraction(2)
    )
    slices = SliceEvidence(
        allowed_us=1, excluded_us=0, slice_us=MINUTE_US, slices=700, slices_total=1_440, reported=700, idle=0,
        good=699, counted=700, bad=10**12, points=700,
    )  # fmt: skip
    assert error_budget(an_objective("99"), slices) == ErrorBudget(
        unit=BudgetUnit.SLICES, total=Fraction("14.4"), spent=Fraction(1)
    )


def test_one_miss_of_few_cases_is_within_the_budget_where_it_is_tolerated() -> None:
    objective = replace(an_objective("99"), low_volume=LowVolume.ONE_MISS)
    tolerant, strict = (error_budget(each, counted(good=9, total=10)) for each in (objective, an_objective("99")))
    assert tolerant is not None
    assert strict is not None
    assert (tolerant.left, strict.left) == (Fraction(0), Fraction(-9, 10))


@pytest.mark.parametrize("level", ["100"])
def test_at_100_percent_there_is_none(level: str) -> None:
    assert error_budget(an_objective(level), counted(good=1, total=1)) is None


def test_of_what_is_no_share_there_is_none() -> None:
    samples = SampleEvidence(allowed_us=1, excluded_us=0, points=1, sum=1, minimum=1, maximum=1, scale=0)
    assert error_budget(an_objective("99"), samples) is None


def test_without_a_case_the_share_that_is_left_is_unknown() -> None:
    found = error_budget(an_objective("99"), counted(good=0, total=0))
    assert found is not None
    assert (found.total, found.left, found.left_share) == (Fraction(0), Fraction(0), None)


@given(minutes=st.integers(0, 40), level=st.sampled_from(["97.5", "98", "99", "99.9"]))
def test_more_is_spent_than_there_is_just_where_the_expected_level_is_missed(minutes: int, level: str) -> None:
    objective = an_objective(level, missing=Missing.GOOD)
    outages = [an_outage("6:00", f"6:{minutes:02d}")] if minutes else []
    verdict = judged(*outages, objective=objective)
    found = error_budget(objective, verdict.evidence)
    assert found is not None
    assert (found.left < 0) == (verdict.status is Status.MISSED)
    assert found.total == (1 - Ratio.percent(Decimal(level)).exact) * Fraction(
        timedelta(days=1) / timedelta(microseconds=1)
    )

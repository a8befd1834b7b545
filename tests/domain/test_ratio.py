"""Exact values (rules.md, Exactness)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.ratio import Direction, Ratio, exact_decimal

RATIOS = st.builds(Ratio, st.integers(-(10**40), 10**40), st.integers(1, 10**30))


@given(RATIOS, RATIOS, st.sampled_from(Direction))
def test_a_value_meets_a_target_just_where_exact_fractions_say_so(value: Ratio, target: Ratio, way: Direction) -> None:
    exact = value.exact >= target.exact if way is Direction.AT_LEAST else value.exact <= target.exact
    assert value.meets(target, way) == exact


@given(RATIOS)
def test_a_shown_value_is_rounded_towards_the_failing_side_however_long_it_is(value: Ratio) -> None:
    low, high = (Fraction(value.shown(way)) for way in (Direction.AT_LEAST, Direction.AT_MOST))
    assert low <= value.exact <= high
    assert high - low in (0, Fraction(1, 10**6))


def test_a_long_miss_does_not_print_as_met() -> None:
    long = Ratio(999_999_999_999_999_999_999_999_999_999, 10**7)
    assert str(long.shown(Direction.AT_LEAST)) == "99999999999999999999999.999999"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**9), max_value=10**9))
def test_a_target_is_shown_as_the_decimal_that_was_written(written: Decimal) -> None:
    assert exact_decimal(Ratio.of(written).exact) == written

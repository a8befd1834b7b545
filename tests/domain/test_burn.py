"""Burn rates (rules.md, Early warning; the factors are those of the multi-window alerts of Google's SRE workbook)."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.bad import time_within
from domain.burn import PAIRS, burns, pairs_of, windows_of
from domain.spans import Span, Weighted
from tests.builders import DAY

MINUTE, HOUR, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTH = Span(DAY, DAY + 30 * DAYS)


def test_over_30_days_the_factors_are_14_4_and_6_and_3_and_1() -> None:
    assert [pair.factor(MONTH) for pair in PAIRS] == [Fraction("14.4"), 6, 3, 1]


def test_they_are_scaled_to_the_window() -> None:
    quarter = Span(DAY, DAY + 90 * DAYS)
    assert [pair.factor(quarter) for pair in PAIRS] == [Fraction("43.2"), 18, 9, 3]


def test_a_pair_says_nothing_where_its_factor_is_below_an_even_pace() -> None:
    lengths = {days: len(pairs_of(Span(DAY, DAY + days * DAYS))) for days in (1, 7, 28, 31, 365)}
    assert lengths == {1: 0, 7: 2, 28: 4, 31: 4, 365: 4}


def test_the_windows_lie_within_the_period() -> None:
    at = DAY + 2 * HOUR
    found = windows_of(MONTH, at)
    assert found[HOUR] == Span(at - HOUR, at)
    assert found[3 * DAYS] == Span(DAY, at)
    assert windows_of(MONTH, DAY) == {}
    assert len(found) == 7


def test_an_even_pace_burns_at_1() -> None:
    at = MONTH.end
    budget = Fraction(MONTH.length_us, 1_000)
    bad = {length: Fraction(span.length_us, 1_000) for length, span in windows_of(MONTH, at).items()}
    assert {(burn.long, burn.short) for burn in burns(bad, budget, MONTH)} == {(Fraction(1), Fraction(1))}


def test_2_percent_of_the_budget_within_an_hour_is_the_limit_of_the_first_pair() -> None:
    budget = Fraction(30 * 24 * 3_600_000_000, 1_000)
    nothing = dict.fromkeys(windows_of(MONTH, MONTH.end), Fraction(0))
    bad = {**nothing, HOUR: budget / 50, 5 * MINUTE: budget / 50}
    first = burns(bad, budget, MONTH)[0]
    assert (first.long, first.level) == (Fraction("14.4"), Fraction(1))


def test_both_windows_must_burn() -> None:
    """An outage that has been over for a while fills the long window and not the short one."""
    at = DAY + 10 * DAYS
    pieces = (Weighted(Span(at - 40 * MINUTE, at - 10 * MINUTE), Fraction(1)),)
    windows = windows_of(MONTH, at)
    found = time_within(pieces, list(windows.values()))
    first = burns({length: found[span].bad for length, span in windows.items()}, Fraction(10**9), MONTH)[0]
    assert first.long > first.factor
    assert first.short == first.level == 0


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 90), st.fractions(Fraction(1, 8), 1)), max_size=6))
def test_the_bad_quantity_of_a_span_is_that_of_its_parts(told: list[tuple[int, int, Fraction]]) -> None:
    pieces = [
        Weighted(Span(DAY + start * MINUTE, DAY + (start + length) * MINUTE), weight) for start, length, weight in told
    ]
    whole, middle = Span(DAY, DAY + 4 * DAYS), DAY + 31 * HOUR
    parts = (Span(whole.start, middle), Span(middle, whole.end))
    found = time_within(pieces, (whole, *parts))
    assert found[whole].bad == found[parts[0]].bad + found[parts[1]].bad


def test_without_a_budget_there_is_no_rate() -> None:
    assert burns({HOUR: Fraction(1)}, Fraction(0), MONTH) == ()

"""The projection of a period's end. It warns and never decides (rules.md, Early warning)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.projection import HISTORY_MIN, Projection, days_of, history_span, project
from domain.spans import Span
from tests.builders import DAY

DAYS = timedelta(days=1)
HOURS = timedelta(hours=1)


def projected(
    *,
    spent: str = "0.5",
    days: tuple[str, ...] = ("0.25", "0.25"),
    history: timedelta = 28 * DAYS,
    ahead: timedelta = 10 * DAYS,
    lasting: bool = False,
) -> Projection:
    found = project(
        spent=Fraction(spent),
        budget=Fraction(1),
        days=[Fraction(day) for day in days],
        history=history,
        ahead=ahead,
        lasting=lasting,
    )
    assert found is not None
    return found


def test_what_is_expected_is_what_was_spent_and_the_pace_of_the_last_days_until_the_end() -> None:
    assert projected(spent="0.5", days=("0.25", "0.31"), ahead=14 * DAYS).expected == Decimal("0.7800")


def test_a_miss_that_happened_is_certain_and_the_end_leaves_nothing_open() -> None:
    assert projected(spent="1.1").probability == Decimal("1.0000")
    assert projected(spent="0.9", ahead=timedelta(0)).probability == Decimal("0.0000")


def test_with_less_than_7_days_and_without_a_budget_nothing_is_projected() -> None:
    few = HISTORY_MIN - timedelta(microseconds=1)
    assert project(spent=Fraction(1), budget=Fraction(2), days=[], history=few, ahead=DAYS, lasting=False) is None
    assert project(spent=Fraction(1), budget=Fraction(0), days=[], history=7 * DAYS, ahead=DAYS, lasting=False) is None


def test_it_is_the_share_of_made_up_endings_that_miss() -> None:
    """The closed form against the model itself, drawn: a rate, a number, a mean, and the sizes."""
    pieces, seen, passed, horizon, left = 6, 1.5, 28.0, 10.0, 0.6
    chance, runs, missed = Random(7), 40_000, 0
    for _ in range(runs):
        pace = chance.gammavariate(pieces + 0.5, 1 / (passed + 56))
        size = chance.gammavariate(pieces + 1.0, 1 / (seen + 1.0))
        total, time = 0.0, chance.expovariate(pace)
        while time < horizon:
            total += chance.expovariate(size)
            time += chance.expovariate(pace)
        missed += total > left
    found = projected(spent="0.4", days=("0.2", "0.05", "0") * 6, ahead=10 * DAYS).probability
    assert abs(float(found) - missed / runs) < 0.01


@given(
    days=st.lists(st.fractions(0, 2), max_size=28),
    spent=st.fractions(0, 1),
    more=st.fractions(0, 1),
    ahead=st.integers(0, 400),
)
def test_it_is_a_probability_and_more_spent_or_more_to_come_or_an_outage_under_way_never_lowers_it(
    days: list[Fraction], spent: Fraction, more: Fraction, ahead: int
) -> None:
    def probability(spent: Fraction, ahead: int, *, lasting: bool = False) -> Decimal:
        found = project(
            spent=spent, budget=Fraction(1), days=days, history=28 * DAYS, ahead=ahead * DAYS, lasting=lasting
        )
        assert found is not None
        return found.probability

    base, slack = probability(spent, ahead), Decimal("0.0002")
    assert 0 <= base <= 1
    assert probability(spent + more, ahead) >= base - slack
    assert probability(spent, ahead + 5) >= base - slack
    assert probability(spent, ahead, lasting=True) >= base - slack


def test_the_history_is_28_days_in_utc_at_most_and_begins_with_the_agreement() -> None:
    at = DAY + 40 * DAYS + 5 * HOURS
    history = history_span(DAY, at)
    assert history == Span(DAY + 13 * DAYS, at)
    days = days_of(history)
    assert (len(days), days[0], days[-1]) == (
        28,
        Span(DAY + 13 * DAYS, DAY + 14 * DAYS),
        Span(DAY + 40 * DAYS, at),
    )
    assert history_span(DAY + 39 * DAYS + HOURS, at) == Span(DAY + 39 * DAYS + HOURS, at)
    assert history_span(at, at) is None

"""Buckets with fixed logarithmic edges, and the nearest rank that they bound."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.histogram import Histogram, bucket_of, edges, nearest_rank
from domain.metric import COUNT_MAX

VALUES = some.one_of(some.integers(-300, 300), some.integers(-COUNT_MAX, COUNT_MAX))
LISTS = some.lists(VALUES, min_size=1, max_size=60)
PERCENTILES = some.decimals(min_value=0, max_value=100, places=6).filter(lambda each: each > 0)


@given(VALUES)
def test_a_value_lies_within_the_edges_of_its_bucket(value: int) -> None:
    low, high = edges(bucket_of(value))
    assert low <= value <= high
    assert (bucket_of(low), bucket_of(high)) == (bucket_of(value), bucket_of(value))


@given(VALUES, VALUES)
def test_buckets_are_in_the_order_of_their_values(left: int, right: int) -> None:
    assert (bucket_of(left) < bucket_of(right)) <= (left < right)
    assert (left <= right) <= (bucket_of(left) <= bucket_of(right))


def test_buckets_have_no_gap_and_none_is_wider_than_a_64th_of_its_smallest_value() -> None:
    last = bucket_of(COUNT_MAX)
    assert last < 3100
    assert (edges(-1), edges(0), edges(1), edges(127)) == ((-1, -1), (0, 0), (1, 1), (127, 127))
    for bucket in range(-last, last):
        low, high = edges(bucket)
        assert edges(bucket + 1)[0] == high + 1
        assert (high - low) * 64 < max(1, min(abs(low), abs(high)))


@given(LISTS, PERCENTILES)
def test_the_nearest_rank_is_the_smallest_with_that_share_at_or_below_it(
    values: list[int], percentile: Decimal
) -> None:
    rank, share = nearest_rank(percentile, len(values)), Fraction(percentile) / 100
    assert 1 <= rank <= len(values)
    assert Fraction(rank, len(values)) >= share > Fraction(rank - 1, len(values))


@pytest.mark.parametrize(
    ("percentile", "points", "rank"), [("50", 4, 2), ("50", 5, 3), ("95", 20, 19), ("100", 7, 7), ("7", 100, 7)]
)
def test_ranks_are_exact_where_a_float_would_not_be(percentile: str, points: int, rank: int) -> None:
    """0.07 * 100 is more than 7 in binary."""
    assert nearest_rank(Decimal(percentile), points) == rank


@given(LISTS, PERCENTILES)
def test_a_histogram_bounds_what_sorting_finds(values: list[int], percentile: Decimal) -> None:
    rank = nearest_rank(percentile, len(values))
    exact = sorted(values)[rank - 1]
    assert Histogram.of(values).bounds(rank) == edges(bucket_of(exact))


@given(LISTS, LISTS)
def test_counts_add_up_and_what_is_taken_out_leaves_no_trace(kept: list[int], taken: list[int]) -> None:
    both = Histogram.of(kept).plus(Histogram.of(taken))
    assert both == Histogram.of(kept + taken)
    assert both.points == len(kept) + len(taken)
    assert both.minus(Histogram.of(taken)) == Histogram.of(kept)


def test_only_what_is_in_a_histogram_is_taken_out() -> None:
    with pytest.raises(AssertionError):
        Histogram.of([1, 2]).minus(Histogram.of([3]))

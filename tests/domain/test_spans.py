from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.spans import Span, Weighted, envelope, intersect, microseconds, subtract, total_us, union
from tests.domain.reference import mask_seconds

BASE = datetime(2024, 2, 29, 23, 59, 59, 999_990, tzinfo=UTC)
CELLS = 40


def at(cell: int) -> datetime:
    return BASE + timedelta(microseconds=cell)


def span(start: int, end: int) -> Span:
    return Span(at(start), at(end))


def cells(spans: Iterable[Span]) -> set[int]:
    return {cell for one in spans for cell in range(CELLS) if one.start <= at(cell) < one.end}


def is_disjoint_and_sorted(spans: tuple[Span, ...]) -> bool:
    return all(before.end <= after.start for before, after in pairwise(spans))


any_span = st.tuples(st.integers(0, CELLS - 1), st.integers(1, 12)).map(
    lambda drawn: span(drawn[0], min(drawn[0] + drawn[1], CELLS))
)
any_spans = st.lists(any_span, max_size=12)


def touching(spans: list[Span]) -> tuple[Span, ...]:
    """Disjoint and sorted, but not joined: each cell that is covered is a span of its own."""
    return tuple(span(cell, cell + 1) for cell in sorted(cells(spans)))


disjoint_spans = st.one_of(any_spans.map(union), any_spans.map(touching))
any_records = st.lists(
    st.builds(Weighted, any_span, st.sampled_from([Fraction(1, 3), Fraction(1, 2), Fraction(1)])), max_size=12
)


def test_a_span_holds_its_start_and_not_its_end() -> None:
    assert [span(2, 4).contains(at(cell)) for cell in range(1, 6)] == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (BASE, BASE),
        (at(1), BASE),
        (BASE.replace(tzinfo=None), at(1)),
        (BASE, at(1).replace(tzinfo=None)),
        (BASE.astimezone(timezone(timedelta(hours=1))), at(1)),
        # Winter in London has UTC's offset, but its arithmetic is on the wall clock.
        (BASE.astimezone(ZoneInfo("Europe/London")), at(1).astimezone(ZoneInfo("Europe/London"))),
    ],
)
def test_an_empty_naive_or_zoned_span_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="a span "):
        Span(start, end)


def test_microseconds_are_exact_where_a_float_is_not() -> None:
    delta = timedelta(days=999_999_998, microseconds=1)
    assert microseconds(delta) == 86_399_999_827_200_000_001
    assert microseconds(-delta) == -86_399_999_827_200_000_001


def test_a_length_is_exact_over_a_leap_day() -> None:
    february = Span(datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))
    assert february.length_us == 29 * 86_400 * 1_000_000


@given(any_span, any_span)
def test_spans_overlap_and_clip_exactly_where_they_share_an_instant(a: Span, b: Span) -> None:
    shared = cells([a]) & cells([b])
    clipped = a.clip(b)
    assert a.overlaps(b) == b.overlaps(a) == bool(shared)
    assert cells([clipped] if clipped else []) == shared
    assert clipped == b.clip(a)


@given(any_spans)
def test_a_union_covers_the_same_instants_with_spans_that_do_not_even_touch(spans: list[Span]) -> None:
    whole = union(spans)
    assert cells(whole) == cells(spans)
    assert all(before.end < after.start for before, after in pairwise(whole))
    assert union(whole) == union(reversed(spans)) == whole


@pytest.mark.parametrize(
    ("combine", "expected"), [(intersect, set.intersection), (subtract, set.difference)], ids=["intersect", "subtract"]
)
@given(a=disjoint_spans, b=disjoint_spans)
def test_two_sides_combine_as_sets_of_instants(
    combine: Callable[[tuple[Span, ...], tuple[Span, ...]], tuple[Span, ...]],
    expected: Callable[[set[int], set[int]], set[int]],
    a: tuple[Span, ...],
    b: tuple[Span, ...],
) -> None:
    result = combine(a, b)
    assert cells(result) == expected(cells(a), cells(b))
    assert is_disjoint_and_sorted(result)


@given(disjoint_spans, disjoint_spans)
def test_what_is_shared_and_what_is_left_sum_to_the_whole(a: tuple[Span, ...], b: tuple[Span, ...]) -> None:
    assert total_us(intersect(a, b)) + total_us(subtract(a, b)) == total_us(a) == len(cells(a))


@given(any_spans, st.integers(1, CELLS - 1))
def test_cutting_at_an_instant_then_summing_equals_the_whole(spans: list[Span], cut: int) -> None:
    whole = union(spans)
    before, after = intersect(whole, [span(0, cut)]), intersect(whole, [span(cut, CELLS)])
    assert total_us(before) + total_us(after) == total_us(whole)
    assert union(before + after) == whole


@pytest.mark.parametrize("weight", [Fraction(0), Fraction(-1, 2), Fraction(1_000_001, 1_000_000)])
def test_a_weight_outside_zero_to_one_is_refused(weight: Fraction) -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        Weighted(span(0, 1), weight)


@given(any_records)
def test_an_envelope_carries_at_each_instant_the_largest_weight(records: list[Weighted]) -> None:
    pieces = envelope(records)

    def heaviest(among: Iterable[Weighted], cell: int) -> Fraction:
        return max((record.weight for record in among if record.span.contains(at(cell))), default=Fraction(0))

    assert [heaviest(pieces, cell) for cell in range(CELLS)] == [heaviest(records, cell) for cell in range(CELLS)]
    assert is_disjoint_and_sorted(tuple(piece.span for piece in pieces))
    assert not any(
        before.span.end == after.span.start and before.weight == after.weight for before, after in pairwise(pieces)
    )
    assert envelope(reversed(records)) == envelope(pieces) == pieces


def test_a_heavier_record_inside_a_lighter_one_cuts_it_in_three() -> None:
    half, full = Fraction(1, 2), Fraction(1)
    assert envelope([Weighted(span(0, 9), half), Weighted(span(3, 5), full), Weighted(span(4, 6), half)]) == (
        Weighted(span(0, 3), half),
        Weighted(span(3, 5), full),
        Weighted(span(5, 9), half),
    )


SECONDS = 60
MINUTE = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)

# Two minutes of rows, of which the middle minute is the period: rows reach over both of its edges.
any_rows = st.lists(
    st.tuples(
        st.integers(-30, 80),
        st.integers(1, 60),
        st.sampled_from(["critical", "major", "minor", "none", "maintenance"]),
    ),
    max_size=8,
)


@given(any_rows)
def test_the_algebra_counts_the_seconds_that_the_mask_counts(drawn: list[tuple[int, int, str]]) -> None:
    period = Span(MINUTE, MINUTE + timedelta(seconds=SECONDS))

    def of(impacts: set[str]) -> tuple[Span, ...]:
        found = (
            Span(MINUTE + timedelta(seconds=start), MINUTE + timedelta(seconds=start + length))
            for start, length, impact in drawn
            if impact in impacts
        )
        return intersect(union(found), [period])

    rows = [
        {
            "started_at": f"{MINUTE + timedelta(seconds=start):%Y-%m-%dT%H:%M:%SZ}",
            "ended_at": f"{MINUTE + timedelta(seconds=start + length):%Y-%m-%dT%H:%M:%SZ}",
            "impact": impact,
        }
        for start, length, impact in drawn
    ]
    excluded = of({"maintenance"})
    down = subtract(of({"critical", "major"}), excluded)
    allowed = subtract([period], excluded)
    counted = mask_seconds(rows, period.start, period.end)
    assert (total_us(down), total_us(allowed)) == (counted[0] * 1_000_000, counted[1] * 1_000_000)


def test_the_mask_counts_a_row_without_an_end_to_the_end_of_the_period() -> None:
    row = {"started_at": "2025-03-01T12:00:20Z", "ended_at": "", "impact": "major"}
    shut = {"started_at": "2025-03-01T11:00:00Z", "ended_at": "2025-03-01T12:00:30Z", "impact": "maintenance"}
    assert mask_seconds([row, shut], MINUTE, MINUTE + timedelta(seconds=SECONDS)) == (30, 30)

"""What is counted of points: totals of those that lie in the allowed time, and in how many cells of it any lies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from domain.fact import Sample, SampleTotals, Tally, TallyTotals
from domain.ratio import Ratio
from domain.spans import Span, microseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A midnight in UTC, from which cells that divide a day are counted."""


def tally_totals(tallies: Iterable[Tally], spans: Sequence[Span], grid: timedelta | None = None) -> TallyTotals:
    """Each tally belongs to its start. The spans are disjoint and sorted, as `counted_spans` gives them.

    `grid`: the length of the cells of which it is told how many have a point; None: it is not.
    """
    inside = [tally for tally in tallies if within(tally.start, spans)]
    return TallyTotals(
        good=sum(tally.good for tally in inside),
        total=sum(tally.total for tally in inside),
        points=len(inside),
        cells=0 if grid is None else cells_of((tally.start for tally in inside), grid),
    )


def sample_totals(samples: Iterable[Sample], spans: Sequence[Span], grid: timedelta | None = None) -> SampleTotals:
    """The spans are disjoint and sorted, as `counted_spans` gives them."""
    inside = [sample for sample in samples if within(sample.at, spans)]
    values = [sample.value for sample in inside]
    return SampleTotals(
        points=len(values),
        sum=sum(values),
        minimum=min(values, default=None),
        maximum=max(values, default=None),
        cells=0 if grid is None else cells_of((sample.at for sample in inside), grid),
    )


def cells_of(instants: Iterable[datetime], length: timedelta) -> int:
    """In how many cells of the length the instants lie."""
    return len({(instant - EPOCH) // length for instant in instants})


def cells_touched(spans: Sequence[Span], length: timedelta) -> int:
    """How many cells of the length share an instant with the spans, which are disjoint and sorted."""
    width = microseconds(length)
    found, reached = 0, -1
    for span in spans:
        first = max(microseconds(span.start - EPOCH) // width, reached + 1)
        last = (microseconds(span.end - EPOCH) - 1) // width
        found += max(0, last - first + 1)
        reached = max(reached, last)
    return found


def coverage_of(cells: int, allowed: Sequence[Span], length: timedelta) -> Ratio | None:
    """The share of the allowed time's cells in which any point is (rules.md, Silence). None where no time is."""
    whole = cells_touched(allowed, length)
    return Ratio(cells, whole) if whole else None


def within(instant: datetime, spans: Sequence[Span]) -> bool:
    """Whether the instant is in one of the spans, which are disjoint and sorted. Logarithmic."""
    after = bisect_right(spans, instant, key=lambda span: span.end)
    return after < len(spans) and spans[after].contains(instant)


def whole_cells(spans: Sequence[Span], length: timedelta) -> tuple[Span, ...]:
    """What of the spans is whole cells of the length."""
    cut = (
        (EPOCH + -((EPOCH - span.start) // length) * length, EPOCH + (span.end - EPOCH) // length * length)
        for span in spans
    )
    return tuple(Span(start, end) for start, end in cut if start < end)

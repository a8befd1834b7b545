"""Half-open intervals of time and their algebra, exact to the microsecond.

Invariant: an instant is an aware datetime whose zone is UTC itself, so that comparison and subtraction are elapsed time
and never wall time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from heapq import heappop, heappush
from itertools import pairwise


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`[start, end)`, never empty; ordered by start, then end. Anything else is a ValueError."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo != UTC or self.end.tzinfo != UTC:
            raise ValueError(f"a span needs instants in UTC, not {self.start!r} and {self.end!r}")
        if self.start >= self.end:
            raise ValueError(f"a span ends after it starts, not [{self.start.isoformat()}, {self.end.isoformat()})")

    @property
    def length_us(self) -> int:
        return microseconds(self.end - self.start)

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: Span) -> bool:
        """True where they share an instant: spans that only touch do not."""
        return self.start < other.end and other.start < self.end

    def clip(self, other: Span) -> Span | None:
        """What both share; None where they share nothing."""
        if not self.overlaps(other):
            return None
        return Span(max(self.start, other.start), min(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Weighted:
    """A record of bad time with the weight of its impact, which lies in (0, 1] (rules.md, Time down)."""

    span: Span
    weight: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"a weight lies in (0, 1], not {self.weight}")


def microseconds(delta: timedelta) -> int:
    """Exact, where `timedelta.total_seconds` is a float."""
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def total_us(spans: Iterable[Span]) -> int:
    """The sum of the lengths: time that two of the spans share counts twice."""
    return sum(span.length_us for span in spans)


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same instants as disjoint sorted spans; overlapping or touching ones become one."""
    return tuple(_merged(sorted(spans)))


def intersect(a: Sequence[Span], b: Sequence[Span]) -> tuple[Span, ...]:
    """The instants in both. Each side is disjoint and sorted; so is the result. Linear."""
    shared: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        both = a[i].clip(b[j])
        if both is not None:
            shared.append(both)
        if a[i].end <= b[j].end:
            i += 1
        else:
            j += 1
    return tuple(shared)


def subtract(a: Sequence[Span], b: Sequence[Span]) -> tuple[Span, ...]:
    """The instants of `a` that are not in `b`. Each side is disjoint and sorted; so is the result. Linear."""
    rest: list[Span] = []
    j = 0
    for span in a:
        start = span.start
        while j < len(b) and b[j].end <= start:
            j += 1
        # A span of b that reaches beyond this one is kept for the next of a.
        while j < len(b) and b[j].start < span.end:
            if start < b[j].start:
                rest.append(Span(start, b[j].start))
            start = b[j].end
            if start >= span.end:
                break
            j += 1
        if start < span.end:
            rest.append(Span(start, span.end))
    return tuple(rest)


def envelope(records: Iterable[Weighted]) -> tuple[Weighted, ...]:
    """Disjoint sorted pieces that carry at each instant the largest weight there, never the sum (rules.md, Time down).

    Pieces that touch and weigh the same are one. O(n log n).
    """
    return tuple(_joined(_heaviest(sorted(records, key=lambda record: record.span))))


def _merged(ordered: Iterable[Span]) -> Iterator[Span]:
    open_span: Span | None = None
    for span in ordered:
        if open_span is None:
            open_span = span
        elif span.start > open_span.end:
            yield open_span
            open_span = span
        elif span.end > open_span.end:
            open_span = Span(open_span.start, span.end)
    if open_span is not None:
        yield open_span


def _heaviest(ordered: Sequence[Weighted]) -> Iterator[Weighted]:
    instants = sorted({edge for record in ordered for edge in (record.span.start, record.span.end)})
    # Ranks compare faster than fractions. The heaviest, of the lowest rank, is on top; one that has ended below the top
    # does no harm and leaves when it comes up.
    weights = sorted({record.weight for record in ordered}, reverse=True)
    rank = {weight: place for place, weight in enumerate(weights)}
    running: list[tuple[int, datetime]] = []
    waiting = 0
    for start, end in pairwise(instants):
        while waiting < len(ordered) and ordered[waiting].span.start == start:
            heappush(running, (rank[ordered[waiting].weight], ordered[waiting].span.end))
            waiting += 1
        while running and running[0][1] <= start:
            heappop(running)
        if running:
            yield Weighted(Span(start, end), weights[running[0][0]])


def _joined(pieces: Iterable[Weighted]) -> Iterator[Weighted]:
    last: Weighted | None = None
    for piece in pieces:
        if last is not None and last.span.end == piece.span.start and last.weight == piece.weight:
            last = Weighted(Span(last.span.start, piece.span.end), last.weight)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last

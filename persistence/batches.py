"""A batch of points in the order of the key: by stream, then instant, then as it came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, repeat
from operator import le
from typing import TypeVar

from domain.ids import StreamId
from domain.metric import CELL
from domain.spans import Span, subtract

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ordered:
    """`places`: each point as (column, index). None where the columns in their order are in the order of the key."""

    streams: Sequence[StreamId]
    lengths: Sequence[int]
    places: Sequence[tuple[int, int]] | None

    def __len__(self) -> int:
        return sum(self.lengths)

    def of(self, columns: Sequence[Sequence[V]]) -> list[V]:
        """One value a point, from columns of values."""
        if self.places is None:
            return list(columns[0]) if len(columns) == 1 else list(chain.from_iterable(columns))
        return [columns[column][index] for column, index in self.places]

    def stream_places(self) -> list[int]:
        """For each point its stream's place in `streams`, counted from 1 as SQL does."""
        if self.places is None:
            counted = (repeat(place, length) for place, length in enumerate(self.lengths, start=1))
            return list(chain.from_iterable(counted))
        return [column + 1 for column, _ in self.places]

    def repeated(self, revisions: Sequence[int], instants: Sequence[int]) -> set[int]:
        """The ordinals of points that repeat an earlier one: of the same stream, instant and revision."""
        first_with: dict[tuple[StreamId, int], int] = {}
        alike = [first_with.setdefault(key, at) for at, key in enumerate(zip(self.streams, revisions, strict=True))]
        seen: set[tuple[int, int]] = set()
        found: set[int] = set()
        for ordinal, (place, instant) in enumerate(zip(self.stream_places(), instants, strict=True)):
            key = (alike[place - 1], instant)
            if key in seen:
                found.add(ordinal)
            seen.add(key)
        return found

    def place(self, ordinal: int) -> tuple[int, int]:
        """The (column, index) of a point in the order."""
        if self.places is not None:
            return self.places[ordinal]
        column = 0
        while ordinal >= self.lengths[column]:
            ordinal -= self.lengths[column]
            column += 1
        return column, ordinal


def ordered(streams: Sequence[StreamId], instants: Sequence[Sequence[datetime]]) -> Ordered:
    """Most batches come in order and need no sorting: that is found out in one pass."""
    lengths = [len(each) for each in instants]
    rising = all(left < right for left, right in zip(streams, islice(streams, 1, None), strict=False))
    if rising and all(_in_order(each) for each in instants):
        return Ordered(streams, lengths, None)
    places = [(column, index) for column, length in enumerate(lengths) for index in range(length)]
    places.sort(key=lambda place: (streams[place[0]], instants[place[0]][place[1]]))
    return Ordered(streams, lengths, places)


def as_microseconds(instants: Iterable[datetime]) -> list[int]:
    return [(instant - EPOCH) // MICROSECOND for instant in instants]


def months_of(instants: Sequence[datetime]) -> Iterator[Span]:
    """For each UTC month that has some of the sorted instants, the span from the first to the last of them."""
    start = 0
    while start < len(instants):
        stop = bisect_left(instants, _next_month(instants[start]), lo=start)
        yield Span(instants[start], instants[stop - 1] + MICROSECOND)
        start = stop


def on_quarters(spans: Sequence[Span]) -> Iterator[Span]:
    """What of the spans is whole quarters of an hour, which are what cells hold."""
    for span in spans:
        start, end = EPOCH + -(-(span.start - EPOCH) // CELL) * CELL, EPOCH + (span.end - EPOCH) // CELL * CELL
        if start < end:
            yield Span(start, end)


def off_quarters(spans: Sequence[Span]) -> Sequence[Span]:
    """The rest of the spans, which are disjoint and sorted."""
    return subtract(spans, tuple(on_quarters(spans)))


def _in_order(instants: Sequence[datetime]) -> bool:
    return all(map(le, instants, islice(instants, 1, None)))


def _next_month(instant: datetime) -> datetime:
    years, month = divmod(instant.month, 12)
    return datetime(instant.year + years, month + 1, 1, tzinfo=UTC)

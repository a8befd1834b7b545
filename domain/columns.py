"""Facts as they pass in and out of storage: columns of points, what is read of streams, and what was not added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.case import Case
from domain.fact import Outage
from domain.histogram import Histogram
from domain.ids import StreamId
from domain.slices import SliceRule
from domain.spans import Span
from domain.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutage:
    """An outage as known now, with its stream and service."""

    id: UUID
    stream: Stream
    outage: Outage


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCase:
    """A case as known now, with its stream."""

    id: UUID
    stream: Stream
    case: Case


@dataclass(frozen=True, slots=True)
class StreamSpan:
    stream: StreamId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsWanted:
    """Totals over all these streams, inside these spans, which are disjoint and sorted.

    `grid`: the length of the cells of which it is told how many have a point; None: it is not.
    """

    streams: Sequence[StreamId]
    spans: Sequence[Span]
    grid: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicesWanted:
    """Slices over all these streams, by the points inside these spans, which are disjoint and sorted."""

    streams: Sequence[StreamId]
    spans: Sequence[Span]
    rule: SliceRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RanksWanted:
    """Of samples of all these streams inside these spans. `grid`: the length of the cells that are told."""

    streams: Sequence[StreamId]
    spans: Sequence[Span]
    percentile: Decimal
    grid: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramRead:
    """`cells`: in how many cells of the wanted grid any of the samples is."""

    histogram: Histogram
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyColumns:
    """Tallies of one stream as columns of one length. `withdrawn`: good and total are empty."""

    stream: StreamId
    starts: Sequence[datetime]
    ends: Sequence[datetime]
    good: Sequence[int]
    total: Sequence[int]
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleColumns:
    """Samples of one stream as columns of one length. Values in units of the metric's scale.

    `originals`: the decimal as posted where quantising changed it, else None.
    """

    stream: StreamId
    instants: Sequence[datetime]
    values: Sequence[int]
    originals: Sequence[str | None]
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StateColumns:
    """States of one stream as columns of one length. None withdraws the state of its instant."""

    stream: StreamId
    instants: Sequence[datetime]
    states: Sequence[str | None]
    revision: int = 1


@dataclass(frozen=True, slots=True)
class StatesWanted:
    """A stream's states around a span. `staleness`: how long one holds that no other follows; None: for good."""

    stream: StreamId
    span: Span
    staleness: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A point that was not added: its index in its columns, the latest revision of its identity, and whether that
    has the same content. `latest` is 0 where there is none."""

    column: int
    index: int
    latest: int
    same: bool

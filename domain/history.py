"""Places of the feed up to which all is known, and facts as they were known there (docs/rules.md, Known at)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.ids import Position, StreamId


@dataclass(frozen=True, slots=True)
class KnownAt:
    """An instant, with the feed's last posting at or before it. What came later is not known."""

    position: Position
    at: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """Where in the feed a fact became known, and when."""

    position: Position
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPoint:
    """A tally or a sample as it was known: good and total of the one, the value of the other, in its scale's units."""

    stream: StreamId
    at: datetime
    end: datetime | None
    good: int | None
    total: int | None
    value: int | None
    revision: int
    posted: Posted


@dataclass(frozen=True, slots=True)
class RevisionOf:
    """Names a revision of an outage or a case by its external id; of a state by its instant, the latest one."""

    stream: StreamId
    name: str | datetime
    revision: int | None

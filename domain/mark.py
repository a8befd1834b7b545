"""What is to be judged: periods laid down as terms, marks of what a posting made dirty, and the work of one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.agreement import Period
from domain.ids import ObjectiveId, ServiceId, StreamId
from domain.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPeriod:
    """A period laid down as terms, for an objective on a service."""

    objective: ObjectiveId
    service: ServiceId
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a posting made dirty: a stream, a service or an objective, over [start, end). Appended, never upserted."""

    stream: StreamId | None = None
    service: ServiceId | None = None
    objective: ObjectiveId | None = None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Work taken by one pass: periods locked for judging. `marks` counts the marks that led to them.

    `more`: it pays to come back at once. False where nothing was taken, though other workers may hold some.
    """

    periods: Sequence[JudgedPeriod]
    marks: int
    more: bool

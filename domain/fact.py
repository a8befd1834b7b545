"""What was measured: outages, tallies and samples. Facts are only ever added (design.md, law 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from domain.errors import FactConflict, Invalid, OutOfRange, RevisionConflict
from domain.ids import StreamId
from domain.metric import COUNT_MAX

EXTERNAL_ID_LENGTH_MAX = 200
OUTAGES_MAX = 1_000
"""Outages in one call."""
POINTS_MAX = 5_000
"""Points in one GraphQL call, over all its series."""
BULK_POINTS_MAX = 10_000
"""Points in one batch of the use case."""
SERIES_MAX = 200
REVISION_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An incident interval [start, end) with its impact; `end` is None while it lasts. Identity: `external_id`."""

    external_id: str
    impact: str
    start: datetime
    end: datetime | None
    revision: int = 1

    def __post_init__(self) -> None:
        checked_external_id(self.external_id)
        if self.end is not None and self.end <= self.start:
            raise OutOfRange("an outage ends after it starts", path=("endedAt",))


def checked_revision(replaces: int | None) -> int | None:
    """The revision that a post names to correct."""
    if replaces is not None and not 1 <= replaces <= REVISION_MAX:
        raise OutOfRange(f"a revision is 1 to {REVISION_MAX}", path=("replacesRevision",))
    return replaces


def is_external_id(text: str) -> bool:
    """Whether anything can have this id: what can't need not be looked up."""
    return 0 < len(text) <= EXTERNAL_ID_LENGTH_MAX and text.isprintable()


def checked_external_id(text: str) -> str:
    if not is_external_id(text):
        raise Invalid(f"an external id is 1 to {EXTERNAL_ID_LENGTH_MAX} printable characters", path=("externalId",))
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageRevision:
    """One revision as kept. A withdrawal has no outage."""

    stream: StreamId
    external_id: str
    revision: int
    outage: Outage | None


class Outcome(Enum):
    """What became of one posted fact."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"


def accept_outage(
    stream: StreamId, outage: Outage, latest: OutageRevision | None, replaces: int | None
) -> OutageRevision | None:
    """The revision to add; None where the very same content is there already (rules.md, Facts).

    `replaces` names the revision that the poster means to correct.
    Raises FactConflict: other content, no revision named. RevisionConflict: not the latest one named.
    """
    if latest is not None and latest.outage is not None and _same_content(latest.outage, outage):
        return None
    number = _next_revision(latest.revision if latest else None, replaces)
    if latest is not None and replaces is None:
        raise FactConflict(
            f"outage {outage.external_id} is known with other content, as revision {latest.revision}: "
            "name it in `replacesRevision` to correct it",
            path=("externalId",),
        )
    kept = Outage(
        external_id=outage.external_id, impact=outage.impact, start=outage.start, end=outage.end, revision=number
    )
    return OutageRevision(stream=stream, external_id=outage.external_id, revision=number, outage=kept)


def withdraw_outage(latest: OutageRevision, replaces: int | None) -> OutageRevision | None:
    """A revision without content; None where the outage is withdrawn already."""
    if latest.outage is None:
        return None
    number = _next_revision(latest.revision, latest.revision if replaces is None else replaces)
    return OutageRevision(stream=latest.stream, external_id=latest.external_id, revision=number, outage=None)


def _next_revision(latest: int | None, replaces: int | None) -> int:
    if replaces is not None and replaces != (latest or 0):
        known = "there is none" if latest is None else f"the latest is {latest}"
        raise RevisionConflict(f"revision {replaces} is not the latest one: {known}", path=("replacesRevision",))
    return (latest or 0) + 1


def _same_content(left: Outage, right: Outage) -> bool:
    return (left.impact, left.start, left.end) == (right.impact, right.start, right.end)


@dataclass(frozen=True, slots=True)
class Tally:
    """Good of total over [start, end). Identity: its start. It belongs to its start (rules.md, Cases and tallies)."""

    start: datetime
    end: datetime
    good: int
    total: int

    def check(self, cells: Sequence[timedelta]) -> None:
        """`cells`: the lengths of cells, from midnight UTC on, inside one of which it must lie each."""
        if self.end <= self.start:
            raise OutOfRange("a tally ends after it starts", path=("ends",))
        if not 0 <= self.total <= COUNT_MAX:
            raise OutOfRange(f"a total is 0 to {COUNT_MAX}", path=("total",))
        if not 0 <= self.good <= self.total:
            raise OutOfRange("good is 0 to total", path=("good",))
        midnight = self.start.replace(hour=0, minute=0, second=0, microsecond=0)
        for length in cells:
            cell = midnight + (self.start - midnight) // length * length
            if self.end > cell + length:
                raise OutOfRange(f"a tally lies inside one cell of {length} of its stream's grid", path=("ends",))


@dataclass(frozen=True, slots=True)
class Sample:
    """A value in integer units of the metric's scale, at an instant. Identity: its instant.

    `original` is the decimal as posted where quantising changed it, else None.
    """

    at: datetime
    value: int
    original: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageLog:
    """One stream's outages as known, complete up to `reported_through`; silence after it is missing, not up."""

    stream: StreamId
    outages: Sequence[Outage]
    reported_through: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyTotals:
    """`cells`: in how many cells of the metric's grid any of the points is, where that was asked for."""

    good: int = 0
    total: int = 0
    points: int = 0
    cells: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTotals:
    """Sums are in units of the metric's scale. Minimum and maximum are None where there is no point."""

    points: int = 0
    sum: int = 0
    minimum: int | None = None
    maximum: int | None = None
    cells: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBounds:
    """Between which values of the metric's scale, both included, a percentile lies; one value where it is exact."""

    points: int = 0
    low: int | None = None
    high: int | None = None
    cells: int = 0

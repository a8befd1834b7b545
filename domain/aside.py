"""Time of a period that is set aside: outside service hours, and what each exclusion took out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.exclusion import ExclusionKind
from domain.ids import ExclusionId

EXCLUSIONS_TOLD_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionUsed:
    """What an exclusion took out of a period so far: `us` microseconds that none before it took.

    `recurrence`: for an occurrence of one that recurs, its place in the version; such a one is in no list of records.
    """

    exclusion: ExclusionId
    kind: ExclusionKind
    starts_at: datetime
    recurrence: int | None
    us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Time of a period so far that does not count: outside service hours, and what exclusions took out within them.

    `exclusions`: the first of those that took anything, in order of time; there are `exclusions_total`.
    """

    closed_us: int = 0
    excluded_us: int = 0
    exclusions: tuple[ExclusionUsed, ...] = ()
    exclusions_total: int = 0


NOTHING_ASIDE = SetAside()

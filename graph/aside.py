"""What does not count of a period: time outside service hours, and what each exclusion took out."""

from __future__ import annotations

from datetime import datetime, timedelta

import domain.aside
from domain.aside import EXCLUSIONS_TOLD_MAX
from domain.exclusion import ExclusionKind
from graph.exclusion import Exclusion
from graph.exclusion_kind import KIND
from graph.fields import loaded, told, view
from graph.scalars import BigInt


@view(domain.aside.ExclusionUsed, "An exclusion with the time that it took out of a period so far.")
class ExclusionUsed:
    kind: ExclusionKind = told(KIND)
    starts_at: datetime = told("Its first instant, which may be before the period.")
    took: timedelta = told(
        "What it took out, within service hours; time that two share is told of the one that started first.",
        lambda used: timedelta(microseconds=used.us),
    )
    took_us: BigInt = told("`took` in microseconds.", "us")
    recurrence: int | None = told(
        "For an occurrence of an exclusion that recurs, its place among the version's `recurring`, from 0; else null."
    )
    exclusion: Exclusion | None = loaded(
        "The record; null for an occurrence, and where the caller may not see it.",
        lambda desk, used: desk.exclusions.load(used.exclusion) if used.recurrence is None else None,
    )


@view(domain.aside.SetAside, "Time of a period so far that does not count.")
class SetAside:
    closed: timedelta = told("Time outside the service hours.", lambda aside: timedelta(microseconds=aside.closed_us))
    closed_us: BigInt = told("`closed` in microseconds.")
    excluded: timedelta = told(
        "Time within the service hours that exclusions took out.",
        lambda aside: timedelta(microseconds=aside.excluded_us),
    )
    excluded_us: BigInt = told("`excluded` in microseconds.")
    exclusions: list[ExclusionUsed] = told(
        f"The exclusions that took any, in the order of time, the first {EXCLUSIONS_TOLD_MAX}."
    )
    exclusions_total: int = told("How many exclusions took any.")

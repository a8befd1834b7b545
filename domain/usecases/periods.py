"""Period bounds are terms: laid down when a version comes into force, and extended as time goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.agreement import HORIZON, Agreement, Period, Version, periods_of
from domain.calendars import CalendarWindow, Every, RollingWindow, Window
from domain.errors import TooMany
from domain.instants import LATEST
from domain.mark import JudgedPeriod, Mark
from domain.objective import Objective
from domain.ports import Mint, Work
from domain.service import Service
from domain.spans import Span

PERIODS_MAX = 100_000
"""Periods that one call may lay down."""
SHORT_HORIZON = timedelta(days=120)
"""For windows of a day or a week, and for rolling ones, of which one ends each day."""


def horizon_of(window: Window) -> timedelta:
    short = isinstance(window, CalendarWindow) and window.every in (Every.DAY, Every.WEEK)
    return SHORT_HORIZON if short or isinstance(window, RollingWindow) else HORIZON


async def lay_down_periods(
    work: Work,
    versions: Sequence[tuple[Agreement, Version]],
    services: Sequence[Service],
    *,
    at: datetime,
    mint: Mint,
) -> None:
    """Lay down the periods of versions in force on those of the services that their agreements cover."""
    below = await work.parties.below({each.customer for each, _ in versions if each.customer is not None})
    wanted: list[JudgedPeriod] = []
    for agreement, version in versions:
        mine = below[agreement.customer] if agreement.customer is not None else frozenset()
        covered = [service for service in services if agreement.covers(service, customers=mine)]
        wanted += _periods(agreement, version, covered, at=at, mint=mint)
    if len(wanted) > PERIODS_MAX:
        raise TooMany(f"at most {PERIODS_MAX} periods are laid down at once, not {len(wanted)}")
    await work.periods.lay_down(wanted)


async def mark_versions(work: Work, versions: Sequence[Version]) -> None:
    """All periods of these versions are to be judged."""
    await work.marks.add(
        [
            Mark(objective=objective.id, span=Span(version.effective_from, LATEST))
            for version in versions
            for objective in version.objectives
        ]
    )


def _periods(
    agreement: Agreement, version: Version, services: Sequence[Service], *, at: datetime, mint: Mint
) -> list[JudgedPeriod]:
    return [
        JudgedPeriod(objective=objective.id, service=service.id, period=period)
        for objective in version.objectives
        for service in services
        for period in _of_objective(agreement, version, objective, at=at, mint=mint)
    ]


def _of_objective(
    agreement: Agreement, version: Version, objective: Objective, *, at: datetime, mint: Mint
) -> Sequence[Period]:
    until = max(at, version.effective_from) + horizon_of(objective.window)
    return periods_of(agreement, version, objective, until=min(until, LATEST), new_id=mint)

"""Natural periods of calendar windows and contract years, and those of rolling windows (rules.md, Calendars).

Invariant: the periods of a window tile time, but for those of a rolling one. Each boundary is the first instant at
which a zone's wall clock reads midnight of the boundary's date or later. So midnight in a daylight-saving gap becomes
the end of the gap; of two midnights the first counts; a day that the zone skipped is empty and has no period; a longer
period that would start on a skipped day starts with the day after. Instants leave room for a period on either side
inside the years 1 to 9999.

Zones come from `zoneinfo`, which reads the time zone data of the system or of the `tzdata` package.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import cache
from typing import TypeAlias, assert_never
from zoneinfo import ZoneInfo, available_timezones

from domain.spans import Span

SECOND = timedelta(seconds=1)
ROLLING_DAYS_MAX = 366


class UnknownZone(ValueError):
    """No IANA zone has this name, which is compared to the letter."""

    def __init__(self, zone: str) -> None:
        super().__init__(f"no IANA time zone is named {zone!r}")
        self.zone = zone


class AnchorDayInvalid(ValueError):
    def __init__(self, every: Every, anchor_day: int, limit: int) -> None:
        super().__init__(f"the anchor day of a {every.value} is 1 to {limit}, not {anchor_day}")
        self.every = every
        self.anchor_day = anchor_day
        self.limit = limit


class RollingDaysInvalid(ValueError):
    def __init__(self, days: int) -> None:
        super().__init__(f"a rolling window has 1 to {ROLLING_DAYS_MAX} days, not {days}")
        self.days = days


class BeforeFirstPeriod(ValueError):
    """Contract years begin with the agreement: an instant before its first local day has none."""

    def __init__(self, instant: datetime, first: datetime) -> None:
        super().__init__(f"{instant.isoformat()} is before the first contract year, which starts {first.isoformat()}")
        self.instant = instant
        self.first = first


class Every(Enum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWindow:
    """`anchor_day` is 1 for a day, the ISO weekday for a week (1 is Monday), else the day of the month on which a
    period starts: of January, April, July or October for a quarter, of January for a year. Beyond a month's end it is
    clamped for that month only.
    """

    every: Every
    zone: str
    anchor_day: int = 1

    def __post_init__(self) -> None:
        zone_of(self.zone)
        limit = _anchor_day_max(self.every)
        if not 1 <= self.anchor_day <= limit:
            raise AnchorDayInvalid(self.every, self.anchor_day, limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractYearWindow:
    """Years from the local date on which the agreement starts; 29 February is clamped in common years."""

    zone: str

    def __post_init__(self) -> None:
        zone_of(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingWindow:
    """`[t - days, t)` for each instant t at which a local day starts; a day of the window is 24 hours."""

    days: int
    zone: str

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if not 1 <= self.days <= ROLLING_DAYS_MAX:
            raise RollingDaysInvalid(self.days)


TilingWindow: TypeAlias = CalendarWindow | ContractYearWindow
Window: TypeAlias = TilingWindow | RollingWindow


def zone_of(name: str) -> ZoneInfo:
    """Raises UnknownZone for anything but an IANA name; a name for the machine's own zone is none."""
    if name not in _zone_names():
        raise UnknownZone(name)
    return ZoneInfo(name)


def periods(window: Window, *, starts: datetime, until: datetime) -> Iterator[Span]:
    """In order, from the natural period that contains `starts` to the last one that starts before `until`.

    `starts` is the agreement's start. The first period may start before it, the last may end after `until`. Periods of
    a rolling window lie over one another: it is those that start from `starts` on and before `until`.
    """
    if isinstance(window, RollingWindow):
        yield from _rolling(window, starts=starts, until=until)
        return
    index = _index_of(window, starts, starts=starts)
    start = _boundary(window, index, starts=starts)
    while start < until:
        index += 1
        end = _boundary(window, index, starts=starts)
        if start < end:
            yield Span(start, end)
        start = end


def _rolling(window: RollingWindow, *, starts: datetime, until: datetime) -> Iterator[Span]:
    length = timedelta(days=window.days)
    every_day = CalendarWindow(every=Every.DAY, zone=window.zone)
    for day in periods(every_day, starts=starts + length, until=until + length):
        start = day.start - length
        if starts <= start:
            yield Span(start, day.start)


def natural_period(window: TilingWindow, instant: datetime, *, starts: datetime) -> Span:
    """The one period that contains the instant. Only contract years depend on `starts`, the agreement's start."""
    index = _index_of(window, instant, starts=starts)
    return Span(_boundary(window, index, starts=starts), _boundary(window, index + 1, starts=starts))


def _index_of(window: TilingWindow, instant: datetime, *, starts: datetime) -> int:
    """The largest index whose boundary is not after the instant, so the period from there is never an empty one."""
    index = _index_of_date(window, _local_date(instant, window.zone), starts=starts)
    # The date names the period, but for clocks that were set back across midnight: there a date comes a second time.
    while _boundary(window, index + 1, starts=starts) <= instant:
        index += 1
    while _boundary(window, index, starts=starts) > instant:
        index -= 1
    if isinstance(window, ContractYearWindow) and index < 0:
        raise BeforeFirstPeriod(instant, _boundary(window, 0, starts=starts))
    return index


def _index_of_date(window: TilingWindow, day: date, *, starts: datetime) -> int:
    """The largest index whose boundary's date is not after the day."""
    index = _index_in_year(window, day, starts=starts)
    return index if _boundary_date(window, index, starts=starts) <= day else index - 1


def _index_in_year(window: TilingWindow, day: date, *, starts: datetime) -> int:
    """The index of the boundary in the day's own year, quarter, month or week, which may still be ahead of the day."""
    match window:
        case ContractYearWindow(zone=zone):
            return day.year - _local_date(starts, zone).year
        case CalendarWindow(every=every, anchor_day=anchor_day):
            return _calendar_index(every, anchor_day, day)
        case _ as never:
            assert_never(never)


def _boundary(window: TilingWindow, index: int, *, starts: datetime) -> datetime:
    """Never decreases with the index; equal to the next where a period is empty."""
    return _first_instant(_boundary_date(window, index, starts=starts), zone_of(window.zone))


def _boundary_date(window: TilingWindow, index: int, *, starts: datetime) -> date:
    match window:
        case ContractYearWindow(zone=zone):
            first = _local_date(starts, zone)
            return _clamped(first.year + index, first.month, first.day)
        case CalendarWindow(every=every, anchor_day=anchor_day):
            return _calendar_date(every, anchor_day, index)
        case _ as never:
            assert_never(never)


def _calendar_index(every: Every, anchor_day: int, day: date) -> int:
    match every:
        case Every.DAY:
            return day.toordinal()
        case Every.WEEK:
            # Day 1 of the proleptic calendar is a Monday.
            return (day.toordinal() - anchor_day) // 7
        case Every.MONTH:
            return day.year * 12 + day.month - 1
        case Every.QUARTER:
            return day.year * 4 + (day.month - 1) // 3
        case Every.YEAR:
            return day.year
        case _ as never:
            assert_never(never)


def _calendar_date(every: Every, anchor_day: int, index: int) -> date:
    match every:
        case Every.DAY:
            return date.fromordinal(index)
        case Every.WEEK:
            return date.fromordinal(index * 7 + anchor_day)
        case Every.MONTH:
            return _clamped(index // 12, index % 12 + 1, anchor_day)
        case Every.QUARTER:
            return _clamped(index // 4, index % 4 * 3 + 1, anchor_day)
        case Every.YEAR:
            return _clamped(index, 1, anchor_day)
        case _ as never:
            assert_never(never)


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _first_instant(day: date, zone: tzinfo) -> datetime:
    """The first instant at which the wall clock reads midnight of the day, or later, in UTC."""
    midnight = datetime.combine(day, time.min)
    # Of two midnights fold=0 is the first.
    instant = midnight.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == midnight:
        return instant
    # Midnight lies in a gap. Read with the offset before it, it falls at or after the end of the gap; with the one
    # after it, before. Offsets change on whole seconds.
    before = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    seconds = range((instant - before) // SECOND + 1)
    return before + SECOND * bisect_left(seconds, midnight, key=lambda passed: _wall(before + SECOND * passed, zone))


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _local_date(instant: datetime, zone: str) -> date:
    if instant.utcoffset() is None:
        raise ValueError(f"an instant needs a zone, {instant.isoformat()} has none")
    return instant.astimezone(zone_of(zone)).date()


def _anchor_day_max(every: Every) -> int:
    match every:
        case Every.DAY:
            return 1
        case Every.WEEK:
            return 7
        case Every.MONTH | Every.QUARTER | Every.YEAR:
            return 31
        case _ as never:
            assert_never(never)


@cache
def _zone_names() -> frozenset[str]:
    """Without the two that are no place's time: the machine's own and the one of a machine not yet set up."""
    return frozenset(available_timezones() - {"localtime", "Factory"})

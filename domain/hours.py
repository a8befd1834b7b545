"""Service hours: weekly hours and holidays of a zone, and elapsed time within them (rules.md, Calendars).

An instant is inside when its local wall reading is. So where clocks are set back, hours that the wall reads twice are
open twice; where they are set forward, hours that it skips are never open; and durations are elapsed time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.calendars import SECOND, UnknownZone, zone_of
from domain.errors import Invalid, OutOfRange, TooMany
from domain.spans import Span, microseconds, total_us, union

MINUTES_A_DAY = 24 * 60
DAY_SPANS_MAX = 24
"""Stretches of one weekday."""
HOLIDAYS_MAX = 2_000
SEARCHED_AT_ONCE = timedelta(days=32)
SEARCHED_UNTIL = datetime(2300, 1, 1, tzinfo=UTC)
"""Beyond the latest instant that is kept, with room for a duration after it."""

DayHours: TypeAlias = tuple[tuple[int, int], ...]
"""Stretches of one day, in minutes after midnight on the wall, half-open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """One that is proposed; terms keep its date alone."""

    date: date
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHours:
    """`weekly`: the stretches of each weekday, Monday first, sorted and disjoint. Holidays are closed all day.

    Invariant: some minute of the week is open; holidays are sorted and distinct.
    """

    zone: str
    weekly: tuple[DayHours, ...]
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        try:
            zone_of(self.zone)
        except UnknownZone as wrong:
            raise Invalid(str(wrong), path=("zone",)) from wrong
        if len(self.weekly) != 7:
            raise Invalid("service hours have seven weekdays, Monday first", path=("weekly",))
        for weekday, stretches in enumerate(self.weekly):
            _check_day(weekday, stretches)
        if not any(self.weekly):
            raise Invalid("service hours are open at some time of the week", path=("weekly",))
        if len(self.holidays) > HOLIDAYS_MAX:
            raise TooMany(f"service hours have at most {HOLIDAYS_MAX} holidays", path=("holidays",))
        if any(before >= after for before, after in pairwise(self.holidays)):
            raise Invalid("holidays are in order, each only once", path=("holidays",))


def _check_day(weekday: int, stretches: DayHours) -> None:
    if len(stretches) > DAY_SPANS_MAX:
        raise TooMany(f"a weekday has at most {DAY_SPANS_MAX} stretches", path=("weekly", weekday))
    for start, end in stretches:
        if not 0 <= start < end <= MINUTES_A_DAY:
            raise OutOfRange(
                "a stretch of a day begins and ends from 00:00 to 24:00, in order", path=("weekly", weekday)
            )
    if any(before[1] > after[0] for before, after in pairwise(stretches)):
        raise Invalid("the stretches of a day are in order and apart", path=("weekly", weekday))


def open_spans(hours: ServiceHours, within: Span) -> tuple[Span, ...]:
    """The instants of the span that are inside the hours, as disjoint sorted spans. Linear in the days."""
    found = (
        Span(max(opens, part.start), min(closes, part.end))
        for part, offset in _parts(hours.zone, within)
        for opens, closes in _stretches(hours, part, offset)
        if max(opens, part.start) < min(closes, part.end)
    )
    return union(found)


def business_time(hours: ServiceHours, start: datetime, end: datetime) -> int:
    """Microseconds inside the hours from one instant to another; 0 where the end is not after the start."""
    return total_us(open_spans(hours, Span(start, end))) if start < end else 0


def after_business_time(hours: ServiceHours, start: datetime, duration: timedelta) -> datetime:
    """The first instant at which so much time inside the hours has passed; the start itself for none.

    Raises OutOfRange where that is too far ahead to be told.
    """
    left = microseconds(duration)
    while left > 0:
        if start >= SEARCHED_UNTIL:
            raise OutOfRange(f"so much time inside the service hours does not pass before {SEARCHED_UNTIL:%Y}")
        stop = start + SEARCHED_AT_ONCE
        for span in open_spans(hours, Span(start, stop)):
            if left <= span.length_us:
                return span.start + timedelta(microseconds=left)
            left -= span.length_us
        start = stop
    return start


def _stretches(hours: ServiceHours, part: Span, offset: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """Those of the local dates that the part touches, read with its one offset; they may reach beyond it."""
    first, last = (part.start + offset).date(), (part.end + offset).date()
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if _is_holiday(hours, day):
            continue
        midnight = datetime.combine(day, time.min, tzinfo=UTC) - offset
        for start, end in hours.weekly[day.weekday()]:
            yield midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)


def _is_holiday(hours: ServiceHours, day: date) -> bool:
    return day in _holidays(hours.holidays)


@lru_cache(maxsize=256)
def _holidays(listed: tuple[date, ...]) -> frozenset[date]:
    return frozenset(listed)


def _parts(zone: str, within: Span) -> Iterator[tuple[Span, timedelta]]:
    """The span in parts of one offset from UTC each."""
    for year in range(within.start.year, within.end.year + 1):
        for part, offset in _offsets(zone, year):
            clipped = part.clip(within)
            if clipped is not None:
                yield clipped, offset


@lru_cache(maxsize=4096)
def _offsets(zone: str, year: int) -> tuple[tuple[Span, timedelta], ...]:
    """A year of UTC in parts of one offset each. Clocks are looked at once a day: no zone sets them twice in one."""
    local = zone_of(zone)
    step = timedelta(days=1)
    stop = datetime(year + 1, 1, 1, tzinfo=UTC)
    start = at = datetime(year, 1, 1, tzinfo=UTC)
    offset = _offset(at, local)
    parts: list[tuple[Span, timedelta]] = []
    while at < stop:
        after = min(at + step, stop)
        later = _offset(after, local)
        if later != offset:
            change = _change(at, after, offset, local)
            parts.append((Span(start, change), offset))
            start, offset = change, later
        at = after
    if start < stop:
        parts.append((Span(start, stop), offset))
    return tuple(parts)


def _offset(instant: datetime, local: ZoneInfo) -> timedelta:
    offset = instant.astimezone(local).utcoffset()
    assert offset is not None, "a zone has an offset at every instant"
    return offset


def _change(before: datetime, after: datetime, offset: timedelta, local: ZoneInfo) -> datetime:
    """The first instant after `before` whose offset is another. Offsets change on whole seconds."""
    seconds = range((after - before) // SECOND + 1)
    passed = bisect_left(seconds, True, key=lambda each: _offset(before + SECOND * each, local) != offset)
    return before + SECOND * passed

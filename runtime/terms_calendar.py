"""What a file of terms says of time: windows, service hours, terms of exclusions and those that recur."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.calendars import CalendarWindow, ContractYearWindow, Every, RollingWindow, Window, zone_of
from domain.exclusion import ExclusionKind, ExclusionTerms
from domain.hours import DAY_SPANS_MAX, HOLIDAYS_MAX, ServiceHours
from domain.recurrence import RECURRENCES_MAX, Recurrence
from runtime.written import NotWritten, count, day, duration, told
from runtime.yaml_fields import Fields, Item, one_of, scalar

WINDOW_FIELDS = ("every", "zone", "anchor_day", "contract_year", "rolling")
HOURS_FIELDS = ("zone", "weekly", "holidays")
TERMS_FIELDS = ("kind", "notice", "yearly_cap")
RECURRING_FIELDS = ("rule", "starts", "zone", "duration", "kind", "reason")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KINDS: Mapping[str, ExclusionKind] = {each.value: each for each in ExclusionKind}
NOWHERE = datetime(2000, 1, 1)  # noqa: DTZ001 - on the wall of a zone that stands beside it

_STRETCH = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:00)?", re.ASCII)


def read_window(item: Item, zone: str) -> Window | None:
    fields = Fields(item, WINDOW_FIELDS)
    year, rolling = fields.get("contract_year"), fields.get("rolling")
    every = fields.may("every", one_of({each.value: each for each in Every}), default=None)
    anchor_day = fields.may("anchor_day", scalar(count), default=1)
    named = [name for name in ("every", "zone", "anchor_day") if fields.get(name) is not None]
    if (year is not None or rolling is not None) and (named or (year is not None and rolling is not None)):
        item.blame("a window is either a contract year, or rolling, or has every, zone and anchor_day")
    if year is not None:
        inner = Fields(year, ("zone",))
        years_zone = inner.may("zone", scalar(checked_zone), default=zone)
        return fields.build(lambda: ContractYearWindow(zone=years_zone))
    if rolling is not None:
        inner = Fields(rolling, ("days", "zone"))
        length = inner.need("days", scalar(count), placeholder=1)
        rolling_zone = inner.may("zone", scalar(checked_zone), default=zone)
        return inner.build(lambda: RollingWindow(days=length, zone=rolling_zone))
    own_zone = fields.may("zone", scalar(checked_zone), default=zone)
    if every is None:
        if fields.sound:
            item.blame("a window needs every (day, week, month, quarter or year), contract_year or rolling")
        return None
    return fields.build(lambda: CalendarWindow(every=every, zone=own_zone, anchor_day=anchor_day))


def read_hours(item: Item, zone: str) -> ServiceHours | None:
    fields = Fields(item, HOURS_FIELDS)
    own_zone = fields.may("zone", scalar(checked_zone), default=zone)
    weekly = fields.need("weekly", _weekly, placeholder=((),) * 7)
    holidays = fields.may(
        "holidays", lambda found: [day(each.text) for each in found.entries(least=0, most=HOLIDAYS_MAX)], default=[]
    )
    return fields.build(lambda: ServiceHours(zone=own_zone, weekly=weekly, holidays=tuple(sorted(holidays))))


def read_exclusion_terms(item: Item) -> tuple[ExclusionTerms, ...]:
    found = (_exclusion_terms(entry) for entry in item.entries(least=0, most=len(KINDS)))
    return tuple(each for each in found if each is not None)


def read_recurring(item: Item, zone: str) -> tuple[Recurrence, ...]:
    found = (_recurrence(entry, zone) for entry in item.entries(least=0, most=RECURRENCES_MAX))
    return tuple(each for each in found if each is not None)


def checked_zone(text: str) -> str:
    zone_of(text)
    return text


def _weekly(item: Item) -> tuple[tuple[tuple[int, int], ...], ...]:
    fields = Fields(item, WEEKDAYS)
    return tuple(fields.may(name, _stretches, default=()) for name in WEEKDAYS)


def _stretches(item: Item) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(_stretch(each.text) for each in item.entries(least=0, most=DAY_SPANS_MAX)))


def _stretch(text: str) -> tuple[int, int]:
    found = _STRETCH.fullmatch(text)
    if found is None:
        raise NotWritten(f"a stretch of a day is written like 08:00-17:30, up to 24:00, not {told(text)}")
    hours, minutes, to_hours, to_minutes = (int(part) for part in found.groups())
    if minutes > 59 or to_minutes > 59:
        raise NotWritten(f"an hour has 60 minutes, which {told(text)} forgets")
    return hours * 60 + minutes, to_hours * 60 + to_minutes


def _exclusion_terms(item: Item) -> ExclusionTerms | None:
    fields = Fields(item, TERMS_FIELDS)
    kind = fields.need("kind", one_of(KINDS), placeholder=ExclusionKind.AGREED)
    notice = fields.may("notice", scalar(duration), default=None)
    cap = fields.may("yearly_cap", scalar(duration), default=None)
    return fields.build(lambda: ExclusionTerms(kind=kind, notice=notice, yearly_cap=cap))


def _recurrence(item: Item, zone: str) -> Recurrence | None:
    fields = Fields(item, RECURRING_FIELDS)
    rule = fields.need("rule", scalar(str), placeholder="")
    starts = fields.need("starts", scalar(_wall), placeholder=NOWHERE)
    own_zone = fields.may("zone", scalar(checked_zone), default=zone)
    lasts = fields.need("duration", scalar(duration), placeholder=timedelta(hours=1))
    kind = fields.need("kind", one_of(KINDS), placeholder=ExclusionKind.AGREED)
    reason = fields.may("reason", scalar(str), default="")
    return fields.build(
        lambda: Recurrence(rule=rule, starts=starts, zone=own_zone, duration=lasts, kind=kind, reason=reason)
    )


def _wall(text: str) -> datetime:
    """A local time without an offset: its zone stands beside it."""
    if not _WALL.fullmatch(text):
        raise NotWritten(f"a local time is written like 2025-01-05T02:00, not {told(text)}")
    try:
        return datetime.fromisoformat(text)
    except ValueError as wrong:
        raise NotWritten(f"there is no local time {told(text)}") from wrong

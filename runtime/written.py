"""Values as people and files write them: decimals, counts, durations, dates and instants.

Each reader takes the text and returns the value, or raises NotWritten, whose message tells the form that is wanted.
None of them goes through a float.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

from domain.calendars import CalendarWindow, Every, natural_period, zone_of
from domain.errors import Invalid
from domain.instants import EARLIEST, LATEST, checked_instant

NUMBER_LENGTH_MAX = 40
TEXT_TOLD_MAX = 60
"""How much of a wrong text an error repeats."""

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_COUNT = re.compile(r"[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)(.*)", re.DOTALL)
_OFFSET = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")
_DURATION = re.compile(
    r"P(?!$)(?:(?P<weeks>[0-9]{1,5})W)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?!$)(?:(?P<hours>[0-9]{1,7})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,10}(?:\.[0-9]{1,6})?)S)?)?"
)


class NotWritten(ValueError):
    """The text is not of the form that is wanted; the message says which."""


def told(text: str) -> str:
    """A wrong text as an error repeats it: quoted, escaped and cut."""
    return repr(text if len(text) <= TEXT_TOLD_MAX else text[:TEXT_TOLD_MAX] + "…")


def decimal(text: str) -> Decimal:
    """Exact; neither NaN nor infinity."""
    if len(text) > NUMBER_LENGTH_MAX or not _DECIMAL.fullmatch(text):
        raise NotWritten(f"a number is written like 99.95, in at most {NUMBER_LENGTH_MAX} characters, not {told(text)}")
    return Decimal(text)


def count(text: str) -> int:
    if len(text) > NUMBER_LENGTH_MAX or not _COUNT.fullmatch(text):
        raise NotWritten(f"a count is written like 42, in at most {NUMBER_LENGTH_MAX} digits, not {told(text)}")
    return int(text)


def fraction(text: str) -> Fraction:
    return Fraction(decimal(text))


def flag(text: str) -> bool:
    match text:
        case "true":
            return True
        case "false":
            return False
        case _:
            raise NotWritten(f"this is true or false, not {told(text)}")


def duration(text: str) -> timedelta:
    """ISO 8601 with weeks, days, hours, minutes and seconds: months and years have no fixed length."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise NotWritten(f"a duration is written like P5D, PT30M or P1DT12H, not {told(text)}")
    parts = {name: part or "0" for name, part in found.groupdict().items()}
    whole, _, part = parts["seconds"].partition(".")
    return timedelta(
        weeks=int(parts["weeks"]),
        days=int(parts["days"]),
        hours=int(parts["hours"]),
        minutes=int(parts["minutes"]),
        seconds=int(whole),
        microseconds=int(part.ljust(6, "0")),
    )


def instant(text: str) -> datetime:
    """Aware, in UTC, from 1990 to 2200, exact to the microsecond."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise NotWritten(f"an instant is written like 2024-01-31T09:30:00Z, not {told(text)}")
    if not found[5]:
        raise NotWritten(f"an instant needs an offset from UTC, such as Z, which {told(text)} lacks")
    if not _OFFSET.fullmatch(found[5]):
        raise NotWritten(f"an instant ends with its offset from UTC, such as Z or +01:00, not {told(found[5])}")
    try:
        value = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[5].upper()}")
        return checked_instant(value, "instant")
    except (ValueError, OverflowError) as wrong:
        raise NotWritten(f"there is no instant {told(text)}") from wrong
    except Invalid as wrong:
        raise NotWritten(wrong.message) from wrong


def day(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise NotWritten(f"a date is written like 2024-01-31, not {told(text)}")
    try:
        value = date.fromisoformat(text)
    except ValueError as wrong:
        raise NotWritten(f"there is no date {told(text)}") from wrong
    if not EARLIEST.date() <= value < LATEST.date():
        raise NotWritten(f"a date lies from {EARLIEST:%Y} to {LATEST:%Y}")
    return value


def start_of_day(value: date, zone: str) -> datetime:
    """The first instant of the local day; of the next one where the zone skipped it."""
    noon = datetime.combine(value, time(12), tzinfo=zone_of(zone)).astimezone(UTC)
    return natural_period(CalendarWindow(every=Every.DAY, zone=zone), noon, starts=noon).start


def instant_or_day(text: str, zone: str) -> datetime:
    """An instant, or a date, which stands for its first instant in the zone."""
    if _DATE.fullmatch(text):
        return start_of_day(day(text), zone)
    return instant(text)


def shown_instant(value: datetime) -> str:
    """In UTC, as files write it; microseconds only where there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")

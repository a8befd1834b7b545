"""Exclusions that recur: RFC 5545 rules on a zone's wall clock (rules.md, Time down).

A local time that the zone skipped has no occurrence and is not counted; of one that comes twice it is the first. The
rule alone says when occurrences start, so `starts` is one of them only where the rule matches it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from dateutil.rrule import rrulestr

from domain.calendars import UnknownZone, zone_of
from domain.errors import Invalid, OutOfRange, TooMany
from domain.exclusion import ExclusionKind
from domain.instants import EARLIEST, LATEST
from domain.spans import Span
from domain.text import checked_note

RULE_LENGTH_MAX = 200
RECURRENCES_MAX = 20
"""Of one version."""
OCCURRENCES_MAX = 20_000
"""Of one recurrence: daily for more than fifty years, hourly for more than two."""
OCCURRENCES_A_DAY_MAX = 24
DURATION_MAX = timedelta(days=31)

_PARTS: Final = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"}
    | {"BYHOUR", "BYMINUTE", "BYSETPOS"}
)
_FREQUENCIES: Final = frozenset({"HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_UNTIL = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,4}", re.ASCII)

# The calendar repeats itself after 400 years, weekdays and all. The library looks for a next occurrence up to the year
# 9999, also where none can come; so it is asked about years near that one, and gives up soon.
_YEARS_AHEAD: Final = 19 * 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """`rule`: the value of an RRULE, without SECONDLY and MINUTELY. `starts`: on the wall of the zone, whole minutes.

    Each occurrence lasts `duration` of elapsed time.
    """

    rule: str
    starts: datetime
    zone: str
    duration: timedelta
    kind: ExclusionKind
    reason: str = ""

    def __post_init__(self) -> None:
        try:
            zone_of(self.zone)
        except UnknownZone as wrong:
            raise Invalid(str(wrong), path=("zone",)) from wrong
        if self.starts.tzinfo is not None or self.starts.second or self.starts.microsecond:
            raise Invalid("a recurrence starts at a local time, on a whole minute", path=("starts",))
        if not EARLIEST.replace(tzinfo=None) <= self.starts < LATEST.replace(tzinfo=None):
            raise OutOfRange(f"a recurrence starts from {EARLIEST:%Y} to {LATEST:%Y}", path=("starts",))
        if not timedelta(0) < self.duration <= DURATION_MAX:
            raise OutOfRange(
                f"an occurrence lasts more than 0 and at most {DURATION_MAX.days} days", path=("duration",)
            )
        checked_note(self.reason, "reason")
        _check_rule(self.rule)


def require_bounded(recurrence: Recurrence, *, ends_at: datetime | None) -> None:
    """Raises Invalid where it never ends or never occurs, TooMany where it occurs too often. `ends_at`: the
    agreement's end, after which no occurrence starts.
    """
    parts = _parts_of(recurrence.rule)
    if ends_at is None and not {"COUNT", "UNTIL"} & parts.keys():
        raise Invalid("a recurrence without end: give COUNT or UNTIL, or the agreement an end", path=("rule",))
    if not _starts(recurrence.rule, recurrence.starts, recurrence.zone, ends_at or LATEST):
        raise Invalid("the rule has no occurrence before it ends", path=("rule",))


def occurrences(recurrence: Recurrence, within: Span, *, ends_at: datetime | None) -> tuple[Span, ...]:
    """Those that share an instant with the span, in order of start. The list of all starts is kept for next time."""
    starts = _starts(recurrence.rule, recurrence.starts, recurrence.zone, ends_at or LATEST)
    first = bisect_left(starts, within.start - recurrence.duration)
    found = (Span(start, start + recurrence.duration) for start in starts[first : bisect_left(starts, within.end)])
    return tuple(span for span in found if span.overlaps(within))


@lru_cache(maxsize=128)
def _starts(rule: str, starts: datetime, zone: str, ends_at: datetime) -> tuple[datetime, ...]:
    parts = dict(_parts_of(rule))
    most = int(parts.pop("COUNT", OCCURRENCES_MAX + 1))
    until = parts.pop("UNTIL", None)
    stop = ends_at
    if until is not None:
        # UNTIL is the last instant at which an occurrence may start.
        last = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        stop = min(ends_at, last + timedelta(microseconds=1))
    local = zone_of(zone)
    found: list[datetime] = []
    days: list[datetime] = []
    for ahead in rrulestr(_text(parts), dtstart=starts.replace(year=starts.year + _YEARS_AHEAD)):
        reading = ahead.replace(year=ahead.year - _YEARS_AHEAD)
        start = reading.replace(tzinfo=local).astimezone(UTC)
        if start >= stop or len(found) >= most:
            break
        if start.astimezone(local).replace(tzinfo=None) != reading:
            continue
        found.append(start)
        days.append(reading)
        if len(days) > OCCURRENCES_A_DAY_MAX and days[-OCCURRENCES_A_DAY_MAX - 1].date() == reading.date():
            raise TooMany(f"a rule has at most {OCCURRENCES_A_DAY_MAX} occurrences a day", path=("rule",))
        if len(found) > OCCURRENCES_MAX:
            raise TooMany(f"a rule has at most {OCCURRENCES_MAX} occurrences before it ends", path=("rule",))
    return tuple(found)


def _check_rule(rule: str) -> None:
    parts = _parts_of(rule)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise Invalid("FREQ is HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY", path=("rule",))
    if "COUNT" in parts and "UNTIL" in parts:
        raise Invalid("a rule has COUNT or UNTIL, not both", path=("rule",))
    for name in ("INTERVAL", "COUNT"):
        if name in parts and not _NUMBER.fullmatch(parts[name]):
            raise Invalid(f"{name} is a number from 1 to 99999", path=("rule",))
    if "UNTIL" in parts and not _is_instant(parts["UNTIL"]):
        raise Invalid("UNTIL is an instant in UTC, such as 20251231T235959Z", path=("rule",))
    kept = {name: value for name, value in parts.items() if name not in ("COUNT", "UNTIL")}
    try:
        rrulestr(_text(kept), dtstart=datetime(2000, 1, 1))  # noqa: DTZ001 - a wall reading
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as wrong:
        raise Invalid(f"this is not a rule of RFC 5545: {wrong}", path=("rule",)) from wrong


def _is_instant(text: str) -> bool:
    if not _UNTIL.fullmatch(text):
        return False
    try:
        datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def _parts_of(rule: str) -> Mapping[str, str]:
    """Raises Invalid for what is not one rule of known parts."""
    if not 0 < len(rule) <= RULE_LENGTH_MAX or not rule.isascii() or rule != rule.upper():
        raise Invalid(f"a rule is 1 to {RULE_LENGTH_MAX} characters, in capitals", path=("rule",))
    found: dict[str, str] = {}
    for part in rule.split(";"):
        name, sign, value = part.partition("=")
        if name not in _PARTS or not sign or not value or name in found:
            raise Invalid(f"{part[:40]} is not a part of a rule that is known here, or comes twice", path=("rule",))
        found[name] = value
    return found


def _text(parts: Mapping[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items())

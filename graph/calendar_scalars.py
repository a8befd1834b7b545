"""Scalars of the calendar and of the clock on the wall, which belong to a zone that stands beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError, GraphQLScalarLiteralParser, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

LocalTime = NewType("LocalTime", int)
"""Minutes after midnight, from 0 to 1440."""
LocalDateTime = NewType("LocalDateTime", datetime)
"""Without a zone, on a whole minute."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d)", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:00)?", re.ASCII)
_CHARS_MAX: Final = 40


def read_date(value: object) -> date:
    text = _text(value, "Date")
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise GraphQLError(f"Date: {text!r} is not a day such as 2026-01-31.")


def write_date(value: object) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError(f"a date, not {value!r}")
    return value.isoformat()


def read_time(value: object) -> LocalTime:
    text = _text(value, "LocalTime")
    found = _TIME.fullmatch(text)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else None
    if minutes is None or minutes > 24 * 60:
        raise GraphQLError(f"LocalTime: {text!r} is not a time of day such as 08:30; the last one is 24:00.")
    return LocalTime(minutes)


def write_time(value: object) -> str:
    if not isinstance(value, int):
        raise TypeError(f"minutes, not {value!r}")
    return f"{value // 60:02}:{value % 60:02}"


def read_date_time(value: object) -> LocalDateTime:
    text = _text(value, "LocalDateTime")
    try:
        if _DATE_TIME.fullmatch(text):
            return LocalDateTime(datetime.fromisoformat(text))
    except ValueError:
        pass
    raise GraphQLError(f"LocalDateTime: {text!r} is not a local time such as 2026-01-31T08:30, without an offset.")


def write_date_time(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise TypeError(f"a datetime without a zone, not {value!r}")
    return value.isoformat(timespec="minutes")


def _text(value: object, scalar: str) -> str:
    if not isinstance(value, str) or len(value) > _CHARS_MAX:
        raise GraphQLError(f"{scalar}: a string of at most {_CHARS_MAX} characters is needed.")
    return value


def _literal(read: Callable[[object], object], scalar: str) -> GraphQLScalarLiteralParser:
    def read_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> object:
        if isinstance(node, StringValueNode):
            return read(node.value)
        raise GraphQLError(f"{scalar}: a string is needed.", node)

    return read_literal


CALENDAR_SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar, as 2026-01-31.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=write_date,
        parse_value=read_date,
        parse_literal=_literal(read_date, "Date"),
    ),
    LocalTime: strawberry.scalar(
        name="LocalTime",
        description="A time of day on the wall, from 00:00 to 24:00, which is the end of the day.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=write_time,
        parse_value=read_time,
        parse_literal=_literal(read_time, "LocalTime"),
    ),
    LocalDateTime: strawberry.scalar(
        name="LocalDateTime",
        description="A day and a time on the wall, without an offset from UTC, as 2026-01-31T08:30.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc5545#section-3.3.5",
        serialize=write_date_time,
        parse_value=read_date_time,
        parse_literal=_literal(read_date_time, "LocalDateTime"),
    ),
}
"""For `StrawberryConfig(scalar_map=...)`, beside those of `graph/scalars.py`."""

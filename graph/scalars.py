"""The scalars of the schema: how they are written in JSON and in documents, and what they refuse.

Numbers that a JSON number may not hold exactly (decimals, 64-bit counts) are strings on the way out, always, so that a
client has one type to deal with. A value that is refused is told what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NewType
from urllib.parse import urlsplit

import strawberry
from graphql import FloatValueNode, GraphQLError, GraphQLScalarLiteralParser, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from domain.instants import EARLIEST, LATEST

Currency = NewType("Currency", str)
Url = NewType("Url", str)
BigInt = NewType("BigInt", int)

DECIMAL_DIGITS_MAX: Final = 28
"""On each side of the point."""
DURATION_DAYS_MAX: Final = 36_525
URL_CHARS_MAX: Final = 2_048
_TEXT_CHARS_MAX: Final = 100
_EXACT_INTEGERS: Final = 2**53
"""From here on a double, which is what clients read JSON numbers into, skips integers."""

_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<offset>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
# Most instants come in this form, ten thousand in one call: it is read at a third of the cost.
_PLAIN_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DECIMAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:[.,](?P<fraction>\d+))?S)?)?",
    re.ASCII,
)
_CALENDAR_DURATION = re.compile(r"-?P\d+[YM]", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_URL_CHARS = re.compile(r"[!-~]+", re.ASCII)


def read_instant(value: object) -> datetime:
    text = _text(value, "DateTime")
    try:
        instant = datetime.fromisoformat(text) if _PLAIN_INSTANT.fullmatch(text) else _any_instant(text)
    except (ValueError, OverflowError) as error:
        raise GraphQLError(f"DateTime: {text!r} does not exist: {error}.") from None
    if not EARLIEST <= instant < LATEST:
        raise GraphQLError(f"DateTime: {text!r} is outside {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}.")
    return instant


def write_instant(value: object) -> str:
    """RFC 3339 in UTC with no fraction, or with 3 or 6 digits of it, as few as hold it."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"an aware datetime, not {value!r}")
    instant = value.astimezone(UTC)
    if instant.microsecond == 0:
        precision = "seconds"
    else:
        precision = "microseconds" if instant.microsecond % 1000 else "milliseconds"
    return instant.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def read_decimal(value: object) -> Decimal:
    """From a string, an integer, or a JSON number with a fraction, which stands for its shortest decimal text."""
    if isinstance(value, float):
        if not abs(value) < _EXACT_INTEGERS:
            raise GraphQLError("Decimal: a JSON number beyond 2^53 is not exact; send it as a string.")
        return _decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return _decimal(str(value))
    return _decimal(_text(value, "Decimal"))


def read_decimal_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> Decimal:
    """A number in a document is read from its text, so it never passes through a double."""
    if isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        return _decimal(node.value)
    raise GraphQLError("Decimal: a number or a string is needed.", node)


def write_decimal(value: object) -> str:
    """Plain digits, never an exponent; the zeros at the end are kept, since they tell the precision."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"a Decimal, not {value!r}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"a finite Decimal, not {value!r}")
    return format(number or number.copy_abs(), "f")


def read_duration(value: object) -> timedelta:
    """Weeks and days are exact: 7 × 24 hours and 24 hours."""
    text = _text(value, "Duration")
    match = _DURATION.fullmatch(text)
    parts = match.groupdict() if match else {}
    counts = {unit: part for unit, part in parts.items() if unit not in {"sign", "fraction"} and part}
    if not counts:
        if _CALENDAR_DURATION.match(text):
            raise GraphQLError(f"Duration: {text!r} has years or months, which have no fixed length.")
        raise GraphQLError(f"Duration: {text!r} is not an ISO 8601 duration such as PT4H30M or P30D.")
    fraction = _microseconds(parts["fraction"], "Duration")
    try:
        length = timedelta(microseconds=fraction, **{unit: int(count) for unit, count in counts.items()})
    except OverflowError:
        length = timedelta.max
    if length > timedelta(days=DURATION_DAYS_MAX):
        raise GraphQLError(f"Duration: {text!r} is longer than {DURATION_DAYS_MAX} days.")
    return -length if parts["sign"] else length


def write_duration(value: object) -> str:
    """Hours are the largest unit: many libraries take P1D for a calendar day, which may have 23 or 25 hours."""
    if not isinstance(value, timedelta):
        raise TypeError(f"a timedelta, not {value!r}")
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{micros:06}".rstrip("0") if micros else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if seconds or micros or not (hours or minutes):
        parts.append(f"{seconds}{fraction}S")
    return ("-PT" if value < timedelta() else "PT") + "".join(parts)


def read_currency(value: object) -> Currency:
    text = _text(value, "Currency")
    if not _CURRENCY.fullmatch(text):
        raise GraphQLError(f"Currency: {text!r} is not an ISO 4217 code, three capital letters such as EUR.")
    return Currency(text)


def read_url(value: object) -> Url:
    text = _text(value, "URL", URL_CHARS_MAX)
    if not _URL_CHARS.fullmatch(text):
        raise GraphQLError("URL: only visible ASCII; encode other characters (RFC 3986).")
    try:
        parts = urlsplit(text)
        hostname, _port = parts.hostname, parts.port
    except ValueError as error:
        raise GraphQLError(f"URL: {text!r} cannot be read: {error}.") from None
    if parts.scheme not in {"http", "https"} or not hostname:
        raise GraphQLError(f"URL: {text!r} is not an absolute http or https address.")
    if parts.username is not None or parts.password is not None:
        raise GraphQLError("URL: an address may not hold a user name or password.")
    return Url(text)


def read_big_int(value: object) -> BigInt:
    if isinstance(value, float):
        raise GraphQLError("BigInt: a whole number is needed; beyond 2^53 send it as a string.")
    number = value
    if isinstance(value, bool) or not isinstance(value, int):
        text = _text(value, "BigInt")
        if not _INTEGER.fullmatch(text):
            raise GraphQLError(f"BigInt: {text!r} is not a whole number of at most 64 bits.")
        number = int(text)
    assert isinstance(number, int)
    if not -(2**63) <= number < 2**63:
        raise GraphQLError(f"BigInt: {number} has more than 64 bits.")
    return BigInt(number)


def write_big_int(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"an int, not {value!r}")
    return str(value)


def _literal(read: Callable[[object], object], scalar: str) -> GraphQLScalarLiteralParser:
    """Reads a string or a whole number in a document as it is read in JSON. Names without quotes are enum values."""

    def read_literal(node: ValueNode, _variables: Mapping[str, Any] | None = None) -> object:
        if isinstance(node, StringValueNode):
            return read(node.value)
        if isinstance(node, IntValueNode) and len(node.value) <= _TEXT_CHARS_MAX:
            return read(int(node.value))
        raise GraphQLError(f"{scalar}: a string is needed.", node)

    return read_literal


def _write_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a string, not {value!r}")
    return value


def _any_instant(text: str) -> datetime:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise GraphQLError(f"DateTime: {text!r} is not an RFC 3339 instant such as 2026-01-31T10:00:00Z.")
    if match["offset"] is None:
        raise GraphQLError(f"DateTime: {text!r} has no offset from UTC; end it with Z or with one such as +02:00.")
    fraction = _microseconds(match["fraction"], "DateTime")
    whole = datetime.fromisoformat(f"{match['date']}T{match['time']}{match['offset'].upper()}").astimezone(UTC)
    return whole.replace(microsecond=fraction)


def _decimal(text: str) -> Decimal:
    if len(text) > _TEXT_CHARS_MAX or not _DECIMAL.fullmatch(text):
        raise GraphQLError(f"Decimal: {text[:_TEXT_CHARS_MAX]!r} is not a finite decimal number.")
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "the pattern lets only finite numbers through"
    if number.adjusted() >= DECIMAL_DIGITS_MAX or -exponent > DECIMAL_DIGITS_MAX:
        raise GraphQLError(f"Decimal: {text!r} has more than {DECIMAL_DIGITS_MAX} digits on one side of the point.")
    return number


def _microseconds(fraction: str | None, scalar: str) -> int:
    """The digits behind the point; refuses what would be lost."""
    digits = (fraction or "").rstrip("0")
    if len(digits) > 6:
        raise GraphQLError(f"{scalar}: .{fraction} is finer than a microsecond.")
    return int(digits.ljust(6, "0"))


def _text(value: object, scalar: str, chars_max: int = _TEXT_CHARS_MAX) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"{scalar}: a string is needed.")
    if len(value) > chars_max:
        raise GraphQLError(f"{scalar}: {len(value)} characters; at most {chars_max} are allowed.")
    return value


SCALAR_MAP: Final[Mapping[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant: RFC 3339 with an offset from UTC, to the microsecond. Written in UTC, as 2026-01-31T10:00:00Z,"
            " with 3 or 6 digits of a second where it has a fraction."
            f" From {EARLIEST:%Y-%m-%d} until {LATEST:%Y-%m-%d}."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=write_instant,
        parse_value=read_instant,
        parse_literal=_literal(read_instant, "DateTime"),
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            "A finite decimal number, exact, with at most 28 digits on each side of the point. Written as a string."
            " Read from a string or a number; a JSON number with a fraction stands for its shortest decimal text."
        ),
        specified_by_url="https://www.w3.org/TR/xmlschema-2/#decimal",
        serialize=write_decimal,
        parse_value=read_decimal,
        parse_literal=read_decimal_literal,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description=(
            "An exact length of time in ISO 8601, to the microsecond: weeks, days of 24 hours, hours, minutes, seconds;"
            " no years or months. Written with hours as the largest unit, as PT26H30M."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#appendix-A",
        serialize=write_duration,
        parse_value=read_duration,
        parse_literal=_literal(read_duration, "Duration"),
    ),
    Currency: strawberry.scalar(
        name="Currency",
        description="An ISO 4217 currency code: three capital letters, such as EUR.",
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
        serialize=_write_text,
        parse_value=read_currency,
        parse_literal=_literal(read_currency, "Currency"),
    ),
    Url: strawberry.scalar(
        name="URL",
        description="An absolute http or https address (RFC 3986) without user name and password.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3986",
        serialize=_write_text,
        parse_value=read_url,
        parse_literal=_literal(read_url, "URL"),
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "A whole number of up to 64 bits. Written as a string, always: JSON numbers are exact only up to 2^53. Read"
            " from a string or a whole JSON number."
        ),
        specified_by_url="https://www.w3.org/TR/xmlschema-2/#long",
        serialize=write_big_int,
        parse_value=read_big_int,
        parse_literal=_literal(read_big_int, "BigInt"),
    ),
}
"""For `StrawberryConfig(scalar_map=...)`."""

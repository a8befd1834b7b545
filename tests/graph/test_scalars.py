"""The scalars: what is read, what is refused and why, what is written, and that nothing is lost between."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, execute_sync, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import EARLIEST, LATEST
from graph.scalars import (
    DURATION_DAYS_MAX,
    read_big_int,
    read_decimal,
    read_duration,
    read_instant,
    write_big_int,
    write_decimal,
    write_duration,
    write_instant,
)
from tests.graph.service import SCHEMA

CORE = SCHEMA._schema
TYPES = {
    "at": "DateTime",
    "ratio": "Decimal",
    "length": "Duration",
    "currency": "Currency",
    "url": "URL",
    "count": "BigInt",
}


def by_variable(field: str, value: Any) -> ExecutionResult:
    text = f"query ($x: {TYPES[field]}) {{ scalars({field}: $x) {{ {field} }} }}"
    result = execute_sync(
        CORE, parse(text), variable_values={"x": value}, executor_class=SCHEMA.execution_context_class
    )
    assert isinstance(result, ExecutionResult)
    return result


def by_literal(field: str, literal: str) -> ExecutionResult:
    document = parse(f"{{ scalars({field}: {literal}) {{ {field} }} }}")
    errors = validate(CORE, document)
    if errors:
        return ExecutionResult(None, errors)
    result = execute_sync(CORE, document, executor_class=SCHEMA.execution_context_class)
    assert isinstance(result, ExecutionResult)
    return result


def echoed(result: ExecutionResult) -> object:
    assert result.errors is None, result.errors
    assert result.data is not None
    (value,) = result.data["scalars"].values()
    return value


READ = [
    ("at", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
    ("at", "2026-01-31t10:00:00z", "2026-01-31T10:00:00Z"),
    ("at", "2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
    ("at", "2026-01-31T10:00:00.5-00:30", "2026-01-31T10:30:00.500Z"),
    ("at", "2026-01-31T10:00:00.000001Z", "2026-01-31T10:00:00.000001Z"),
    ("at", "2026-01-31T10:00:00.120000000Z", "2026-01-31T10:00:00.120Z"),
    ("ratio", "99.950", "99.950"),
    ("ratio", "1E+3", "1000"),
    ("ratio", "-0", "0"),
    ("ratio", 7, "7"),
    ("ratio", 0.1, "0.1"),
    ("ratio", "0." + "3" * 28, "0." + "3" * 28),
    ("length", "PT4H30M", "PT4H30M"),
    ("length", "P1DT1S", "PT24H1S"),
    ("length", "P2W", "PT336H"),
    ("length", "PT90S", "PT1M30S"),
    ("length", "PT0,5S", "PT0.5S"),
    ("length", "-PT0.000001S", "-PT0.000001S"),
    ("length", "P0D", "PT0S"),
    ("currency", "EUR", "EUR"),
    ("url", "https://vendor.example/hook?a=1#b", "https://vendor.example/hook?a=1#b"),
    ("url", "http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
    ("count", 42, "42"),
    ("count", "9223372036854775807", "9223372036854775807"),
    ("count", "-9223372036854775808", "-9223372036854775808"),
]


@pytest.mark.parametrize(("field", "value", "written"), READ)
def test_a_value_is_read_and_written(field: str, value: Any, written: str) -> None:
    assert echoed(by_variable(field, value)) == written
    assert echoed(by_literal(field, f'"{value}"' if isinstance(value, str) else str(value))) == written


def test_a_decimal_in_a_document_never_passes_through_a_double() -> None:
    assert echoed(by_literal("ratio", "0.1000000000000000055511151231")) == "0.1000000000000000055511151231"
    assert echoed(by_literal("ratio", "12345678901234567890123456.78")) == "12345678901234567890123456.78"


REFUSED = [
    ("at", "2026-01-31T10:00:00", "has no offset"),
    ("at", "2026-01-31", "is not an RFC 3339 instant"),
    ("at", "31.01.2026", "is not an RFC 3339 instant"),
    ("at", "2026-01-31 10:00:00Z", "is not an RFC 3339 instant"),
    ("at", "٢٠٢٦-01-31T10:00:00Z", "is not an RFC 3339 instant"),
    ("at", "2026-02-29T10:00:00Z", "does not exist: day is out of range"),
    ("at", "2026-01-31T24:00:00Z", "does not exist: hour"),
    ("at", "2026-01-31T23:59:60Z", "does not exist: second"),
    ("at", "0001-01-01T00:00:00+14:00", "does not exist"),
    ("at", "2026-01-31T10:00:00.1234567Z", "finer than a microsecond"),
    ("at", "1989-12-31T23:59:59Z", "is outside"),
    ("at", "2200-01-01T00:00:00Z", "is outside"),
    ("at", "9999-12-31T23:59:59-12:00", "does not exist"),
    ("at", 1_769_853_600, "a string is needed"),
    ("at", "2" * 101, "101 characters"),
    ("ratio", "NaN", "not a finite decimal"),
    ("ratio", "-Infinity", "not a finite decimal"),
    ("ratio", "1_000", "not a finite decimal"),
    ("ratio", " 1", "not a finite decimal"),
    ("ratio", "１", "not a finite decimal"),
    ("ratio", "", "not a finite decimal"),
    ("ratio", "1e29", "more than 28 digits"),
    ("ratio", "1e-29", "more than 28 digits"),
    ("ratio", "1e999999999", "more than 28 digits"),
    ("ratio", 1e16, "send it as a string"),
    ("ratio", True, "a string is needed"),
    ("length", "P1Y", "years or months"),
    ("length", "P3M", "years or months"),
    ("length", "P", "is not an ISO 8601 duration"),
    ("length", "PT", "is not an ISO 8601 duration"),
    ("length", "4h", "is not an ISO 8601 duration"),
    ("length", "PT1.5H", "is not an ISO 8601 duration"),
    ("length", "PT0.0000001S", "finer than a microsecond"),
    ("length", "P36526D", "longer than 36525 days"),
    ("length", "PT" + "9" * 90 + "S", "longer than 36525 days"),
    ("length", 60, "a string is needed"),
    ("currency", "eur", "three capital letters"),
    ("currency", "EURO", "three capital letters"),
    ("currency", "E€R", "three capital letters"),
    ("url", "ftp://vendor.example/", "not an absolute http"),
    ("url", "//vendor.example/", "not an absolute http"),
    ("url", "javascript:alert(1)", "not an absolute http"),
    ("url", "https://", "not an absolute http"),
    ("url", "https://user:secret@vendor.example/", "user name or password"),
    ("url", "https://vendor.example/a b", "only visible ASCII"),
    ("url", "https://vendor.example:99999/", "cannot be read"),
    ("url", "https://[::1/", "cannot be read"),
    ("url", "https://vendor.example/" + "a" * 2_048, "2071 characters"),
    ("count", "9223372036854775808", "more than 64 bits"),
    ("count", 2**63, "more than 64 bits"),
    ("count", "1.0", "not a whole number"),
    ("count", "٣", "not a whole number"),
    ("count", 1e20, "a whole number is needed"),
    ("count", 1.0, "a whole number is needed"),
    ("count", False, "a string is needed"),
]


@pytest.mark.parametrize(("field", "value", "problem"), REFUSED)
def test_a_refused_value_is_told_what_is_wrong_with_it(field: str, value: Any, problem: str) -> None:
    results = [by_variable(field, value)]
    if isinstance(value, str):
        results.append(by_literal(field, f'"{value}"'))
    for result in results:
        assert result.data is None
        (error,) = result.errors or []
        assert problem in error.message


@pytest.mark.parametrize("literal", ["true", "[1]", '{a: "1"}', "RED", "9" * 500])
@pytest.mark.parametrize("field", TYPES)
def test_a_literal_of_another_kind_is_refused(field: str, literal: str) -> None:
    assert by_literal(field, literal).errors


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (write_instant, datetime(2026, 1, 31)),  # noqa: DTZ001 - naive is the point
        (write_instant, "2026-01-31T10:00:00Z"),
        (write_decimal, 1.5),
        (write_decimal, True),
        (write_decimal, Decimal("NaN")),
        (write_decimal, Decimal("Infinity")),
        (write_duration, 60),
        (write_big_int, 1.0),
        (write_big_int, True),
    ],
)
def test_an_answer_of_another_type_is_a_bug(write: Any, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        write(value)


def test_every_scalar_says_what_specifies_it() -> None:
    printed = SCHEMA.as_str()
    for name in TYPES.values():
        assert f"scalar {name} @specifiedBy(url: " in printed


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None) - timedelta(days=1), timezones=st.just(UTC)
)


@given(INSTANTS, OFFSETS)
def test_an_instant_comes_back_from_any_offset(instant: datetime, offset: timezone) -> None:
    assert read_instant(write_instant(instant.astimezone(offset))) == instant
    assert read_instant(instant.astimezone(offset).isoformat()) == instant


@given(st.timedeltas(timedelta(days=-DURATION_DAYS_MAX), timedelta(days=DURATION_DAYS_MAX)))
def test_a_duration_comes_back_to_the_microsecond(length: timedelta) -> None:
    assert read_duration(write_duration(length)) == length


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**17), max_value=10**17))
def test_a_decimal_comes_back_with_its_digits(number: Decimal) -> None:
    written = write_decimal(number)
    assert read_decimal(written) == number
    assert write_decimal(read_decimal(written)) == written


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_whole_number_comes_back(number: int) -> None:
    assert read_big_int(write_big_int(number)) == number


@given(st.text(max_size=60))
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (read_instant, read_decimal, read_duration, read_big_int):
        with suppress(GraphQLError):
            read(text)

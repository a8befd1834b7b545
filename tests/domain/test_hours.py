"""Service hours against a minute-by-minute reading of the wall clock, which shares no code with the domain."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import (  # type: ignore[attr-defined]
    _zoneinfo,
    available_timezones,
)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import zone_of
from domain.errors import DomainError, Invalid, OutOfRange, TooMany
from domain.hours import (
    DAY_SPANS_MAX,
    HOLIDAYS_MAX,
    DayHours,
    ServiceHours,
    after_business_time,
    business_time,
    open_spans,
)
from domain.instants import EARLIEST
from domain.spans import Span, subtract, total_us
from tests.domain.zones import odd_instants, wall, zones

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
OFFICE: DayHours = ((9 * 60, 17 * 60),)
CLOSED: DayHours = ()
ALL_DAY: DayHours = ((0, 24 * 60),)


def office_hours(zone: str, *holidays: date) -> ServiceHours:
    return ServiceHours(zone=zone, weekly=(OFFICE,) * 5 + (CLOSED,) * 2, holidays=holidays)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


@st.composite
def days(draw: st.DrawFn) -> DayHours:
    edges = draw(st.lists(st.integers(0, 1440), max_size=6, unique=True).map(sorted))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def hours_near_something_odd(draw: st.DrawFn) -> tuple[ServiceHours, datetime]:
    zone = draw(zones)
    weekly = draw(st.tuples(*[days()] * 7).filter(any))
    instant = draw(odd_instants(zone))
    near = st.integers(-2, 4).map(lambda ahead: wall(instant, zone).date() + timedelta(days=ahead))
    holidays = draw(st.lists(near, max_size=2, unique=True).map(sorted))
    return ServiceHours(zone=zone, weekly=weekly, holidays=tuple(holidays)), instant


def is_open(hours: ServiceHours, instant: datetime) -> bool:
    """The rule to the letter: what does the wall read at this instant?"""
    reading = wall(instant, hours.zone)
    minute = reading.hour * 60 + reading.minute
    return reading.date() not in hours.holidays and any(
        start <= minute < end for start, end in hours.weekly[reading.weekday()]
    )


@settings(max_examples=60)
@given(hours_near_something_odd(), st.integers(1, 4 * 1440))
def test_an_instant_is_inside_service_hours_when_its_local_wall_reading_is(
    given_hours: tuple[ServiceHours, datetime], minutes: int
) -> None:
    hours, start = given_hours
    within = Span(start, start + minutes * MINUTE)
    found = open_spans(hours, within)
    instants = [start + step * MINUTE for step in range(minutes)]
    by_minute = [each for each in instants if is_open(hours, each)]
    assert [each for each in instants if any(part.contains(each) for part in found)] == by_minute
    assert total_us(found) == len(by_minute) * MINUTE_US == business_time(hours, within.start, within.end)
    assert subtract(found, (within,)) == ()


@given(hours_near_something_odd(), st.integers(0, 3 * 1440), st.integers(0, 59_999_999))
def test_after_so_much_business_time_just_so_much_has_passed(
    given_hours: tuple[ServiceHours, datetime], minutes: int, part: int
) -> None:
    hours, start = given_hours
    duration = minutes * MINUTE + timedelta(microseconds=part)
    end = after_business_time(hours, start, duration)
    assert business_time(hours, start, end) == minutes * MINUTE_US + part
    if end > start:
        just_before = end - timedelta(microseconds=1)
        assert business_time(hours, start, just_before) == minutes * MINUTE_US + part - 1


@given(hours_near_something_odd(), st.integers(1, 4000), st.integers(1, 4000))
def test_splitting_a_stretch_and_summing_equals_the_whole(
    given_hours: tuple[ServiceHours, datetime], first: int, second: int
) -> None:
    hours, start = given_hours
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE
    parts = business_time(hours, start, middle) + business_time(hours, middle, end)
    assert business_time(hours, start, end) == parts


@pytest.mark.parametrize(
    ("zone", "day", "hours_times_four"),
    [
        ("Europe/Madrid", "2024-03-31", 23 * 4),
        ("Europe/Madrid", "2024-10-27", 25 * 4),
        ("America/New_York", "2025-03-09", 23 * 4),
        ("America/New_York", "2025-11-02", 25 * 4),
        ("Australia/Lord_Howe", "2024-10-06", 24 * 4 - 2),
        ("Australia/Lord_Howe", "2024-04-07", 24 * 4 + 2),
        ("Asia/Kathmandu", "2024-05-01", 24 * 4),
        ("Africa/Cairo", "2024-04-26", 23 * 4),
        ("America/Havana", "2024-03-10", 23 * 4),
        ("America/Havana", "2024-11-03", 25 * 4),
    ],
)
def test_a_day_that_is_open_all_day_is_as_long_as_its_zone_makes_it(zone: str, day: str, hours_times_four: int) -> None:
    open_days = [CLOSED] * 7
    local = date.fromisoformat(day)
    open_days[local.weekday()] = ALL_DAY
    hours = ServiceHours(zone=zone, weekly=tuple(open_days))
    noon = datetime(local.year, local.month, local.day, 12, tzinfo=zone_of(zone)).astimezone(UTC)
    around = Span(noon - timedelta(days=2), noon + timedelta(days=2))
    assert total_us(open_spans(hours, around)) * 4 == hours_times_four * HOUR_US


def test_a_day_that_the_zone_skipped_has_no_hours() -> None:
    # Friday, 30 December 2011, was not in Apia.
    week = span("2011-12-26T10:00", "2012-01-01T10:00")
    assert open_spans(office_hours("Pacific/Apia"), week) == (
        span("2011-12-26T19:00", "2011-12-27T03:00"),
        span("2011-12-27T19:00", "2011-12-28T03:00"),
        span("2011-12-28T19:00", "2011-12-29T03:00"),
        span("2011-12-29T19:00", "2011-12-30T03:00"),
    )


def test_hours_that_the_wall_reads_twice_are_open_twice_and_what_it_skips_never_is() -> None:
    early = ServiceHours(zone="Europe/Madrid", weekly=(((120, 180),),) * 7)
    assert open_spans(early, span("2024-10-26T22:00", "2024-10-27T23:00")) == (
        span("2024-10-27T00:00", "2024-10-27T02:00"),
    )
    assert open_spans(early, span("2024-03-30T23:00", "2024-03-31T22:00")) == ()


def test_a_holiday_is_closed_all_day() -> None:
    hours = office_hours("Europe/Madrid", date(2024, 5, 1))
    assert open_spans(hours, span("2024-04-30T00:00", "2024-05-03T00:00")) == (
        span("2024-04-30T07:00", "2024-04-30T15:00"),
        span("2024-05-02T07:00", "2024-05-02T15:00"),
    )


def test_four_business_hours_from_a_friday_afternoon_end_on_monday() -> None:
    hours = office_hours("America/New_York")
    assert after_business_time(hours, utc("2025-03-07T20:00"), timedelta(hours=4)) == utc("2025-03-10T15:00")


def test_no_business_time_has_passed_at_once() -> None:
    closed = utc("2025-03-08T20:00")
    assert after_business_time(office_hours("UTC"), closed, timedelta(0)) == closed
    assert business_time(office_hours("UTC"), closed, closed) == 0


def test_a_duration_that_never_passes_is_refused() -> None:
    with pytest.raises(OutOfRange):
        after_business_time(office_hours("UTC"), utc("2199-01-01"), timedelta(days=36_525))


@pytest.mark.parametrize(
    ("change", "error", "path"),
    [
        ({"zone": "Mars/Olympus"}, Invalid, ("zone",)),
        ({"weekly": (OFFICE,) * 6}, Invalid, ("weekly",)),
        ({"weekly": (CLOSED,) * 7}, Invalid, ("weekly",)),
        ({"weekly": (CLOSED, ((60, 60),)) + (CLOSED,) * 5}, OutOfRange, ("weekly", 1)),
        ({"weekly": (CLOSED, ((60, 1441),)) + (CLOSED,) * 5}, OutOfRange, ("weekly", 1)),
        ({"weekly": (CLOSED, ((60, 120), (119, 180))) + (CLOSED,) * 5}, Invalid, ("weekly", 1)),
        (
            {"weekly": (tuple((n, n + 1) for n in range(DAY_SPANS_MAX + 1)),) + (CLOSED,) * 6},
            TooMany,
            ("weekly", 0),
        ),
        ({"holidays": (date(2024, 5, 2), date(2024, 5, 1))}, Invalid, ("holidays",)),
        ({"holidays": (date(2024, 5, 1), date(2024, 5, 1))}, Invalid, ("holidays",)),
        (
            {"holidays": tuple(date(2000, 1, 1) + timedelta(days=n) for n in range(HOLIDAYS_MAX + 1))},
            TooMany,
            ("holidays",),
        ),
    ],
)
def test_hours_that_nobody_can_keep_are_refused(
    change: dict[str, object], error: type[DomainError], path: tuple[str | int, ...]
) -> None:
    given_hours: dict[str, object] = {"zone": "UTC", "weekly": (OFFICE,) * 7, "holidays": ()}
    with pytest.raises(error) as refused:
        ServiceHours(**{**given_hours, **change})  # type: ignore[arg-type]
    assert refused.value.path == path


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll"])
def test_the_hours_of_fifty_years_are_what_the_wall_reads_every_quarter_of_an_hour(zone: str) -> None:
    hours = ServiceHours(zone=zone, weekly=(((0, 15), (600, 615), (1425, 1440)),) * 7)
    start, end = utc("1990-01-01"), utc("2040-01-01")
    quarter, local = timedelta(minutes=15), zone_of(zone)
    by_quarter = 0
    for step in range((end - start) // quarter):
        reading = (start + step * quarter).astimezone(local)
        by_quarter += (reading.hour * 60 + reading.minute) // 15 in (0, 40, 95)
    assert business_time(hours, start, end) == by_quarter * 15 * MINUTE_US


def test_no_zone_sets_its_clocks_twice_within_a_day() -> None:
    """What the search for changes of the offset rests on."""
    close: list[str] = []
    for name in sorted(available_timezones() - {"localtime", "Factory"}):
        changes = [at for at in _zoneinfo.ZoneInfo(name)._trans_utc if at >= EARLIEST.timestamp()]
        close += [name for before, after in pairwise(changes) if after - before <= 24 * 3600]
    assert close == []

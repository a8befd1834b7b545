from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendars import (
    AnchorDayInvalid,
    BeforeFirstPeriod,
    CalendarWindow,
    ContractYearWindow,
    Every,
    RollingDaysInvalid,
    RollingWindow,
    TilingWindow,
    UnknownZone,
    Window,
    natural_period,
    periods,
    zone_of,
)
from domain.spans import Span

HOUR_US = 3_600_000_000

ZONES = [
    "Europe/Madrid",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",  # a quarter of an hour off
    "Africa/Cairo",  # midnight gaps, and years without daylight saving
    "America/Havana",  # midnight gaps and midnights that come twice
    "America/St_Johns",  # clocks once set back from 00:01 to 23:01
    "America/Sao_Paulo",  # clocks once set back from 00:00 to 23:00
    "Pacific/Apia",  # a day skipped
]

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2040, 12, 31, tzinfo=UTC)

instants = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC))


@st.composite
def calendar_windows(draw: st.DrawFn) -> CalendarWindow:
    every = draw(st.sampled_from(Every))
    limit = {Every.DAY: 1, Every.WEEK: 7}.get(every, 31)
    anchor_day = draw(st.integers(1, limit))
    return CalendarWindow(every=every, zone=draw(st.sampled_from(ZONES)), anchor_day=anchor_day)


windows = st.one_of(calendar_windows(), st.builds(ContractYearWindow, zone=st.sampled_from(ZONES)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


def days(zone: str) -> CalendarWindow:
    return CalendarWindow(every=Every.DAY, zone=zone)


def months(zone: str, anchor_day: int = 1) -> CalendarWindow:
    return CalendarWindow(every=Every.MONTH, zone=zone, anchor_day=anchor_day)


def starts_of(window: Window, starts: str, until: str) -> list[date]:
    """The local dates on which the periods start."""
    found = periods(window, starts=utc(starts), until=utc(until))
    return [period.start.astimezone(zone_of(window.zone)).date() for period in found]


def test_golden_months_anchored_on_day_16_follow_daylight_saving() -> None:
    found = list(periods(months("Europe/Madrid", 16), starts=utc("2016-01-16"), until=utc("2016-04-01")))
    assert found == [
        span("2016-01-15T23:00", "2016-02-15T23:00"),
        span("2016-02-15T23:00", "2016-03-15T23:00"),
        span("2016-03-15T23:00", "2016-04-15T22:00"),
    ]
    assert found[2].length_us == 743 * HOUR_US


@pytest.mark.parametrize(
    ("zone", "month", "hours_times_two"),
    [
        ("Europe/Madrid", "2024-03-15", 743 * 2),
        ("Europe/Madrid", "2024-10-15", 745 * 2),
        ("America/New_York", "2025-03-15", 743 * 2),
        ("America/New_York", "2025-11-15", 721 * 2),
        ("Australia/Lord_Howe", "2024-10-15", 744 * 2 - 1),
        ("Australia/Lord_Howe", "2024-04-15", 720 * 2 + 1),
        ("Asia/Kathmandu", "2024-03-15", 744 * 2),
        ("Pacific/Apia", "2011-12-15", 720 * 2),
    ],
)
def test_a_month_is_as_long_as_its_zone_makes_it(zone: str, month: str, hours_times_two: int) -> None:
    assert natural_period(months(zone), utc(month), starts=EARLIEST).length_us * 2 == hours_times_two * HOUR_US


@pytest.mark.parametrize(
    ("zone", "noon", "expected"),
    [
        # Havana has no 00:00 on the day its clocks go forward, and two on the day they go back.
        ("America/Havana", "2024-03-10T16:00", span("2024-03-10T05:00", "2024-03-11T04:00")),
        ("America/Havana", "2024-11-03T17:00", span("2024-11-03T04:00", "2024-11-04T05:00")),
        ("Africa/Cairo", "2024-04-26T09:00", span("2024-04-25T22:00", "2024-04-26T21:00")),
        # St John's read 00:00 to 00:01 on the 7th, then 23:01 on the 6th again: the 7th starts at the first midnight.
        ("America/St_Johns", "2010-11-07T16:00", span("2010-11-07T02:30", "2010-11-08T03:30")),
        ("America/Sao_Paulo", "2018-02-17T14:00", span("2018-02-17T02:00", "2018-02-18T03:00")),
        ("Asia/Kathmandu", "2024-05-01T06:15", span("2024-04-30T18:15", "2024-05-01T18:15")),
    ],
)
def test_a_local_day_starts_at_its_first_instant(zone: str, noon: str, expected: Span) -> None:
    assert natural_period(days(zone), utc(noon), starts=EARLIEST) == expected


def test_an_instant_whose_date_comes_back_belongs_to_the_day_that_had_begun() -> None:
    again_the_6th = utc("2010-11-07T02:45")
    assert again_the_6th.astimezone(zone_of("America/St_Johns")).date() == date(2010, 11, 6)
    assert natural_period(days("America/St_Johns"), again_the_6th, starts=EARLIEST).start == utc("2010-11-07T02:30")


def test_a_day_that_a_zone_skipped_has_no_period() -> None:
    assert list(periods(days("Pacific/Apia"), starts=utc("2011-12-29T12:00"), until=utc("2011-12-31T10:00"))) == [
        span("2011-12-29T10:00", "2011-12-30T10:00"),
        span("2011-12-30T10:00", "2011-12-31T10:00"),
    ]
    assert starts_of(days("Pacific/Apia"), "2011-12-29T12:00", "2011-12-31T10:00") == [
        date(2011, 12, 29),
        date(2011, 12, 31),
    ]


def test_a_month_that_would_start_on_a_skipped_day_starts_with_the_next() -> None:
    found = starts_of(months("Pacific/Apia", 30), "2011-11-30T12:00", "2012-02-01")
    assert found == [date(2011, 11, 30), date(2011, 12, 31), date(2012, 1, 30)]


def test_an_anchor_beyond_the_months_end_is_clamped_for_that_month_only() -> None:
    assert starts_of(months("Europe/Madrid", 31), "2024-01-31T12:00", "2024-07-01") == [
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 31),
        date(2024, 4, 30),
        date(2024, 5, 31),
        date(2024, 6, 30),
    ]


@pytest.mark.parametrize(
    ("every", "anchor_day", "instant", "start", "next_start"),
    [
        (Every.WEEK, 1, "2024-05-01", date(2024, 4, 29), date(2024, 5, 6)),
        (Every.WEEK, 7, "2024-05-01", date(2024, 4, 28), date(2024, 5, 5)),
        (Every.MONTH, 16, "2024-01-15T12:00", date(2023, 12, 16), date(2024, 1, 16)),
        (Every.QUARTER, 1, "2024-05-01", date(2024, 4, 1), date(2024, 7, 1)),
        (Every.QUARTER, 31, "2024-04-30T12:00", date(2024, 4, 30), date(2024, 7, 31)),
        (Every.QUARTER, 16, "2024-01-03", date(2023, 10, 16), date(2024, 1, 16)),
        (Every.YEAR, 1, "2024-05-01", date(2024, 1, 1), date(2025, 1, 1)),
        (Every.YEAR, 20, "2024-01-03", date(2023, 1, 20), date(2024, 1, 20)),
    ],
)
def test_a_period_starts_on_its_anchor(
    every: Every, anchor_day: int, instant: str, start: date, next_start: date
) -> None:
    window = CalendarWindow(every=every, zone="America/New_York", anchor_day=anchor_day)
    period = natural_period(window, utc(instant), starts=EARLIEST)
    local = zone_of("America/New_York")
    assert (period.start.astimezone(local).date(), period.end.astimezone(local).date()) == (start, next_start)


def test_a_contract_year_runs_from_the_local_date_of_the_agreements_start() -> None:
    # 03:00 UTC on the 1st of May is still April in New York.
    window = ContractYearWindow(zone="America/New_York")
    assert list(periods(window, starts=utc("2023-05-01T03:00"), until=utc("2025-01-01"))) == [
        span("2023-04-30T04:00", "2024-04-30T04:00"),
        span("2024-04-30T04:00", "2025-04-30T04:00"),
    ]


def test_a_contract_year_from_29_february_is_clamped_in_common_years_only() -> None:
    assert starts_of(ContractYearWindow(zone="Europe/Madrid"), "2024-02-29T12:00", "2029-01-01") == [
        date(2024, 2, 29),
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


def test_an_instant_before_the_agreement_has_no_contract_year() -> None:
    window = ContractYearWindow(zone="UTC")
    with pytest.raises(BeforeFirstPeriod) as refused:
        natural_period(window, utc("2024-04-30T23:59"), starts=utc("2024-05-01T08:00"))
    assert (refused.value.instant, refused.value.first) == (utc("2024-04-30T23:59"), utc("2024-05-01"))


def test_periods_end_with_the_last_that_starts_before_until() -> None:
    window = months("UTC")
    assert starts_of(window, "2024-01-31", "2024-03-01") == [date(2024, 1, 1), date(2024, 2, 1)]
    assert starts_of(window, "2024-01-31", "2024-03-01T00:00:01")[-1] == date(2024, 3, 1)
    assert starts_of(window, "2024-01-31", "2024-01-01") == []


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_of_fifty_years_tile_time_and_each_starts_at_its_first_instant(zone: str) -> None:
    local = zone_of(zone)
    found = list(periods(days(zone), starts=EARLIEST, until=LATEST))
    for before, after in pairwise(found):
        assert before.end == after.start
    for period in found:
        day = period.start.astimezone(local).date()
        just_before = (period.start - timedelta(microseconds=1)).astimezone(local)
        assert just_before.replace(tzinfo=None) < datetime.combine(day, time.min)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("every", [Every.WEEK, Every.MONTH, Every.QUARTER, Every.YEAR])
def test_longer_periods_are_made_of_whole_days(every: Every, zone: str) -> None:
    edges = {period.start for period in periods(days(zone), starts=EARLIEST, until=LATEST)}
    found = periods(CalendarWindow(every=every, zone=zone, anchor_day=5), starts=utc("1990-02-01"), until=LATEST)
    assert {period.start for period in found} - edges <= {utc("1990-01-05")}


@settings(max_examples=150)
@given(windows, instants, st.integers(0, 1500))
def test_periods_tile_time_from_the_one_that_contains_the_start(
    window: TilingWindow, starts: datetime, ahead: int
) -> None:
    until = starts + timedelta(days=ahead)
    found = list(periods(window, starts=starts, until=until))
    assert all(before.end == after.start for before, after in pairwise(found))
    if found:
        assert found[0].contains(starts)
        assert found[-1].start < until <= found[-1].end
    else:
        # Only where the start is on a boundary and nothing is asked for.
        assert (ahead, natural_period(window, starts, starts=starts).start) == (0, starts)


@given(windows, instants, st.integers(0, 3000), st.integers(0, 86_399))
def test_the_natural_period_contains_the_instant_and_is_one_of_the_periods(
    window: TilingWindow, starts: datetime, ahead: int, seconds: int
) -> None:
    instant = starts + timedelta(days=ahead, seconds=seconds)
    period = natural_period(window, instant, starts=starts)
    assert period.contains(instant)
    assert period == list(periods(window, starts=starts, until=instant + timedelta(microseconds=1)))[-1]


@given(calendar_windows(), instants, instants, instants)
def test_calendar_periods_do_not_depend_on_the_agreement(
    window: CalendarWindow, instant: datetime, starts: datetime, other: datetime
) -> None:
    assert natural_period(window, instant, starts=starts) == natural_period(window, instant, starts=other)


@given(windows, instants)
def test_an_instant_may_be_told_in_any_zone(window: TilingWindow, instant: datetime) -> None:
    elsewhere = instant.astimezone(zone_of("Asia/Kathmandu"))
    told = natural_period(window, elsewhere, starts=elsewhere)
    assert told == natural_period(window, instant, starts=instant)
    assert told.start.tzinfo is UTC


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "europe/madrid", "localtime", "Factory", "../../etc/passwd", "/etc/localtime", "Europe", "\0"],
)
def test_a_name_that_is_no_iana_zone_is_refused(name: str) -> None:
    for build in (zone_of, months, lambda zone: ContractYearWindow(zone=zone)):
        with pytest.raises(UnknownZone) as refused:
            build(name)
        assert refused.value.zone == name


@pytest.mark.parametrize(
    ("every", "anchor_day", "limit"),
    [(Every.DAY, 2, 1), (Every.WEEK, 8, 7), (Every.MONTH, 32, 31), (Every.QUARTER, 0, 31), (Every.YEAR, -1, 31)],
)
def test_an_anchor_day_that_no_period_has_is_refused(every: Every, anchor_day: int, limit: int) -> None:
    with pytest.raises(AnchorDayInvalid) as refused:
        CalendarWindow(every=every, zone="UTC", anchor_day=anchor_day)
    assert (refused.value.every, refused.value.anchor_day, refused.value.limit) == (every, anchor_day, limit)


def test_a_naive_instant_is_refused() -> None:
    naive = datetime(2024, 5, 1)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="needs a zone"):
        natural_period(months("UTC"), naive, starts=EARLIEST)


rolling_windows = st.builds(RollingWindow, days=st.integers(1, 40), zone=st.sampled_from(ZONES))


@settings(max_examples=100)
@given(rolling_windows, instants, st.integers(0, 400))
def test_a_rolling_window_has_one_period_for_each_local_midnight(
    window: RollingWindow, starts: datetime, ahead: int
) -> None:
    until = starts + timedelta(days=ahead)
    found = list(periods(window, starts=starts, until=until))
    length = timedelta(days=window.days)
    assert all(period.end - period.start == length for period in found)
    midnights = periods(days(window.zone), starts=starts, until=until + length)
    assert [period.end for period in found] == [
        day.start for day in midnights if starts <= day.start - length and day.start - length < until
    ]


def test_a_day_that_a_zone_skipped_ends_no_rolling_window() -> None:
    window = RollingWindow(days=2, zone="Pacific/Apia")
    assert list(periods(window, starts=utc("2011-12-27T10:00"), until=utc("2011-12-30T10:00"))) == [
        span("2011-12-27T10:00", "2011-12-29T10:00"),
        span("2011-12-28T10:00", "2011-12-30T10:00"),
        span("2011-12-29T10:00", "2011-12-31T10:00"),
    ]


def test_a_day_of_a_rolling_window_is_24_hours_whatever_the_clocks_do() -> None:
    window = RollingWindow(days=1, zone="Europe/Madrid")
    assert list(periods(window, starts=utc("2024-03-30T22:00"), until=utc("2024-04-01T00:00"))) == [
        span("2024-03-30T22:00", "2024-03-31T22:00"),
        span("2024-03-31T22:00", "2024-04-01T22:00"),
    ]


@pytest.mark.parametrize("length", [0, -1, 367])
def test_a_rolling_window_of_no_day_or_of_more_than_a_year_is_refused(length: int) -> None:
    with pytest.raises(RollingDaysInvalid) as refused:
        RollingWindow(days=length, zone="UTC")
    assert refused.value.days == length

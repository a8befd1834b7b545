"""Exclusions that recur, against a plain walk over the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DomainError, Invalid, OutOfRange, TooMany
from domain.exclusion import ExclusionKind
from domain.recurrence import Recurrence, occurrences, require_bounded
from domain.spans import Span
from tests.domain.zones import odd_instants, wall, zones

MINUTE = timedelta(minutes=1)
END = datetime(2030, 1, 1, tzinfo=UTC)


def a_recurrence(
    rule: str = "FREQ=DAILY", *, starts: str = "2024-01-01T02:00", zone: str = "UTC", duration: timedelta = MINUTE * 60
) -> Recurrence:
    return Recurrence(
        rule=rule,
        starts=datetime.fromisoformat(starts),
        zone=zone,
        duration=duration,
        kind=ExclusionKind.MAINTENANCE,
    )


def starts_of(recurrence: Recurrence, since: str, until: str, *, ends_at: datetime | None = END) -> list[str]:
    within = Span(datetime.fromisoformat(since).replace(tzinfo=UTC), datetime.fromisoformat(until).replace(tzinfo=UTC))
    found = occurrences(recurrence, within, ends_at=ends_at)
    return [f"{wall(span.start, recurrence.zone):%Y-%m-%dT%H:%M}" for span in found]


def test_the_second_sunday_of_each_month() -> None:
    monthly = a_recurrence("FREQ=MONTHLY;BYDAY=2SU")
    assert starts_of(monthly, "2024-02-01", "2024-05-01") == [
        "2024-02-11T02:00",
        "2024-03-10T02:00",
        "2024-04-14T02:00",
    ]


def test_count_counts_from_the_start_whatever_is_asked_for() -> None:
    assert starts_of(a_recurrence("FREQ=DAILY;COUNT=3"), "2024-01-02", "2025-01-01") == [
        "2024-01-02T02:00",
        "2024-01-03T02:00",
    ]


def test_until_is_the_last_instant_at_which_one_may_start() -> None:
    assert starts_of(a_recurrence("FREQ=DAILY;UNTIL=20240102T020000Z"), "2024-01-01", "2025-01-01") == [
        "2024-01-01T02:00",
        "2024-01-02T02:00",
    ]


def test_none_starts_after_the_agreements_end() -> None:
    ends_at = datetime(2024, 1, 2, 2, tzinfo=UTC)
    assert starts_of(a_recurrence(), "2024-01-01", "2025-01-01", ends_at=ends_at) == ["2024-01-01T02:00"]


def test_one_that_began_before_the_span_and_reaches_into_it_is_there() -> None:
    assert starts_of(a_recurrence(), "2024-01-01T02:59", "2024-01-02T02:01") == ["2024-01-01T02:00", "2024-01-02T02:00"]


@pytest.mark.parametrize(
    ("zone", "starts", "since", "until", "expected"),
    [
        # 02:30 is not there on the day that the clocks go forward.
        ("Europe/Madrid", "2024-03-30T02:30", "2024-03-29", "2024-04-02", ["30T02:30", "01T02:30"]),
        # Midnight is not there on that day in Cairo and Havana.
        ("Africa/Cairo", "2024-04-25T00:00", "2024-04-24", "2024-04-28", ["25T00:00", "27T00:00", "28T00:00"]),
        ("America/Havana", "2024-03-09T00:00", "2024-03-08", "2024-03-12", ["09T00:00", "11T00:00"]),
        # A whole day is not there.
        ("Pacific/Apia", "2011-12-29T09:00", "2011-12-28", "2012-01-01", ["29T09:00", "31T09:00", "01T09:00"]),
        # Of two the first counts.
        ("America/Havana", "2024-11-02T00:30", "2024-11-01", "2024-11-05", ["02T00:30", "03T00:30", "04T00:30"]),
    ],
)
def test_a_local_time_that_the_zone_skipped_has_no_occurrence_and_one_that_comes_twice_has_one(
    zone: str, starts: str, since: str, until: str, expected: list[str]
) -> None:
    found = starts_of(a_recurrence(starts=starts, zone=zone), since, until)
    assert [each[8:] for each in found] == expected


@given(st.data(), zones, st.integers(1, 3), st.integers(0, 23), st.sampled_from([0, 15, 30]), st.integers(1, 20))
def test_daily_occurrences_are_those_of_a_walk_over_the_wall_clock(
    data: st.DataObject, zone: str, interval: int, hour: int, minute: int, count: int
) -> None:
    near = wall(data.draw(odd_instants(zone)), zone)
    first = near.replace(hour=hour, minute=minute)
    recurrence = a_recurrence(f"FREQ=DAILY;INTERVAL={interval};COUNT={count}", starts=first.isoformat(), zone=zone)
    around = first.replace(tzinfo=UTC)
    found = occurrences(recurrence, Span(around - timedelta(days=5), around + timedelta(days=90)), ends_at=None)
    wanted = {first + timedelta(days=interval * step) for step in range(count + 2)}
    seen: dict[datetime, datetime] = {}
    for step in range((interval * (count + 2) + 3) * 96):
        at = around - timedelta(days=2) + step * 15 * MINUTE
        if wall(at, zone) in wanted:
            seen.setdefault(wall(at, zone), at)
    assert [span.start for span in found] == sorted(seen.values())[:count]
    assert {span.end - span.start for span in found} == {recurrence.duration}


def test_a_duration_is_elapsed_time() -> None:
    found = occurrences(
        a_recurrence(starts="2024-03-31T01:00", zone="Europe/Madrid", duration=MINUTE * 120),
        Span(datetime(2024, 3, 31, tzinfo=UTC), datetime(2024, 3, 31, 12, tzinfo=UTC)),
        ends_at=END,
    )
    assert found == (Span(datetime(2024, 3, 31, tzinfo=UTC), datetime(2024, 3, 31, 2, tzinfo=UTC)),)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "DAILY",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=90",
        "FREQ=FORTNIGHTLY",
        "freq=daily",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;COUNT=100000",
        "FREQ=DAILY;COUNT=3;UNTIL=20240102T020000Z",
        "FREQ=DAILY;UNTIL=20240102",
        "FREQ=DAILY;UNTIL=20241302T020000Z",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYSETPOS=x",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=DAILY;BYSECOND=1",
        "FREQ=DAILY;X=1",
        "DTSTART:20240101T000000\nRRULE:FREQ=DAILY",
        "FREQ=DAILY;BYMONTHDAY=" + ",".join("1" * 100),
    ],
)
def test_what_is_not_a_rule_that_is_known_is_refused(rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        a_recurrence(rule)
    assert refused.value.path == ("rule",)


@pytest.mark.parametrize(
    ("rule", "ends_at", "error", "why"),
    [
        ("FREQ=DAILY", None, Invalid, "without end"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12;BYMINUTE=0,30", END, TooMany, "24 occurrences a day"),
        ("FREQ=HOURLY;BYMINUTE=0,30", END, TooMany, "24 occurrences a day"),
        ("FREQ=HOURLY", END, TooMany, "20000 occurrences"),
        ("FREQ=HOURLY;COUNT=20001", None, TooMany, "20000 occurrences"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", END, Invalid, "no occurrence"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU;COUNT=2", None, Invalid, "no occurrence"),
        ("FREQ=DAILY;UNTIL=20231231T000000Z", END, Invalid, "no occurrence"),
    ],
)
def test_a_recurrence_without_end_or_with_too_many_occurrences_or_none_is_refused(
    rule: str, ends_at: datetime | None, error: type[DomainError], why: str
) -> None:
    with pytest.raises(error, match=why) as refused:
        require_bounded(a_recurrence(rule), ends_at=ends_at)
    assert refused.value.path == ("rule",)


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=HOURLY;UNTIL=20250101T000000Z", "FREQ=YEARLY;BYDAY=-1SU;COUNT=50"]
)
def test_a_recurrence_within_the_bounds_is_taken(rule: str) -> None:
    require_bounded(a_recurrence(rule), ends_at=END)


@pytest.mark.parametrize(
    ("change", "error", "path"),
    [
        ({"zone": "Mars/Olympus"}, Invalid, "zone"),
        ({"starts": "2024-01-01T02:00:30"}, Invalid, "starts"),
        ({"starts": "2024-01-01T02:00+00:00"}, Invalid, "starts"),
        ({"starts": "1980-01-01T02:00"}, OutOfRange, "starts"),
        ({"duration": timedelta(0)}, OutOfRange, "duration"),
        ({"duration": timedelta(days=32)}, OutOfRange, "duration"),
    ],
)
def test_a_recurrence_that_makes_no_sense_is_refused(
    change: dict[str, object], error: type[DomainError], path: str
) -> None:
    with pytest.raises(error) as refused:
        a_recurrence(**change)  # type: ignore[arg-type]
    assert refused.value.path == (path,)

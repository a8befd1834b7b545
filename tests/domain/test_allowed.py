"""What counts of a period: service hours without exclusions, against a plain count of minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allowed import allowed_time, reach, set_aside
from domain.aside import ExclusionUsed, SetAside
from domain.attainment import Attainment, Status, Subject, TimeEvidence, Use
from domain.calendars import CalendarWindow, Every
from domain.errors import DomainError, Invalid, OutOfRange
from domain.evaluate import Facts, evaluate
from domain.exclusion import Exclusion, ExclusionKind, ExclusionTerms
from domain.fact import SampleTotals, TallyTotals
from domain.hours import ServiceHours
from domain.ids import ExclusionId
from domain.metric import Aggregation
from domain.recurrence import Recurrence
from domain.spans import Span
from tests.builders import (
    AFTER,
    SERVICE,
    a_metric,
    a_period,
    a_span,
    a_subject,
    an_exclusion,
    an_objective,
    an_outage,
    judged,
    moment,
    outage_facts,
)
from tests.domain.zones import odd_instants, wall, zones

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
MAINTENANCE, AGREED = ExclusionKind.MAINTENANCE, ExclusionKind.AGREED
OFFICE = ServiceHours(zone="UTC", weekly=(((9 * 60, 17 * 60),),) * 7)


def during_office_hours(
    *outages: object, exclusions: Sequence[Exclusion] = (), at: str | datetime = AFTER
) -> Attainment:
    return judged(*outages, objective=an_objective("99", hours=OFFICE), exclusions=exclusions, at=at)  # type: ignore[arg-type]


def time_of(verdict: Attainment) -> TimeEvidence:
    assert isinstance(verdict.evidence, TimeEvidence)
    return verdict.evidence


def test_time_outside_service_hours_is_told_apart_from_excluded_time() -> None:
    maintenance = an_exclusion("16:00", "20:00")
    verdict = during_office_hours(exclusions=[maintenance])
    evidence = time_of(verdict)
    assert (evidence.period_us, evidence.excluded_us, evidence.allowed_us) == (24 * HOUR_US, HOUR_US, 7 * HOUR_US)
    assert verdict.set_aside == SetAside(
        closed_us=16 * HOUR_US,
        excluded_us=HOUR_US,
        exclusions=(
            ExclusionUsed(
                exclusion=maintenance.id, kind=MAINTENANCE, starts_at=moment("16:00"), recurrence=None, us=HOUR_US
            ),
        ),
        exclusions_total=1,
    )


def test_an_outage_counts_within_service_hours_only() -> None:
    verdict = during_office_hours(
        an_outage("8:00", "10:00", external_id="a"), an_outage("20:00", "21:00", external_id="b")
    )
    evidence = time_of(verdict)
    assert (evidence.down_us, evidence.excused_us, evidence.allowed_us) == (HOUR_US, 0, 8 * HOUR_US)
    assert [(each.external_id, each.use) for each in evidence.outages] == [("a", Use.COUNTED), ("b", Use.CLOSED)]


def test_a_lasting_outage_spends_nothing_outside_service_hours() -> None:
    # 1 % of 8 hours are 4:48 minutes, which begin with the hours of the day.
    early = during_office_hours(an_outage("2:00", None), at="3:00")
    assert (early.status, early.next_at) == (Status.PENDING, moment("9:04:48.000001"))
    late = during_office_hours(an_outage("18:00", None), at="19:00")
    assert (late.status, late.next_at) == (Status.PENDING, moment("24:00"))
    assert during_office_hours(an_outage("2:00", None), at="9:04:48.000001").status is Status.MISSED


def test_the_budget_is_of_the_service_hours_of_the_whole_period() -> None:
    assert time_of(during_office_hours(at="10:00")).allowed_total_us == 8 * HOUR_US
    assert time_of(during_office_hours(at="10:00")).allowed_us == HOUR_US


@pytest.mark.parametrize("aggregation", [Aggregation.AVAILABILITY, Aggregation.RATIO_OF_SUMS, Aggregation.COUNT])
def test_a_period_without_any_allowed_time_is_not_applicable(aggregation: Aggregation) -> None:
    metric = a_metric(aggregation)
    hours = ServiceHours(zone="UTC", weekly=((),) * 6 + (((0, 60),),))
    objective = an_objective("99", metric=metric, hours=hours)
    facts: dict[Aggregation, Facts] = {
        Aggregation.AVAILABILITY: outage_facts(an_outage("1:00", "2:00")),
        Aggregation.RATIO_OF_SUMS: TallyTotals(),
        Aggregation.COUNT: SampleTotals(),
    }
    verdict = judged(objective=objective, metric=metric, facts=facts[aggregation])
    assert (verdict.status, verdict.value, verdict.set_aside.closed_us) == (Status.NOT_APPLICABLE, None, 24 * HOUR_US)


def spans_excluded(subject: Subject, *exclusions: Exclusion, period: tuple[str, str] = ("0:00", "24:00")) -> list[Span]:
    return [piece.span for piece in allowed_time(subject, exclusions, a_period(*period)).excluded]


@pytest.mark.parametrize(
    ("announced_at", "counts"), [("0 10:00", True), ("0 10:00:00.000001", False), (None, False), ("0 9:00", True)]
)
def test_an_exclusion_counts_only_if_it_was_announced_in_time(announced_at: str | None, counts: bool) -> None:
    subject = a_subject(exclusion_terms=[ExclusionTerms(kind=MAINTENANCE, notice=timedelta(days=1))])
    announced = an_exclusion("10:00", "11:00", announced_at=announced_at)
    assert spans_excluded(subject, announced) == ([a_span("10:00", "11:00")] if counts else [])


def test_terms_of_one_kind_ask_nothing_of_another() -> None:
    subject = a_subject(exclusion_terms=[ExclusionTerms(kind=AGREED, notice=timedelta(days=1))])
    assert spans_excluded(subject, an_exclusion("10:00", "11:00")) == [a_span("10:00", "11:00")]


def capped(hours: int) -> Subject:
    terms = ExclusionTerms(kind=MAINTENANCE, yearly_cap=timedelta(hours=hours))
    return a_subject(starts_at=moment("0 0:00"), exclusion_terms=[terms])


def test_a_yearly_cap_is_used_up_in_time_order_and_the_excess_counts_as_service_time() -> None:
    exclusions = [an_exclusion("0 22:00", "0 24:00"), an_exclusion("10:00", "14:00"), an_exclusion("20:00", "22:00")]
    assert spans_excluded(capped(5), *reversed(exclusions)) == [a_span("10:00", "13:00")]


def test_a_yearly_cap_starts_anew_with_each_contract_year() -> None:
    # The agreement began on 31 December; the year of that day has ended a year later.
    subject = capped(1)
    exclusions = [an_exclusion("10:00", "12:00"), an_exclusion("366 10:00", "366 12:00")]
    assert spans_excluded(subject, *exclusions) == [a_span("10:00", "11:00")]
    assert spans_excluded(subject, *exclusions, period=("366 0:00", "366 24:00")) == [a_span("366 10:00", "366 11:00")]
    assert reach(subject, a_period()) == (Span(moment("0 0:00"), datetime(2024, 12, 31, tzinfo=UTC)),)


def test_instants_that_two_exclusions_share_use_a_cap_up_once() -> None:
    exclusions = [an_exclusion("10:00", "12:00"), an_exclusion("11:00", "13:00"), an_exclusion("20:00", "21:00")]
    assert spans_excluded(capped(3), *exclusions) == [a_span("10:00", "12:00"), a_span("12:00", "13:00")]


def test_time_outside_service_hours_uses_no_cap_up() -> None:
    subject = replace(capped(2), objective=an_objective(hours=OFFICE))
    exclusions = [an_exclusion("2:00", "6:00"), an_exclusion("8:00", "10:00"), an_exclusion("16:00", "18:00")]
    assert spans_excluded(subject, *exclusions) == [a_span("9:00", "10:00"), a_span("16:00", "17:00")]


def test_each_occurrence_of_a_recurring_exclusion_is_an_exclusion_with_an_id_of_its_own() -> None:
    nightly = Recurrence(
        rule="FREQ=DAILY",
        starts=datetime(2024, 1, 1, 2),  # noqa: DTZ001 - on the wall
        zone="UTC",
        duration=timedelta(hours=1),
        kind=MAINTENANCE,
    )
    subject = a_subject(ends_at=AFTER, recurring=[nightly])
    period = a_period("0:00", "3 0:00")
    found = set_aside(allowed_time(subject, [], period), period, moment("2 2:30"))
    again = set_aside(allowed_time(subject, [], period), period, moment("2 2:30"))
    assert found == again
    assert [(used.recurrence, used.starts_at, used.us) for used in found.exclusions] == [
        (0, moment("2:00"), HOUR_US),
        (0, moment("2 2:00"), HOUR_US // 2),
    ]
    assert len({used.exclusion for used in found.exclusions}) == 2
    assert (found.excluded_us, found.exclusions_total) == (HOUR_US * 3 // 2, 2)


def test_a_recurrence_is_announced_with_its_version_and_uses_the_cap_of_its_kind() -> None:
    terms = ExclusionTerms(kind=MAINTENANCE, notice=timedelta(days=10), yearly_cap=timedelta(minutes=90))
    nightly = Recurrence(
        rule="FREQ=DAILY",
        starts=datetime(2024, 1, 1, 2),  # noqa: DTZ001 - on the wall
        zone="UTC",
        duration=timedelta(hours=1),
        kind=MAINTENANCE,
    )
    subject = a_subject(ends_at=AFTER, exclusion_terms=[terms], recurring=[nightly])
    assert spans_excluded(subject, period=("0:00", "4 0:00")) == [a_span("2:00", "3:00"), a_span("2 2:00", "2 2:30")]


@pytest.mark.parametrize(
    ("terms", "error", "path"),
    [
        ({}, Invalid, "notice"),
        ({"notice": timedelta(-1)}, OutOfRange, "notice"),
        ({"yearly_cap": timedelta(days=367)}, OutOfRange, "yearlyCap"),
    ],
)
def test_terms_that_say_nothing_or_too_much_are_refused(
    terms: Mapping[str, timedelta], error: type[DomainError], path: str
) -> None:
    with pytest.raises(error) as refused:
        ExclusionTerms(kind=MAINTENANCE, **terms)
    assert refused.value.path == (path,)


@dataclass(frozen=True)
class Given:
    """Terms and exclusions near something odd that clocks do; all on whole minutes."""

    subject: Subject
    exclusions: tuple[Exclusion, ...]
    period: Span


@st.composite
def givens(draw: st.DrawFn) -> Given:
    zone = draw(zones)
    start = draw(odd_instants(zone))
    minutes = st.integers(-2000, 4000)
    weekly = tuple((tuple(sorted(draw(st.tuples(st.integers(0, 700), st.integers(701, 1440))))),) for _ in range(7))
    hours = draw(st.sampled_from([None, ServiceHours(zone=zone, weekly=weekly)]))  # type: ignore[arg-type]
    exclusions = []
    for number in range(draw(st.integers(0, 5))):
        begins = start + draw(minutes) * MINUTE
        span = Span(begins, begins + draw(st.integers(1, 1500)) * MINUTE)
        announced = draw(st.sampled_from([None, begins - timedelta(hours=2), begins]))
        exclusions.append(
            Exclusion(
                id=ExclusionId(UUID(int=number)),
                kind=draw(st.sampled_from([MAINTENANCE, AGREED])),
                span=span,
                service=SERVICE,
                announced_at=announced,
                withdrawn=draw(st.integers(0, 5)) == 0,
            )
        )
    durations = st.one_of(st.none(), st.integers(0, 1000).map(lambda each: each * MINUTE))
    terms = []
    for kind in (MAINTENANCE, AGREED):
        notice, cap = draw(st.sampled_from([None, timedelta(hours=1)])), draw(durations)
        if notice is not None or cap is not None:
            terms.append(ExclusionTerms(kind=kind, notice=notice, yearly_cap=cap))
    window = CalendarWindow(every=Every.DAY, zone=zone)
    # The agreement began so that a contract year may end in the midst of it all.
    began = start - timedelta(days=draw(st.sampled_from([20, 365, 366, 367])))
    subject = a_subject(an_objective(window=window, hours=hours), starts_at=began, exclusion_terms=terms)
    period = Span(start, start + draw(st.integers(1, 2880)) * MINUTE)
    return Given(subject=subject, exclusions=tuple(exclusions), period=period)


def by_minute(given_terms: Given) -> tuple[int, int, int]:
    """Minutes closed, excluded and allowed: each minute looked at by itself, caps kept by counting."""
    subject, hours = given_terms.subject, given_terms.subject.objective.hours
    zone = subject.objective.window.zone

    def is_open(at: datetime) -> bool:
        if hours is None:
            return True
        reading = wall(at, hours.zone)
        minute = reading.hour * 60 + reading.minute
        return any(start <= minute < end for start, end in hours.weekly[reading.weekday()])

    def contract_year(at: datetime) -> int:
        began, reading = wall(subject.starts_at, zone).date(), wall(at, zone).date()
        day = min(began.day, 28) if began.month == 2 else began.day
        return reading.year - ((reading.month, reading.day) < (began.month, day))

    terms = {each.kind: each for each in subject.exclusion_terms}
    excluded: set[datetime] = set()
    for kind in (MAINTENANCE, AGREED):
        told = terms.get(kind)
        counted = [each for each in given_terms.exclusions if each.kind is kind and not each.withdrawn]
        if told is not None and told.notice is not None:
            counted = [
                each
                for each in counted
                if each.announced_at is not None and each.span.start - each.announced_at >= told.notice
            ]
        covered = {
            each.span.start + step * MINUTE for each in counted for step in range(each.span.length_us // MINUTE_US)
        }
        used: dict[int, timedelta] = {}
        for at in sorted(covered):
            if not is_open(at):
                continue
            year = contract_year(at)
            if told is not None and told.yearly_cap is not None and used.get(year, timedelta(0)) >= told.yearly_cap:
                continue
            if at >= subject.starts_at or told is None or told.yearly_cap is None:
                used[year] = used.get(year, timedelta(0)) + MINUTE
                excluded.add(at)
    period = [given_terms.period.start + step * MINUTE for step in range(given_terms.period.length_us // MINUTE_US)]
    closed = [at for at in period if not is_open(at)]
    taken = [at for at in period if at in excluded]
    return len(closed), len(taken), len(period) - len(closed) - len(taken)


@settings(max_examples=150)
@given(givens())
def test_allowed_time_is_the_period_within_service_hours_without_exclusions(given_terms: Given) -> None:
    period = a_period(given_terms.period.start, given_terms.period.end)
    allowed = allowed_time(given_terms.subject, given_terms.exclusions, period)
    aside = set_aside(allowed, period, period.span.end)
    counted_us = sum(span.length_us for span in allowed.counted)
    assert (aside.closed_us, aside.excluded_us, counted_us) == tuple(
        minutes * MINUTE_US for minutes in by_minute(given_terms)
    )
    assert sum(used.us for used in aside.exclusions) == aside.excluded_us


@given(givens(), st.integers(0, 3000))
def test_what_is_excluded_so_far_does_not_change_as_time_goes_on(given_terms: Given, minutes: int) -> None:
    period = a_period(given_terms.period.start, given_terms.period.end)
    at = period.span.start + minutes * MINUTE
    early = evaluate(given_terms.subject, outage_facts(), given_terms.exclusions, period, at)
    known = [each for each in given_terms.exclusions if each.span.start < at]
    assert evaluate(given_terms.subject, outage_facts(), known, period, at).set_aside == early.set_aside

"""Cases: timelines that can be, when each is decided, and the clock held to a walk minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Attainment, CaseEvidence, CaseUse, CaseUsed, Status
from domain.case import (
    CASE_LENGTH_MAX,
    PAUSES_MAX,
    Case,
    CaseLog,
    CaseRevision,
    Decision,
    Milestone,
    Pause,
    accept_case,
    decision,
    withdraw_case,
)
from domain.errors import DomainError, FactConflict, Invalid, OutOfRange, RevisionConflict
from domain.evaluate import evaluate
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion
from domain.hours import ServiceHours
from domain.metric import Aggregation, Metric
from domain.objective import LowVolume, Objective, check_cases
from domain.ratio import Direction
from tests.builders import (
    AFTER,
    STREAM,
    a_metric,
    a_period,
    a_subject,
    an_exclusion,
    an_objective,
    moment,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
METRIC = a_metric(Aggregation.CASES_WITHIN)
MADRID = ZoneInfo("Europe/Madrid")
OFFICE = ServiceHours(
    zone="Europe/Madrid", weekly=(((9 * 60, 17 * 60),),) * 5 + ((),) * 2, holidays=(date(2024, 1, 1),)
)


def a_case(
    opened: str | datetime,
    *,
    responded: str | datetime | None = None,
    resolved: str | datetime | None = None,
    pauses: Sequence[tuple[str | datetime, str | datetime | None]] = (),
    name: str | None = None,
) -> Case:
    def at(when: str | datetime | None) -> datetime | None:
        return None if when is None else moment(when)

    return Case(
        external_id=name or f"{moment(opened):%d-%H:%M}",
        opened_at=moment(opened),
        responded_at=at(responded),
        resolved_at=at(resolved),
        pauses=tuple(Pause(moment(start), at(end)) for start, end in pauses),
    )


def about_cases(
    limit: timedelta = HOUR,
    *,
    milestone: Milestone = Milestone.RESOLUTION,
    hours: ServiceHours | None = None,
    expected: str = "90",
) -> Objective:
    plain = an_objective(expected, metric=METRIC)
    return Objective(
        id=plain.id,
        code=plain.code,
        name=plain.name,
        metric=plain.metric,
        direction=Direction.AT_LEAST,
        expected=plain.expected,
        window=plain.window,
        hours=hours,
        case_milestone=milestone,
        case_limit=limit,
    )


def judged(
    *cases: Case,
    objective: Objective | None = None,
    exclusions: Sequence[Exclusion] = (),
    start: str | datetime = "0:00",
    end: str | datetime = "24:00",
    at: str | datetime = AFTER,
) -> Attainment:
    subject = a_subject(objective or about_cases(), metric=METRIC)
    facts = CaseFacts(logs=[CaseLog(stream=STREAM, cases=cases)])
    return evaluate(subject, facts, exclusions, a_period(start, end), moment(at))


def evidence_of(attainment: Attainment) -> CaseEvidence:
    assert isinstance(attainment.evidence, CaseEvidence)
    return attainment.evidence


def counted(attainment: Attainment) -> tuple[int, int, int]:
    """In time, late, open."""
    evidence = evidence_of(attainment)
    return evidence.in_time, evidence.late, evidence.open


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ({"responded": "0:59"}, ("respondedAt",)),
        ({"resolved": "0:59"}, ("resolvedAt",)),
        ({"responded": "3:00", "resolved": "2:00"}, ("respondedAt",)),
        ({"resolved": moment("1:00") + CASE_LENGTH_MAX + MICROSECOND}, ("resolvedAt",)),
        ({"pauses": [("0:59", "2:00")]}, ("pauses", 0, "pausedAt")),
        ({"pauses": [("2:00", "2:00")]}, ("pauses", 0, "resumedAt")),
        ({"pauses": [("2:00", "1:30")]}, ("pauses", 0, "resumedAt")),
        ({"pauses": [("2:00", "4:00"), ("3:00", "5:00")]}, ("pauses", 1, "pausedAt")),
        ({"pauses": [("4:00", "5:00"), ("2:00", "3:00")]}, ("pauses", 1, "pausedAt")),
        ({"pauses": [("2:00", None), ("3:00", "4:00")]}, ("pauses", 1, "pausedAt")),
        ({"resolved": "3:00", "pauses": [("3:00", None)]}, ("pauses", 0, "pausedAt")),
        ({"resolved": "3:00", "pauses": [("2:00", "3:30")]}, ("pauses", 0, "resumedAt")),
        ({"pauses": [("2:00", "3:00")] * (PAUSES_MAX + 1)}, ("pauses",)),
        ({"name": "\x00"}, ("externalId",)),
    ],
)
def test_a_timeline_that_cannot_be_is_refused(case: dict[str, object], path: tuple[object, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        a_case("1:00", **case)  # type: ignore[arg-type]
    assert refused.value.path == path


def test_a_timeline_may_touch_itself() -> None:
    case = a_case("1:00", responded="1:00", resolved="1:00")
    assert decision(case, Milestone.RESOLUTION, HOUR, None) == Decision(moment("1:00"), in_time=True)
    a_case("1:00", pauses=[("1:00", "2:00"), ("2:00", None)], resolved="3:00")


@pytest.mark.parametrize(
    ("case", "milestone", "expected"),
    [
        (a_case("1:00", resolved="2:00"), Milestone.RESOLUTION, Decision(moment("2:00"), in_time=True)),
        (
            a_case("1:00", resolved=moment("2:00") + MICROSECOND),
            Milestone.RESOLUTION,
            Decision(moment("2:00"), in_time=False),
        ),
        (a_case("1:00"), Milestone.RESOLUTION, Decision(moment("2:00"), in_time=False)),
        (a_case("1:00", responded="1:30"), Milestone.RESPONSE, Decision(moment("1:30"), in_time=True)),
        (a_case("1:00", responded="1:30"), Milestone.RESOLUTION, Decision(moment("2:00"), in_time=False)),
        (a_case("1:00", resolved="1:30"), Milestone.RESPONSE, Decision(moment("1:30"), in_time=True)),
        (
            a_case("1:00", resolved="5:00", pauses=[("1:30", "4:45")]),
            Milestone.RESOLUTION,
            Decision(moment("5:00"), in_time=True),
        ),
        (
            a_case("1:00", resolved="9:00", pauses=[("1:30", "4:45")]),
            Milestone.RESOLUTION,
            Decision(moment("5:15"), in_time=False),
        ),
        (a_case("1:00", pauses=[("1:30", None)]), Milestone.RESOLUTION, None),
        (a_case("1:00", pauses=[("2:30", None)]), Milestone.RESOLUTION, Decision(moment("2:00"), in_time=False)),
        (
            a_case("1:00", pauses=[("1:30", None)], resolved="20:00"),
            Milestone.RESOLUTION,
            Decision(moment("20:00"), in_time=True),
        ),
        (
            a_case("1:00", pauses=[("2:00", "3:00")], resolved="3:00"),
            Milestone.RESOLUTION,
            Decision(moment("3:00"), in_time=True),
        ),
    ],
    ids=[
        "in time to the very instant",
        "late by a microsecond",
        "late by staying open",
        "responded to",
        "responded to is not resolved",
        "a resolution is a response",
        "a pause stops the clock",
        "late in spite of a pause",
        "paused for good",
        "late before it was paused",
        "the resolution ends the pause",
        "used up just as a pause began",
    ],
)
def test_a_case_is_decided_at_its_milestone_or_when_its_limit_runs_out(
    case: Case, milestone: Milestone, expected: Decision | None
) -> None:
    assert decision(case, milestone, HOUR, None) == expected


def test_the_clock_stands_still_outside_service_hours_and_on_holidays() -> None:
    """Friday 29 December 2023 at 16:30 in Madrid; Monday is a holiday."""
    friday = datetime(2023, 12, 29, 16, 30, tzinfo=MADRID).astimezone(UTC)
    tuesday = datetime(2024, 1, 2, 9, 30, tzinfo=MADRID).astimezone(UTC)
    assert decision(a_case(friday), Milestone.RESOLUTION, HOUR, OFFICE) == Decision(tuesday, in_time=False)
    in_time = a_case(friday, resolved=tuesday)
    assert decision(in_time, Milestone.RESOLUTION, HOUR, OFFICE) == Decision(tuesday, in_time=True)


def test_a_limit_that_is_used_up_as_the_day_closes_runs_out_when_the_next_one_begins() -> None:
    opened = datetime(2024, 1, 2, 16, tzinfo=MADRID).astimezone(UTC)
    at_night = datetime(2024, 1, 2, 23, tzinfo=MADRID).astimezone(UTC)
    morning = datetime(2024, 1, 3, 9, tzinfo=MADRID).astimezone(UTC)
    resolved = a_case(opened, resolved=at_night)
    assert decision(resolved, Milestone.RESOLUTION, HOUR, OFFICE) == Decision(at_night, in_time=True)
    assert decision(a_case(opened), Milestone.RESOLUTION, HOUR, OFFICE) == Decision(morning, in_time=False)


def test_a_limit_that_no_clock_reaches_decides_nothing() -> None:
    rare = ServiceHours(zone="UTC", weekly=(((0, 1),),) + ((),) * 6, holidays=())
    assert decision(a_case("1:00"), Milestone.RESOLUTION, timedelta(days=366), rare) is None


def test_a_case_belongs_to_the_period_in_which_it_is_decided() -> None:
    """So it counts once, and cannot be hidden by staying open."""
    case = a_case("0 23:30", resolved="2 12:00")
    days = [
        judged(case, start=start, end=end) for start, end in (("0 0:00", "0:00"), ("0:00", "24:00"), ("24:00", "48:00"))
    ]
    assert [counted(each) for each in days] == [(0, 0, 1), (0, 1, 0), (0, 0, 0)]
    assert [each.status for each in days] == [Status.NOT_APPLICABLE, Status.MISSED, Status.NOT_APPLICABLE]


def test_the_verdict_is_the_share_in_time_and_names_the_cases() -> None:
    late, good, still = a_case("1:00", resolved="3:00"), a_case("1:30", resolved="1:45"), a_case("23:30")
    found = judged(late, good, still, objective=about_cases(expected="50"))
    assert (found.status, found.value and found.value.exact) == (Status.MET, Fraction(1, 2))
    assert evidence_of(found) == CaseEvidence(
        allowed_us=24 * 3600 * 1_000_000,
        excluded_us=0,
        in_time=1,
        late=1,
        open=1,
        cases=(
            CaseUsed(stream=STREAM, external_id="01-01:30", revision=1, decided_at=moment("1:45"), use=CaseUse.IN_TIME),
            CaseUsed(stream=STREAM, external_id="01-01:00", revision=1, decided_at=moment("2:00"), use=CaseUse.LATE),
            CaseUsed(stream=STREAM, external_id="01-23:30", revision=1, decided_at=None, use=CaseUse.OPEN),
        ),
        cases_total=3,
    )


def test_a_case_decided_in_excluded_time_does_not_count() -> None:
    found = judged(a_case("1:00"), a_case("5:00", resolved="5:10"), exclusions=[an_exclusion("1:30", "2:30")])
    assert (counted(found), evidence_of(found).cases_total) == ((1, 0, 0), 2)
    assert evidence_of(found).cases[0].use is CaseUse.EXCUSED


def test_time_alone_decides_open_cases_and_asks_for_a_look_when_the_limit_has_run_out() -> None:
    case = a_case("1:00")
    before = judged(case, at="1:30")
    assert (counted(before), before.next_at) == ((0, 0, 1), moment("2:00") + MICROSECOND)
    at_limit = judged(case, at="2:00")
    assert (counted(at_limit), at_limit.next_at) == ((0, 0, 1), moment("2:00") + MICROSECOND)
    after = judged(case, at=moment("2:00") + MICROSECOND)
    assert (counted(after), after.status, after.next_at) == ((0, 1, 0), Status.PENDING, moment("24:00"))


def test_of_few_cases_one_miss_is_tolerated_where_the_objective_says_so() -> None:
    """Nine cases cannot tell 90 % from all; ten can."""
    good = [a_case(f"{hour}:00", resolved=f"{hour}:30") for hour in range(2, 11)]
    tolerant = replace(about_cases(expected="90"), low_volume=LowVolume.ONE_MISS)
    nine, ten = [a_case("1:00"), *good[:8]], [a_case("1:00"), a_case("1:01"), *good]
    found = [judged(*cases, objective=tolerant).status for cases in (nine, ten)]
    assert (found, judged(*nine).status) == ([Status.MET, Status.MISSED], Status.MISSED)


def test_a_promise_about_cases_names_milestone_and_limit_and_no_other_does() -> None:
    plain = a_metric()
    check_cases(METRIC, Milestone.RESPONSE, HOUR)
    check_cases(plain, None, None)
    refused: list[tuple[Metric, Milestone | None, timedelta | None, str]] = [
        (METRIC, None, HOUR, "caseMilestone"),
        (METRIC, Milestone.RESPONSE, None, "caseLimit"),
        (plain, Milestone.RESPONSE, None, "caseMilestone"),
        (plain, None, HOUR, "caseLimit"),
    ]
    for metric, milestone, limit, field in refused:
        with pytest.raises(Invalid) as told:
            check_cases(metric, milestone, limit)
        assert told.value.path == (field,)
    for limit in (timedelta(0), timedelta(days=367)):
        with pytest.raises(OutOfRange):
            about_cases(limit)


def test_cases_are_promised_as_at_least_a_share() -> None:
    with pytest.raises(Invalid):
        a_metric(Aggregation.CASES_WITHIN, direction=Direction.AT_MOST)


def test_the_same_case_again_is_no_revision_and_another_content_names_the_one_before() -> None:
    case = a_case("1:00", name="a")
    first = accept_case(STREAM, case, None, None)
    assert first == CaseRevision(stream=STREAM, external_id="a", revision=1, case=case)
    assert accept_case(STREAM, case, first, None) is None
    resolved = a_case("1:00", resolved="1:30", name="a")
    refusals: list[tuple[int | None, type[DomainError]]] = [(None, FactConflict), (2, RevisionConflict)]
    for replaces, refusal in refusals:
        with pytest.raises(refusal):
            accept_case(STREAM, resolved, first, replaces)
    second = accept_case(STREAM, resolved, first, 1)
    assert second is not None
    assert second.case is not None
    assert (second.revision, second.case.revision, second.case.resolved_at) == (2, 2, moment("1:30"))
    gone = withdraw_case(second, None)
    assert gone == CaseRevision(stream=STREAM, external_id="a", revision=3, case=None)
    assert withdraw_case(gone, None) is None
    with pytest.raises(RevisionConflict):
        withdraw_case(second, 1)


# What follows is by the minute, from Friday 15 March 2024 on.
FRIDAY = datetime(2024, 3, 15, tzinfo=UTC)
WEEK = 7 * 24 * 60
opened = st.integers(0, WEEK)
spans = st.lists(st.integers(0, 3000), max_size=6, unique=True).map(sorted)
limits = st.integers(1, 1500)
many_hours = st.sampled_from([None, OFFICE])


def minute(number: int) -> datetime:
    return FRIDAY + number * MINUTE


def pauses_of(start: int, edges: Sequence[int], end: int | None) -> list[tuple[datetime, datetime | None]]:
    """From edges, counted from the opening; an odd one out begins a pause that lasts. None reaches beyond the end."""
    kept = [start + edge for edge in edges if end is None or start + edge < end]
    resumed: list[int | None] = [*kept[1::2], *([None] if len(kept) % 2 else [])]
    return [
        (minute(begins), None if ends is None else minute(ends))
        for begins, ends in zip(kept[::2], resumed, strict=True)
    ]


def is_open(number: int, hours: ServiceHours | None) -> bool:
    """By the wall clock in Madrid, not by the code under test."""
    wall = minute(number).astimezone(MADRID)
    return hours is None or (wall.weekday() < 5 and 9 <= wall.hour < 17)


def walked(case: Case, limit: int, hours: ServiceHours | None, start: int) -> Decision | None:
    """Minute by minute: the clock runs while it is open and not paused."""
    passed = 0
    for number in range(start, start + 3 * WEEK):
        if case.resolved_at == minute(number):
            return Decision(minute(number), in_time=True)
        paused = any(
            pause.start <= minute(number) and (pause.end is None or minute(number) < pause.end) for pause in case.pauses
        )
        if paused or not is_open(number, hours):
            continue
        if passed == limit:
            return Decision(minute(number), in_time=False)
        passed += 1
    return None


@given(start=opened, edges=spans, limit=limits, hours=many_hours, lasts=st.one_of(st.none(), st.integers(0, WEEK)))
def test_a_decision_is_what_a_walk_minute_by_minute_finds(
    start: int, edges: Sequence[int], limit: int, hours: ServiceHours | None, lasts: int | None
) -> None:
    end = None if lasts is None else start + lasts
    case = a_case(
        minute(start), resolved=None if end is None else minute(end), pauses=pauses_of(start, edges, end), name="a"
    )
    assert decision(case, Milestone.RESOLUTION, limit * MINUTE, hours) == walked(case, limit, hours, start)


@given(start=opened, edges=spans, limit=limits, hours=many_hours, lasts=st.one_of(st.none(), st.integers(0, WEEK)))
def test_pausing_never_makes_a_case_later_than_not_pausing(
    start: int, edges: Sequence[int], limit: int, hours: ServiceHours | None, lasts: int | None
) -> None:
    end = None if lasts is None else start + lasts
    resolved = None if end is None else minute(end)
    paused = a_case(minute(start), resolved=resolved, pauses=pauses_of(start, edges, end), name="a")
    plain = a_case(minute(start), resolved=resolved, name="a")
    with_pauses, without = (decision(each, Milestone.RESOLUTION, limit * MINUTE, hours) for each in (paused, plain))
    assert without is not None
    if without.in_time:
        assert with_pauses == without
    elif with_pauses is not None and not with_pauses.in_time:
        assert with_pauses.at >= without.at


@given(
    starts=st.lists(st.tuples(opened, st.one_of(st.none(), st.integers(0, WEEK))), max_size=10),
    limit=limits,
    cut=st.integers(1, 2 * WEEK - 1),
    hours=many_hours,
)
def test_every_case_is_decided_in_one_of_the_parts_of_a_split_period(
    starts: Sequence[tuple[int, int | None]], limit: int, cut: int, hours: ServiceHours | None
) -> None:
    cases = [
        a_case(minute(start), resolved=None if lasts is None else minute(start + lasts), name=str(number))
        for number, (start, lasts) in enumerate(starts)
    ]

    def decided(first: int, last: int) -> tuple[int, int]:
        objective = about_cases(limit * MINUTE, hours=hours)
        found = judged(*cases, objective=objective, start=minute(first), end=minute(last), at=minute(9 * WEEK))
        return counted(found)[:2]

    left, right = decided(0, cut), decided(cut, 2 * WEEK)
    assert (left[0] + right[0], left[1] + right[1]) == decided(0, 2 * WEEK)

"""Versions, and the periods that each governs (rules.md, Calendars)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agreement import Agreement, AgreementKind, Level, Version, periods_of
from domain.calendars import CalendarWindow, ContractYearWindow, Every
from domain.errors import OutOfRange, Taken, WrongState
from domain.ids import AgreementId, MetricId, ObjectiveId, PartyId, ServiceId, VersionId
from domain.objective import Importance, Objective
from domain.ratio import Direction, Ratio
from domain.service import Service
from domain.spans import Span

MONTHS = CalendarWindow(every=Every.MONTH, zone="UTC")
VENDOR, CUSTOMER, OTHER = (PartyId(UUID(int=each)) for each in (1, 2, 3))
PLATFORM, MAIL = (ServiceId(UUID(int=each)) for each in (11, 12))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def an_objective(code: str = "availability") -> Objective:
    return Objective(
        id=ObjectiveId(uuid4()),
        code=code,
        name=code,
        metric=MetricId(UUID(int=5)),
        direction=Direction.AT_LEAST,
        expected=Ratio.percent("99.9"),
        window=MONTHS,
    )


def a_version(number: int, effective_from: str, *, activated: bool = True, judge_partial: bool = False) -> Version:
    return Version(
        id=VersionId(UUID(int=100 + number)),
        number=number,
        effective_from=instant(effective_from),
        objectives=(an_objective(),),
        judge_partial_periods=judge_partial,
        activated_at=instant(effective_from) if activated else None,
    )


def an_agreement(*versions: Version, starts: str = "2024-01-01", ends: str | None = None) -> Agreement:
    return Agreement(
        id=AgreementId(UUID(int=9)),
        code="uc-1",
        name="Underpinning contract",
        kind=AgreementKind.UC,
        provider=VENDOR,
        customer=CUSTOMER,
        service=PLATFORM,
        starts_at=instant(starts),
        ends_at=None if ends is None else instant(ends),
        versions=versions,
    )


def bounds(agreement: Agreement, version: Version, until: str) -> list[tuple[str, str, bool]]:
    found = periods_of(agreement, version, version.objectives[0], until=instant(until), new_id=uuid4)
    return [(f"{each.span.start:%m-%d}", f"{each.span.end:%m-%d}", each.report_only) for each in found]


def test_the_version_in_force_at_a_periods_start_governs_the_whole_period() -> None:
    first, second = a_version(1, "2024-01-01"), a_version(2, "2024-02-15")
    agreement = an_agreement(first, second)
    assert bounds(agreement, first, "2024-06-01") == [("01-01", "02-01", False), ("02-01", "03-01", False)]
    assert bounds(agreement, second, "2024-05-01") == [("03-01", "04-01", False), ("04-01", "05-01", False)]


def test_a_first_partial_period_is_report_only_unless_declared() -> None:
    version = a_version(1, "2024-01-20")
    assert bounds(an_agreement(version), version, "2024-03-01") == [
        ("01-20", "02-01", True),
        ("02-01", "03-01", False),
    ]
    declared = replace(version, judge_partial_periods=True)
    assert bounds(an_agreement(declared), declared, "2024-02-01") == [("01-20", "02-01", False)]


def test_a_last_period_cut_by_the_agreements_end_is_report_only() -> None:
    version = a_version(1, "2024-01-01")
    agreement = an_agreement(version, ends="2024-02-10")
    assert bounds(agreement, version, "2025-01-01") == [("01-01", "02-01", False), ("02-01", "02-10", True)]


def test_a_contract_year_runs_from_the_agreements_start_and_clamps_29_february() -> None:
    version = a_version(1, "2024-02-29")
    agreement = an_agreement(version, starts="2024-02-29")
    yearly = replace(version.objectives[0], window=ContractYearWindow(zone="UTC"))
    found = periods_of(agreement, version, yearly, until=instant("2026-03-01"), new_id=uuid4)
    assert [each.span.start for each in found] == [
        instant("2024-02-29"),
        instant("2025-02-28"),
        instant("2026-02-28"),
    ]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=5, unique=True))
def test_the_versions_of_an_agreement_share_out_time_without_gap_or_overlap(days: list[int]) -> None:
    starts = [instant("2024-01-01") + timedelta(days=day) for day in sorted(days)]
    versions = tuple(
        replace(a_version(number, "2024-01-01"), effective_from=start) for number, start in enumerate(starts, 1)
    )
    agreement = an_agreement(*versions)
    until = instant("2027-01-01")
    spans = [
        each.span
        for version in versions
        for each in periods_of(agreement, version, version.objectives[0], until=until, new_id=uuid4)
    ]
    assert spans[0].start == starts[0]
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert spans[-1].end == until


def test_an_agreement_takes_one_draft_at_a_time_and_activates_it_after_its_predecessor() -> None:
    agreement = an_agreement(a_version(1, "2024-01-01"))
    drafted = agreement.drafted(a_version(2, "2024-03-01", activated=False))
    with pytest.raises(WrongState, match="has a draft already"):
        drafted.drafted(a_version(3, "2024-04-01", activated=False))
    active = drafted.activate(at=instant("2024-02-01"))
    assert active.in_force(instant("2024-02-29")) == agreement.versions[0]
    assert active.in_force(instant("2024-03-01")) == active.versions[1]
    with pytest.raises(WrongState, match="no draft to activate"):
        active.activate(at=instant("2024-02-01"))
    early = agreement.drafted(a_version(2, "2024-01-01", activated=False))
    with pytest.raises(OutOfRange, match="after the one that it succeeds"):
        early.activate(at=instant("2024-02-01"))


def test_nothing_is_in_force_before_the_start_or_from_the_end_on() -> None:
    agreement = an_agreement(a_version(1, "2024-01-01"), ends="2024-12-01")
    assert agreement.in_force(instant("2023-12-31")) is None
    assert agreement.in_force(instant("2024-12-01")) is None


def test_a_version_refuses_two_objectives_of_one_code() -> None:
    with pytest.raises(Taken) as refused:
        replace(a_version(1, "2024-01-01"), objectives=(an_objective(), an_objective()))
    assert refused.value.path == ("objectives", 1, "code")


def test_the_level_follows_from_the_scope() -> None:
    both = an_agreement(a_version(1, "2024-01-01"))
    assert both.level is Level.CUSTOMER_AND_SERVICE
    assert replace(both, customer=None).level is Level.SERVICE
    assert replace(both, service=None).level is Level.CUSTOMER
    assert replace(both, customer=None, service=None).level is Level.CORPORATE


def test_an_agreement_for_all_services_covers_what_its_provider_delivers_to_its_customers() -> None:
    agreement = replace(an_agreement(a_version(1, "2024-01-01")), service=None)
    mine = Service(id=MAIL, code="mail", name="Mail", provider=VENDOR, consumers=frozenset({CUSTOMER}))
    family = frozenset({CUSTOMER})
    assert agreement.covers(mine, customers=family)
    assert not agreement.covers(replace(mine, consumers=frozenset({OTHER})), customers=family)
    assert not agreement.covers(replace(mine, provider=OTHER), customers=family)
    corporate = replace(agreement, customer=None)
    assert corporate.covers(replace(mine, consumers=frozenset({OTHER})), customers=frozenset())
    assert not corporate.covers(replace(mine, consumers=frozenset()), customers=frozenset())


def test_every_period_of_a_report_only_objective_is_report_only() -> None:
    version = a_version(1, "2024-01-01")
    told = replace(version.objectives[0], importance=Importance.REPORT_ONLY)
    found = periods_of(an_agreement(version), version, told, until=instant("2024-03-01"), new_id=uuid4)
    assert [each.report_only for each in found] == [True, True]


def test_a_period_is_a_span_of_utc() -> None:
    version = a_version(1, "2024-01-01")
    [first, *_] = periods_of(
        an_agreement(version), version, version.objectives[0], until=instant("2024-02-01"), new_id=uuid4
    )
    assert first.span == Span(instant("2024-01-01"), instant("2024-02-01"))

"""Worked cases with sources. Each is applied here or beside, or named as waiting, so that a new one can't be missed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.attainment import TimeEvidence, budget_us
from domain.calendars import CalendarWindow, Every, natural_period
from domain.ids import ServiceId, StreamId
from domain.instants import EARLIEST
from domain.outage_time import OutageFacts
from domain.spans import Span, microseconds
from domain.structure import AllOf, AnyOf, Component, KOfN, State, Structure, state_of
from runtime.written import duration
from tests.builders import DAY, SERVICE, a_log, a_period, a_service, an_objective, an_outage, judged

Case = Mapping[str, Any]

CASES: Mapping[str, Case] = {
    case["id"]: case for case in json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
}
APPLIED = frozenset(
    {
        "anchored-month-and-daylight-saving",
        "budgets",
        "mean-of-slices",
        "planning-composition",
        "attribution-serial",
    }
)
WAITING = {
    "at-risk-pool": "credit terms",
    "shared-miss-own-money": "credit terms",
    "persistent-failure": "credit terms",
    "bands-with-cap": "credit terms",
    "attribution-redundant": "attribution",
    "expected-default": "termination rights",
    "earn-back": "earn-back",
    "continuous-improvement": "continuous improvement",
}


def test_every_case_is_applied_or_waits_for_something_named() -> None:
    assert frozenset(CASES) == APPLIED | frozenset(WAITING)
    assert not APPLIED & frozenset(WAITING)


def test_months_are_anchored_and_daylight_saving_is_right() -> None:
    window = CalendarWindow(every=Every.MONTH, zone="Europe/Madrid", anchor_day=16)
    for period in CASES["anchored-month-and-daylight-saving"]["periods"]:
        expected = Span(_instant(period["start"]), _instant(period["end"]))
        assert natural_period(window, expected.start, starts=DAY) == expected
        if "hours" in period:
            assert expected.end - expected.start == timedelta(hours=period["hours"])


def test_a_budget_by_time_is_the_share_that_the_target_leaves() -> None:
    """The other case counts slices: tests/golden/test_golden_slices.py."""
    by_time = [case for case in CASES["budgets"]["cases"] if case["method"] == "time"]
    assert len(by_time) == 1
    for case in by_time:
        objective = an_objective(case["target_percent"])
        evidence = judged(objective=objective, period=a_period(DAY, DAY + duration(case["window"]))).evidence
        assert isinstance(evidence, TimeEvidence)
        assert budget_us(objective, evidence) == microseconds(duration(case["budget"]))


@pytest.mark.parametrize(
    ("case", "combined"),
    [
        ("serial", AllOf),
        ("parallel", AnyOf),
        ("two_of_three", lambda parts: KOfN(k=2, parts=parts)),
        ("back_to_back", AllOf),
    ],
)
def test_the_planned_availability_of_independent_parts_follows_from_the_structure(case: str, combined: Any) -> None:
    """The probability that the structure is up, exactly."""
    given = CASES["planning-composition"][case]
    chances = {ServiceId(UUID(int=number)): Fraction(each) for number, each in enumerate(given["of"])}
    structure: Structure = combined(tuple(Component(each) for each in chances))
    assert _chance_of_up(structure, chances) == Fraction(given["is"])


def test_a_promise_that_the_parts_do_not_carry_is_above_their_product() -> None:
    """Whether a promise is carried in all its terms is still to come; here it is the target alone."""
    given = CASES["planning-composition"]["back_to_back"]
    assert (Fraction(given["promise"]) <= prod(map(Fraction, given["of"]))) is given["carried"]


def test_the_serial_service_is_down_while_any_of_its_parts_is() -> None:
    """Who answers for which minutes is still to come."""
    case = CASES["attribution-serial"]
    parts = {name: ServiceId(UUID(int=number)) for number, name in enumerate(case["structure"]["all_of"], start=1)}
    structure = AllOf(tuple(Component(each) for each in parts.values()))
    services = {
        SERVICE: a_service(SERVICE, (EARLIEST, structure)),
        **{each: a_service(each) for each in parts.values()},
    }
    logs = {each: [a_log(*_outages(case["outages"], name), stream=StreamId(each))] for name, each in parts.items()}
    evidence = judged(facts=OutageFacts(services=services, logs=logs)).evidence
    assert isinstance(evidence, TimeEvidence)
    assert evidence.down_us == case["service_down_minutes"] * 60_000_000


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _outages(given: Sequence[Case], name: str) -> Sequence[Any]:
    return [an_outage(each["start"], each["end"]) for each in given if each["of"] == name]


def _chance_of_up(structure: Structure, chances: Mapping[ServiceId, Fraction]) -> Fraction:
    chance = Fraction(0)
    for states in product((State.UP, State.DOWN), repeat=len(chances)):
        now = dict(zip(chances, states, strict=True))
        if state_of(structure, now) is State.UP:
            chance += prod(each if now[service] is State.UP else 1 - each for service, each in chances.items())
    return chance

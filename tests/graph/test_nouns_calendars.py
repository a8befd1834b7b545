"""Service hours, exclusions that recur, notice and caps, and rolling windows, all through the schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, a_promise, acting_for, an_agreement, furnish

GOLDEN = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent.parent / "golden" / "cases.json").read_text(encoding="utf-8"))
}
OFFICE = {
    "zone": "Europe/Vienna",
    "weekly": [
        {"day": "FRIDAY", "opens": "13:00", "closes": "24:00"},
        {"day": "FRIDAY", "opens": "08:00", "closes": "12:00"},
    ],
    "holidays": ["2026-01-06", "2026-01-01"],
}
NIGHTLY = {
    "rule": "FREQ=DAILY;UNTIL=20261231T000000Z",
    "starts": "2026-01-01T22:00",
    "zone": "Europe/Vienna",
    "duration": "PT1H",
    "kind": "MAINTENANCE",
    "reason": "Every night",
}

TERMS = """
query($id: ID!) { node(id: $id) { ... on Agreement { versions {
  exclusionTerms { kind notice yearlyCap }
  recurring { rule starts zone duration kind reason }
  objectives { code hours { zone weekly { day opens closes } holidays } window { zone ... on RollingWindow { days } } }
} } } }
"""
VERDICTS = """
query($agreement: ID!) { attainments(filter: {agreements: [$agreement]}, orderBy: {direction: ASC}) { nodes {
  status value period { start end }
  budget
  setAside { closed closedUs excluded excludedUs exclusionsTotal
    exclusions { kind startsAt took tookUs recurrence exclusion { reason } } }
} } }
"""
BREACHES = """
query($agreement: ID!) { breaches(filter: {agreements: [$agreement]}) { nodes { state endedAt period { start end } } } }
"""
HOLIDAYS = """
query($country: String!, $subdivision: String, $from: Date!, $until: Date!) {
  proposedHolidays(country: $country, subdivision: $subdivision, from: $from, until: $until) { date name }
}
"""


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


async def an_active(asker: Asker, code: str, *promises: dict[str, object], **more: object) -> str:
    tenant = await furnish(asker)
    named = [{**each, "metric": tenant.metrics["uptime"]} for each in promises]
    wanted = an_agreement(code, tenant.parties["acme"], *named, service=tenant.services["acme-api"], **more)
    drafted = await asker.do("draftAgreement", "agreement { id }", **wanted)
    found: str = drafted["agreement"]["id"]
    await asker.do("activateAgreement", agreement=found)
    return found


async def judged(asker: Asker, at: datetime) -> None:
    asker.clock.now = at
    await asker.judge()


async def test_terms_of_time_are_told_as_they_were_written(asker: Asker) -> None:
    agreement = await an_active(
        asker,
        "timed",
        a_promise("", "hours", hours=OFFICE),
        a_promise("", "lately", window={"rolling": {"days": 14, "zone": "Europe/Vienna"}}),
        exclusionTerms=[{"kind": "MAINTENANCE", "notice": "PT48H", "yearlyCap": "P1D"}],
        recurring=[NIGHTLY],
    )
    (version,) = (await asker.ask(TERMS, id=agreement))["node"]["versions"]
    assert version == {
        "exclusionTerms": [{"kind": "MAINTENANCE", "notice": "PT48H", "yearlyCap": "PT24H"}],
        "recurring": [NIGHTLY],
        "objectives": [
            {
                "code": "hours",
                "hours": {
                    "zone": "Europe/Vienna",
                    "weekly": [
                        {"day": "FRIDAY", "opens": "08:00", "closes": "12:00"},
                        {"day": "FRIDAY", "opens": "13:00", "closes": "24:00"},
                    ],
                    "holidays": ["2026-01-01", "2026-01-06"],
                },
                "window": {"zone": "UTC"},
            },
            {"code": "lately", "hours": None, "window": {"zone": "Europe/Vienna", "days": 14}},
        ],
    }


async def test_a_verdict_tells_closed_time_apart_from_what_each_exclusion_took(asker: Asker) -> None:
    """Friday, 2 January 2026: 15 hours are open in Vienna, and from 22:00 to 23:00 is the nightly maintenance."""
    agreement = await an_active(
        asker,
        "timed",
        a_promise(
            "", "hours", hours=OFFICE, missing="GOOD", window={"calendar": {"every": "DAY", "zone": "Europe/Vienna"}}
        ),
        recurring=[NIGHTLY],
    )
    recorded = {"startsAt": "2026-01-02T06:00:00Z", "endsAt": "2026-01-02T08:00:00Z", "reason": "agreed"}
    await asker.do("recordExclusion", kind="AGREED", agreement=agreement, **recorded)
    await judged(asker, START + timedelta(days=3))
    found = (await asker.ask(VERDICTS, agreement=agreement))["attainments"]["nodes"]
    by_day = {each["period"]["end"]: each for each in found}
    friday, thursday = by_day["2026-01-02T23:00:00Z"], by_day["2026-01-01T23:00:00Z"]
    assert (thursday["status"], thursday["value"]) == ("NOT_APPLICABLE", None)
    assert (friday["status"], friday["value"]) == ("MET", "100.000000")
    assert friday["setAside"] == {
        "closed": "PT9H",
        "closedUs": str(9 * 3_600_000_000),
        "excluded": "PT2H",
        "excludedUs": str(2 * 3_600_000_000),
        "exclusionsTotal": 2,
        "exclusions": [
            {
                "kind": "AGREED",
                "startsAt": "2026-01-02T06:00:00Z",
                "took": "PT1H",
                "tookUs": "3600000000",
                "recurrence": None,
                "exclusion": {"reason": "agreed"},
            },
            {
                "kind": "MAINTENANCE",
                "startsAt": "2026-01-02T21:00:00Z",
                "took": "PT1H",
                "tookUs": "3600000000",
                "recurrence": 0,
                "exclusion": None,
            },
        ],
    }


async def test_an_exclusion_that_uses_a_cap_up_changes_what_later_ones_take(asker: Asker) -> None:
    """And it is judged again, though the later period shares no instant with it (law 5)."""
    agreement = await an_active(
        asker,
        "capped",
        a_promise("", "capped", missing="GOOD"),
        exclusionTerms=[{"kind": "AGREED", "yearlyCap": "PT3H"}],
    )
    later = {"startsAt": "2026-01-05T00:00:00Z", "endsAt": "2026-01-05T02:00:00Z"}
    await asker.do("recordExclusion", kind="AGREED", agreement=agreement, **later)
    await judged(asker, START + timedelta(days=10))

    async def taken() -> dict[str, str]:
        found = (await asker.ask(VERDICTS, agreement=agreement))["attainments"]["nodes"]
        told = {each["period"]["start"][8:10]: each["setAside"]["excluded"] for each in found}
        return {day: each for day, each in told.items() if each != "PT0S"}

    assert await taken() == {"05": "PT2H"}
    earlier = {"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-02T02:00:00Z"}
    exclusion = (await asker.do("recordExclusion", "exclusion { id }", kind="AGREED", agreement=agreement, **earlier))[
        "exclusion"
    ]
    await judged(asker, START + timedelta(days=10))
    assert await taken() == {"02": "PT2H", "05": "PT1H"}
    await asker.do("withdrawExclusion", exclusion=exclusion["id"], replacesRevision=1)
    await judged(asker, START + timedelta(days=10))
    assert await taken() == {"05": "PT2H"}


async def test_golden_budget_of_a_rolling_fortnight_and_the_episode_of_its_breach(asker: Asker) -> None:
    """95 % of 14 days leave 16 hours and 48 minutes (golden: budgets)."""
    golden = next(case for case in GOLDEN["budgets"]["cases"] if case["window"] == "P14D")
    rolling = {"rolling": {"days": 14, "zone": "UTC"}}
    agreement = await an_active(
        asker, "rolled", a_promise("", "lately", expected=golden["target_percent"], missing="GOOD", window=rolling)
    )
    asker.clock.now = START + timedelta(days=1)
    stream = {"metric": "uptime", "service": "acme-api", "vendor": "acme"}
    outage = {"stream": stream, "externalId": "i1", "impact": "critical", "startedAt": "2026-01-01T00:00:00Z"}
    await asker.do("recordOutages", outages=[{**outage, "endedAt": "2026-01-01T17:00:00Z"}])
    await judged(asker, START + timedelta(days=16))
    found = (await asker.ask(VERDICTS, agreement=agreement))["attainments"]["nodes"]
    assert [(each["period"]["end"], each["status"], each["budget"]) for each in found] == [
        ("2026-01-15T00:00:00Z", "MISSED", golden["budget"]),
        ("2026-01-16T00:00:00Z", "MET", golden["budget"]),
        ("2026-01-17T00:00:00Z", "MET", golden["budget"]),
    ]
    breaches = (await asker.ask(BREACHES, agreement=agreement))["breaches"]["nodes"]
    assert breaches == [
        {
            "state": "OPEN",
            "endedAt": "2026-01-16T00:00:00Z",
            "period": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-15T00:00:00Z"},
        }
    ]


async def test_golden_months_anchored_on_day_16_through_the_schema(asker: Asker) -> None:
    case = GOLDEN["anchored-month-and-daylight-saving"]
    asker.clock.now = datetime(2016, 1, 1, tzinfo=UTC)
    window = {"calendar": {"every": "MONTH", "zone": "Europe/Madrid", "anchorDay": 16}}
    agreement = await an_active(
        asker,
        "anchored",
        a_promise("", "monthly", missing="GOOD", window=window),
        startsAt="2016-01-15T23:00:00Z",
        effectiveFrom="2016-01-15T23:00:00Z",
    )
    await judged(asker, datetime(2016, 5, 1, tzinfo=UTC))
    found = (await asker.ask(VERDICTS, agreement=agreement))["attainments"]["nodes"]
    periods = [each["period"] for each in found]
    for expected in case["periods"]:
        assert {"start": expected["start"], "end": expected["end"]} in periods


async def test_holidays_are_proposed_for_a_country_and_its_subdivision(asker: Asker) -> None:
    asked: dict[str, Any] = {"country": "DE", "from": "2026-01-01", "until": "2026-01-07"}
    assert (await asker.ask(HOLIDAYS, **asked))["proposedHolidays"] == [{"date": "2026-01-01", "name": "Neujahr"}]
    bavaria = (await asker.ask(HOLIDAYS, **asked, subdivision="BY"))["proposedHolidays"]
    assert [each["date"] for each in bavaria] == ["2026-01-01", "2026-01-06"]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"country": "XX"}, "INVALID", "country"),
        ({"country": "../etc"}, "INVALID", "country"),
        ({"subdivision": "Atlantis"}, "INVALID", "subdivision"),
        ({"until": "2026-01-01"}, "OUT_OF_RANGE", "until"),
        ({"until": "2036-01-02"}, "OUT_OF_RANGE", "until"),
    ],
)
async def test_holidays_of_nowhere_or_of_too_long_are_refused(
    asker: Asker, change: dict[str, object], code: str, path: str
) -> None:
    asked: dict[str, Any] = {"country": "DE", "from": "2026-01-01", "until": "2027-01-01", **change}
    errors = (await asker.say(HOLIDAYS, **asked))["errors"]
    assert [(each["extensions"]["code"], each["extensions"].get("inputPath")) for each in errors] == [(code, [path])]


async def test_holidays_are_proposed_to_who_writes_terms_only(asker: Asker) -> None:
    analyst = acting_for(asker, Role.ANALYST)
    asked = {"country": "DE", "from": "2026-01-01", "until": "2027-01-01"}
    errors = (await analyst.say(HOLIDAYS, **asked))["errors"]
    assert [each["extensions"]["code"] for each in errors] == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("objective", "terms", "code", "path"),
    [
        ({"hours": {**OFFICE, "zone": "Mars/Olympus"}}, {}, "INVALID", "objectives.0.hours.zone"),
        ({"hours": {**OFFICE, "weekly": []}}, {}, "INVALID", "objectives.0.hours.weekly"),
        (
            {"hours": {**OFFICE, "holidays": ["2026-01-01", "2026-01-01"]}},
            {},
            "INVALID",
            "objectives.0.hours.holidays",
        ),
        (
            {"window": {"rolling": {"days": 0, "zone": "UTC"}}},
            {},
            "OUT_OF_RANGE",
            "objectives.0.window.rolling.days",
        ),
        ({}, {"recurring": [{**NIGHTLY, "rule": "FREQ=DAILY"}]}, "INVALID", "recurring.0.rule"),
        (
            {},
            {"recurring": [NIGHTLY, {**NIGHTLY, "rule": "FREQ=HOURLY;COUNT=99;BYMINUTE=0,10,20"}]},
            "TOO_MANY",
            "recurring.1.rule",
        ),
        ({}, {"recurring": [{**NIGHTLY, "duration": "P32D"}]}, "OUT_OF_RANGE", "recurring.0.duration"),
        ({}, {"exclusionTerms": [{"kind": "AGREED"}]}, "INVALID", "exclusionTerms.0.notice"),
        (
            {},
            {"exclusionTerms": [{"kind": "AGREED", "notice": "PT1H"}, {"kind": "AGREED", "yearlyCap": "PT1H"}]},
            "CODE_TAKEN",
            "exclusionTerms.1.kind",
        ),
    ],
)
async def test_terms_of_time_that_cannot_be_kept_are_refused_with_their_place(
    asker: Asker, objective: dict[str, Any], terms: dict[str, object], code: str, path: str
) -> None:
    tenant = await furnish(asker)
    promise = a_promise(tenant.metrics["uptime"], **objective)
    wanted = an_agreement("new", tenant.parties["acme"], promise, **terms)
    answer = await asker.attempt("draftAgreement", "agreement { id }", **wanted)
    told = [(each["code"], ".".join(each["path"])) for each in answer["userErrors"]]
    assert (told, answer["agreement"]) == ([(code, f"input.{path}")], None)

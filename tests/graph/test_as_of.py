"""Verdicts and terms as they were known at an instant: asked again after whatever came, they are told alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, furnish

SHOWS = """
at status phase value coverage versionNumber position judgedAt
evidence { __typename allowed ... on TimeEvidence { downUs missingUs outages { externalId revision use } } }
"""
ATTAINMENT = f"""
query($at: DateTime!, $agreements: [ID!]) {{
  attainments(first: 1, orderBy: {{direction: ASC}}, filter: {{agreements: $agreements}}) {{
    nodes {{ id asOf(at: $at) {{ {SHOWS} }} }}
  }}
}}"""
"""Of the first day."""
TERMS = """
query($id: ID!, $at: DateTime!) { node(id: $id) { ... on Agreement { asOf(at: $at) {
  at versions { number state activatedAt } versionInForce { number }
} } } }
"""
HOUR = timedelta(hours=1)


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


def written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def an_outage(hours: int, minutes: int, **more: object) -> dict[str, object]:
    start = START + timedelta(hours=hours)
    end = start + timedelta(minutes=minutes)
    return {
        "stream": a_stream("uptime"),
        "externalId": "o",
        "impact": "major",
        "startedAt": written(start),
        "endedAt": written(end),
        **more,
    }


async def as_of(asker: Asker, furnished: Furnished, at: datetime) -> Any:
    found = await asker.ask(ATTAINMENT, at=written(at), agreements=[furnished.agreements["uc-acme"]])
    return found["attainments"]["nodes"][0]["asOf"]


async def lived(asker: Asker) -> Furnished:
    """By hours after the start: 12 an outage of 30 minutes, 36 it was one of 60, 60 it was none."""
    furnished = await furnish(asker)
    asker.clock.pass_by(12 * HOUR)
    report = {"stream": a_stream("uptime"), "through": written(asker.clock())}
    await asker.do("recordOutages", outages=[an_outage(10, 30)], reports=[report])
    await asker.judge()
    asker.clock.pass_by(24 * HOUR)
    report["through"] = written(asker.clock())
    await asker.do("recordOutages", outages=[an_outage(10, 60, replacesRevision=1)], reports=[report])
    await asker.judge()
    asker.clock.pass_by(24 * HOUR)
    await asker.do("withdrawOutages", outages=[{"stream": a_stream("uptime"), "externalId": "o"}])
    await asker.judge()
    return furnished


async def test_a_verdict_is_told_as_it_was_known_whatever_came_later(asker: Asker) -> None:
    furnished = await lived(asker)
    instants = [START + hours * HOUR for hours in (12, 13, 35, 36, 59, 60)]
    answers = [await as_of(asker, furnished, each) for each in instants]
    minutes = 60_000_000
    told = [(each["status"], each["value"], *us(each)) for each in answers]
    assert told == [
        ("MISSED", "95.833333", 30 * minutes, 0),
        ("MISSED", "95.833333", 30 * minutes, 60 * minutes),
        ("MISSED", "95.833333", 30 * minutes, 12 * 60 * minutes),
        ("MISSED", "95.833333", 60 * minutes, 0),
        ("MISSED", "95.833333", 60 * minutes, 0),
        ("MET", "100.000000", 0, 0),
    ]
    positions = [each["position"] for each in answers]
    assert (positions[0] == positions[1] == positions[2], positions[3] == positions[4]) == (True, True)
    assert len(set(positions)) == 3
    await amended(asker, furnished)
    assert [await as_of(asker, furnished, each) for each in instants] == answers


def us(answer: dict[str, Any]) -> tuple[int, int]:
    return int(answer["evidence"]["downUs"]), int(answer["evidence"]["missingUs"])


async def amended(asker: Asker, furnished: Furnished) -> None:
    """Other terms from the third day on, which is not final."""
    agreement = furnished.agreements["uc-acme"]
    promise = a_promise(furnished.metrics["uptime"], expected="50")
    effective = written(START + 48 * HOUR)
    await asker.do("amendAgreement", agreement=agreement, effectiveFrom=effective, objectives=[promise])
    await asker.do("activateAgreement", agreement=agreement)
    await asker.judge()


async def test_what_is_recorded_at_the_very_instant_that_was_asked_about_came_after_it(asker: Asker) -> None:
    furnished = await lived(asker)
    now = asker.clock()
    before = await as_of(asker, furnished, now)
    await asker.do("recordOutages", outages=[an_outage(11, 45, externalId="other")])
    assert await as_of(asker, furnished, now) == before
    asker.clock.pass_by(timedelta(seconds=1))
    assert (await as_of(asker, furnished, asker.clock()))["evidence"]["downUs"] == "2700000000"


async def test_an_instant_to_come_is_invalid(asker: Asker) -> None:
    await lived(asker)
    answer = await asker.say(ATTAINMENT, at=written(asker.clock() + HOUR))
    [error] = answer["errors"]
    assert (error["extensions"]["code"], error["path"][-1]) == ("INVALID", "asOf")
    assert error["extensions"]["inputPath"] == ["at"]


async def test_there_is_no_verdict_before_its_terms_were_activated(asker: Asker) -> None:
    furnished = await lived(asker)
    assert await as_of(asker, furnished, START - HOUR) is None


async def test_terms_are_told_as_they_were_known(asker: Asker) -> None:
    furnished = await lived(asker)
    agreement, then = furnished.agreements["uc-acme"], asker.clock()
    before = await terms(asker, agreement, then)
    asker.clock.pass_by(HOUR)
    await amended(asker, furnished)
    now = asker.clock()
    first = {"number": 1, "activatedAt": written(START)}
    assert before == {
        "at": written(then),
        "versions": [{**first, "state": "IN_FORCE"}],
        "versionInForce": {"number": 1},
    }
    assert await terms(asker, agreement, then) == before
    assert await terms(asker, agreement, now) == {
        "at": written(now),
        "versions": [
            {**first, "state": "SUCCEEDED"},
            {"number": 2, "state": "IN_FORCE", "activatedAt": written(now)},
        ],
        "versionInForce": {"number": 2},
    }
    assert await terms(asker, agreement, START - HOUR) is None


async def terms(asker: Asker, agreement: str, at: datetime) -> Any:
    return (await asker.ask(TERMS, id=agreement, at=written(at)))["node"]["asOf"]


async def test_a_party_is_told_its_own_alone(asker: Asker) -> None:
    furnished = await lived(asker)
    vendor = acting_for(asker, Role.VENDOR, furnished.parties["acme"])
    rival = acting_for(asker, Role.VENDOR, furnished.parties["rival"])
    at = asker.clock() - 30 * HOUR
    mine, whole = await as_of(vendor, furnished, at), await as_of(asker, furnished, at)
    assert {**mine, "position": ""} == {**whole, "position": ""}
    assert (await rival.ask(ATTAINMENT, at=written(at)))["attainments"]["nodes"] != []
    assert await terms_of_other(rival, furnished, at) is None


async def terms_of_other(asker: Asker, furnished: Furnished, at: datetime) -> Any:
    return (await asker.ask(TERMS, id=furnished.agreements["uc-acme"], at=written(at)))["node"]

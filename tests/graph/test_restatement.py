"""A final verdict that a late fact changes is restated: the former one stays, and the difference is on the feed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, an_agreement, furnish, made

DAY = timedelta(days=1)
EVENTS = """
subscription($after: String, $filter: BreachEventFilter) {
  breachEvents(after: $after, filter: $filter) {
    __typename cursor
    ... on BreachEvent { transition objectiveCode value }
    ... on AttainmentRestated {
      objectiveCode serviceCode agreementCode revision formerStatus formerValue status value recordedAt
      period { start } attainment { revision phase status value }
    }
  }
}
"""
REVISIONS = """
query($objectives: [ID!]) { attainments(first: 1, orderBy: {direction: ASC}, filter: {objectives: $objectives}) {
  nodes { phase status revisions { revision phase status value } }
} }
"""


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START, heartbeat_seconds=0.2)


def written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


async def heard(asker: Asker, count: int, **variables: object) -> list[dict[str, Any]]:
    async with asyncio.timeout(10), asker.following(EVENTS, **variables) as answers:
        return [(await anext(answers))["data"]["breachEvents"] for _ in range(count)]


def an_outage(external_id: str, hour: int, **more: object) -> dict[str, object]:
    start = START + timedelta(hours=hour)
    ends = written(start + timedelta(hours=6))
    return {
        "stream": a_stream("uptime"),
        "externalId": external_id,
        "impact": "major",
        "startedAt": written(start),
        "endedAt": ends,
        **more,
    }


async def settled_for_good(asker: Asker) -> Furnished:
    """The first day is final and met."""
    furnished = await furnish(asker)
    asker.clock.pass_by(10 * DAY)
    report = {"stream": a_stream("uptime"), "through": written(asker.clock())}
    await asker.do("recordOutages", reports=[report])
    await asker.judge()
    return furnished


async def test_a_restatement_tells_what_was_and_what_is_to_the_parties_of_the_agreement(asker: Asker) -> None:
    furnished = await settled_for_good(asker)
    (start,) = await heard(asker, 1)
    await asker.do("recordOutages", outages=[an_outage("late", 6)])
    await asker.judge()
    items = await heard(asker, 3, after=start["cursor"])
    restated = next(item for item in items if item["__typename"] == "AttainmentRestated")
    del restated["cursor"]
    assert restated == {
        "__typename": "AttainmentRestated",
        "objectiveCode": "uptime",
        "serviceCode": "acme-api",
        "agreementCode": "uc-acme",
        "revision": 2,
        "formerStatus": "MET",
        "formerValue": "100.000000",
        "status": "MISSED",
        "value": "75.000000",
        "recordedAt": written(asker.clock()),
        "period": {"start": written(START)},
        "attainment": {"revision": 2, "phase": "RESTATED", "status": "MISSED", "value": "75.000000"},
    }
    assert sorted(item["__typename"] for item in items) == ["AttainmentRestated", "BreachEvent", "BreachEvent"]
    acme = acting_for(asker, Role.VENDOR, furnished.parties["acme"])
    rival = acting_for(asker, Role.VENDOR, furnished.parties["rival"])
    mine = await heard(acme, 3, after=(await from_the_first(acme)))
    assert sorted(item["__typename"] for item in mine) == ["AttainmentRestated", "BreachEvent", "BreachEvent"]
    assert [item["__typename"] for item in await heard(rival, 1)] == ["Heartbeat"]


async def from_the_first(asker: Asker) -> str:
    """A cursor at the beginning of the feed."""
    seal, actor = asker.application.seal, asker.actor
    return seal.seal("breachEvents", (str(actor.tenant), str(actor.party)), b"0")


async def test_whoever_resumes_gets_each_restatement_once_in_order(asker: Asker) -> None:
    await settled_for_good(asker)
    (start,) = await heard(asker, 1)
    for hour in (0, 6, 12):
        await asker.do("recordOutages", outages=[an_outage(f"at {hour}", hour)])
        asker.clock.pass_by(timedelta(hours=1))
        await asker.judge()
    whole = await heard(asker, 5, after=start["cursor"])
    told = [(item["revision"], item["formerValue"], item["value"]) for item in whole if "revision" in item]
    assert told == [
        (2, "100.000000", "75.000000"),
        (3, "75.000000", "50.000000"),
        (4, "50.000000", "25.000000"),
    ]
    for place, item in enumerate(whole[:-1]):
        rest = await heard(asker, len(whole) - place - 1, after=item["cursor"])
        assert rest == whole[place + 1 :]


async def test_a_filter_by_transitions_tells_no_restatement_and_what_changes_no_number_is_none(asker: Asker) -> None:
    await settled_for_good(asker)
    (start,) = await heard(asker, 1)
    await asker.do("recordOutages", outages=[an_outage("light", 6, impact="minor")])
    await asker.judge()
    (beat,) = await heard(asker, 1, after=start["cursor"])
    assert beat["__typename"] == "Heartbeat"
    await asker.do("recordOutages", outages=[an_outage("late", 6)])
    await asker.judge()
    first, second = await heard(asker, 2, after=start["cursor"], filter={"transitions": ["OPENED"]})
    assert (first["__typename"], first["transition"], second["__typename"]) == ("BreachEvent", "OPENED", "Heartbeat")


def points(metric: str, name: str, **columns: object) -> Mapping[str, object]:
    return {name: [{"stream": a_stream(metric), **columns}]}


AT = [written(START + timedelta(hours=hour)) for hour in (1, 2)]
END = [written(START + timedelta(hours=hour, minutes=15)) for hour in (1, 2)]
SHAPES: dict[str, tuple[dict[str, object], dict[str, object], str, Mapping[str, object], Mapping[str, object]]] = {
    "tallies": (
        {"aggregation": "RATIO_OF_SUMS"},
        {},
        "recordMeasurements",
        points("shape", "tallies", starts=AT[:1], ends=END[:1], good=[10], total=[10]),
        points("shape", "tallies", starts=AT[1:], ends=END[1:], good=[0], total=[10]),
    ),
    "samples": (
        {"aggregation": "MEAN"},
        {},
        "recordMeasurements",
        points("shape", "samples", instants=AT[:1], values=["100"]),
        points("shape", "samples", instants=AT[1:], values=["50"]),
    ),
    "percentile": (
        {"aggregation": "PERCENTILE", "percentile": "50"},
        {},
        "recordMeasurements",
        points("shape", "samples", instants=AT[:1], values=["100"]),
        points("shape", "samples", instants=AT[1:], values=["50"]),
    ),
    "slices": (
        {"aggregation": "MEAN_OF_SLICES", "slice": "PT1H"},
        {},
        "recordMeasurements",
        points("shape", "tallies", starts=AT[:1], ends=END[:1], good=[10], total=[10]),
        points("shape", "tallies", starts=AT[1:], ends=END[1:], good=[0], total=[10]),
    ),
    "states": (
        {"aggregation": "AVAILABILITY", "shape": "STATE"},
        {},
        "recordStates",
        points("shape", "series", instants=[written(START)], states=["up"]),
        points("shape", "series", instants=AT, states=["down", "up"]),
    ),
    "cases": (
        {"aggregation": "CASES_WITHIN"},
        {"caseMilestone": "RESOLUTION", "caseLimit": "PT2H"},
        "recordCases",
        {"cases": [{"stream": a_stream("shape"), "externalId": "a", "openedAt": AT[0], "resolvedAt": AT[1]}]},
        {"cases": [{"stream": a_stream("shape"), "externalId": "b", "openedAt": AT[0]}]},
    ),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
async def test_every_form_of_facts_is_open_then_provisional_then_final_then_restated(asker: Asker, shape: str) -> None:
    metric, promise, mutation, timely, late = SHAPES[shape]
    furnished = await furnish(asker)
    measured = await made(asker, "Metric", "shape", **metric)
    draft = an_agreement(
        "shape",
        furnished.parties["acme"],
        a_promise(measured, code="shape", **promise),
        service=furnished.services["acme-api"],
        customer=furnished.parties["us"],
    )
    shows = "agreement { id versions { objectives { id } } }"
    agreement = (await asker.do("draftAgreement", shows, **draft))["agreement"]
    await asker.do("activateAgreement", agreement=agreement["id"])
    [objective] = agreement["versions"][0]["objectives"]
    phases = []
    asker.clock.pass_by(timedelta(hours=6))
    await asker.do(mutation, **timely)
    for pause in (timedelta(0), DAY, 6 * DAY):
        asker.clock.pass_by(pause)
        await asker.judge()
        phases.append((await revisions(asker, objective["id"]))["phase"])
    (start,) = await heard(asker, 1)
    former = await revisions(asker, objective["id"])
    await asker.do(mutation, **late)
    await asker.judge()
    restated = await revisions(asker, objective["id"])
    assert [*phases, restated["phase"]] == ["OPEN", "PROVISIONAL", "FINAL", "RESTATED"]
    assert (former["status"], restated["status"]) == ("MET", "MISSED")
    assert restated["revisions"][:-1] == former["revisions"]
    told = next(item for item in await heard(asker, 3, after=start["cursor"]) if "revision" in item)
    assert (told["formerStatus"], told["formerValue"]) == ("MET", former["revisions"][-1]["value"])
    assert (told["status"], told["value"]) == ("MISSED", restated["revisions"][-1]["value"])


async def revisions(asker: Asker, objective: str) -> Any:
    return (await asker.ask(REVISIONS, objectives=[objective]))["attainments"]["nodes"][0]

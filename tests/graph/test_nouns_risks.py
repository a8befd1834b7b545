"""Error budgets and risks through the schema: what may still be bad, what warns, and who hears of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, an_agreement, furnish

NOON = START + timedelta(days=10, hours=12)
VERDICT = """
query($a: ID!) { attainments(filter: {agreements: [$a]}, first: 1) { nodes {
  errorBudget { unit total spent left leftShare }
  breach { state }
  risk { raisedAt lookedAt causes calmSince probability expectedSpent }
} } }
"""
BREACHES = """
query($states: [BreachState!]) { breaches(filter: {states: $states}) { totalCount nodes {
  state severity openedAt risk { causes }
} } }
"""
EVENTS = """
subscription($after: String) { breachEvents(after: $after) {
  cursor ... on BreachEvent { transition severity causes target objectiveCode }
} }
"""
BURNING = ["BURN_1_HOUR", "BURN_6_HOURS", "BURN_1_DAY", "BURN_3_DAYS"]


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


async def a_month(asker: Asker) -> tuple[Furnished, str]:
    """99.9 % of the month beside 99 % of each day."""
    made = await furnish(asker)
    month = {"calendar": {"every": "MONTH", "zone": "UTC"}}
    promise = a_promise(made.metrics["uptime"], "monthly", expected="99.9", window=month)
    draft = an_agreement("month", made.parties["acme"], promise, service=made.services["acme-api"])
    agreement: str = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    return made, agreement


async def five_minutes_down(asker: Asker) -> None:
    asker.clock.now = NOON
    outage = {
        "stream": a_stream("uptime"),
        "externalId": "short",
        "impact": "critical",
        "startedAt": (NOON - timedelta(minutes=5)).isoformat(),
        "endedAt": NOON.isoformat(),
    }
    await asker.do("recordOutages", outages=[outage])
    await asker.judge()


async def verdict(asker: Asker, agreement: str) -> Any:
    return (await asker.ask(VERDICT, a=agreement))["attainments"]["nodes"][0]


async def test_a_month_that_burns_tells_its_budget_and_why_it_is_at_risk(asker: Asker) -> None:
    _, agreement = await a_month(asker)
    await five_minutes_down(asker)
    found = await verdict(asker, agreement)
    assert found["errorBudget"] == {
        "unit": "MICROSECONDS",
        "total": "2678400000",
        "spent": "300000000",
        "left": "2378400000",
        "leftShare": "88.799283",
    }
    assert found["breach"] is None, "nothing is missed"
    risk = found["risk"]
    assert (risk["raisedAt"], risk["lookedAt"], risk["causes"], risk["calmSince"]) == (
        "2026-01-11T12:00:00Z",
        "2026-01-11T12:00:00Z",
        BURNING,
        None,
    )
    assert risk["expectedSpent"] == "0.3307", "5 minutes in 10.5 days, and 20.5 are to come"
    assert 0 < float(risk["probability"]) < 0.5


async def test_what_is_at_risk_is_listed_where_it_is_asked_for(asker: Asker) -> None:
    await a_month(asker)
    await five_minutes_down(asker)
    assert (await asker.ask(BREACHES))["breaches"] == {"totalCount": 0, "nodes": []}
    assert (await asker.ask(BREACHES, states=["AT_RISK"]))["breaches"] == {
        "totalCount": 1,
        "nodes": [
            {
                "state": "AT_RISK",
                "severity": "MINIMUM",
                "openedAt": "2026-01-11T12:00:00Z",
                "risk": {"causes": BURNING},
            }
        ],
    }


async def test_the_parties_of_the_agreement_hear_of_a_risk_with_its_causes_and_nobody_else(asker: Asker) -> None:
    made, agreement = await a_month(asker)
    parties = {vendor: acting_for(asker, Role.VENDOR, made.parties[vendor]) for vendor in ("acme", "rival")}
    starts: dict[str, str] = {}
    for vendor, party in parties.items():
        async with party.following(EVENTS) as answers:
            starts[vendor] = (await anext(answers))["data"]["breachEvents"]["cursor"]
    await five_minutes_down(asker)
    heard: dict[str, Any] = {}
    for vendor, party in parties.items():
        async with party.following(EVENTS, after=starts[vendor]) as answers:
            heard[vendor] = (await anext(answers))["data"]["breachEvents"]
        del heard[vendor]["cursor"]
    assert heard == {
        "acme": {
            "transition": "AT_RISK",
            "severity": "MINIMUM",
            "causes": BURNING,
            "target": "99.9",
            "objectiveCode": "monthly",
        },
        "rival": {},
    }
    assert (await parties["rival"].ask(BREACHES, states=["AT_RISK"]))["breaches"]["totalCount"] == 0
    nodes = (await parties["rival"].ask(VERDICT, a=agreement))["attainments"]["nodes"]
    assert nodes == []

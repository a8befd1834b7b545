"""One story through the whole schema: from an empty tenant to a breach that a subscriber hears of, and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.actor import Actor
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = START + timedelta(hours=12)

STREAM = {"metric": "uptime", "service": "api", "vendor": "acme"}
EVENTS = """
subscription($after: String) {
  breachEvents(after: $after) {
    __typename
    cursor
    ... on BreachEvent {
      transition severity objectiveCode agreementCode serviceCode value target period { start end }
      breach { state attainment { status } } service { code }
    }
  }
}
"""
VERDICTS = """
{
  attainments(orderBy: {direction: ASC}, filter: {statuses: [MISSED, MET]}) {
    totalCount
    nodes {
      status phase value expected minimum coverage reportOnly budget budgetRemaining formula
      valueExact { numerator denominator }
      period { start end }
      objective { code unit window { zone ... on CalendarWindow { every anchorDay } } metric { code } }
      agreement { code } service { code }
      evidence {
        __typename allowed excluded
        ... on TimeEvidence { down downUs missing outagesTotal outages { externalId use revision stream { source } } }
      }
      breach { state severity openedAt objective { code } }
      revisions { revision status }
    }
  }
}
"""


@pytest.fixture
def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, NOON)


async def furnish(asker: Asker) -> dict[str, str]:
    """A vendor's service under a daily promise of 99 percent, in force from the first of January on."""
    vendor = await asker.do("createParty", "party { id }", code="acme", name="Acme", kind="VENDOR")
    customer = await asker.do("createParty", "party { id }", code="us", name="We", kind="CUSTOMER")
    metric = await asker.do("createMetric", "metric { id }", code="uptime", name="Uptime", aggregation="AVAILABILITY")
    service = await asker.do(
        "createService",
        "service { id }",
        code="api",
        name="API",
        provider=vendor["party"]["id"],
        consumers=[customer["party"]["id"]],
    )
    objective = {
        "code": "uptime",
        "name": "Uptime",
        "metric": metric["metric"]["id"],
        "expected": "99",
        "window": {"calendar": {"every": "DAY", "zone": "UTC"}},
    }
    agreement = await asker.do(
        "draftAgreement",
        "agreement { id }",
        code="uc-1",
        name="Contract",
        kind="UC",
        provider=vendor["party"]["id"],
        service=service["service"]["id"],
        startsAt=START.isoformat(),
        effectiveFrom=START.isoformat(),
        objectives=[objective],
    )
    await asker.do("activateAgreement", agreement=agreement["agreement"]["id"])
    return {
        "vendor": vendor["party"]["id"],
        "customer": customer["party"]["id"],
        "metric": metric["metric"]["id"],
        "service": service["service"]["id"],
        "agreement": agreement["agreement"]["id"],
    }


async def an_outage(asker: Asker, start: datetime, length: timedelta, **more: object) -> Any:
    outage = {
        "stream": STREAM,
        "externalId": f"at {start.isoformat()}",
        "impact": "critical",
        "startedAt": start.isoformat(),
        "endedAt": (start + length).isoformat(),
        **more,
    }
    report = {"stream": STREAM, "through": asker.clock().isoformat()}
    return await asker.do("recordOutages", "recordedCount duplicateCount", outages=[outage], reports=[report])


async def test_from_an_empty_tenant_to_a_verdict_with_its_evidence(asker: Asker) -> None:
    await furnish(asker)
    asker.clock.pass_by(timedelta(hours=13))
    payload = await an_outage(asker, START + timedelta(hours=6), timedelta(minutes=30))
    assert payload == {"recordedCount": 1, "duplicateCount": 0, "userErrors": []}
    await asker.judge()

    found = await asker.ask(VERDICTS)

    assert found["attainments"]["totalCount"] == 1
    assert found["attainments"]["nodes"] == [
        {
            "status": "MISSED",
            "phase": "PROVISIONAL",
            "value": "97.916666",
            "expected": "99",
            "minimum": None,
            "coverage": "100.000000",
            "reportOnly": False,
            "budget": "PT14M24S",
            "budgetRemaining": "-PT15M36S",
            "formula": [
                "allowed = 86400 s of the period - 0 s excluded = 86400 s",
                "down = 1800 s counted; apart from it 0 s excused, 0 s too short, 0 s without weight, 0 s not reported",
                "availability = (allowed - down by weight) / allowed = 97.916666 %",
            ],
            "valueExact": {"numerator": "84600000000", "denominator": "86400000000"},
            "period": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
            "objective": {
                "code": "uptime",
                "unit": "%",
                "window": {"zone": "UTC", "every": "DAY", "anchorDay": 1},
                "metric": {"code": "uptime"},
            },
            "agreement": {"code": "uc-1"},
            "service": {"code": "api"},
            "evidence": {
                "__typename": "TimeEvidence",
                "allowed": "PT24H",
                "excluded": "PT0S",
                "down": "PT30M",
                "downUs": "1800000000",
                "missing": "PT0S",
                "outagesTotal": 1,
                "outages": [
                    {
                        "externalId": "at 2026-01-01T06:00:00+00:00",
                        "use": "COUNTED",
                        "revision": 1,
                        "stream": {"source": "default"},
                    }
                ],
            },
            "breach": {
                "state": "OPEN",
                "severity": "MINIMUM",
                "openedAt": "2026-01-02T01:00:00Z",
                "objective": {"code": "uptime"},
            },
            "revisions": [{"revision": 1, "status": "MISSED"}],
        }
    ]


async def test_a_subscriber_hears_a_breach_and_resumes_without_a_gap(asker: Asker) -> None:
    await furnish(asker)
    async with asker.following(EVENTS) as answers:
        first = await anext(answers)
        assert first["data"]["breachEvents"]["__typename"] == "Heartbeat"
        asker.clock.pass_by(timedelta(hours=13))
        await an_outage(asker, START + timedelta(hours=6), timedelta(minutes=30))
        await asker.judge()
        opened = (await anext(answers))["data"]["breachEvents"]
    cursor = opened.pop("cursor")
    assert opened == {
        "__typename": "BreachEvent",
        "transition": "OPENED",
        "severity": "MINIMUM",
        "objectiveCode": "uptime",
        "agreementCode": "uc-1",
        "serviceCode": "api",
        "value": "97.916666",
        "target": "99",
        "period": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
        "breach": {"state": "OPEN", "attainment": {"status": "MISSED"}},
        "service": {"code": "api"},
    }

    withdrawn = {"stream": STREAM, "externalId": "at 2026-01-01T06:00:00+00:00", "replacesRevision": 1}
    await asker.do("withdrawOutages", "recordedCount", outages=[withdrawn])
    await asker.judge()
    await an_outage(asker, START + timedelta(hours=8), timedelta(minutes=30))
    await asker.judge()

    for after, expected in (
        (cursor, ["WITHDRAWN", "OPENED"]),
        (first["data"]["breachEvents"]["cursor"], ["OPENED", "WITHDRAWN", "OPENED"]),
    ):
        async with asker.following(EVENTS, after=after) as answers:
            heard = [(await anext(answers))["data"]["breachEvents"]["transition"] for _ in expected]
        assert heard == expected

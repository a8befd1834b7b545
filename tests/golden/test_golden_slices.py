"""The worked cases about slices, through the schema: tallies are posted, the attainment is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.actor import Actor
from persistence.database import Database
from runtime.clock import Mint
from runtime.written import duration
from tests.graph.asking import Asker, an_asker

CASES: Mapping[str, Any] = {
    case["id"]: case for case in json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
}
START = datetime(2026, 4, 1, tzinfo=UTC)
STREAM = {"metric": "requests", "service": "storage", "vendor": "acme"}
FIVE = timedelta(minutes=5)
POINTS_A_CALL = 4_320
VERDICT = """
{
  attainments {
    nodes {
      status value expected coverage budget budgetRemaining formula
      period { start end }
      evidence {
        __typename allowed excluded
        ... on SliceEvidence { slice slices slicesTotal reported idle good counted bad points }
      }
    }
  }
}
"""


@pytest.fixture
def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START - timedelta(days=1))


async def promised(asker: Asker, expected: str, *, days: int, **metric: object) -> None:
    """A month's promise, in an agreement of so many days, which is judged although it is cut."""
    vendor = await asker.do("createParty", "party { id }", code="acme", name="Acme", kind="VENDOR")
    made = await asker.do("createMetric", "metric { id }", code="requests", name="Requests", **metric)
    service = await asker.do(
        "createService", "service { id }", code="storage", name="Storage", provider=vendor["party"]["id"]
    )
    draft = await asker.do(
        "draftAgreement",
        "agreement { id }",
        code="uc-1",
        name="Contract",
        kind="UC",
        provider=vendor["party"]["id"],
        service=service["service"]["id"],
        startsAt=START.isoformat(),
        endsAt=(START + timedelta(days=days)).isoformat(),
        effectiveFrom=START.isoformat(),
        judgePartialPeriods=True,
        objectives=[
            {
                "code": "slices",
                "name": "Slices",
                "metric": made["metric"]["id"],
                "expected": expected,
                "window": {"calendar": {"every": "MONTH", "zone": "UTC"}},
            }
        ],
    )
    await asker.do("activateAgreement", agreement=draft["agreement"]["id"])


async def posted(asker: Asker, good: list[int], *, total: int) -> None:
    """One tally each five minutes, from the start on."""
    starts = [(START + number * FIVE).isoformat() for number in range(len(good))]
    for first in range(0, len(good), POINTS_A_CALL):
        chosen = slice(first, first + POINTS_A_CALL)
        series = {
            "stream": STREAM,
            "starts": starts[chosen],
            "duration": "PT5M",
            "good": good[chosen],
            "total": [total] * len(good[chosen]),
        }
        payload = await asker.do("recordMeasurements", "recordedCount", tallies=[series])
        assert payload["recordedCount"] == len(good[chosen])


async def test_uptime_is_the_mean_of_the_slices_good_rates(asker: Asker) -> None:
    """The busiest slices failed: by sums of requests the month would be far worse."""
    case = CASES["mean-of-slices"]
    failed, slices = case["slices_fully_failed"], timedelta(days=case["days"]) // duration(case["slice"])
    await promised(asker, "99.9", days=case["days"], aggregation="MEAN_OF_SLICES", slice=case["slice"])
    asker.clock.pass_by(timedelta(days=case["days"] + 2))
    await posted(asker, [0] * failed + [7] * (slices - failed), total=7)
    await asker.judge()

    [found] = (await asker.ask(VERDICT))["attainments"]["nodes"]

    assert found == {
        "status": "MISSED",
        "value": "99.722222",
        "expected": "99.9",
        "coverage": "100.000000",
        "budget": "PT43M12S",
        "budgetRemaining": "-PT1H16M48S",
        "formula": [
            "slices = 8640 of 300 s in the allowed time; 8640 of them reported on, 0 of these without total",
            "mean of slices = (8640 - 24.000000000000 bad) / 8640 = 99.722222 %",
        ],
        "period": {"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"},
        "evidence": {
            "__typename": "SliceEvidence",
            "allowed": "PT720H",
            "excluded": "PT0S",
            "slice": "PT5M",
            "slices": slices,
            "slicesTotal": 8640,
            "reported": 8640,
            "idle": 0,
            "good": None,
            "counted": 8640,
            "bad": "24.000000000000",
            "points": "8640",
        },
    }
    assert str(Decimal(found["value"]).quantize(Decimal("1.0000"))) == case["uptime_percent_rounded_4"]


async def test_a_budget_by_slices_is_the_time_of_those_that_may_be_bad(asker: Asker) -> None:
    """Two slices are below their target and one is at it."""
    [case] = [case for case in CASES["budgets"]["cases"] if case["method"] == "time slices"]
    days = duration(case["window"]) // timedelta(days=1)
    await promised(asker, case["target_percent"], days=days, aggregation="GOOD_SLICES", slice="PT1M", sliceTarget="99")
    asker.clock.pass_by(timedelta(days=days + 2))
    await asker.do(
        "recordMeasurements",
        tallies=[
            {
                "stream": STREAM,
                "starts": [(START + timedelta(minutes=number)).isoformat() for number in range(4)],
                "duration": "PT1M",
                "good": [98, 0, 99, 0],
                "total": [100, 1, 100, 0],
            }
        ],
    )
    await asker.judge()

    [found] = (await asker.ask(VERDICT))["attainments"]["nodes"]

    assert (found["budget"], found["budgetRemaining"]) == (case["budget"], "PT16H46M")
    assert (found["status"], found["value"], found["coverage"]) == ("MISSED", "33.333333", "0.019841")
    assert found["formula"][1] == "good slices = 1 / 3 = 33.333333 %"
    assert found["evidence"] == {
        "__typename": "SliceEvidence",
        "allowed": "PT336H",
        "excluded": "PT0S",
        "slice": "PT1M",
        "slices": 20160,
        "slicesTotal": 20160,
        "reported": 4,
        "idle": 1,
        "good": 1,
        "counted": 3,
        "bad": "2.000000000000",
        "points": "4",
    }

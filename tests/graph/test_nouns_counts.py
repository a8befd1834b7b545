"""Metrics of slices and percentiles through the schema, and shares of few cases with their strength."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, an_agreement, furnish

T = [f"2026-01-01T0{hour}:00:00Z" for hour in range(6)]
NOTHING = {
    "percentile": None,
    "slice": None,
    "sliceTarget": None,
    "sliceDirection": "AT_LEAST",
    "staleness": None,
}


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START + timedelta(hours=6))


async def a_metric(asker: Asker, **said: object) -> dict[str, Any]:
    shows = "metric { id shape unit percentile slice sliceTarget sliceDirection staleness }"
    payload = await asker.do("createMetric", shows, name="New", **{"code": "new", **said})
    made: dict[str, Any] = payload["metric"]
    return made


async def promised(asker: Asker, made: Furnished, metric: str, **promise: object) -> str:
    draft = an_agreement(
        "new", made.parties["acme"], a_promise(metric, "new", **promise), service=made.services["acme-api"]
    )
    agreement: str = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    return agreement


async def verdict(asker: Asker, agreement: str, shows: str) -> Any:
    """Of the first day."""
    await asker.judge()
    text = f"query($a: ID!) {{ attainments(filter: {{agreements: [$a]}}, last: 1) {{ nodes {{ {shows} }} }} }}"
    return (await asker.ask(text, a=agreement))["attainments"]["nodes"][0]


async def test_a_metric_shows_what_it_was_made_of(asker: Asker) -> None:
    said = {"slice": "PT5M", "sliceTarget": "250.5", "sliceDirection": "AT_MOST", "unit": "ms"}
    made = await a_metric(asker, aggregation="GOOD_SLICES", shape="SAMPLE", **said)
    del made["id"]
    assert made == {**NOTHING, "shape": "SAMPLE", **said, "unit": "%"}
    made = await a_metric(asker, code="p", aggregation="PERCENTILE", percentile="99.9")
    del made["id"]
    assert made == {**NOTHING, "shape": "SAMPLE", "unit": "", "percentile": "99.9"}


async def test_a_percentile_is_bounded_while_the_day_runs_and_exact_after_it(asker: Asker) -> None:
    made = await furnish(asker)
    metric = await a_metric(asker, aggregation="PERCENTILE", percentile="50", direction="AT_MOST", scale=0, unit="ms")
    agreement = await promised(asker, made, metric["id"], expected="2010")
    samples = {"stream": a_stream("new"), "instants": T, "values": ["1", "3000", "2000", "2000", "2000", "1"]}
    await asker.do("recordMeasurements", samples=[samples])
    shows = """
    status value coverage formula
    evidence { __typename allowed ... on PercentileEvidence { percentile points low high undecided } }
    """
    assert await verdict(asker, agreement, shows) == {
        "status": "PENDING",
        "value": None,
        "coverage": "25.000000",
        "formula": ["6 samples", "percentile 50 between 2000 and 2015 ms, undecided against its target"],
        "evidence": {
            "__typename": "PercentileEvidence",
            "allowed": "PT6H",
            "percentile": "50",
            "points": "6",
            "low": "2000",
            "high": "2015",
            "undecided": True,
        },
    }
    asker.clock.pass_by(timedelta(hours=20))
    assert await verdict(asker, agreement, shows) == {
        "status": "MET",
        "value": "2000.000000",
        "coverage": "6.250000",
        "formula": ["6 samples", "percentile 50 = 2000 ms"],
        "evidence": {
            "__typename": "PercentileEvidence",
            "allowed": "PT24H",
            "percentile": "50",
            "points": "6",
            "low": "2000",
            "high": "2000",
            "undecided": False,
        },
    }


async def test_a_late_correction_changes_slices_and_percentiles_alike(asker: Asker) -> None:
    made = await furnish(asker)
    metric = await a_metric(asker, aggregation="MEAN_OF_SLICES", slice="PT1H")
    agreement = await promised(asker, made, metric["id"], expected="99")
    tallies = {"stream": a_stream("new"), "starts": T[:2], "duration": "PT1M", "good": [1, 1], "total": [1, 1]}
    await asker.do("recordMeasurements", tallies=[tallies])
    asker.clock.pass_by(timedelta(hours=20))
    assert await verdict(asker, agreement, "status value") == {"status": "MET", "value": "100.000000"}
    mended = {**tallies, "starts": T[1:2], "good": [0], "total": [2], "replacesRevision": 1}
    await asker.do("recordMeasurements", tallies=[mended])
    assert await verdict(asker, agreement, "status value") == {"status": "MISSED", "value": "95.833333"}
    await asker.do("withdrawMeasurements", stream=a_stream("new"), instants=T[1:2], replacesRevision=2)
    assert await verdict(asker, agreement, "status value coverage") == {
        "status": "MET",
        "value": "100.000000",
        "coverage": "4.166666",
    }


async def test_a_tally_that_is_longer_than_a_slice_is_told_by_its_place(asker: Asker) -> None:
    await furnish(asker)
    await a_metric(asker, aggregation="MEAN_OF_SLICES", slice="PT5M")
    tallies = {"stream": a_stream("new"), "starts": T[:2], "duration": "PT6M", "good": [1, 1], "total": [1, 1]}
    payload = await asker.attempt("recordMeasurements", "recordedCount", tallies=[tallies])
    assert [(error["code"], ".".join(error["path"])) for error in payload["userErrors"]] == [
        ("OUT_OF_RANGE", f"input.tallies.0.ends.{place}") for place in (0, 1)
    ]


async def test_one_miss_of_few_cases_is_tolerated_where_that_is_promised_and_told(asker: Asker) -> None:
    made = await furnish(asker)
    agreement = await promised(asker, made, made.metrics["success"], lowVolume="ONE_MISS")
    tallies = {"stream": a_stream("success"), "starts": T[:1], "duration": "PT5M", "good": [9], "total": [10]}
    await asker.do("recordMeasurements", tallies=[tallies])
    asker.clock.pass_by(timedelta(hours=20))
    shows = "status value missTolerated confidence { low high } objective { lowVolume minimumCoverage }"
    assert await verdict(asker, agreement, shows) == {
        "status": "MET",
        "value": "90.000000",
        "missTolerated": True,
        "confidence": {"low": "59.584997", "high": "98.212379"},
        "objective": {"lowVolume": "ONE_MISS", "minimumCoverage": "0.000000"},
    }

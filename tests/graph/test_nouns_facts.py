"""Facts through the schema: taken once, corrected by revision, kept where good, and told line by line."""

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

COUNTS = "recordedCount duplicateCount"
T = [f"2026-01-01T0{hour}:00:00Z" for hour in range(6)]


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START + timedelta(hours=12))


def an_outage(at: int, **more: object) -> dict[str, object]:
    stream = a_stream("uptime")
    return {
        "stream": stream,
        "externalId": f"o-{at}",
        "impact": "major",
        "startedAt": T[at],
        "endedAt": T[at + 1],
        **more,
    }


def counted(recorded: int, duplicates: int = 0) -> dict[str, object]:
    return {"recordedCount": recorded, "duplicateCount": duplicates, "userErrors": []}


def told(payload: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["code"], ".".join(error["path"])) for error in payload["userErrors"]]


async def test_posting_twice_is_posting_once_and_a_correction_names_what_it_replaces(asker: Asker) -> None:
    await furnish(asker)
    assert await asker.do("recordOutages", COUNTS, outages=[an_outage(0), an_outage(2)]) == counted(2)
    assert await asker.do("recordOutages", COUNTS, outages=[an_outage(0), an_outage(4)]) == counted(1, 1)
    changed = await asker.attempt("recordOutages", COUNTS, outages=[an_outage(0, impact="minor")])
    assert told(changed) == [("FACT_CONFLICT", "input.outages.0.externalId")]
    mended = an_outage(0, impact="minor", replacesRevision=1)
    assert await asker.do("recordOutages", COUNTS, outages=[mended]) == counted(1)
    found = await asker.ask(
        "{ outages(orderBy: {direction: ASC}) { nodes { externalId impact revision endedAt vendor { code } } } }"
    )
    assert found["outages"]["nodes"][0] == {
        "externalId": "o-0",
        "impact": "minor",
        "revision": 2,
        "endedAt": T[1],
        "vendor": {"code": "acme"},
    }


async def test_good_lines_are_kept_where_that_is_asked_and_the_others_are_told(asker: Asker) -> None:
    await furnish(asker)
    lines = [an_outage(0), an_outage(1, impact="odd"), an_outage(2, endedAt=None)]
    refused = await asker.attempt("recordOutages", COUNTS, outages=lines)
    assert (refused["recordedCount"], told(refused)) == (0, [("INVALID", "input.outages.1.impact")])
    kept = await asker.attempt("recordOutages", COUNTS, outages=lines, onInvalid="KEEP_GOOD")
    assert (kept["recordedCount"], told(kept)) == (2, [("INVALID", "input.outages.1.impact")])


async def test_a_key_answers_what_it_answered_before(asker: Asker) -> None:
    await furnish(asker)
    first = await asker.do("recordOutages", COUNTS, outages=[an_outage(0)], idempotencyKey="k")
    assert await asker.do("recordOutages", COUNTS, outages=[an_outage(0)], idempotencyKey="k") == first == counted(1)
    other = await asker.attempt("recordOutages", COUNTS, outages=[an_outage(1)], idempotencyKey="k")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]
    party = {"code": "new", "name": "New", "kind": "VENDOR", "idempotencyKey": "p"}
    made = await asker.do("createParty", "party { id }", **party)
    assert await asker.do("createParty", "party { id }", **party) == made


async def test_measurements_come_by_columns_and_wrong_points_are_told_by_their_place(asker: Asker) -> None:
    await furnish(asker)
    tallies = {
        "stream": a_stream("success"),
        "starts": T[:3],
        "duration": "PT15M",
        "good": [9, "10", 8],
        "total": [10] * 3,
    }
    samples = {"stream": a_stream("latency"), "instants": T[:2], "values": ["1.5", 2]}
    assert await asker.do("recordMeasurements", COUNTS, tallies=[tallies], samples=[samples]) == counted(5)
    assert await asker.do("recordMeasurements", COUNTS, tallies=[tallies]) == counted(0, 3)
    wrong = {**tallies, "good": [9, 11, 7]}
    both = await asker.attempt("recordMeasurements", COUNTS, tallies=[wrong], onInvalid="KEEP_GOOD")
    assert (both["recordedCount"], both["duplicateCount"]) == (0, 1)
    assert sorted(told(both)) == [
        ("FACT_CONFLICT", "input.tallies.0.starts.2"),
        ("OUT_OF_RANGE", "input.tallies.0.good.1"),
    ]
    mended = {**tallies, "starts": T[2:3], "good": [7], "total": [10], "replacesRevision": 1}
    assert await asker.do("recordMeasurements", COUNTS, tallies=[mended]) == counted(1)
    withdrawn = {"stream": a_stream("success"), "instants": T[:2]}
    assert await asker.do("withdrawMeasurements", COUNTS, **withdrawn) == counted(2)
    assert await asker.do("withdrawMeasurements", COUNTS, **withdrawn) == counted(0, 2)


async def test_a_vendor_s_integration_records_and_reads_nothing(asker: Asker) -> None:
    made = await furnish(asker)
    ingest = acting_for(asker, Role.INGEST, made.parties["acme"])
    assert await ingest.do("recordOutages", COUNTS, outages=[an_outage(0)]) == counted(1)
    (error,) = (await ingest.say("{ outages { totalCount } }"))["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"


async def judged(asker: Asker, made: Furnished, metric: str, shows: str, **promise: object) -> Any:
    """The first verdict on a promise of the metric, shown so."""
    objective = a_promise(made.metrics[metric], metric, **promise)
    draft: dict[str, Any] = an_agreement(
        f"new-{metric}", made.parties["acme"], objective, service=made.services["acme-api"]
    )
    agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    asker.clock.now = START + timedelta(days=1, hours=1)
    await asker.judge()
    text = f"query($a: ID!) {{ attainments(filter: {{agreements: [$a]}}, last: 1) {{ nodes {{ {shows} }} }} }}"
    return (await asker.ask(text, a=agreement))["attainments"]["nodes"][0]


async def test_tallies_are_judged_with_their_evidence(asker: Asker) -> None:
    made = await furnish(asker)
    tallies = {
        "stream": a_stream("success"),
        "starts": T[:2],
        "duration": "PT5M",
        "good": [99, 98],
        "total": [100, 100],
    }
    await asker.do("recordMeasurements", tallies=[tallies])
    shows = "status value budget coverage evidence { __typename allowed ... on TallyEvidence { good total points } }"
    assert await judged(asker, made, "success", shows) == {
        "status": "MISSED",
        "value": "98.500000",
        "budget": None,
        "coverage": "2.083333",
        "evidence": {"__typename": "TallyEvidence", "allowed": "PT24H", "good": "197", "total": "200", "points": "2"},
    }


async def test_samples_are_judged_in_the_metric_s_unit(asker: Asker) -> None:
    made = await furnish(asker)
    samples = {"stream": a_stream("latency"), "instants": T[:2], "values": ["100.5", "101.0004"]}
    await asker.do("recordMeasurements", samples=[samples])
    shows = "status value expected evidence { __typename ... on SampleEvidence { points sum minimum maximum } }"
    assert await judged(asker, made, "latency", shows) == {
        "status": "MET",
        "value": "100.750000",
        "expected": "99",
        "evidence": {
            "__typename": "SampleEvidence",
            "points": "2",
            "sum": "201.500",
            "minimum": "100.500",
            "maximum": "101.000",
        },
    }


async def test_an_exclusion_is_recorded_corrected_and_withdrawn(asker: Asker) -> None:
    made = await furnish(asker)
    shows = "exclusion { id revision kind startsAt endsAt withdrawn service { code } agreement { code } }"
    given = {"kind": "MAINTENANCE", "service": made.services["acme-api"], "startsAt": T[0], "endsAt": T[1]}
    recorded = (await asker.do("recordExclusion", shows, **given))["exclusion"]
    exclusion = recorded.pop("id")
    assert recorded == {
        "revision": 1,
        "kind": "MAINTENANCE",
        "startsAt": T[0],
        "endsAt": T[1],
        "withdrawn": False,
        "service": {"code": "acme-api"},
        "agreement": None,
    }
    longer = {**given, "endsAt": T[2], "corrects": exclusion, "replacesRevision": 1}
    assert (await asker.do("recordExclusion", shows, **longer))["exclusion"]["revision"] == 2
    assert (await asker.do("recordExclusion", shows, **longer))["exclusion"]["revision"] == 2
    late = await asker.attempt("recordExclusion", shows, **{**longer, "endsAt": T[3]})
    assert told(late) == [("REVISION_CONFLICT", "input.replacesRevision")]
    withdrawn = await asker.do("withdrawExclusion", shows, exclusion=exclusion, replacesRevision=2)
    assert (withdrawn["exclusion"]["revision"], withdrawn["exclusion"]["withdrawn"]) == (3, True)

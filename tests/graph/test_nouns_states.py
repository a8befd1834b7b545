"""States through the schema: taken once, corrected by revision, told state by state, and judged with their evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, an_agreement, furnish, made
from tests.graph.test_nouns_facts import COUNTS, T, counted, told

VERDICTS = """
    query($a: ID!) { attainments(filter: {agreements: [$a]}, last: 1) { nodes { status value evidence {
        ... on TimeEvidence { down missing states { state since use stream { source } } statesTotal outagesTotal }
    } } } }
"""


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START + timedelta(hours=12))


async def furnished(asker: Asker) -> Furnished:
    found = await furnish(asker)
    weights = [{"impact": "degraded", "weight": "0.5"}]
    found.metrics["probes"] = await made(
        asker, "Metric", "probes", aggregation="AVAILABILITY", shape="STATE", staleness="PT3H", weights=weights
    )
    return found


def said(*states: str, **more: object) -> dict[str, Any]:
    """One an hour from midnight on."""
    return {"stream": a_stream("probes"), "instants": T[: len(states)], "states": list(states), **more}


async def test_posting_states_twice_is_posting_them_once_and_a_correction_names_what_it_replaces(asker: Asker) -> None:
    await furnished(asker)
    assert await asker.do("recordStates", COUNTS, series=[said("up", "down")]) == counted(2)
    assert await asker.do("recordStates", COUNTS, series=[said("up", "down", "up")]) == counted(1, 2)
    changed = await asker.attempt("recordStates", COUNTS, series=[said("up", "degraded")])
    assert told(changed) == [("FACT_CONFLICT", "input.series.0.instants.1")]
    mended = said("degraded", instants=T[1:2], replacesRevision=1)
    assert await asker.do("recordStates", COUNTS, series=[mended]) == counted(1)
    late = await asker.attempt("recordStates", COUNTS, series=[said("down", instants=T[1:2], replacesRevision=1)])
    assert told(late) == [("REVISION_CONFLICT", "input.series.0.instants.0")]
    withdrawal = {"stream": a_stream("probes"), "instants": T[1:2]}
    early = await asker.attempt("withdrawStates", COUNTS, **withdrawal)
    assert told(early) == [("REVISION_CONFLICT", "input.instants.0")]
    assert await asker.do("withdrawStates", COUNTS, **withdrawal, replacesRevision=2) == counted(1)
    assert await asker.do("withdrawStates", COUNTS, **withdrawal, replacesRevision=2) == counted(0, 1)
    never = await asker.attempt("withdrawStates", COUNTS, stream=a_stream("probes"), instants=T[5:6])
    assert told(never) == [("NOT_FOUND", "input.instants.0")]


async def test_states_of_one_call_may_come_in_any_order_but_an_instant_has_one_state(asker: Asker) -> None:
    await furnished(asker)
    backwards = said("up", "down", "up", instants=[T[2], T[0], T[1]])
    assert await asker.do("recordStates", COUNTS, series=[backwards]) == counted(3)
    twice = said("up", "up", "down", instants=[T[3], T[3], T[3]])
    refused = await asker.attempt("recordStates", COUNTS, series=[twice])
    assert told(refused) == [("FACT_CONFLICT", "input.series.0.instants.2")]
    kept = await asker.attempt("recordStates", COUNTS, series=[twice], onInvalid="KEEP_GOOD")
    assert (kept["recordedCount"], kept["duplicateCount"], told(kept)) == (1, 1, told(refused))


async def test_wrong_states_are_told_one_by_one_and_nothing_half_written(asker: Asker) -> None:
    await furnished(asker)
    wrong = said("up", "sideways", "down")
    refused = await asker.attempt("recordStates", COUNTS, series=[wrong])
    assert (refused["recordedCount"], told(refused)) == (0, [("INVALID", "input.series.0.states.1")])
    assert await asker.do("recordStates", COUNTS, series=[said("up")]) == counted(1)
    uneven = await asker.attempt("recordStates", COUNTS, series=[said("up", states=["up", "down"])])
    assert told(uneven) == [("INVALID", "input.series.0.instants")]
    repeated = await asker.attempt("recordStates", COUNTS, series=[said("up"), said("up")])
    assert told(repeated) == [("INVALID", "input.series.1.stream")]
    other = await asker.attempt("recordStates", COUNTS, series=[said("up", stream=a_stream("uptime"))])
    assert told(other) == [("INVALID", "input.series.0.stream.metric")]
    outage = {"externalId": "o", "impact": "degraded", "startedAt": T[0], "stream": a_stream("probes")}
    mistaken = await asker.attempt("recordOutages", COUNTS, outages=[outage])
    assert told(mistaken) == [("INVALID", "input.outages.0.stream.metric")]


async def test_a_key_answers_what_it_answered_before(asker: Asker) -> None:
    await furnished(asker)
    first = await asker.do("recordStates", COUNTS, series=[said("up")], idempotencyKey="k")
    assert await asker.do("recordStates", COUNTS, series=[said("up")], idempotencyKey="k") == first == counted(1)
    other = await asker.attempt("recordStates", COUNTS, series=[said("down")], idempotencyKey="k")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_CONFLICT"]


async def test_a_vendor_s_integration_records_its_own_states_and_no_rival_s(asker: Asker) -> None:
    found = await furnished(asker)
    ingest = acting_for(asker, Role.INGEST, found.parties["acme"])
    assert await ingest.do("recordStates", COUNTS, series=[said("up")]) == counted(1)
    rival = await ingest.attempt("recordStates", COUNTS, series=[said("up", stream=a_stream("probes", "rival"))])
    assert told(rival) == [("NOT_FOUND", "input.series.0.stream.vendor")]


async def test_states_are_judged_with_their_evidence(asker: Asker) -> None:
    """From midnight on; after five in the morning nothing is heard, so from eight on the time is missing."""
    found = await furnished(asker)
    await asker.do("recordStates", series=[said("up", "degraded", "up", "down", "up", "up")])
    objective = a_promise(found.metrics["probes"], "probed", missing="EXCLUDED")
    draft: dict[str, Any] = an_agreement(
        "probed", found.parties["acme"], objective, service=found.services["acme-api"], customer=found.parties["us"]
    )
    agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    asker.clock.now = START + timedelta(days=1, hours=1)
    await asker.judge()
    [verdict] = (await asker.ask(VERDICTS, a=agreement))["attainments"]["nodes"]
    source = {"source": "default"}
    assert verdict == {
        "status": "MISSED",
        "value": "81.250000",
        "evidence": {
            "down": "PT2H",
            "missing": "PT16H",
            "states": [
                {"state": "degraded", "since": T[1], "use": "COUNTED", "stream": source},
                {"state": "down", "since": T[3], "use": "COUNTED", "stream": source},
            ],
            "statesTotal": 2,
            "outagesTotal": 0,
        },
    }
    customer = acting_for(asker, Role.CUSTOMER, found.parties["us"])
    [seen] = (await customer.ask(VERDICTS, a=agreement))["attainments"]["nodes"]
    hidden = {"state": None, "since": None, "use": "COUNTED", "stream": None}
    assert seen["evidence"]["states"] == [hidden, hidden]

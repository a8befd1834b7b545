"""What is wrong with an input is told as a user error with its code and path, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.fact import POINTS_MAX
from graph.ids import encode
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, an_agreement, furnish

Given = dict[str, Any]
T0, T1 = "2026-01-01T10:00:00Z", "2026-01-01T10:05:00Z"
NOBODY, NO_METRIC = encode("Party", UUID(int=1)), encode("Metric", UUID(int=1))
DAILY = {"every": "DAY", "zone": "UTC"}


def a_party(**more: object) -> Callable[[Furnished], Given]:
    return lambda _: {"code": "new", "name": "New", "kind": "VENDOR", **more}


def a_metric(**more: object) -> Callable[[Furnished], Given]:
    return lambda _: {"code": "new", "name": "New", "aggregation": "AVAILABILITY", **more}


def a_service(**more: object) -> Callable[[Furnished], Given]:
    return lambda made: {"code": "new", "name": "New", "provider": made.parties["acme"], **more}


def a_draft(*, objective: Given | None = None, **more: object) -> Callable[[Furnished], Given]:
    def given(made: Furnished) -> Given:
        promise = a_promise(made.metrics["uptime"], **(objective or {}))
        return an_agreement("new", made.parties["acme"], promise, **more)

    return given


def an_outage(stream: Given | None = None, **more: object) -> Callable[[Furnished], Given]:
    outage = {"stream": {**a_stream("uptime"), **(stream or {})}, "externalId": "1", "impact": "major", "startedAt": T0}
    return lambda _: {"outages": [{**outage, **more}]}


def tallies(stream: Given | None = None, **more: object) -> Callable[[Furnished], Given]:
    columns = {"starts": [T0], "ends": [T1], "good": [9], "total": [10]}
    return lambda _: {"tallies": [{"stream": {**a_stream("success"), **(stream or {})}, **columns, **more}]}


def samples(**more: object) -> Callable[[Furnished], Given]:
    return lambda _: {"samples": [{"stream": a_stream("latency"), "instants": [T0], "values": ["1"], **more}]}


def an_exclusion(**more: object) -> Callable[[Furnished], Given]:
    return lambda made: {
        "kind": "AGREED",
        "startsAt": T0,
        "endsAt": T1,
        "service": made.services["acme-api"],
        **more,
    }


CASES: list[tuple[str, Callable[[Furnished], Given], str, str]] = [
    ("createParty", a_party(code="No Code"), "INVALID", "code"),
    ("createParty", a_party(name=""), "INVALID", "name"),
    ("createParty", a_party(code="acme"), "CODE_TAKEN", "code"),
    ("createParty", a_party(parent=NOBODY), "NOT_FOUND", "parent"),
    ("createParty", a_party(parent=NO_METRIC), "NOT_FOUND", "parent"),
    ("createParty", a_party(parent="garbage"), "INVALID", "parent"),
    ("createParty", a_party(idempotencyKey="a b"), "INVALID", "idempotencyKey"),
    ("createMetric", a_metric(scale=10), "OUT_OF_RANGE", "scale"),
    ("createMetric", a_metric(grid="PT7M"), "OUT_OF_RANGE", "grid"),
    ("createMetric", a_metric(direction="AT_MOST"), "INVALID", "direction"),
    ("createMetric", a_metric(weights=[{"impact": "a", "weight": "2"}]), "OUT_OF_RANGE", "weights.0.weight"),
    ("createMetric", a_metric(weights=[{"impact": "A", "weight": "1"}]), "INVALID", "weights.0.impact"),
    ("createMetric", a_metric(weights=[{"impact": "a", "weight": "1"}] * 2), "INVALID", "weights.1.impact"),
    ("createMetric", a_metric(weights=[]), "INVALID", "weights"),
    ("createMetric", a_metric(shape="TALLY"), "INVALID", "shape"),
    ("createMetric", a_metric(slice="PT5M"), "INVALID", "slice"),
    ("createMetric", a_metric(aggregation="MEAN_OF_SLICES", slice="PT7M"), "OUT_OF_RANGE", "slice"),
    ("createMetric", a_metric(aggregation="GOOD_SLICES", slice="PT5M"), "INVALID", "sliceTarget"),
    ("createMetric", a_metric(aggregation="MEAN", sliceDirection="AT_MOST"), "INVALID", "sliceDirection"),
    ("createMetric", a_metric(aggregation="PERCENTILE", percentile="0"), "OUT_OF_RANGE", "percentile"),
    ("createMetric", a_metric(staleness="PT5M"), "INVALID", "staleness"),
    ("createService", a_service(provider=NO_METRIC), "NOT_FOUND", "provider"),
    ("createService", a_service(consumers=[NO_METRIC]), "NOT_FOUND", "consumers.0"),
    ("createService", a_service(structure={"allOf": []}), "INVALID", "structure"),
    (
        "createService",
        lambda made: a_service(structure={"kOfN": {"k": 2, "parts": [{"component": made.services["acme-api"]}]}})(made),
        "INVALID",
        "structure",
    ),
    (
        "createService",
        a_service(structure={"anyOf": [{"component": NOBODY}]}),
        "NOT_FOUND",
        "structure.anyOf.0.component",
    ),
    (
        "changeServiceStructure",
        lambda made: {
            "service": made.services["acme-api"],
            "structure": {"component": made.services["acme-api"]},
            "effectiveFrom": T0,
        },
        "INVALID",
        "structure",
    ),
    ("draftAgreement", a_draft(provider=NOBODY), "NOT_FOUND", "provider"),
    ("draftAgreement", a_draft(customer=NOBODY), "NOT_FOUND", "customer"),
    ("draftAgreement", a_draft(service=encode("Service", UUID(int=1))), "NOT_FOUND", "service"),
    ("draftAgreement", a_draft(endsAt="2025-01-01T00:00:00Z"), "OUT_OF_RANGE", "endsAt"),
    ("draftAgreement", a_draft(effectiveFrom="2025-01-01T00:00:00Z"), "OUT_OF_RANGE", "effectiveFrom"),
    ("draftAgreement", a_draft(grace="P93D"), "OUT_OF_RANGE", "grace"),
    ("draftAgreement", a_draft(objectives=[]), "OUT_OF_RANGE", "objectives"),
    ("draftAgreement", a_draft(clauses=[{"kind": "SCOPE", "text": "x" * 10_001}]), "OUT_OF_RANGE", "clauses.0.text"),
    ("draftAgreement", a_draft(objective={"metric": NO_METRIC}), "NOT_FOUND", "objectives.0.metric"),
    ("draftAgreement", a_draft(objective={"lowVolume": "ONE_MISS"}), "INVALID", "objectives.0.lowVolume"),
    ("draftAgreement", a_draft(objective={"expected": "101"}), "OUT_OF_RANGE", "objectives.0.expected"),
    ("draftAgreement", a_draft(objective={"expected": "0"}), "OUT_OF_RANGE", "objectives.0.expected"),
    ("draftAgreement", a_draft(objective={"minimum": "99.5"}), "OUT_OF_RANGE", "objectives.0.minimum"),
    ("draftAgreement", a_draft(objective={"minimumDuration": "P2D"}), "OUT_OF_RANGE", "objectives.0.minimumDuration"),
    ("draftAgreement", a_draft(objective={"minimumCoverage": "101"}), "OUT_OF_RANGE", "objectives.0.minimumCoverage"),
    (
        "draftAgreement",
        a_draft(objective={"window": {"calendar": {**DAILY, "zone": "Mars/Olympus"}}}),
        "INVALID",
        "objectives.0.window.calendar.zone",
    ),
    (
        "draftAgreement",
        a_draft(objective={"window": {"calendar": {**DAILY, "anchorDay": 2}}}),
        "OUT_OF_RANGE",
        "objectives.0.window.calendar.anchorDay",
    ),
    (
        "draftAgreement",
        a_draft(objective={"window": {"contractYear": {"zone": ""}}}),
        "INVALID",
        "objectives.0.window.contractYear.zone",
    ),
    ("amendAgreement", lambda made: {**a_terms(made), "agreement": NOBODY}, "NOT_FOUND", "agreement"),
    ("activateAgreement", lambda _: {"agreement": encode("Agreement", UUID(int=1))}, "NOT_FOUND", "agreement"),
    ("activateAgreement", lambda made: {"agreement": made.agreements["uc-acme"]}, "WRONG_STATE", "agreement"),
    ("recordOutages", an_outage({"metric": "none"}), "NOT_FOUND", "outages.0.stream.metric"),
    ("recordOutages", an_outage({"service": "rival-api"}), "NOT_FOUND", "outages.0.stream.service"),
    ("recordOutages", an_outage({"vendor": "none"}), "NOT_FOUND", "outages.0.stream.vendor"),
    ("recordOutages", an_outage({"metric": "success"}), "INVALID", "outages.0.stream.metric"),
    ("recordOutages", an_outage({"source": "No Code"}), "INVALID", "outages.0.stream.source"),
    ("recordOutages", an_outage(impact="odd"), "INVALID", "outages.0.impact"),
    ("recordOutages", an_outage(endedAt=T0), "OUT_OF_RANGE", "outages.0.endedAt"),
    ("recordOutages", an_outage(externalId=""), "INVALID", "outages.0.externalId"),
    ("recordOutages", an_outage(replacesRevision=3), "REVISION_CONFLICT", "outages.0.replacesRevision"),
    (
        "recordOutages",
        lambda _: {"reports": [{"stream": a_stream("uptime"), "through": "2199-01-01T00:00:00Z"}]},
        "OUT_OF_RANGE",
        "reports.0.through",
    ),
    (
        "withdrawOutages",
        lambda _: {"outages": [{"stream": a_stream("uptime"), "externalId": "none"}]},
        "NOT_FOUND",
        "outages.0.externalId",
    ),
    ("recordMeasurements", tallies(good=[11]), "OUT_OF_RANGE", "tallies.0.good.0"),
    ("recordMeasurements", tallies(good=[-1]), "OUT_OF_RANGE", "tallies.0.good.0"),
    ("recordMeasurements", tallies(total=[]), "INVALID", "tallies.0.starts"),
    ("recordMeasurements", tallies(ends=[T0]), "OUT_OF_RANGE", "tallies.0.ends.0"),
    ("recordMeasurements", tallies(ends=None), "INVALID", "tallies.0.ends"),
    ("recordMeasurements", tallies(duration="PT5M"), "INVALID", "tallies.0.ends"),
    ("recordMeasurements", tallies(ends=None, duration="PT20M"), "OUT_OF_RANGE", "tallies.0.ends.0"),
    ("recordMeasurements", tallies({"metric": "latency"}), "INVALID", "tallies.0.stream.metric"),
    ("recordMeasurements", samples(values=["1", "2"]), "INVALID", "samples.0.instants"),
    ("recordMeasurements", samples(values=["1" * 28]), "OUT_OF_RANGE", "samples.0.values.0"),
    (
        "recordMeasurements",
        samples(instants=[T0] * (POINTS_MAX + 1), values=["1"] * (POINTS_MAX + 1)),
        "TOO_MANY",
        "",
    ),
    (
        "withdrawMeasurements",
        lambda _: {"stream": a_stream("latency"), "instants": [T0]},
        "NOT_FOUND",
        "instants.0",
    ),
    ("recordExclusion", an_exclusion(endsAt=T0), "OUT_OF_RANGE", "endsAt"),
    ("recordExclusion", an_exclusion(service=None), "INVALID", "service"),
    ("recordExclusion", an_exclusion(agreement=NOBODY), "NOT_FOUND", "agreement"),
    ("recordExclusion", an_exclusion(corrects=encode("Exclusion", UUID(int=1))), "INVALID", "replacesRevision"),
    (
        "recordExclusion",
        an_exclusion(corrects=encode("Exclusion", UUID(int=1)), replacesRevision=1),
        "NOT_FOUND",
        "corrects",
    ),
    (
        "withdrawExclusion",
        lambda _: {"exclusion": encode("Exclusion", UUID(int=1)), "replacesRevision": 1},
        "NOT_FOUND",
        "exclusion",
    ),
]


def a_terms(made: Furnished) -> Given:
    return {"effectiveFrom": "2027-01-01T00:00:00Z", "objectives": [a_promise(made.metrics["uptime"])]}


@pytest.fixture(scope="module")
def kept() -> dict[str, tuple[Actor, Furnished]]:
    """The one tenant of these tests: nothing that they do changes it."""
    return {}


@pytest.mark.parametrize(
    ("mutation", "given", "code", "path"), CASES, ids=[f"{case[0]} {case[3]} {case[2]}" for case in CASES]
)
async def test_a_wrong_input_is_told_by_code_and_path_and_nothing_is_kept(
    database: Database,
    admin: Actor,
    mint: Mint,
    kept: dict[str, tuple[Actor, Furnished]],
    mutation: str,
    given: Callable[[Furnished], Given],
    code: str,
    path: str,
) -> None:
    if not kept:
        kept["tenant"] = (admin, await furnish(an_asker(database, admin, mint, START)))
    actor, made = kept["tenant"]
    asker = an_asker(database, actor, mint, START)
    before = await what_there_is(asker)

    payload = await asker.attempt(mutation, **given(made))

    (error,) = payload["userErrors"]
    assert (error["code"], ".".join(error["path"])) == (code, f"input.{path}".rstrip("."))
    assert error["message"]
    assert await what_there_is(asker) == before


async def what_there_is(asker: Asker) -> Any:
    lists = ("parties", "metrics", "services", "agreements", "outages", "exclusions", "attainments", "breaches")
    fields = " ".join(f"{name} {{ totalCount nodes {{ id }} }}" for name in lists)
    return await asker.ask(f"{{ {fields} }}")


async def test_typed_errors_can_be_told_apart(database: Database, admin: Actor, mint: Mint) -> None:
    asker = an_asker(database, admin, mint, START)
    text = """
    mutation {
      a: createParty(input: {code: "a", name: "", kind: VENDOR}) { party { id } userErrors { __typename } }
      b: createParty(input: {code: "b", name: "b", kind: VENDOR, parent: "%s"}) { userErrors { __typename } }
      c: createParty(input: {code: "c", name: "c", kind: VENDOR}) { party { code } userErrors { __typename } }
      d: createParty(input: {code: "c", name: "c", kind: VENDOR}) { party { code } userErrors { __typename } }
    }
    """
    assert await asker.ask(text % NOBODY) == {
        "a": {"party": None, "userErrors": [{"__typename": "InvalidInputError"}]},
        "b": {"userErrors": [{"__typename": "NotFoundError"}]},
        "c": {"party": {"code": "c"}, "userErrors": []},
        "d": {"party": None, "userErrors": [{"__typename": "ConflictError"}]},
    }

"""Terms through the schema: versions and where they stand, levels and what binds, structures and what they rest on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, a_promise, an_agreement, furnish, made

VERSIONS = """
query($id: ID!, $at: DateTime) {
  node(id: $id) {
    ... on Agreement {
      versionInForce(at: $at) { number }
      versions { number state effectiveFrom grace clauses { kind text } objectives { code expected } }
    }
  }
}
"""


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


async def test_a_version_is_drafted_activated_and_succeeded(asker: Asker) -> None:
    tenant = await furnish(asker)
    agreement, metric = tenant.agreements["uc-acme"], tenant.metrics["uptime"]
    later = {"effectiveFrom": "2026-02-01T00:00:00Z", "objectives": [a_promise(metric, expected="99.5")]}
    clause = {"kind": "SCOPE", "text": "All of it."}
    await asker.do("amendAgreement", agreement=agreement, clauses=[clause], grace="PT24H", **later)
    again = await asker.attempt("amendAgreement", agreement=agreement, **later)
    assert [error["code"] for error in again["userErrors"]] == ["WRONG_STATE"]
    assert await states(asker, agreement) == ["IN_FORCE", "DRAFT"]
    await asker.do("activateAgreement", agreement=agreement)
    assert await states(asker, agreement) == ["IN_FORCE", "SCHEDULED"]
    asker.clock.now = START + timedelta(days=40)
    assert await states(asker, agreement) == ["SUCCEEDED", "IN_FORCE"]

    found = (await asker.ask(VERSIONS, id=agreement, at="2026-01-15T00:00:00Z"))["node"]
    assert found["versionInForce"] == {"number": 1}
    assert found["versions"][1] == {
        "number": 2,
        "state": "IN_FORCE",
        "effectiveFrom": "2026-02-01T00:00:00Z",
        "grace": "PT24H",
        "clauses": [{"kind": "SCOPE", "text": "All of it."}],
        "objectives": [{"code": "uptime", "expected": "99.5"}],
    }


async def states(asker: Asker, agreement: str) -> list[str]:
    found = (await asker.ask(VERSIONS, id=agreement))["node"]
    return [version["state"] for version in found["versions"]]


async def test_an_agreement_that_is_over_has_ended_and_one_to_come_is_scheduled(asker: Asker) -> None:
    tenant = await furnish(asker)
    promise = a_promise(tenant.metrics["uptime"], "other")
    draft: dict[str, Any] = an_agreement("short", tenant.parties["acme"], promise, endsAt="2026-03-01T00:00:00Z")
    agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    asker.clock.now = START - timedelta(days=1)
    assert await states(asker, agreement) == ["SCHEDULED"]
    asker.clock.now = START + timedelta(days=365)
    assert await states(asker, agreement) == ["ENDED"]
    assert (await asker.ask(VERSIONS, id=agreement))["node"]["versionInForce"] is None


async def test_effective_objectives_tell_where_each_comes_from_and_what_it_overrides(asker: Asker) -> None:
    tenant = await furnish(asker)
    acme, us, service = tenant.parties["acme"], tenant.parties["us"], tenant.services["acme-api"]
    uptime = tenant.metrics["uptime"]
    for code, expected, scope in (
        ("corporate", "90", {}),
        ("both", "99.9", {"customer": us, "service": service}),
    ):
        promises = [a_promise(uptime, expected=expected), a_promise(uptime, f"{code}-only")]
        draft: dict[str, Any] = an_agreement(code, acme, *promises, **scope)
        agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
        await asker.do("activateAgreement", agreement=agreement)

    found = await asker.ask(
        """
        query($customer: ID!, $service: ID!) {
          effectiveObjectives(customer: $customer, service: $service) {
            objective { code expected metric { code } } agreement { code } version { number state } level
            overrides { objective { expected } agreement { code } }
          }
        }
        """,
        customer=us,
        service=service,
    )

    first, *rest = found["effectiveObjectives"]
    assert [each["objective"]["code"] for each in (first, *rest)] == ["both-only", "corporate-only", "uptime"]
    assert rest[-1] == {
        "objective": {"code": "uptime", "expected": "99.9", "metric": {"code": "uptime"}},
        "agreement": {"code": "both"},
        "version": {"number": 1, "state": "IN_FORCE"},
        "level": "CUSTOMER_AND_SERVICE",
        "overrides": [
            {"objective": {"expected": "90"}, "agreement": {"code": "corporate"}},
            {"objective": {"expected": "99"}, "agreement": {"code": "uc-acme"}},
        ],
    }


async def test_effective_objectives_of_nobody_are_not_found(asker: Asker) -> None:
    tenant = await furnish(asker)
    text = "query($c: ID!, $s: ID!) { effectiveObjectives(customer: $c, service: $s) { level } }"
    service, party = tenant.services["acme-api"], tenant.parties["us"]
    for customer, wanted, path in ((service, service, ["customer"]), (party, party, ["service"])):
        (error,) = (await asker.say(text, c=customer, s=wanted))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["inputPath"]) == ("NOT_FOUND", path)


async def test_an_equal_promise_at_equal_scope_is_refused_when_it_is_to_bind(asker: Asker) -> None:
    tenant = await furnish(asker)
    promise = a_promise(tenant.metrics["uptime"])
    draft: dict[str, Any] = an_agreement("twin", tenant.parties["acme"], promise, service=tenant.services["acme-api"])
    agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    payload = await asker.attempt("activateAgreement", "agreement { id }", agreement=agreement)
    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == ("CODE_TAKEN", ["input", "agreement", "objectives", "0", "code"])
    assert (payload["agreement"], await states(asker, agreement)) == (None, ["DRAFT"])


async def test_a_structure_is_read_as_a_flat_list_and_by_its_instant(asker: Asker) -> None:
    tenant = await furnish(asker)
    a, b = ({"component": tenant.services[f"{vendor}-api"]} for vendor in ("acme", "rival"))
    structure = {"allOf": [a, {"kOfN": {"k": 1, "parts": [a, {"anyOf": [b]}]}}]}
    platform = await made(asker, "Service", "platform", provider=tenant.parties["us"], structure=structure)
    change = {"service": platform, "structure": b, "effectiveFrom": "2026-02-01T00:00:00Z"}
    await asker.do("changeServiceStructure", "service { id }", **change)

    found = await asker.ask(
        """
        query($id: ID!) {
          node(id: $id) {
            ... on Service {
              before: structure(at: "2026-01-15T00:00:00Z") { nodes { index parent kind k service { code } } }
              after: structure(at: "2026-02-01T00:00:00Z") { nodes { kind service { code } } }
              structureVersions { effectiveFrom structure { nodes { kind } } }
            }
          }
        }
        """,
        id=platform,
    )

    def node(index: int, parent: int | None, kind: str, k: int | None = None, code: str | None = None) -> Any:
        return {"index": index, "parent": parent, "kind": kind, "k": k, "service": code and {"code": code}}

    assert found["node"]["before"]["nodes"] == [
        node(0, None, "ALL_OF"),
        node(1, 0, "COMPONENT", code="acme-api"),
        node(2, 0, "K_OF_N", 1),
        node(3, 2, "COMPONENT", code="acme-api"),
        node(4, 2, "ANY_OF"),
        node(5, 4, "COMPONENT", code="rival-api"),
    ]
    assert found["node"]["after"]["nodes"] == [{"kind": "COMPONENT", "service": {"code": "rival-api"}}]
    assert [each["effectiveFrom"] for each in found["node"]["structureVersions"]] == [
        "1990-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
    ]


async def test_a_metric_tells_its_weights_and_an_objective_its_terms(asker: Asker) -> None:
    tenant = await furnish(asker)
    weights = [{"impact": "major", "weight": "0.5"}, {"impact": "critical", "weight": 1}]
    metric = await made(asker, "Metric", "weighed", aggregation="AVAILABILITY", weights=weights)
    window = {"contractYear": {"zone": "Europe/Vienna"}}
    more = {"minimum": "95", "minimumDuration": "PT5M", "importance": "CRITICAL", "override": "TIGHTEN"}
    draft: dict[str, Any] = an_agreement(
        "terms", tenant.parties["acme"], a_promise(metric, "weighed", window=window, missing="GOOD", **more)
    )
    shows = """
    agreement {
      level
      versions {
        objectives {
          code expected minimum unit direction importance minimumDuration granularity missing minimumCoverage override
          window { zone __typename } metric { shape unit scale grid weights { impact weight } }
        }
      }
    }
    """
    payload = await asker.do("draftAgreement", shows, **draft)
    assert payload["agreement"] == {
        "level": "CORPORATE",
        "versions": [
            {
                "objectives": [
                    {
                        "code": "weighed",
                        "expected": "99",
                        "minimum": "95",
                        "unit": "%",
                        "direction": "AT_LEAST",
                        "importance": "CRITICAL",
                        "minimumDuration": "PT5M",
                        "granularity": "EXACT",
                        "missing": "GOOD",
                        "minimumCoverage": "0.000000",
                        "override": "TIGHTEN",
                        "window": {"zone": "Europe/Vienna", "__typename": "ContractYearWindow"},
                        "metric": {
                            "shape": "OUTAGE",
                            "unit": "%",
                            "scale": 3,
                            "grid": "PT15M",
                            "weights": [
                                {"impact": "critical", "weight": "1"},
                                {"impact": "major", "weight": "0.5"},
                            ],
                        },
                    }
                ]
            }
        ],
    }


async def test_the_viewer_is_told_what_the_key_is(asker: Asker) -> None:
    tenant = await furnish(asker)
    found = await asker.ask("{ viewer { role tenantId party { code } } }")
    assert found["viewer"]["role"] == "ADMIN"
    assert found["viewer"]["party"] is None
    assert tenant.parties

"""Who sees what: nothing of another tenant or a rival, by any field; and what is not seen looks like nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.ids import KeyId
from domain.policy import Role
from graph.ids import encode
from persistence.database import Database
from persistence.operator import Operator
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, an_agreement, furnish

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
LISTS = {
    "parties": "code",
    "services": "code",
    "agreements": "code",
    "outages": "externalId",
    "exclusions": "reason",
    "attainments": "service { code }",
    "breaches": "service { code }",
}


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


async def lived_in(asker: Asker) -> tuple[Furnished, dict[str, list[str]]]:
    """Both vendors were down and excused; every node's id by vendor."""
    made = await furnish(asker)
    asker.clock.now = START + timedelta(hours=26)
    for vendor in ("acme", "rival"):
        stream = a_stream("uptime", vendor)
        outage = {
            "stream": stream,
            "externalId": f"{vendor} was down",
            "impact": "major",
            "startedAt": (START + timedelta(hours=6)).isoformat(),
            "endedAt": (START + timedelta(hours=7)).isoformat(),
        }
        report = {"stream": stream, "through": asker.clock().isoformat()}
        await asker.do("recordOutages", outages=[outage], reports=[report])
        await asker.do(
            "recordExclusion",
            kind="AGREED",
            service=made.services[f"{vendor}-api"],
            startsAt=(START + timedelta(hours=8)).isoformat(),
            endsAt=(START + timedelta(hours=9)).isoformat(),
            reason=f"{vendor} was excused",
        )
    await asker.judge()
    return made, {vendor: await node_ids(asker, made, vendor) for vendor in ("acme", "rival")}


async def node_ids(asker: Asker, made: Furnished, vendor: str) -> list[str]:
    service = made.services[f"{vendor}-api"]
    found = await asker.ask(
        """
        query($service: ID!) {
          outages(filter: {services: [$service]}) { nodes { id stream { id } } }
          exclusions(filter: {services: [$service]}) { nodes { id } }
          attainments(filter: {services: [$service]}) { nodes { id objective { id } } }
          breaches(filter: {services: [$service]}) { nodes { id } }
        }
        """,
        service=service,
    )
    ids = [made.parties[vendor], service, made.agreements[f"uc-{vendor}"]]
    for name in ("outages", "exclusions", "attainments", "breaches"):
        ids += [node["id"] for node in found[name]["nodes"]]
    ids += [found["outages"]["nodes"][0]["stream"]["id"], found["attainments"]["nodes"][0]["objective"]["id"]]
    return ids


async def test_any_node_is_found_by_its_id(asker: Asker) -> None:
    made, ids = await lived_in(asker)
    wanted = [*ids["acme"], made.metrics["uptime"]]
    found = (await asker.ask(NODES, ids=wanted))["nodes"]
    assert [node["id"] for node in found] == wanted
    assert {node["__typename"] for node in found} == {
        *("Party", "Service", "Agreement", "Metric", "Objective"),
        *("Stream", "Outage", "Exclusion", "Attainment", "Breach"),
    }
    one = await asker.ask("query($id: ID!) { node(id: $id) { ... on Service { code } } }", id=made.services["acme-api"])
    assert one == {"node": {"code": "acme-api"}}


async def test_a_stranger_s_nodes_are_not_there(
    asker: Asker, database: Database, operator: Operator, mint: Mint
) -> None:
    _, ids = await lived_in(asker)
    stranger = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
    other = an_asker(database, stranger, mint, asker.clock())
    wanted = [*ids["acme"], encode("Service", UUID(int=1))]
    assert (await other.ask(NODES, ids=wanted))["nodes"] == [None] * len(wanted)
    fields = " ".join(f"{name} {{ totalCount nodes {{ {shows} }} }}" for name, shows in LISTS.items())
    found = await other.ask(f"{{ {fields} }}")
    assert {name: (each["totalCount"], each["nodes"]) for name, each in found.items()} == dict.fromkeys(LISTS, (0, []))


async def test_a_vendor_sees_its_own_slice_and_no_rival_s(asker: Asker) -> None:
    made, ids = await lived_in(asker)
    acme = acting_for(asker, Role.VENDOR, made.parties["acme"])
    assert [node["id"] for node in (await acme.ask(NODES, ids=ids["acme"]))["nodes"]] == ids["acme"]
    assert (await acme.ask(NODES, ids=ids["rival"]))["nodes"] == [None] * len(ids["rival"])
    fields = " ".join(f"{name} {{ totalCount nodes {{ {shows} }} }}" for name, shows in LISTS.items())
    found = await acme.ask(f"{{ {fields} }}")
    assert "rival" not in str(found)
    counts = {name: each["totalCount"] for name, each in found.items()}
    assert counts == {**dict.fromkeys(LISTS, 1), "attainments": 2}, "a day has ended and the next one runs"
    filtered = await acme.ask(
        "query($ids: [ID!]!) { breaches(filter: {services: $ids}) { totalCount nodes { id } } }",
        ids=[made.services["rival-api"]],
    )
    assert filtered == {"breaches": {"totalCount": 0, "nodes": []}}


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("recordOutages", {"outages": [{"externalId": "x", "impact": "major", "startedAt": START.isoformat()}]}),
        ("withdrawOutages", {"outages": [{"externalId": "rival was down"}]}),
        ("recordMeasurements", {"samples": [{"instants": [START.isoformat()], "values": ["1"]}]}),
    ],
)
async def test_a_vendor_records_nothing_for_a_rival(asker: Asker, mutation: str, given: dict[str, Any]) -> None:
    made, _ = await lived_in(asker)
    before = await asker.ask("{ outages { nodes { id revision } } }")
    acme = acting_for(asker, Role.VENDOR, made.parties["acme"])
    metric = "latency" if mutation == "recordMeasurements" else "uptime"
    lines: dict[str, Any] = {
        name: [{**line, "stream": a_stream(metric, "rival")} for line in each] for name, each in given.items()
    }
    (error,) = (await acme.attempt(mutation, **lines))["userErrors"]
    assert (error["code"], error["path"][-2:]) == ("NOT_FOUND", ["stream", "vendor"])
    assert await asker.ask("{ outages { nodes { id revision } } }") == before


async def test_a_customer_sees_its_own_agreement_and_not_the_vendors(asker: Asker) -> None:
    made, ids = await lived_in(asker)
    promise = a_promise(made.metrics["uptime"], "shared")
    draft: dict[str, Any] = an_agreement(
        "sla-us", made.parties["acme"], promise, kind="SLA", customer=made.parties["us"]
    )
    await asker.do("draftAgreement", **draft)
    us = acting_for(asker, Role.CUSTOMER, made.parties["us"])
    found = await us.ask("{ agreements { nodes { code level provider { code } } } breaches { totalCount } }")
    assert found == {
        "agreements": {"nodes": [{"code": "sla-us", "level": "CUSTOMER", "provider": {"code": "acme"}}]},
        "breaches": {"totalCount": 0},
    }
    assert (await us.ask(NODES, ids=ids["acme"]))["nodes"].count(None) == len(ids["acme"]) - 3


async def test_an_id_that_is_none_is_refused_with_its_place(asker: Asker) -> None:
    await furnish(asker)
    for ids, path in ((["nonsense"], ["ids", 0]), ([encode("Query", UUID(int=1))], ["ids", 0])):
        (error,) = (await asker.say(NODES, ids=ids))["errors"]
        assert (error["extensions"]["code"], error["extensions"]["inputPath"]) == ("INVALID", path)
    (error,) = (await asker.say(NODES, ids=[encode("Party", UUID(int=1))] * 101))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["inputPath"]) == ("TOO_MANY", ["ids"])


async def test_a_page_costs_the_same_units_of_work_however_many_rows_it_has(asker: Asker) -> None:
    await lived_in(asker)
    text = """
    query($first: Int) {
      attainments(first: $first) {
        nodes {
          status objective { code metric { code } } agreement { code provider { code } }
          service { code provider { code } consumers { code } } breach { state } revisions { status }
        }
      }
    }
    """
    costs = []
    for first in (1, 50):
        asker.opened.clear()
        await asker.ask(text, first=first)
        costs.append(len(asker.opened))
    assert costs[0] == costs[1] <= 6

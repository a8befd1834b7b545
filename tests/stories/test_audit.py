"""The audit log as its readers find it: each act once: who, when, from where, on what. What failed is not there.

The mutations are those of the schema: one that leaves no entry, or that no act below tries, fails here.
"""

from __future__ import annotations

import asyncio
import json
import re
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType

from domain.party import PartyKind
from domain.policy import Action, Role
from graph.audit import AuditAction
from tests.stories import processes, walking
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.shop import midnight
from tests.stories.storage import Store
from tests.stories.talking import Client, let_in
from tests.stories.tenants import a_key, a_tenant
from tests.stories.test_facts_guide import BLOCK, needs_curl

ENTRIES = """
query ($filter: AuditFilter) {
  auditEntries(first: 100, filter: $filter, orderBy: {direction: ASC}) {
    totalCount
    nodes {
      id at action operation callerKind callerId role party { code } door address requestId
      subjects { type id } subjectCount
    }
  }
}
"""
DAY = midnight(3)
START, END = DAY.isoformat(), (DAY + timedelta(hours=1)).isoformat()
QUARTER = (DAY + timedelta(minutes=15)).isoformat()
BEGINS = midnight(30).isoformat()


async def entries(client: Client, **where: object) -> list[dict[str, Any]]:
    found = (await client.ask(ENTRIES, filter=where or None))["auditEntries"]
    assert found["totalCount"] == len(found["nodes"])
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


@dataclass(slots=True)
class Doer:
    """Does one mutation after another, and keeps the ids that came of them by mutation."""

    client: Client
    made: dict[str, str] = field(default_factory=dict)

    async def does(self, name: str, noun: str | None, /, **given: object) -> httpx.Response:
        wanted = walking.root_fields("Mutation")[name].args["input"].type
        shown = "" if noun is None else f"{noun} {{ id }}"
        document = (
            f"mutation ($input: {wanted}) {{ {name}(input: $input) {{ {shown} userErrors {{ code message }} }} }}"
        )
        response = await self.client.post(document, input=given)
        payload = response.json()["data"][name]
        assert payload["userErrors"] == [], payload
        if noun is not None:
            self.made.setdefault(noun, payload[noun]["id"])
        return response


OBJECTIVE = {
    "code": "up",
    "name": "Up",
    "expected": "99.9",
    "missing": "GOOD",
    "window": {"calendar": {"every": "DAY", "zone": "UTC"}},
}
STREAM = {"metric": "up", "service": "web", "vendor": "vendor"}
COUNTED = {**STREAM, "metric": "good"}
OUTAGE = {"stream": STREAM, "externalId": "o1", "impact": "critical", "startedAt": START, "endedAt": END}
TALLY = {"stream": COUNTED, "starts": [START], "ends": [QUARTER], "good": ["1"], "total": ["2"]}


async def everything(doer: Doer) -> Mapping[str, httpx.Response]:
    """Every mutation of the schema once, each with an input that changes something; its answer by its name."""
    made, answers = doer.made, {}
    answers["createParty"] = await doer.does("createParty", "party", code="vendor", name="V", kind="VENDOR")
    answers["createMetric"] = await doer.does("createMetric", "metric", code="up", name="U", aggregation="AVAILABILITY")
    await doer.does("createMetric", None, code="good", name="Good", aggregation="RATIO_OF_SUMS")
    answers["createService"] = await doer.does("createService", "service", code="web", name="W", provider=made["party"])
    whole = await doer.does("createService", "service", code="whole", name="Whole", provider=made["party"])
    made["whole"] = whole.json()["data"]["createService"]["service"]["id"]
    component = {"component": made["service"]}
    answers["changeServiceStructure"] = await doer.does(
        "changeServiceStructure", None, service=made["whole"], structure=component, effectiveFrom=BEGINS
    )
    terms = {"effectiveFrom": BEGINS, "objectives": [{**OBJECTIVE, "metric": made["metric"]}]}
    named = {"code": "uc", "name": "UC", "kind": "UC", "provider": made["party"], "service": made["service"]}
    answers["draftAgreement"] = await doer.does("draftAgreement", "agreement", **named, startsAt=BEGINS, **terms)
    answers["activateAgreement"] = await doer.does("activateAgreement", None, agreement=made["agreement"])
    later = {**terms, "effectiveFrom": midnight(-30).isoformat()}
    answers["amendAgreement"] = await doer.does("amendAgreement", None, agreement=made["agreement"], **later)
    answers["recordOutages"] = await doer.does("recordOutages", None, outages=[OUTAGE])
    reported = {"stream": STREAM, "externalId": "o1"}
    answers["withdrawOutages"] = await doer.does("withdrawOutages", None, outages=[reported])
    answers["recordMeasurements"] = await doer.does("recordMeasurements", None, tallies=[TALLY])
    answers["withdrawMeasurements"] = await doer.does("withdrawMeasurements", None, stream=COUNTED, instants=[START])
    probed = {**STREAM, "metric": "probed"}
    await doer.does("createMetric", None, code="probed", name="P", aggregation="AVAILABILITY", shape="STATE")
    series = [{"stream": probed, "instants": [START], "states": ["down"]}]
    answers["recordStates"] = await doer.does("recordStates", None, series=series)
    answers["withdrawStates"] = await doer.does("withdrawStates", None, stream=probed, instants=[START])
    await doer.does("createMetric", None, code="p2", name="P2", aggregation="CASES_WITHIN")
    tickets = {**STREAM, "metric": "p2"}
    case = {"stream": tickets, "externalId": "c1", "openedAt": START, "resolvedAt": END}
    answers["recordCases"] = await doer.does("recordCases", None, cases=[case])
    gone = {"stream": tickets, "externalId": "c1"}
    answers["withdrawCases"] = await doer.does("withdrawCases", None, cases=[gone])
    answers["recordExclusion"] = await doer.does(
        "recordExclusion", "exclusion", kind="AGREED", startsAt=START, endsAt=END, service=made["service"]
    )
    answers["withdrawExclusion"] = await doer.does(
        "withdrawExclusion", None, exclusion=made["exclusion"], replacesRevision=1
    )
    return answers


ACTS = {
    "createParty": ("MANAGE_PARTIES", "PARTY", "party"),
    "createMetric": ("MANAGE_METRICS", "METRIC", "metric"),
    "createService": ("MANAGE_SERVICES", "SERVICE", "service"),
    "changeServiceStructure": ("MANAGE_SERVICES", "SERVICE", "whole"),
    "draftAgreement": ("MANAGE_AGREEMENTS", "AGREEMENT", "agreement"),
    "activateAgreement": ("MANAGE_AGREEMENTS", "AGREEMENT", "agreement"),
    "amendAgreement": ("MANAGE_AGREEMENTS", "AGREEMENT", "agreement"),
    "recordOutages": ("RECORD_OUTAGES", "STREAM", None),
    "withdrawOutages": ("RECORD_OUTAGES", "STREAM", None),
    "recordMeasurements": ("RECORD_MEASUREMENTS", "STREAM", None),
    "withdrawMeasurements": ("RECORD_MEASUREMENTS", "STREAM", None),
    "recordStates": ("RECORD_MEASUREMENTS", "STREAM", None),
    "withdrawStates": ("RECORD_MEASUREMENTS", "STREAM", None),
    "recordCases": ("RECORD_CASES", "STREAM", None),
    "withdrawCases": ("RECORD_CASES", "STREAM", None),
    "recordExclusion": ("RECORD_EXCLUSIONS", "EXCLUSION", "exclusion"),
    "withdrawExclusion": ("RECORD_EXCLUSIONS", "EXCLUSION", "exclusion"),
}
"""By mutation its action, and what it acts on; a stream's id is not told by the mutation."""


async def test_every_mutation_leaves_one_entry_that_says_who_when_from_where_and_on_what(
    house: House, client_of: ClientOf
) -> None:
    assert set(ACTS) == set(walking.root_fields("Mutation"))
    tenant = await a_tenant(house.server.owner_url)
    key, key_id = await a_key(house.server.owner_url, tenant, Role.ADMIN)
    doer = Doer(client_of(key))
    answers = await everything(doer)
    assert set(answers) == set(ACTS)
    found = {each["requestId"]: each for each in await entries(doer.client)}
    streams: set[str] = set()
    for name, (action, subject, noun) in ACTS.items():
        entry = found[answers[name].headers["x-request-id"]]
        (acted_on,) = entry.pop("subjects")
        streams |= {acted_on["id"]} if noun is None else set()
        assert acted_on == {"type": subject, "id": acted_on["id"] if noun is None else doer.made[noun]}
        assert datetime.fromisoformat(entry.pop("at")) > midnight(1)
        assert entry.pop("id")
        assert entry == {
            "action": action,
            "operation": name,
            "callerKind": "KEY",
            "callerId": str(key_id),
            "role": "ADMIN",
            "party": None,
            "door": "HTTP",
            "address": "127.0.0.1",
            "requestId": answers[name].headers["x-request-id"],
            "subjectCount": 1,
        }
    nodes = await doer.client.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", ids=sorted(streams))
    assert nodes["nodes"] == [{"__typename": "Stream"}] * 4


def test_every_action_that_changes_something_is_one_of_the_logs() -> None:
    reads = {each for each in Action if each.name.startswith("READ_")} | {Action.FOLLOW_BREACHES}
    assert {each.value for each in AuditAction} == set(Action) - reads


@pytest.fixture
async def vendor(house: House, a_workshop: NewWorkshop, client_of: ClientOf) -> tuple[Client, Client]:
    """A vendor's key in a tenant with a service of its own, and the key of one who may read the log."""
    workshop = await a_workshop()
    await workshop.party("vendor", PartyKind.VENDOR)
    await workshop.metric("up")
    await workshop.service("web", provider="vendor")
    own, _ = await a_key(house.server.owner_url, workshop.tenant, Role.VENDOR, workshop.parties["vendor"].id)
    auditor, _ = await a_key(house.server.owner_url, workshop.tenant, Role.AUDITOR)
    return client_of(own), client_of(auditor)


async def test_what_changes_nothing_leaves_no_entry(vendor: tuple[Client, Client]) -> None:
    client, auditor = vendor
    doer = Doer(client)
    await doer.does("recordOutages", None, outages=[OUTAGE], idempotencyKey="once")
    before = await entries(auditor)
    assert [each["party"] for each in before if each["operation"] == "recordOutages"] == [{"code": "vendor"}]
    await doer.does("recordOutages", None, outages=[OUTAGE], idempotencyKey="once")
    await doer.does("recordOutages", None, outages=[OUTAGE])
    wrong = {**OUTAGE, "externalId": "o2", "impact": "no-such"}
    document = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { userErrors { code } } }"
    answer = await client.ask(document, input={"outages": [wrong]})
    assert answer["recordOutages"]["userErrors"]
    assert await entries(auditor) == before


async def test_a_refused_attempt_is_in_the_log_of_the_process_and_not_in_the_audit_log(
    house: House, vendor: tuple[Client, Client], tmp_path: Path
) -> None:
    client, auditor = vendor
    before = await entries(auditor)
    log = tmp_path / "log"
    async with processes.serving(house.data_dir, "--no-worker", more={"INTERPACT_LOG_FORMAT": "json"}, log=log) as here:
        there = Client(http=client.http, graphql=here.graphql, key=client.key)
        party = {"code": "new", "name": "New", "kind": "VENDOR"}
        document = "mutation Innocent($input: CreatePartyInput!) { a: createParty(input: $input) { party { id } } }"
        forbidden = await there.post(document, input=party)
        strange = {**OUTAGE, "stream": {**STREAM, "service": "of-others"}}
        document = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { recordedCount } }"
        missing = await there.post(document, input={"outages": [strange]})
    assert [forbidden.json()["errors"][0]["extensions"]["code"], missing.json()["data"]] == [
        "FORBIDDEN",
        {"recordOutages": {"recordedCount": 0}},
    ]
    lines = {line.get("request_id"): line for line in map(json.loads, log.read_text().splitlines()) if "kind" in line}
    told = [lines[answer.headers["x-request-id"]] for answer in (forbidden, missing)]
    assert [(line["codes"], line["refused"], line["role"]) for line in told] == [
        (["FORBIDDEN"], ["createParty"], "vendor"),
        (["NOT_FOUND"], ["recordOutages"], "vendor"),
    ]
    assert re.fullmatch(r"[0-9a-f-]{36}", told[0]["caller"])
    assert await entries(auditor) == before


async def test_the_entry_names_the_door_that_was_come_through(
    vendor: tuple[Client, Client], doors: processes.Running
) -> None:
    client, auditor = vendor
    document = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { recordedCount } }"
    async with let_in(doors.address, client.key) as socket:
        payload = {"query": document, "variables": {"input": {"outages": [OUTAGE]}}}
        await socket.say({"id": "1", "type": "subscribe", "payload": payload})
        assert (await socket.hear())["payload"]["data"] == {"recordOutages": {"recordedCount": 1}}
    later = {**OUTAGE, "externalId": "o2"}
    streamed = await client.http.post(
        client.graphql,
        json={"query": document, "variables": {"input": {"outages": [later]}}},
        headers={"authorization": f"Bearer {client.key}", "accept": "text/event-stream"},
    )
    assert '"recordedCount":1' in streamed.text
    by_socket, by_stream = await entries(auditor, actions=["RECORD_OUTAGES"])
    assert (by_socket["door"], by_socket["address"]) == ("WEBSOCKET", "127.0.0.1")
    assert by_socket["requestId"].endswith("-1")
    assert (by_stream["door"], by_stream["requestId"]) == ("EVENT_STREAM", streamed.headers["x-request-id"])


@pytest.mark.parametrize(
    ("proxies", "address"), [("", "127.0.0.1"), ("127.0.0.1", "2001:db8::7"), ("192.0.2.1", "127.0.0.1")]
)
async def test_an_address_that_is_handed_on_is_believed_of_named_proxies_alone(
    house: House, vendor: tuple[Client, Client], tmp_path: Path, proxies: str, address: str
) -> None:
    client, auditor = vendor
    more = {"INTERPACT_PROXIES": proxies, "FORWARDED_ALLOW_IPS": "*"}
    async with processes.serving(house.data_dir, "--no-worker", more=more, log=tmp_path / "log") as here:
        document = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { recordedCount } }"
        answer = await client.http.post(
            here.graphql,
            json={"query": document, "variables": {"input": {"outages": [OUTAGE]}}},
            headers={"authorization": f"Bearer {client.key}", "x-forwarded-for": "198.51.100.9, 2001:DB8:0::7"},
        )
    (entry,) = await entries(auditor, operations=["recordOutages"])
    assert (answer.status_code, entry["address"]) == (200, address)


async def test_each_condition_of_the_list_finds_its_own(house: House, client_of: ClientOf) -> None:
    tenant = await a_tenant(house.server.owner_url)
    key, key_id = await a_key(house.server.owner_url, tenant, Role.ADMIN)
    doer = Doer(client_of(key))
    await everything(doer)
    everyone = await entries(doer.client)
    made = await entries(doer.client, subjects=[doer.made["agreement"]])
    assert [each["operation"] for each in made] == ["draftAgreement", "activateAgreement", "amendAgreement"]
    assert await entries(doer.client, callers=[str(key_id)]) == [each for each in everyone if each["callerId"]]
    commands = await entries(doer.client, operations=["key create"], subjects=[str(key_id)])
    assert [(each["callerKind"], each["callerId"], each["door"]) for each in commands] == [
        ("OPERATOR", None, "COMMAND_LINE")
    ]
    middle = made[1]["at"]
    earlier, later = await entries(doer.client, until=middle), await entries(doer.client, **{"from": middle})
    assert [*earlier, *later] == everyone
    for where, path in (
        ({"callers": ["no id"]}, ["filter", "callers"]),
        ({"subjects": ["no id"]}, ["filter", "subjects"]),
        ({"from": middle, "until": middle}, ["filter", "until"]),
    ):
        (error,) = (await doer.client.said(ENTRIES, filter=where))["errors"]
        assert error["extensions"]["inputPath"] == path


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMIN, Role.AUDITOR)])
async def test_other_roles_are_told_nothing(
    house: House, a_workshop: NewWorkshop, client_of: ClientOf, role: Role
) -> None:
    workshop = await a_workshop()
    party = await workshop.party("vendor", PartyKind.VENDOR)
    bound = party.id if role in (Role.VENDOR, Role.CUSTOMER) else None
    key, _ = await a_key(house.server.owner_url, workshop.tenant, role, bound)
    answer = await client_of(key).said(ENTRIES)
    assert (answer["data"], answer["errors"][0]["extensions"]) == (None, {"code": "FORBIDDEN"})


GUIDE = (processes.ROOT / "docs" / "audit.md").read_text()


def blocks_of(kind: str) -> list[str]:
    return [found["text"] for found in BLOCK.finditer(GUIDE) if found["kind"] == kind]


@needs_curl
async def test_the_guide_is_true_as_it_is_written(
    house: House, client_of: ClientOf, doors: processes.Running, store: Store
) -> None:
    tenant = await a_tenant(house.server.owner_url)
    key, key_id = await a_key(house.server.owner_url, tenant, Role.ADMIN)
    doer = Doer(client_of(key))
    answers = await everything(doer)
    auditor, _ = await a_key(house.server.owner_url, tenant, Role.AUDITOR)
    first, _ = blocks_of("sh")
    environ = processes.environment(house.data_dir, {"INTERPACT": doors.address, "KEY": auditor})
    process = await asyncio.create_subprocess_exec("bash", "-euc", first, env=environ, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    newest = json.loads(out)["data"]["auditEntries"]["nodes"]
    assert [each["operation"] for each in newest[:2]] == ["key create", "withdrawExclusion"]
    (query,) = blocks_of("graphql")
    given = {"subject": doer.made["agreement"], "caller": str(key_id), "from": BEGINS}
    found = (await client_of(auditor).ask(query, **given))["auditEntries"]
    assert [each["operation"] for each in found["nodes"]] == ["draftAgreement", "activateAgreement", "amendAgreement"]
    (sql,) = blocks_of("sql")
    request = answers["withdrawOutages"].headers["x-request-id"]
    rows = await store.rows(sql.replace(":'tenant'", "$1").replace(":'request'", "$2"), tenant, request)
    assert [(row["operation"], row["external_id"], row["revision"]) for row in rows] == [("withdrawOutages", "o1", 2)]


def test_the_guide_names_every_field_of_an_entry() -> None:
    entry = walking.SCHEMA.get_type("AuditEntry")
    assert isinstance(entry, GraphQLObjectType)
    rows = re.findall(r"^\| (`.+?) \| ", GUIDE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(entry.fields) - {"id"}

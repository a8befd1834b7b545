"""Nobody gets anything of another tenant or of a rival: by id, list, count, filter, cursor or subscription.

What is asked comes from the schema, so that a new field or list cannot be forgotten. What may not be told is found by
name (tests/stories/rivals.py), and the administrator's answers prove that there was something to be found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from domain.feed import BreachChange, BreachFilter
from domain.ids import Position
from graph.ids import decode, encode
from runtime.service import Running
from tests.stories import processes, walking
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.documents import BREACH_EVENTS
from tests.stories.rivals import (
    FOREIGN,
    LEFT,
    LEFT_BUYER,
    NAMES,
    RIGHT,
    RIGHT_BUYER,
    Intruder,
    Rivals,
    record_facts,
    rivals,
)
from tests.stories.talking import Client, subscribed
from tests.stories.tenants import mint
from tests.stories.workshop import Workshop

ASKED_BY_HAND = frozenset({"viewer", "node", "nodes", "effectiveObjectives"})
"""Root fields that are no lists; each has a test below."""
SAMPLES = 4
"""Of each type, as filters: any of them may be the one that tells."""
INTRUDERS = ("vendor", "customer", "stranger")
NOTHING_TO_HIDE = {("vendor", "metrics"), ("customer", "metrics")}
"""Metrics are definitions that all of a tenant share."""


NodesByType = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`seen`: by intruder the nodes that it comes upon; `hidden`: those that only the administrator does."""

    rivals: Rivals
    admin: Client
    seen: Mapping[str, NodesByType]
    hidden: Mapping[str, NodesByType]

    def intruder(self, name: str) -> Intruder:
        return next(each for each in self.rivals.intruders if each.name == name)


@pytest.fixture(scope="module")
async def scene(house: House, inside: Running, a_workshop: NewWorkshop, client_of: ClientOf) -> Scene:
    found = await rivals(a_workshop, inside.worker.settle, house.server.owner_url)
    admin = client_of(found.admin)
    everything = await ids_seen(admin)
    assert all(everything.values()), "the tenant has a node of every type"
    seen = {each.name: await ids_seen(client_of(each.key)) for each in found.intruders}
    hidden = {
        name: {type_name: everything[type_name] - nodes[type_name] for type_name in everything}
        for name, nodes in seen.items()
    }
    return Scene(rivals=found, admin=admin, seen=seen, hidden=hidden)


def names_in(text: str) -> set[str]:
    return {name for name in NAMES if name in text}


async def all_of(client: Client, connection: str) -> tuple[str, list[tuple[str, str]]]:
    """Everything that a list tells, as text, and the nodes that it leads to."""
    texts: list[str] = []
    ids: list[tuple[str, str]] = []
    for document in walking.whole_lists(connection):
        response = await client.post(document)
        answer = response.json()
        assert "errors" not in answer, (document, answer["errors"])
        texts.append(response.text)
        ids += walking.ids_in(answer)
    return "\n".join(texts), ids


async def ids_seen(client: Client) -> NodesByType:
    """Every node that the client comes upon in a list, by type."""
    found: dict[str, set[str]] = {name: set() for name in walking.node_types()}
    for connection in walking.connections():
        for type_name, node in (await all_of(client, connection))[1]:
            found[type_name].add(node)
    return {type_name: frozenset(nodes) for type_name, nodes in found.items()}


def an_unknown(node: str) -> str:
    """An id of the same type that names nothing."""
    return encode(decode(node).type_name, mint())


def without_ids(answer: object, *nodes: str) -> str:
    """The answer with the ids that were asked for taken out, so that two can be compared."""
    text = str(answer)
    for node in nodes:
        text = text.replace(node, "ID").replace(str(decode(node).uuid), "ID")
    return text


def test_every_root_field_is_asked_for() -> None:
    assert set(walking.root_fields("Query")) - set(walking.connections()) == ASKED_BY_HAND
    assert set(walking.root_fields("Subscription")) == {"breachEvents"}


@pytest.mark.parametrize("name", INTRUDERS)
@pytest.mark.parametrize("connection", list(walking.connections()))
async def test_a_list_tells_nothing_of_others_and_counts_nothing_of_theirs(
    scene: Scene, client_of: ClientOf, connection: str, name: str
) -> None:
    intruder = scene.intruder(name)
    client = client_of(intruder.key)
    known, _ = await all_of(scene.admin, connection)
    assert bool(names_in(known) & intruder.may_not_see) == ((name, connection) not in NOTHING_TO_HIDE)
    text, _ = await all_of(client, connection)
    assert names_in(text) <= intruder.may_see
    counted = await client.ask(f"{{ {connection}(first: 100) {{ totalCount nodes {{ id }} }} }}")
    assert counted[connection]["totalCount"] == len(counted[connection]["nodes"]) < 100


@pytest.mark.parametrize("name", INTRUDERS)
async def test_a_node_of_others_is_not_there(scene: Scene, client_of: ClientOf, name: str) -> None:
    client = client_of(scene.intruder(name).key)
    for type_name, nodes in scene.hidden[name].items():
        if not nodes:
            assert (name, type_name) in {("vendor", "Metric"), ("customer", "Metric")}
            continue
        wanted = sorted(nodes)
        assert await client.ask("query ($id: ID!) { node(id: $id) { id } }", id=wanted[0]) == {"node": None}
        for start in range(0, len(wanted), 100):
            some = wanted[start : start + 100]
            told = await client.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=some)
            assert told == {"nodes": [None] * len(some)}, type_name


@pytest.mark.parametrize("name", INTRUDERS)
async def test_what_is_ones_own_is_found_by_id_and_leads_to_nothing_of_others(
    scene: Scene, client_of: ClientOf, name: str
) -> None:
    intruder = scene.intruder(name)
    client = client_of(intruder.key)
    for type_name, nodes in scene.seen[name].items():
        for selection in walking.selections(type_name):
            document = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {type_name} {{ {selection} }} }} }}"
            response = await client.post(document, ids=sorted(nodes)[:50])
            assert "errors" not in response.json(), response.text
            assert names_in(response.text) <= intruder.may_see, (type_name, selection)
            assert None not in response.json()["data"]["nodes"]


@pytest.mark.parametrize("name", INTRUDERS)
@pytest.mark.parametrize("connection", list(walking.connections()))
async def test_a_filter_by_what_others_have_finds_what_one_by_nothing_finds(
    scene: Scene, client_of: ClientOf, connection: str, name: str
) -> None:
    client = client_of(scene.intruder(name).key)
    samples = [node for nodes in scene.hidden[name].values() for node in sorted(nodes)[:SAMPLES]]
    for condition in walking.id_conditions(connection):
        document = (
            f"query ($ids: [ID!]!) {{ {connection}(first: 5, filter: {{ {condition}: $ids }})"
            " { totalCount nodes { id } pageInfo { hasNextPage } } }"
        )
        for node in samples:
            unknown = an_unknown(node)
            found, nothing = await client.said(document, ids=[node]), await client.said(document, ids=[unknown])
            assert without_ids(found, node) == without_ids(nothing, unknown)
            assert "errors" in found or found["data"][connection]["totalCount"] == 0


@pytest.mark.parametrize("name", INTRUDERS)
@pytest.mark.parametrize("connection", list(walking.connections()))
async def test_a_stolen_cursor_opens_nothing(scene: Scene, client_of: ClientOf, connection: str, name: str) -> None:
    found = await scene.admin.ask(f"{{ {connection}(first: 1) {{ pageInfo {{ endCursor }} }} }}")
    stolen = found[connection]["pageInfo"]["endCursor"]
    assert stolen
    for argument in ("after", "before"):
        document = f"query ($it: String) {{ {connection}(first: 1, {argument}: $it) {{ nodes {{ id }} }} }}"
        answer = await client_of(scene.intruder(name).key).said(document, it=stolen)
        (error,) = answer["errors"]
        assert (answer["data"], error["extensions"]) == (None, {"code": "CURSOR_INVALID", "inputPath": [argument]})


EFFECTIVE = """
query ($customer: ID!, $service: ID!) { effectiveObjectives(customer: $customer, service: $service) { level %s } }
"""


@pytest.mark.parametrize("name", INTRUDERS)
async def test_effective_objectives_are_told_of_ones_own_alone(scene: Scene, client_of: ClientOf, name: str) -> None:
    intruder = scene.intruder(name)
    client = client_of(intruder.key)
    own, others = scene.seen[name], scene.hidden[name]
    steps = list(walking.selections("EffectiveObjective"))[1:]
    for customer in sorted(own["Party"]):
        for service in sorted(own["Service"]):
            for step in steps:
                document = EFFECTIVE % step.removeprefix("__typename id ")
                response = await client.post(document, customer=customer, service=service)
                assert names_in(response.text) <= intruder.may_see
    document = EFFECTIVE % "objective { id }"
    mine, theirs = (min(own["Party"]), min(own["Service"])), (others["Party"], others["Service"])
    for customer, service in [*((each, mine[1]) for each in theirs[0]), *((mine[0], each) for each in theirs[1])]:
        nobody, nothing = (an_unknown(customer), service) if customer != mine[0] else (customer, an_unknown(service))
        found = await client.said(document, customer=customer, service=service)
        missed = await client.said(document, customer=nobody, service=nothing)
        assert without_ids(found, customer, service) == without_ids(missed, nobody, nothing)
        assert found["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("name", INTRUDERS)
async def test_the_viewer_is_oneself(scene: Scene, client_of: ClientOf, name: str) -> None:
    intruder = scene.intruder(name)
    response = await client_of(intruder.key).post("{ viewer { role tenantId party { code name } } }")
    assert names_in(response.text) <= intruder.may_see
    assert response.json()["data"]["viewer"]["role"] == {"stranger": "ADMIN"}.get(name, name.upper())


async def test_a_subscription_tells_a_party_its_own_breaches_alone(
    scene: Scene, inside: Running, doors: processes.Running
) -> None:
    vendor, customer, stranger = (scene.intruder(name) for name in INTRUDERS)
    async with (
        subscribed(doors.address, scene.rivals.admin, BREACH_EVENTS) as admin,
        subscribed(doors.address, vendor.key, BREACH_EVENTS) as of_vendor,
        subscribed(doors.address, customer.key, BREACH_EVENTS) as of_customer,
        subscribed(doors.address, stranger.key, BREACH_EVENTS) as of_stranger,
    ):
        for subscriber in (admin, of_vendor, of_customer, of_stranger):
            assert (await subscriber.event())["__typename"] == "Heartbeat"
        # The rival's outage comes first, and breaks what rests on it; the vendor's own, on another day, comes last.
        for party, day in ((RIGHT, 1), (LEFT, 2)):
            await record_facts(scene.rivals.house, party, scene.rivals.begins, day=day)
            await inside.worker.settle_tenant(scene.rivals.house.tenant)
        await record_facts(scene.rivals.foreign, FOREIGN, scene.rivals.begins, day=1)
        await inside.worker.settle_tenant(scene.rivals.foreign.tenant)
        told = await _told_since(inside, scene.rivals.house)
        assert {event.agreement_code for event in told} == {
            *(f"{vendor_name}-uc" for vendor_name in (LEFT, RIGHT)),
            f"{LEFT}-suite-uc",
            *(f"{buyer}-sla" for buyer in (LEFT_BUYER, RIGHT_BUYER)),
        }
        for subscriber, names in ((admin, NAMES), (of_vendor, {LEFT}), (of_customer, {LEFT_BUYER})):
            own = [event for event in told if names_in(event.agreement_code) & names]
            heard = [await subscriber.event() for _ in own]
            assert [(each["agreementCode"], each["objectiveCode"], each["transition"]) for each in heard] == [
                (event.agreement_code, event.objective_code, event.transition.name) for event in own
            ]
        assert (await of_stranger.event())["agreementCode"] == f"{FOREIGN}-uc"


async def _told_since(inside: Running, house: Workshop) -> list[BreachChange]:
    """The breaches of the tenant's second and third day, in the order of the feed."""
    async with inside.open_work(house.admin) as work:
        found = await work.feed.breaches_after(Position(0), BreachFilter(), 1000)
    begins = min(event.change.period.start for event in found.events)
    return [event.change for event in found.events if event.change.period.start > begins]


async def test_a_subscription_filtered_by_what_others_have_is_as_silent_as_one_by_nothing(
    scene: Scene, doors: processes.Running
) -> None:
    vendor = scene.intruder("vendor")
    for condition, type_name in (("agreements", "Agreement"), ("services", "Service")):
        node = min(scene.hidden["vendor"][type_name])
        heard = [await _first(doors.address, vendor.key, {condition: [each]}) for each in (node, an_unknown(node))]
        assert heard[0] == heard[1]


async def _first(address: str, key: str, where: dict[str, Sequence[str]]) -> Any:
    """What comes first, without what is new each time."""
    async with subscribed(address, key, BREACH_EVENTS, filter=where) as subscriber:
        return re.sub(r'"cursor": *"[^"]*"|[A-Za-z0-9_-]{30,}', "", str(await subscriber.hear()))

"""Every question that the schema takes, made from the schema: fields, ids, filters, orders, pages and cursors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    get_named_type,
    is_list_type,
)

from graph.ids import encode
from tests.stories import walking
from tests.stories.matrix.expected import READ_BY
from tests.stories.matrix.oracle import Thing, Who
from tests.stories.matrix.scene import Answer, Check, Operation, Scene

BATCH = 100
FOREIGN = 2
"""Of each type of the other tenant, where each one costs a question of its own. By `nodes` all are asked for."""
NOTHING = UUID("00000000-0000-7000-8000-000000000001")
"""Nothing has this id."""
MALFORMED = ("", "x", "nonsense", "UGFydHk", "ÿ", "0" * 129)
LINKED_TYPES: Mapping[str, str] = {
    "parties": "Party",
    "providers": "Party",
    "consumers": "Party",
    "customers": "Party",
    "vendors": "Party",
    "services": "Service",
    "agreements": "Agreement",
    "objectives": "Objective",
}
"""What a condition of a filter, or a field by its name in the plural, leads to."""
NAMED_FREELY = frozenset({"callers", "subjects"})
"""Whoever sees an entry of the audit log sees all that it names, things that are gone or hidden too."""
ASKED_BY_NAME = frozenset({"viewer", "node", "nodes", "effectiveObjectives", "proposedHolidays"})
"""Root fields that are no lists."""


def codes(answer: Answer) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


def fails(code: str) -> Check:
    """Nothing is told but this."""

    def check(answer: Answer) -> object:
        told = [each for each in (answer["data"] or {}).values() if each is not None]
        return None if (told, codes(answer)) == ([], [code]) else f"wanted {code} alone"

    return check


def tells(data: object) -> Check:
    def check(answer: Answer) -> object:
        return None if "errors" not in answer and answer["data"] == data else f"wanted {data}"

    return check


FORBIDDEN = fails("FORBIDDEN")


def sorted_things(scene: Scene, mark: str, type_name: str) -> list[Thing]:
    return sorted(scene.tenants[mark].things[type_name], key=lambda each: each.uuid)


def all_things(scene: Scene) -> Iterator[Thing]:
    for mark in scene.tenants:
        for type_name in sorted(READ_BY):
            yield from sorted_things(scene, mark, type_name)


def nearby(scene: Scene, who: Who, *type_names: str) -> Iterator[Thing]:
    """All of one's own tenant, and a few of the other's."""
    for mark in scene.tenants:
        for type_name in type_names or sorted(READ_BY):
            things = sorted_things(scene, mark, type_name)
            yield from things if mark == who.mark else things[:FOREIGN]


def about_oneself(scene: Scene, who: Who) -> Iterator[Operation]:
    tenant = scene.tenants[who.mark]
    party = None
    if who.party is not None and who.has("read parties"):
        party = {"id": tenant.party(who.party).id}
    said = {"viewer": {"role": who.role.name, "tenantId": encode("Tenant", tenant.tenant), "party": party}}
    refused = ["FORBIDDEN"] if who.party is not None and party is None else []

    def check(answer: Answer) -> object:
        return None if (answer["data"], codes(answer)) == (said, refused) else f"wanted {said}, {refused}"

    yield Operation(who=who, text="{ viewer { role tenantId party { id } } }", variables={}, check=check)


HOLIDAYS = '{ proposedHolidays(country: "nowhere", from: "2026-01-01", until: "2027-01-01") { name } }'


def of_nobody(_scene: Scene, who: Who) -> Iterator[Operation]:
    """What is no tenant's: who may draft agreements comes as far as the country, which there is not."""
    check = fails("INVALID") if who.has("manage agreements") else FORBIDDEN
    yield Operation(who=who, text=HOLIDAYS, variables={}, check=check)


NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def by_id(scene: Scene, who: Who) -> Iterator[Operation]:
    """Each thing of the world; of each type one that there is not, one of another type; and what is no id at all."""
    view = scene.view(who)

    def asked(node: str, check: Check) -> Operation:
        admitted = check if who.has("read by id") else FORBIDDEN
        return Operation(who=who, text=NODE, variables={"id": node}, check=admitted)

    for thing in nearby(scene, who):
        shown = {"__typename": thing.type, "id": thing.id} if thing in view.seen[thing.type] else None
        yield asked(thing.id, tells({"node": shown}) if who.has(READ_BY[thing.type]) else FORBIDDEN)
    for type_name, action in sorted(READ_BY.items()):
        other = next(each for each in all_things(scene) if each.type != type_name)
        for uuid in (NOTHING, other.uuid):
            yield asked(encode(type_name, uuid), tells({"node": None}) if who.has(action) else FORBIDDEN)
    yield from no_ids(scene, who)
    for type_name in sorted(READ_BY):
        yield from together(scene, who, type_name)


def no_ids(_scene: Scene, who: Who) -> Iterator[Operation]:
    """What is no id of a node at all: refused as such, but only where one may ask."""
    for text in (*MALFORMED, encode("Query", NOTHING)):
        check = fails("INVALID") if who.has("read by id") else FORBIDDEN
        yield Operation(who=who, text=NODE, variables={"id": text}, check=check)


def together(scene: Scene, who: Who, type_name: str) -> Iterator[Operation]:
    """All things of the type at once."""
    things = [each for each in all_things(scene) if each.type == type_name]
    seen = scene.view(who).seen[type_name]
    for some in batches(things):
        shown = [{"__typename": type_name, "id": it.id} if it in seen else None for it in some]
        check = tells({"nodes": shown}) if who.has(READ_BY[type_name]) else FORBIDDEN
        admitted = check if who.has("read by id") else FORBIDDEN
        yield Operation(who=who, text=NODES, variables={"ids": [it.id for it in some]}, check=admitted)


def batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]


def fields(scene: Scene, who: Who) -> Iterator[Operation]:
    """Of all things all that can be selected, two steps deep. A step leads to just what is there and is seen."""
    for type_name, action in sorted(READ_BY.items()):
        things = [each for each in all_things(scene) if each.type == type_name]
        for selection in walking.selections(type_name):
            text = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {type_name} {{ id {selection} }} }} }}"
            for some in batches(things):
                check = _leads(scene, who, some) if who.has(action) else FORBIDDEN
                admitted = check if who.has("read by id") else FORBIDDEN
                yield Operation(who=who, text=text, variables={"ids": [it.id for it in some]}, check=admitted)


def _leads(scene: Scene, who: Who, things: Sequence[Thing]) -> Check:
    view = scene.view(who)

    def check(answer: Answer) -> object:
        if "errors" in answer:
            return "errors"
        for thing, node in zip(things, answer["data"]["nodes"], strict=True):
            if (node is not None) != (thing in view.seen[thing.type]):
                return f"{thing.id} is {'shown' if node else 'not shown'}"
            for name, found in (node or {}).items():
                link = "parties" if name == "party" else f"{name}s"
                linked = thing.links.get(link)
                if linked is None or link not in LINKED_TYPES or isinstance(found, list):
                    continue
                wanted = {each.id for each in view.seen[LINKED_TYPES[link]] if each.uuid in linked}
                if ({found["id"]} if found else set()) != wanted:
                    return f"{name} of {thing.id} leads to {found}, not to {wanted}"
        return None

    return check


PAGE = "totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage }"


def lists(scene: Scene, who: Who) -> Iterator[Operation]:
    """Whole and in parts, from both ends, in both directions, and under each condition that takes no id."""
    for name, type_name in walking.connections().items():
        yield from pages(scene, who, name)
        seen = listed(scene, who, type_name)
        for condition, value in _plain_conditions(name):
            text = f"query ($by: {_filter(name).name}) {{ {name}(first: 100, filter: $by) {{ {PAGE} }} }}"
            check = _only(name, seen) if who.has(READ_BY[type_name]) else FORBIDDEN
            yield Operation(who=who, text=text, variables={"by": {condition: value}}, check=check)


def pages(scene: Scene, who: Who, name: str) -> Iterator[Operation]:
    type_name = walking.connections()[name]
    seen = listed(scene, who, type_name)
    order = get_named_type(walking.root_fields("Query")[name].args["orderBy"].type).name
    for direction in ("ASC", "DESC"):
        for size in ("first: 100", "last: 100", "first: 1", "last: 2"):
            text = f"query ($by: {order}!) {{ {name}({size}, orderBy: $by) {{ {PAGE} }} }}"
            check = _page(name, seen, size) if who.has(READ_BY[type_name]) else FORBIDDEN
            yield Operation(who=who, text=text, variables={"by": {"direction": direction}}, check=check)


def listed(scene: Scene, who: Who, type_name: str) -> frozenset[str]:
    return frozenset(each.id for each in scene.view(who).seen[type_name] if each.listed)


def _page(name: str, wanted: Iterable[str], size: str) -> Check:
    """The page has all of the wanted that fit, counts them all, and knows whether there are more."""
    which, rows = size.split(": ")
    seen = frozenset(wanted)

    def check(answer: Answer) -> object:
        if "errors" in answer:
            return "errors"
        told = answer["data"][name]
        ids = [node["id"] for node in told["nodes"]]
        more = len(seen) > int(rows)
        flags = {"hasNextPage": more and which == "first", "hasPreviousPage": more and which == "last"}
        facts = (set(ids) <= seen, len(ids), told["totalCount"], told["pageInfo"])
        due = (True, min(len(seen), int(rows)), len(seen), flags)
        return None if facts == due and [it["node"]["id"] for it in told["edges"]] == ids else f"wanted {due}: {facts}"

    return check


def _only(name: str, seen: frozenset[str]) -> Check:
    """Nothing but what is seen, and no more counted than is shown."""

    def check(answer: Answer) -> object:
        if "errors" in answer:
            return "errors"
        told = answer["data"][name]
        ids = {node["id"] for node in told.get("nodes", ()) if "id" in node}
        if not ids <= seen or told.get("totalCount", 0) > len(seen):
            return f"more than {sorted(seen)}"
        return told["totalCount"] != len(ids) if "totalCount" in told and "nodes" in told else None

    return check


def _filter(name: str) -> GraphQLInputObjectType:
    found = get_named_type(walking.root_fields("Query")[name].args["filter"].type)
    assert isinstance(found, GraphQLInputObjectType)
    return found


TIMES = ("2026-03-01T00:00:00Z", "2026-03-20T00:00:00Z")


def _plain_conditions(name: str) -> Iterator[tuple[str, object]]:
    for condition, field in _filter(name).fields.items():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLEnumType):
            yield from ((condition, [value]) for value in named.values)
        elif condition not in _naming_conditions(name):
            yield condition, _some(field.type)


def _some(wanted: GraphQLInputType) -> object:
    if is_list_type(wanted):
        return [_some(wanted.of_type)]
    named = get_named_type(wanted)
    return {
        "DateTime": TIMES[0],
        "IntervalInput": {"start": TIMES[0], "end": TIMES[1]},
        "Boolean": True,
        "String": "recordOutages",
    }[named.name]


def _naming_conditions(name: str) -> list[str]:
    """Those that take ids, and those that name callers."""
    return [
        condition
        for condition, field in _filter(name).fields.items()
        if get_named_type(field.type).name == "ID" or condition in NAMED_FREELY
    ]


def filters(scene: Scene, who: Who) -> Iterator[Operation]:
    """By each condition: what is seen, what is not, the other tenant's, nothing, another type's, and no ids."""
    for name, type_name in walking.connections().items():
        for condition in _naming_conditions(name):
            yield from _filtered(scene, who, name, type_name, condition)


def _filtered(scene: Scene, who: Who, name: str, type_name: str, condition: str) -> Iterator[Operation]:
    view, admitted = scene.view(who), who.has(READ_BY[type_name])
    item = get_named_type(_filter(name).fields[condition].type).name
    text = f"query ($it: [{item}!]) {{ {name}(first: 1, filter: {{ {condition}: $it }}) {{ {PAGE} }} }}"
    rows = [each for each in view.seen[type_name] if each.listed]

    def asked(value: str, check: Check) -> Operation:
        return Operation(who=who, text=text, variables={"it": [value]}, check=check if admitted else FORBIDDEN)

    for value, uuid, is_seen in _named_by(scene, who, condition):
        found = [each.id for each in rows if is_seen and uuid in each.links[condition]]
        yield asked(value, _page(name, found, "first: 1"))
    for text_of_none in MALFORMED:
        yield asked(text_of_none, fails("INVALID"))
    if condition not in NAMED_FREELY:
        for other in sorted(READ_BY):
            if other != LINKED_TYPES[condition]:
                for each in (*sorted_things(scene, who.mark, other)[:2], None):
                    wrong = encode(other, NOTHING) if each is None else each.id
                    yield asked(wrong, fails("NOT_FOUND"))


def _named_by(scene: Scene, who: Who, condition: str) -> Iterator[tuple[str, UUID, bool]]:
    """Each value that the condition can name, as what, and whether the caller may know of it."""
    if condition in NAMED_FREELY:
        for tenant in scene.tenants.values():
            uuids = {uuid for entry in tenant.things["AuditEntry"] for uuid in entry.links[condition]}
            yield from ((_freely(scene, uuid, condition), uuid, True) for uuid in sorted(uuids))
        return
    type_name = LINKED_TYPES[condition]
    seen = scene.view(who).seen[type_name]
    for each in nearby(scene, who, type_name):
        yield each.id, each.uuid, each in seen
    yield encode(type_name, NOTHING), NOTHING, False


def _freely(scene: Scene, uuid: UUID, condition: str) -> str:
    return str(uuid) if condition == "callers" else scene.nodes.get(uuid, str(uuid))


ASCENDING, DESCENDING = "orderBy: { direction: ASC }", "orderBy: { direction: DESC }"


def cursors(scene: Scene, who: Who) -> Iterator[Operation]:
    """Everybody's cursors in each list and both arguments. One opens where the list has the same rows for both."""
    for name, type_name in walking.connections().items():
        admitted = who.has(READ_BY[type_name])
        seen = listed(scene, who, type_name)
        for argument in ("after", "before"):
            text = f"query ($it: String) {{ {name}(first: 1, {argument}: $it, {ASCENDING}) {{ nodes {{ id }} }} }}"
            for other, held in scene.cursors.items():
                for owner, cursor in held.items():
                    if other != name and owner != who:
                        continue
                    same = other == name and (owner.mark, owner.party) == (who.mark, who.party)
                    check = _only(name, seen) if same else fails("CURSOR_INVALID")
                    yield Operation(
                        who=who, text=text, variables={"it": cursor}, check=check if admitted else FORBIDDEN
                    )
        own = scene.cursors[name].get(who)
        if own is not None:
            text = f"query ($it: String) {{ {name}(first: 1, after: $it, {DESCENDING}) {{ totalCount }} }}"
            yield Operation(who=who, text=text, variables={"it": own}, check=fails("CURSOR_INVALID"))


EFFECTIVE = """
query ($customer: ID!, $service: ID!, $at: DateTime!) {
  effectiveObjectives(customer: $customer, service: $service, at: $at) { %s }
}
"""
OBJECTIVES = "objective { id } agreement { id } overrides { objective { id } agreement { id } }"


def effective(scene: Scene, who: Who) -> Iterator[Operation]:
    """All customers with all services; and with one's own, whatever else there is."""
    found = scene.houses[who.mark]
    at = found.begins.isoformat()
    parties = [(it.id, it) for it in nearby(scene, who, "Party")]
    services = [(it.id, it) for it in nearby(scene, who, "Service")]
    nobody = [(encode("Party", NOTHING), None), (services[0][0], None)]
    nothing = [(encode("Service", NOTHING), None), (parties[0][0], None)]
    for customer, party in [*parties, *nobody]:
        for service, rests in [*services, *nothing]:
            check: Check = fails("NOT_FOUND")
            view = scene.view(who)
            if party in view.seen["Party"] and rests in view.seen["Service"]:
                assert party is not None
                assert rests is not None
                check = _binds(scene, who, party, rests)
            yield Operation(
                who=who,
                text=EFFECTIVE % OBJECTIVES,
                variables={"customer": customer, "service": service, "at": at},
                check=check if who.has("read agreements") else FORBIDDEN,
            )
    own = {"customer": parties[0][0], "service": services[0][0], "at": at}
    for selection in walking.selections("EffectiveObjective"):
        text = EFFECTIVE % selection.replace("__typename id ", "__typename ")
        check = (lambda _answer: None) if who.has("read agreements") else FORBIDDEN
        for each in scene.view(who).seen["Service"]:
            if any(it.id == own["customer"] for it in scene.view(who).seen["Party"]):
                yield Operation(who=who, text=text, variables={**own, "service": each.id}, check=check)


def _binds(scene: Scene, who: Who, customer: Thing, service: Thing) -> Check:
    """All that is promised at any level, of the agreements that the caller sees; what is overridden too."""
    view, tenant = scene.view(who), scene.tenants[who.mark]
    line = {customer.uuid}
    while above := {up for each in line for up in tenant.parents[each]} - line:
        line |= above
    reach = {
        it.uuid
        for it in view.seen["Agreement"]
        if it.binds
        and (not it.links["customers"] or it.links["customers"] & line)
        and (service.uuid in it.links["services"] or not it.links["services"])
        and (it.links["services"] or it.links["providers"] == service.links["providers"])
    }
    wanted = {it.id for it in tenant.things["Objective"] if it.links["agreements"] & reach}

    def check(answer: Answer) -> object:
        if "errors" in answer:
            return "errors"
        rows: Any = answer["data"]["effectiveObjectives"]
        found = [row["objective"]["id"] for row in rows]
        found += [each["objective"]["id"] for row in rows for each in row["overrides"]]
        return None if sorted(found) == sorted(wanted) else f"wanted {sorted(wanted)}"

    return check


def root_query_fields() -> frozenset[str]:
    query = walking.SCHEMA.query_type
    assert isinstance(query, GraphQLObjectType)
    return frozenset(query.fields)

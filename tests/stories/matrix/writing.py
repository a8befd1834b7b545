"""Every mutation, naming at every place in turn everything that could be named there.

A test compares the places that are tried with those of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_leaf_type

from graph.ids import encode
from tests.stories import walking
from tests.stories.matrix.calling import Place, Writer, code_of, filled, places
from tests.stories.matrix.oracle import Who
from tests.stories.matrix.reading import FORBIDDEN, MALFORMED, NOTHING, nearby
from tests.stories.matrix.scene import Answer, Check, Operation, Scene

NEEDS: Mapping[str, str] = {
    "createParty": "manage parties",
    "createMetric": "manage metrics",
    "createService": "manage services",
    "changeServiceStructure": "manage services",
    "draftAgreement": "manage agreements",
    "amendAgreement": "manage agreements",
    "activateAgreement": "manage agreements",
    "recordOutages": "record outages",
    "withdrawOutages": "record outages",
    "recordCases": "record cases",
    "withdrawCases": "record cases",
    "recordStates": "record measurements",
    "withdrawStates": "record measurements",
    "recordMeasurements": "record measurements",
    "withdrawMeasurements": "record measurements",
    "recordExclusion": "record exclusions",
    "withdrawExclusion": "record exclusions",
}
CODES = frozenset({"metric", "service", "vendor", "customer", "externalId"})
"""Of inputs, what names a thing by a text that is no id."""
NEW_NAMES = frozenset({("OutageInput", "externalId"), ("CaseInput", "externalId")})
"""Names that are given there, in a stream of one's own."""


def document(name: str) -> str:
    field = walking.root_fields("Mutation")[name]
    payload = get_named_type(field.type)
    assert isinstance(payload, GraphQLObjectType)
    shown = [
        each if is_leaf_type(get_named_type(told.type)) else f"{each} {{ id }}"
        for each, told in payload.fields.items()
        if each != "userErrors"
    ]
    given = field.args["input"].type
    return (
        f"mutation ($input: {given}) {{ {name}(input: $input)"
        f" {{ {' '.join(shown)} userErrors {{ code message path }} }} }}"
    )


def refusals(answer: Answer) -> list[str]:
    """The code of everything that is wrong."""
    top = [error["extensions"]["code"] for error in answer.get("errors", ())]
    payloads = (answer.get("data") or {}).values()
    return top + [error["code"] for payload in payloads if payload for error in payload["userErrors"]]


def _refused(answer: Answer) -> object:
    return set(refusals(answer)) != {"NOT_FOUND"} and "wanted NOT_FOUND"


def _not_taken(answer: Answer) -> object:
    return not refusals(answer) and "this is not the caller's to name here"


def _passed(answer: Answer) -> object:
    return bool({"NOT_FOUND", "FORBIDDEN"} & set(refusals(answer))) and "this is the caller's to name"


_FITTING: Mapping[bool | None, Check] = {True: _passed, False: _not_taken, None: lambda _answer: None}


def _malformed(answer: Answer) -> object:
    return set(refusals(answer)) not in ({"INVALID"}, {"NOT_FOUND"}) and "wanted INVALID"


def writing(scene: Scene, who: Who) -> Iterator[Operation]:
    for name in NEEDS:
        yield from calls(scene, who, name)


def calls(scene: Scene, who: Who, name: str) -> Iterator[Operation]:
    writer = Writer(scene, who)
    for number, template in enumerate(writer.templates()[name]):
        named = list(places(template))
        for place_number, place in enumerate(named):
            yield from _at(writer, name, template, place, f"{who} {name} {number} {place_number}")
        if not named:
            yield _call(writer, name, template, _passed, harmless=True)


def _call(writer: Writer, name: str, given: object, check: Check, **more: Any) -> Operation:
    admitted = writer.who.has(NEEDS[name])
    if not admitted:
        more = {}
    return Operation(
        who=writer.who,
        text=document(name),
        variables={"input": given},
        check=check if admitted else FORBIDDEN,
        **more,
    )


def _at(writer: Writer, name: str, template: object, place: Place, unknown: str) -> Iterator[Operation]:
    tenant = writer.tenant
    lost = "no.such-thing" if place.is_code else encode(place.type, NOTHING)
    yield _call(
        writer,
        name,
        filled(template, tenant, place, lost),
        _refused,
        named=(lost,),
        unknown=unknown,
        is_unknown=True,
    )
    for thing in nearby(writer.scene, writer.who, place.type):
        text = code_of(thing) if place.is_code else thing.id
        given = filled(template, tenant, place, text)
        if not writer.sees(thing):
            yield _call(writer, name, given, _refused, named=(text,), unknown=unknown)
        else:
            yield _call(writer, name, given, _FITTING[place.permits(thing)], harmless=True)
    if not place.is_code:
        other = next(each for each in tenant.things["Metric" if place.type != "Metric" else "Party"])
        yield _call(writer, name, filled(template, tenant, place, other.id), _refused)
        for text in MALFORMED:
            yield _call(writer, name, filled(template, tenant, place, text), _malformed)


def usual_calls(scene: Scene, who: Who, name: str) -> Iterator[Operation]:
    writer = Writer(scene, who)
    for template in writer.templates()[name]:
        yield _call(writer, name, filled(template, writer.tenant), _passed, harmless=True)


def input_of(name: str) -> GraphQLInputObjectType:
    found = get_named_type(walking.root_fields("Mutation")[name].args["input"].type)
    assert isinstance(found, GraphQLInputObjectType)
    return found


def places_of_the_schema() -> frozenset[tuple[str, str]]:
    """Input type and field of all that names a thing in the input of some mutation."""
    found: set[tuple[str, str]] = set()
    waiting = [get_named_type(field.args["input"].type) for field in walking.root_fields("Mutation").values()]
    known: set[str] = set()
    while waiting:
        of = waiting.pop()
        if not isinstance(of, GraphQLInputObjectType) or of.name in known:
            continue
        known.add(of.name)
        for name, field in of.fields.items():
            named = get_named_type(field.type)
            waiting.append(named)
            if named.name == "ID" or (named.name == "String" and name in CODES):
                found.add((of.name, name))
    return frozenset(found - NEW_NAMES)


def places_of(of: GraphQLInputObjectType, template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Input type and field of the places in a template."""
    for name, value in template.items():
        named = get_named_type(of.fields[name].type)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Place):
                yield of.name, name
            elif isinstance(each, Mapping) and isinstance(named, GraphQLInputObjectType):
                yield from places_of(named, each)

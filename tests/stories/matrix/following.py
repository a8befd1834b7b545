"""Every subscription, as far as it has come: under each filter, after each cursor, with all that an event leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from graph.ids import encode
from tests.stories import walking
from tests.stories.matrix.oracle import Told, Who
from tests.stories.matrix.reading import FORBIDDEN, LINKED_TYPES, MALFORMED, NOTHING, fails, nearby
from tests.stories.matrix.scene import Answer, Check, Operation, Scene

FEED = "breachEvents"
DOCUMENT = """
subscription ($after: String, $by: BreachEventFilter) {
  breachEvents(after: $after, filter: $by) {
    __typename
    ... on Heartbeat { cursor }
    ... on BreachEvent { breachId transition %s }
  }
}
"""


def heard(told: Sequence[Told]) -> Check:
    wanted = [(encode("Breach", each.breach), each.transition) for each in told]

    def check(answer: Answer) -> object:
        if "errors" in answer:
            return "errors"
        found = [(each["breachId"], each["transition"]) for each in answer["data"]]
        return None if found == wanted else f"wanted {wanted}"

    return check


def whole(scene: Scene, who: Who) -> Iterator[Operation]:
    """All that there is to be heard, with all that it leads to."""
    told, asked = _asking(scene, who)
    for selection in walking.selections("BreachEvent"):
        yield asked(selection.removeprefix("__typename id "), heard(told))


def following(scene: Scene, who: Who) -> Iterator[Operation]:
    yield from whole(scene, who)
    told, asked = _asking(scene, who)
    for by, check in _filters(scene, who, told):
        yield asked("", check, by=by)
    for name, held in scene.cursors.items():
        for owner, cursor in held.items():
            if name == FEED or owner == who:
                same = name == FEED and (owner.mark, owner.party) == (who.mark, who.party)
                yield asked("", heard(told) if same else fails("CURSOR_INVALID"), after=cursor)


def _asking(scene: Scene, who: Who) -> tuple[Sequence[Told], Callable[..., Operation]]:
    told = scene.tenants[who.mark].hears(who)
    carries = frozenset[str]().union(*(each.words for each in told))
    admitted = who.has("follow breaches")
    # Who may not follow has no cursor; somebody else's does as well for being refused.
    own = scene.cursors[FEED].get(who) or next(iter(scene.cursors[FEED].values()))

    def asked(selection: str, check: Check, **variables: Any) -> Operation:
        return Operation(
            who=who,
            text=DOCUMENT % selection,
            variables={"after": own, **variables},
            check=check if admitted else FORBIDDEN,
            follows=True,
            carries=carries,
        )

    return told, asked


def _filters(scene: Scene, who: Who, told: Sequence[Told]) -> Iterator[tuple[Mapping[str, object], Check]]:
    wanted = get_named_type(walking.root_fields("Subscription")[FEED].args["filter"].type)
    assert isinstance(wanted, GraphQLInputObjectType)
    for condition, field in wanted.fields.items():
        named = get_named_type(field.type)
        if isinstance(named, GraphQLEnumType):
            for value in named.values:
                fits = [each for each in told if each.transition == value] if condition == "transitions" else None
                yield {condition: [value]}, heard(fits) if fits is not None else _some_of(told)
            continue
        type_name = LINKED_TYPES[condition]
        seen = scene.view(who).seen[type_name]
        for thing in nearby(scene, who, type_name):
            fits = [each for each in told if thing in seen and thing.uuid in each.links[condition]]
            yield {condition: [thing.id]}, heard(fits)
        yield {condition: [encode(type_name, NOTHING)]}, heard([])
        yield {condition: [encode("Metric", NOTHING)]}, fails("NOT_FOUND")
        for text in MALFORMED:
            yield {condition: [text]}, fails("INVALID")


def _some_of(told: Sequence[Told]) -> Check:
    ids = {encode("Breach", each.breach) for each in told}
    return lambda answer: "errors" in answer or not {each["breachId"] for each in answer["data"]} <= ids

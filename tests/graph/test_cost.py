"""The static cost: by the real schema's prices, before anything is run."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    parse,
)

from graph.context import Request
from graph.cost import cost_of
from graph.documents import Documents
from graph.errors import RequestError
from graph.limits import Limits
from graph.prices import COUNTED_AS, COUNTED_AS_DEFAULT, LISTED_BY, ROWS
from graph.schema import schema

OPEN = Documents(schema, Limits(cost_max=10**15))
DEFAULT = Documents(schema, Limits())
ON = "on AgreementConnection"
SPREAD = f"{{ agreements(first: 7) {{ ...F }} }} fragment F {ON} {{ ...G }}"
LEAVES = "code name kind level startsAt endsAt id __typename"


def cost(text: str, **variables: Any) -> int:
    return OPEN.operation(Request(text=text, variables=variables)).cost


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ viewer { role } }", {}, 1 + 1),
        # A page: itself, and its rows.
        ("{ agreements { nodes { code } } }", {}, 1 + 1 + 50),
        ("{ agreements(first: 7) { nodes { code } } }", {}, 1 + 1 + 7),
        ("{ agreements(last: 7) { edges { cursor node { code } } } }", {}, 1 + 1 + 7 * 2),
        ("query ($n: Int) { agreements(first: $n) { nodes { code } } }", {"n": 7}, 1 + 1 + 7),
        ("query ($n: Int = 7) { agreements(first: $n) { nodes { code } } }", {}, 1 + 1 + 7),
        ("query ($n: Int) { agreements(first: $n) { nodes { code } } }", {"n": None}, 1 + 1 + 50),
        ("{ agreements(first: 7) { totalCount pageInfo { endCursor } } }", {}, 1 + 1 + 10 + 1),
        ("{ agreements(first: 7) { nodes { code } edges { cursor } } }", {}, 1 + 1 + 7 + 7),
        # Ten scalars of one object are worth another.
        (f"{{ agreements(first: 7) {{ nodes {{ {LEAVES} a: code b: code }} }} }}", {}, 1 + 1 + 7 * 2),
        # What a fragment spreads costs what it would cost in its place, also within a page whose size it does not know.
        (SPREAD + f" fragment G {ON} {{ nodes {{ provider {{ id }} }} }}", {}, 1 + 1 + 7 * 2),
        (SPREAD + f" fragment G {ON} {{ nodes {{ id }} edges {{ cursor }} }}", {}, 1 + 1 + 7 * 2),
        # Lists without a page, by what they are counted as.
        ("{ agreements(first: 2) { nodes { versions { objectives { code } } } } }", {}, 2 + 2 * (1 + 10 * (1 + 50))),
        ('{ nodes(ids: ["a", "b"]) { id } }', {}, 1 + 2),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"] * 30}, 1 + 30),
        ("{ __schema { types { fields { type { ofType { name } } } } } }", {}, 1 + 1_000),
        # Each of an interface's types is counted.
        ('{ node(id: "x") { ... on Agreement { provider { code } } ... on Service { provider { code } } } }', {}, 4),
        ("subscription { breachEvents { cursor ... on BreachEvent { agreement { code } } } }", {}, 1 + 2),
    ],
)  # fmt: skip
def test_the_cost_is_near_the_number_of_objects(text: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(text, **variables) == expected


def test_a_mutation_costs_by_the_points_and_lines_of_its_input() -> None:
    stream = {"service": "s", "metric": "m"}
    record = "mutation ($input: RecordMeasurementsInput!) { recordMeasurements(input: $input) { userErrors { code } } }"
    points = ["2026-01-01T00:00:00Z"] * 1_000
    series = {"stream": stream, "instants": points, "values": ["1"] * 1_000}
    empty = cost(record, input={"samples": []})
    assert empty == 1 + 10 + (1 + COUNTED_AS_DEFAULT)
    assert cost(record, input={"samples": [series] * 5}) == empty + (5_000 + 5) // 5
    outages = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { userErrors { code } } }"
    assert cost(outages, input={"outages": [{"stream": stream, "externalId": "x"}] * 1_000}) == empty + 200
    known = 'stream: {service: "s", metric: "m", vendor: "v"}, externalId: "x", impact: "m"'
    line = f'{{{known}, startedAt: "2026-01-01T00:00:00Z"}}'
    literal = f"mutation {{ recordOutages(input: {{outages: [{line * 10}]}}) {{ userErrors {{ code }} }} }}"
    assert cost(literal) == empty + 2


@pytest.mark.parametrize(
    "text",
    [
        "{ agreements(first: 100) { nodes { versions { objectives { code } } } } }",
        "{ agreements { edges { node { versions { objectives { code } } } } } }",
        "{ agreements(first: 1000000000) { nodes { code } } }",
        "{ "
        + " ".join(
            f"a{n}: breaches(first: 100) {{ nodes {{ agreement {{ versions {{ number }} }} }} }}" for n in range(10)
        )
        + " }",
        "{ agreements { nodes { versions { ...V } } } } fragment V on AgreementVersion { objectives { code } }",
    ],
    ids=["100 × 100 × 100", "the same as edges", "a vast page", "many roots", "by fragments"],
)
def test_what_costs_too_much_is_refused_with_both_numbers(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        DEFAULT.operation(Request(text=text))
    (error,) = caught.value.errors
    facts = error.extensions or {}
    assert (facts["code"], facts["limit"], caught.value.status) == ("COST_TOO_HIGH", 10_000, 400)
    assert facts["seen"] == cost(text) > 10_000
    assert str(facts["seen"]) in error.message


def test_variables_decide_about_the_same_document() -> None:
    text = "query ($n: Int) { agreements(first: $n) { nodes { versions { objectives { code } } } } }"
    assert DEFAULT.operation(Request(text=text, variables={"n": 10})).cost < 10_000
    with pytest.raises(RequestError, match="may cost"):
        DEFAULT.operation(Request(text=text, variables={"n": 100}))
    assert DEFAULT.operation(Request(text=text, variables={"n": 10})).cost < 10_000


def test_one_agreement_with_all_its_terms_is_affordable() -> None:
    terms = "objectives { code metric { code weights { impact weight } } window { zone } } clauses { text }"
    assert cost(f'{{ node(id: "x") {{ ... on Agreement {{ versions {{ number {terms} }} }} }} }}') < 10_000


def test_every_list_of_objects_has_a_price() -> None:
    schema_ = schema._schema
    unpriced = []
    for type_ in schema_.type_map.values():
        if is_introspection_type(type_) or not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in type_.fields.items():
            inner = field.type.of_type if is_non_null_type(field.type) else field.type
            if not (is_list_type(inner) and is_composite_type(get_named_type(inner))) or "first" in field.args:
                continue
            place = f"{type_.name}.{name}"
            paged = name in ROWS and type_.name.endswith("Connection")
            if not paged and name != "userErrors" and place not in COUNTED_AS and place not in LISTED_BY:
                unpriced.append(place)
    assert unpriced == []
    fields = {f"{type_.name}.{name}" for type_ in schema_.type_map.values() for name in getattr(type_, "fields", {})}
    assert {*COUNTED_AS, *LISTED_BY} <= fields


def chain(length: int) -> str:
    """Each fragment spreads the next one twice, within pages: 2^length selections, each dearer than the one before."""
    links = (
        f"fragment F{n} on Agreement {{ provider {{ id }} a{n}: service {{ id }} ...F{n + 1} ...F{n + 1} }}"
        for n in range(length)
    )
    return f"{{ agreements {{ nodes {{ ...F0 }} }} }} {' '.join(links)} fragment F{length} on Agreement {{ code }}"


@pytest.mark.parametrize("length", [5, 50, 500])
def test_fragments_that_double_are_priced_once_each(length: int) -> None:
    document = parse(chain(length))
    operation, *fragments = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    ordered = [node for node in reversed(fragments) if isinstance(node, FragmentDefinitionNode)]
    found = cost_of(schema._schema, operation, ordered, None)
    assert found.requested >= min(2**length, 10**12)
    assert found.steps == 3 + 6 * length + 1

"""What may be asked of the schema itself and how often, how much a request may bring, and how many operations."""

from __future__ import annotations

import math
from typing import Any

import pytest
from graphql import execute_sync, get_introspection_query, parse

from graph.context import Context, Request, request_from
from graph.documents import Documents
from graph.errors import RequestError
from graph.introspection import introspect
from graph.limits import Limits
from tests.graph.service import ADMIN, SCHEMA

WHOLE = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
    one_of=True,
    type_depth=12,
)
ODD = """
{
  again: __schema { types { name } queryType { name fields { name type { ...T } args { name type { ...T } } } } }
  one: __type(name: "Thing") { ...T fields { type { ofType { name } } } }
  none: __type(name: "Nothing") { name }
  __typename
}
fragment T on __Type { kind name ofType { kind name } }
"""
GRAPHQL_SCHEMA = SCHEMA._schema


def code_of(text: str) -> object:
    with pytest.raises(RequestError) as caught:
        Documents(SCHEMA, Limits()).operation(Request(text=text))
    (error,) = caught.value.errors
    return (error.extensions or {})["code"]


@pytest.mark.parametrize("text", [get_introspection_query(), WHOLE, ODD], ids=["standard", "whole", "odd"])
async def test_the_schema_is_told_as_graphql_core_tells_it(text: str) -> None:
    told = execute_sync(GRAPHQL_SCHEMA, parse(text))
    assert told.errors is None
    assert introspect(GRAPHQL_SCHEMA, parse(text), None) == told
    documents = Documents(SCHEMA, Limits())
    context = Context(actor=ADMIN, request_id="r", deadline=math.inf)
    # The second one is known, comments and blanks aside; a third differs in a word.
    for asked in (text, text + "\n# again", text.replace("name", "word: name", 1)):
        answer = await documents.operation(Request(text=asked)).answer(context)
        wanted = execute_sync(GRAPHQL_SCHEMA, parse(asked)).data
        assert (answer["data"], answer.get("errors")) == (wanted, None)


async def test_operations_of_one_document_have_answers_of_their_own() -> None:
    text = "query A { __schema { queryType { name } } } query B { __schema { mutationType { name } } }"
    documents = Documents(SCHEMA, Limits())
    context = Context(actor=ADMIN, request_id="r", deadline=math.inf)
    told = [
        (await documents.operation(Request(text=text, operation_name=name)).answer(context))["data"] for name in "ABA"
    ]
    query, mutation = {"queryType": {"name": "Query"}}, {"mutationType": {"name": "Mutation"}}
    assert told == [{"__schema": query}, {"__schema": mutation}, {"__schema": query}]


@pytest.mark.parametrize(
    "text",
    [
        "query ($of: String!) { __type(name: $of) { name } }",
        "{ __schema { queryType { name } } hello }",
        "{ ...F } fragment F on Query { __schema { queryType { name } } }",
    ],
    ids=["a variable", "a field of ours", "a fragment"],
)
def test_what_rests_on_more_than_the_schema_is_run_each_time(text: str) -> None:
    assert Documents(SCHEMA, Limits()).operation(Request(text=text, variables={"of": "Thing"})).known is None


def test_the_schema_is_told_once_in_an_operation_and_not_much_more() -> None:
    body = WHOLE[WHOLE.index("__schema {") + len("__schema ") : WHOLE.rindex("fragment FullType")].strip()
    fragments = WHOLE[WHOLE.index("fragment FullType") :]
    twice = f"{{ a: __schema {{ ...S }} b: __schema {{ ...S }} }} fragment S on __Schema {body[:-1]} {fragments}"
    assert code_of(twice) == "INTROSPECTION_TOO_LARGE"


def test_a_document_has_20_operations_at_most() -> None:
    text = " ".join(f"query Q{number} {{ hello }}" for number in range(21))
    assert code_of(text) == "TOO_MANY_OPERATIONS"
    Documents(SCHEMA, Limits()).operation(Request(text=text.replace("query Q20 { hello }", ""), operation_name="Q1"))


LIMITS = Limits(input_values_max=6, input_objects_max=2)


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"a": [1, 2, 3, 4, 5]}, None),
        ({"a": [1, 2, 3, 4, 5, 6]}, 7),
        ({"a": {"b": {"c": 1}}}, None),
        ({"a": {"b": {"c": {}}}}, 3),
        ({"a": [{}, {}]}, None),
        ({"a": [{}, {}, {}]}, 3),
        (dict.fromkeys("abcdef"), None),
        (dict.fromkeys("abcdefg"), 7),
        ({"a": "[{" * 100}, None),
    ],
)
def test_variables_hold_so_many_values_and_objects(variables: dict[str, Any], seen: int | None) -> None:
    parameters = {"query": "{ hello }", "variables": variables}
    if seen is None:
        assert request_from(parameters, LIMITS).variables == variables
        return
    with pytest.raises(RequestError) as caught:
        request_from(parameters, LIMITS)
    (error,) = caught.value.errors
    facts = error.extensions or {}
    assert (facts["code"], facts["seen"]) == ("INPUT_TOO_LARGE", seen)
    assert error.message.endswith(f"at most {facts['limit']} are allowed. Send them in several requests.")

"""Execution of ours answers as the library's does, to the letter, and lets others be served within a long list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.executing import Execution
from graph.fields import told

ROWS = 400


@strawberry.enum
class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    number: int

    @property
    def colour(self) -> object:
        return "no colour" if self.number == 3 else Colour.RED

    @property
    def fails(self) -> str:
        raise ValueError(f"{self.number} fails")


def _lost(thing: Thing) -> str | None:
    return None if thing.number % 2 else "here"


def _things(count: int) -> Any:
    return [Thing(number) for number in range(count)]


async def _things_but_one(count: int) -> Any:
    return [None if number == 1 else Thing(number) for number in range(count)]


@strawberry.type
class Row:
    number: int
    colour: Colour | None
    fails: str | None
    even: str | None = told("Only of even ones.", _lost)
    required: str = told("Only of even ones, and yet promised.", _lost)
    text: str = told("As text.", lambda thing: str(thing.number))

    @strawberry.field
    async def later(root: strawberry.Parent[Any]) -> str:  # noqa: N805
        await asyncio.sleep(0)
        return f"later {root.number}"

    @strawberry.field
    def others(root: strawberry.Parent[Any], count: int) -> list[Row]:  # noqa: N805
        found: list[Any] = _things(count)
        return found


@strawberry.type
class Query:
    rows: Any = strawberry.field(resolver=_things, graphql_type=list[Row])
    some: Any = strawberry.field(resolver=_things_but_one, graphql_type=list[Row | None])


OURS = strawberry.Schema(query=Query, execution_context_class=Execution)
THEIRS = strawberry.Schema(query=Query, execution_context_class=StrawberryGraphQLCoreExecutionContext)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "document",
    [
        "{ rows(count: 3) { __typename number text even } }",
        "{ rows(count: 5) { number colour } }",
        "{ rows(count: 2) { number fails text } }",
        "{ rows(count: 4) { number required } }",
        "{ some(count: 4) { number required } }",
        "{ some(count: 5) { a: text later b: number others(count: 2) { text later } } }",
        "{ rows(count: 3) { text ...F } } fragment F on Row { text number others(count: 3) { colour fails } }",
        f"{{ rows(count: {ROWS}) {{ number text later even others(count: 3) {{ number text }} }} }}",
        f"{{ some(count: {ROWS}) {{ number text required others(count: 1) {{ number required }} }} }}",
    ],
)
async def test_it_answers_as_the_library_does(document: str) -> None:
    ours, theirs = await OURS.execute(document), await THEIRS.execute(document)
    assert list_of(ours.data) == list_of(theirs.data)
    assert sorted(map(repr, _errors(ours))) == sorted(map(repr, _errors(theirs)))


def _errors(result: Any) -> list[Any]:
    """In no order: the specification has none for them."""
    return [each.formatted for each in result.errors or ()]


def list_of(data: Any) -> Any:
    """With the order of members, which equality of maps does not look at."""
    if isinstance(data, dict):
        return [(name, list_of(value)) for name, value in data.items()]
    return [list_of(each) for each in data] if isinstance(data, list) else data


async def test_others_are_served_within_a_long_list() -> None:
    document = f"{{ some(count: {ROWS}) {{ number text others(count: 20) {{ number text even }} }} }}"
    answer = asyncio.create_task(OURS.execute(document))
    rounds = 0
    while not answer.done():
        rounds += 1
        await asyncio.sleep(0)
    assert answer.result().errors is None
    assert rounds > 10

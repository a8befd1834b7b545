"""Documents made from the schema itself, so that what is added to it is asked for without a word in a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.stories.processes import ROOT

SCHEMA = build_schema((ROOT / "graph" / "schema.graphql").read_text())
"""As it is committed; a test of the graph compares it with the code."""

Composite = GraphQLObjectType | GraphQLInterfaceType


def root_fields(operation: str) -> Mapping[str, GraphQLField]:
    found = SCHEMA.get_type(operation)
    assert isinstance(found, GraphQLObjectType)
    fields: Mapping[str, GraphQLField] = found.fields
    return fields


def node_types() -> frozenset[str]:
    node = SCHEMA.get_type("Node")
    assert isinstance(node, GraphQLInterfaceType)
    return frozenset(each.name for each in SCHEMA.get_possible_types(node))


def connections() -> Mapping[str, str]:
    """The lists of the schema, each with the type of its rows."""
    found: dict[str, str] = {}
    for name, field in root_fields("Query").items():
        named = get_named_type(field.type)
        if named.name.endswith("Connection"):
            assert isinstance(named, GraphQLObjectType)
            found[name] = get_named_type(named.fields["nodes"].type).name
    return found


def whole_lists(connection: str) -> Iterator[str]:
    """Documents that together ask for all of a list's rows, two steps further than the rows themselves."""
    row = connections()[connection]
    page_info = f"pageInfo {{ {_page_info()} }}"
    yield f"{{ {connection}(first: 100) {{ totalCount edges {{ cursor node {{ id }} }} {page_info} }} }}"
    for selection in selections(row):
        yield f"{{ {connection}(first: 100) {{ nodes {{ {selection} }} }} }}"


def selections(type_name: str) -> Iterator[str]:
    """What can be selected of a type: its own leaves, then each of what it leads to with what that leads to."""
    found = SCHEMA.get_type(type_name)
    assert isinstance(found, Composite)
    yield _leaves(found)
    for name, target in _steps(found):
        yield f"__typename id {name} {{ {_spread(target, further=True)} }}"


def _spread(target: Composite, *, further: bool) -> str:
    if isinstance(target, GraphQLObjectType):
        return _inside(target, further=further)
    types = SCHEMA.get_possible_types(target)
    named: dict[str, set[str]] = {}
    for each in types:
        for name, field in each.fields.items():
            named.setdefault(name, set()).add(str(field.type))
    # Fields of one name and several types need other names side by side.
    several = frozenset(name for name, found in named.items() if len(found) > 1)
    parts = (f"... on {each.name} {{ {_inside(each, further=further, renamed=several)} }}" for each in types)
    return " ".join(parts)


def _inside(target: Composite, *, further: bool, renamed: frozenset[str] = frozenset()) -> str:
    steps = _steps(target) if further else ()
    leaves = _leaves(target, renamed)
    return " ".join([leaves, *(f"{name} {{ {_spread(each, further=False)} }}" for name, each in steps)])


def _leaves(of: Composite, renamed: frozenset[str] = frozenset()) -> str:
    names = (n for n, f in of.fields.items() if is_leaf_type(get_named_type(f.type)) and _free(f))
    return " ".join(["__typename", *(f"{n}Of{of.name}: {n}" if n in renamed else n for n in names)])


def _steps(of: Composite) -> list[tuple[str, Composite]]:
    named = ((name, _composite(field.type)) for name, field in of.fields.items() if _free(field))
    return [(name, target) for name, target in named if target is not None]


def _composite(of: GraphQLOutputType) -> Composite | None:
    named = get_named_type(of)
    return named if isinstance(named, Composite) else None


def _free(field: GraphQLField) -> bool:
    return not any(is_required_argument(argument) for argument in field.args.values())


def _page_info() -> str:
    page_info = SCHEMA.get_type("PageInfo")
    assert isinstance(page_info, GraphQLObjectType)
    return _leaves(page_info)


def ids_in(answer: object) -> Iterator[tuple[str, str]]:
    """Type and id of every node in an answer, at any depth."""
    if isinstance(answer, Mapping):
        known: Mapping[str, Any] = answer
        if isinstance(known.get("id"), str) and known.get("__typename") in node_types():
            yield known["__typename"], known["id"]
        for value in known.values():
            yield from ids_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from ids_in(value)

"""The schema as it is committed, as it is described, and as it keeps its own promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    is_specified_scalar_type,
)

from domain import errors
from domain.errors import (
    BatchRefused,
    CursorExpired,
    CursorInvalid,
    DomainError,
    Forbidden,
    TenantMissing,
    Unauthenticated,
    Unserved,
)
from graph import schema as made
from graph.user_errors import UserErrorCode

COMMITTED = Path(made.__file__).with_name("schema.graphql")
RELEASED = COMMITTED.with_name("released.graphql")
LISTED = COMMITTED.with_name("breaking.md")
OURS = [type_ for type_ in build_schema(made.schema_text()).type_map.values() if not is_introspection_type(type_)]


def test_the_committed_schema_is_the_code_s() -> None:
    committed, printed = COMMITTED.read_text(encoding="utf-8"), made.schema_text()
    if committed == printed:
        return
    told = "\n".join(f"  {change}" for change in breaking(committed, printed)) or "  none"
    pytest.fail(f"run `make schema` and look at the difference. Changes that break clients:\n{told}")


def breaking(former: str, now: str) -> list[str]:
    changes = find_breaking_changes(build_schema(former), build_schema(now))
    return [f"{change.type.name}: {change.description}" for change in changes]


def unlisted(changes: list[str], listed: str) -> list[str]:
    """Those without a row that has a date and a reason."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in listed.splitlines() if line[:1] == "|"]
    known = {row[0] for row in rows if len(row) == 3 and re.fullmatch(r"20\d\d-\d\d-\d\d", row[1]) and row[2]}
    return [change for change in changes if change not in known]


def test_what_breaks_clients_of_the_last_release_is_listed_with_reason_and_date() -> None:
    found = breaking(RELEASED.read_text(encoding="utf-8"), made.schema_text())
    assert unlisted(found, LISTED.read_text(encoding="utf-8")) == []


def test_a_breaking_change_fails_unless_it_is_listed() -> None:
    change = "FIELD_REMOVED: Field Query.b was removed."
    found = breaking("type Query { a: String, b: String }", "type Query { a: String }")
    assert unlisted(found, "| change | date | reason |\n|---|---|---|") == [change]
    assert unlisted(found, f"| {change} | 2026-12-01 | |") == [change]
    assert unlisted(found, f"| {change} | soon | nobody asked for it |") == [change]
    assert unlisted(found, f"| {change} | 2026-12-01 | nobody asked for it |") == []


def described_parts(type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    yield type_.name, type_.description
    match type_:
        case GraphQLObjectType() | GraphQLInterfaceType():
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                yield from ((f"{type_.name}.{name}({arg}:)", each.description) for arg, each in field.args.items())
        case GraphQLInputObjectType():
            yield from ((f"{type_.name}.{name}", field.description) for name, field in type_.fields.items())
        case GraphQLEnumType():
            yield from ((f"{type_.name}.{name}", value.description) for name, value in type_.values.items())


@pytest.mark.parametrize("type_", [t for t in OURS if not is_specified_scalar_type(t)], ids=lambda type_: type_.name)
def test_every_part_has_a_word_for_its_readers(type_: GraphQLNamedType) -> None:
    assert [name for name, description in described_parts(type_) if not (description or "").strip()] == []


def test_every_mutation_takes_one_input_and_answers_its_own_payload_with_user_errors() -> None:
    mutation = _schema().mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        kind = name[0].upper() + name[1:]
        assert {arg: str(each.type) for arg, each in field.args.items()} == {"input": f"{kind}Input!"}
        assert str(field.type) == f"{kind}Payload!"
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"


def test_every_list_of_objects_says_how_long_it_may_be() -> None:
    silent = []
    for type_ in OURS:
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in type_.fields.items():
            inner = field.type.of_type if is_non_null_type(field.type) else field.type
            of_objects = is_list_type(inner) and is_composite_type(get_named_type(inner))
            if of_objects and not _says_a_limit(field.description or ""):
                silent.append(f"{type_.name}.{name}")
    assert silent == []


def _says_a_limit(description: str) -> bool:
    return any(word in description for word in ("at most", "newest", "first 100", "one for each"))


def test_a_user_error_has_a_code_for_each_rule_of_the_field() -> None:
    apart = {Forbidden, Unauthenticated, TenantMissing, BatchRefused, CursorInvalid, CursorExpired, Unserved}
    rules = {
        each.code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, DomainError) and each is not DomainError
        if each not in apart and Unserved not in each.__bases__
    }
    assert {code.value for code in UserErrorCode} == rules


def _schema() -> GraphQLSchema:
    return build_schema(made.schema_text())

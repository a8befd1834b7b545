"""Every root field asks whether the actor may do this before it looks at anything else."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    build_schema,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from domain.actor import Actor
from domain.errors import Forbidden
from domain.ids import KeyId, PartyId, TenantId
from domain.policy import PARTY_BOUND, POLICY, Role
from domain.ports import Work
from graph.application import Application
from graph.cursors import Seal
from graph.rights import CARRIED, PARTS, ROOT_FIELDS, TYPES
from graph.schema import schema_text
from runtime.proposed_holidays import proposed_holidays
from tests.graph.asking import Asker, Clock

SCHEMA = build_schema(schema_text())
SCALARS = {
    "ID": "nonsense",
    "String": "x",
    "Int": 1,
    "Boolean": True,
    "DateTime": "2026-01-01T00:00:00Z",
    "Date": "2026-01-01",
    "LocalTime": "08:00",
    "LocalDateTime": "2026-01-01T08:00",
    "Decimal": "1",
    "Duration": "PT1H",
    "BigInt": "1",
}

ROOTS = [
    (kind, name, field)
    for kind, root in (
        ("query", SCHEMA.query_type),
        ("mutation", SCHEMA.mutation_type),
        ("subscription", SCHEMA.subscription_type),
    )
    if root is not None
    for name, field in root.fields.items()
]
MUTATIONS = [name for kind, name, _ in ROOTS if kind == "mutation"]
STRUCTURAL = {
    *("Query", "Mutation", "Subscription", "PageInfo", "Interval", "Ratio"),
    *("InvalidInputError", "NotFoundError", "ConflictError"),
    *(name for name in SCHEMA.type_map if name.endswith(("Connection", "Edge"))),
}
"""Types that hold what others are asked for, and say nothing of their own."""
CASES = [
    pytest.param(kind, name, field, role, id=f"{name} as {role.value}")
    for kind, name, field in ROOTS
    for role in Role
    if role not in POLICY[ROOT_FIELDS[name]].roles
]


class _Opened(Exception):
    """A denied actor came as far as storage."""


@asynccontextmanager
async def _never(actor: Actor, *, deadline: float = math.inf) -> AsyncIterator[Work]:
    raise _Opened(actor)
    yield


async def _no_wait(_tenant: object, _position: object) -> None:
    raise _Opened


def an_asker(role: Role) -> Asker:
    """At a schema whose storage may not be reached."""
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))
    application = Application(
        open_work=_never,
        clock=clock,
        mint=lambda: UUID(int=1),
        seal=Seal(b"s" * 32),
        awaken=_no_wait,
        propose_holidays=proposed_holidays,
    )
    party = PartyId(UUID(int=3)) if role in PARTY_BOUND else None
    actor = Actor(tenant=TenantId(UUID(int=1)), caller=KeyId(UUID(int=2)), role=role, party=party)
    return Asker(application=application, actor=actor, clock=clock)


@pytest.mark.parametrize(("kind", "name", "field", "role"), CASES)
async def test_a_role_without_the_right_is_refused_before_anything_else(
    kind: str, name: str, field: GraphQLField, role: Role
) -> None:
    text, variables = asked(kind, name, field)
    asker = an_asker(role)
    if kind == "subscription":
        with pytest.raises(Exception, match="may not follow breaches") as refused:
            async with asker.following(text, **variables) as answers:
                await anext(answers)
        errors: Any = refused.value
        assert isinstance(errors.errors[0].original_error, Forbidden)
        return
    answer = await asker.say(text, **variables)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert answer["errors"][0]["path"] == [name]


def test_each_root_field_has_an_action_and_one_without_is_nobodys() -> None:
    assert sorted(name for _, name, _ in ROOTS) == sorted(ROOT_FIELDS)


def test_each_object_type_is_read_by_an_action_or_is_part_of_one_that_is() -> None:
    objects = {name for name, type_ in SCHEMA.type_map.items() if is_object_type(type_) and not name.startswith("__")}
    assert objects == set(TYPES) | set(PARTS) | STRUCTURAL | {
        f"{name[0].upper()}{name[1:]}Payload" for name in MUTATIONS
    }
    assert set(PARTS.values()) <= set(TYPES)


def test_what_another_action_may_withhold_is_nullable_or_a_list() -> None:
    """So that a value that is seen never fails for one that is not."""
    withheld = [
        f"{name}.{field_name}"
        for name, type_ in SCHEMA.type_map.items()
        if is_object_type(type_) and name in {**TYPES, **PARTS}
        for field_name, field in type_.fields.items()
        if f"{name}.{field_name}" not in CARRIED
        and is_non_null_type(field.type)
        and not is_list_type(field.type.of_type)
        and (leads_to := TYPES.get(get_named_type(field.type).name)) is not None
        and leads_to is not TYPES[PARTS.get(name, name)]
    ]
    assert withheld == []


def test_every_action_that_a_role_may_do_is_one_of_the_schema() -> None:
    assert {*ROOT_FIELDS.values(), *TYPES.values()} == {action for action, rule in POLICY.items() if rule.roles}


async def test_any_key_may_ask_what_it_is() -> None:
    found = await an_asker(Role.INGEST).ask("{ viewer { role tenantId party { code } } }")
    assert found["viewer"]["role"] == "INGEST"


def asked(kind: str, name: str, field: GraphQLField) -> tuple[str, dict[str, object]]:
    """A document that calls the field with arguments that fit its types and mean nothing."""
    names = {arg: f"$v_{arg}: {each.type}" for arg, each in field.args.items()}
    declared = f"({', '.join(names.values())})" if names else ""
    passed = f"({', '.join(f'{arg}: $v_{arg}' for arg in names)})" if names else ""
    shows = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    values = {f"v_{arg}": a_value(each.type) for arg, each in field.args.items()}
    return f"{kind}{declared} {{ {name}{passed} {shows} }}", values


def a_value(type_: GraphQLInputType) -> object:
    if is_non_null_type(type_):
        return a_value(type_.of_type)
    if is_list_type(type_):
        return [a_value(type_.of_type)]
    match type_:
        case GraphQLEnumType():
            return next(iter(type_.values))
        case GraphQLInputObjectType() if type_.is_one_of:
            first = next(iter(type_.fields))
            return {first: a_value(type_.fields[first].type)}
        case GraphQLInputObjectType():
            return {name: a_value(field.type) for name, field in type_.fields.items()}
        case _:
            return SCALARS[str(type_)]

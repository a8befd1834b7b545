"""The policy is what people agreed on, and a change of any single rule of it is noticed by what callers then get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from domain.policy import PARTY_BOUND, POLICY, TENANT_WIDE, Action, Relation, Role, Rule
from graph.rights import ROOT_FIELDS, TYPES
from tests.stories import walking
from tests.stories.matrix import expected, reading, writing
from tests.stories.matrix.expected import RIGHTS, Right
from tests.stories.matrix.probing import probe_of_relation, probe_of_role
from tests.stories.matrix.scene import Operation, Scene, complaints

COUNTED = "rules of the policy"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Change:
    """Another rule for an action, and what people would say is different."""

    action: Action
    rule: Rule
    difference: str
    role: Role | None = None


def spoken(role: Role) -> str:
    return role.value.replace("_", " ")


def differences(policy: Mapping[Action, Rule]) -> list[str]:
    """Between a policy and what people agreed on, by name."""
    found = []
    for action in Action:
        right = RIGHTS.get(action.value, Right(frozenset(), frozenset()))
        rule = policy.get(action, Rule(frozenset(), frozenset()))
        roles = {spoken(each) for each in rule.roles} ^ right.roles
        relations = {each.value for each in rule.relations} ^ right.as_one_of
        found += [f"{action.value}: {each}" for each in sorted(roles | relations)]
    return found


def changed_roles(action: Action) -> Iterator[Change]:
    """Each cell of the action's row the other way round."""
    rule = POLICY[action]
    for role in Role:
        roles = rule.roles ^ {role}
        yield Change(action, Rule(roles, rule.relations), f"{action.value}: {spoken(role)}", role)


def changed_relations(action: Action) -> Iterator[Change]:
    rule = POLICY[action]
    for relation in Relation:
        relations = rule.relations ^ {relation}
        yield Change(action, Rule(rule.roles, relations), f"{action.value}: {relation.value}")


def test_the_policy_is_what_people_agreed_on() -> None:
    assert differences(POLICY) == []
    assert set(RIGHTS) == {action.value for action in Action}
    assert {spoken(each) for each in PARTY_BOUND} == expected.NEEDS_A_PARTY
    assert {spoken(each) for each in TENANT_WIDE} == expected.TAKES_NO_PARTY
    assert {name: action.value for name, action in TYPES.items() if name in expected.READ_BY} == expected.READ_BY
    assert set(expected.READ_BY) == walking.node_types()


def test_any_other_rule_is_named_as_the_difference() -> None:
    for action in Action:
        for change in (*changed_roles(action), *changed_relations(action)):
            assert differences({**POLICY, action: change.rule}) == [change.difference]


def test_what_is_the_operators_has_no_door_in_the_schema() -> None:
    reachable = {action.value for action in (*ROOT_FIELDS.values(), *TYPES.values())}
    assert reachable == set(RIGHTS) - expected.THE_OPERATORS


def test_every_part_of_the_schema_is_asked_for() -> None:
    asked = {*walking.connections(), *reading.ASKED_BY_NAME}
    assert reading.root_query_fields() == asked
    assert set(walking.root_fields("Subscription")) == {"breachEvents"}
    assert set(walking.root_fields("Mutation")) == set(writing.NEEDS)


@pytest.mark.parametrize("action", [each for each in Action if each.value not in expected.THE_OPERATORS])
async def test_each_change_of_a_rule_is_noticed(
    scene: Scene,
    action: Action,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr(scene, "careful", True)
    survivors = []
    changes = [each for each in (*changed_roles(action), *changed_relations(action)) if is_felt(each)]
    for change in changes:
        # Under the policy as it is, the matrix itself has none of these complain.
        probe = _probe(scene, change)
        with monkeypatch.context() as changed:
            assert isinstance(POLICY, dict)
            changed.setitem(POLICY, action, change.rule)
            if not await _noticed(scene, probe):
                survivors.append(change.difference)
    record_property(COUNTED, (len(changes), len(survivors)))
    assert survivors == []


def is_felt(change: Change) -> bool:
    """Of a rule that has relations the service asks for those alone; with none it asks whether there is any.

    Whoever always has a party gets nothing from a rule that is for the whole tenant.
    """
    rule = POLICY[change.action]
    if change.role is not None:
        return bool(rule.relations) or change.role not in PARTY_BOUND
    return not rule.relations or len(change.rule.relations) < len(rule.relations)


def _probe(scene: Scene, change: Change) -> list[Operation]:
    if change.role is not None:
        return list(probe_of_role(scene, change.action.value, change.role))
    return list(probe_of_relation(scene, change.action.value)) or [
        each for role in POLICY[change.action].roles for each in probe_of_role(scene, change.action.value, role)
    ]


async def _noticed(scene: Scene, probe: list[Operation]) -> bool:
    """By the first operations that are told something else."""
    alone = [replace(each, unknown=None) for each in probe]
    for start in range(0, len(alone), AT_ONCE):
        if await complaints(scene, alone[start : start + AT_ONCE]):
            return True
    return False

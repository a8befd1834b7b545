"""docs/policy.md is the policy: it is printed from the table that is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.policy import POLICY, Action, Relation, Role, rule_of
from runtime.cli import main
from tests.stories import walking

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def test_the_page_is_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy"]) == 0
    assert capsys.readouterr().out == PAGE.read_text(), "interpact policy > docs/policy.md"


def test_every_action_has_a_rule() -> None:
    assert set(POLICY) == set(Action)


def test_who_reports_facts_reads_nothing_with_that_key() -> None:
    assert {action for action, rule in POLICY.items() if Role.INGEST in rule.roles} == {
        Action.READ_SELF,
        Action.RECORD_OUTAGES,
        Action.RECORD_CASES,
        Action.RECORD_MEASUREMENTS,
    }


def test_no_party_has_a_say_over_what_all_share() -> None:
    assert rule_of(Action.MANAGE_METRICS).relations == frozenset()
    assert [action for action, rule in POLICY.items() if Relation.ANYONE in rule.relations] == [
        Action.READ_SELF,
        Action.READ_NODES,
        Action.READ_METRICS,
    ]


def test_the_page_names_every_root_field() -> None:
    roots = [name for kind in ("Query", "Mutation", "Subscription") for name in walking.root_fields(kind)]
    assert [name for name in roots if f"`{name}`" not in PAGE.read_text()] == []

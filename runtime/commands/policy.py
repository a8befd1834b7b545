"""`interpact policy`: prints who may do what, as the page docs/policy.md. Needs no database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping

from domain.policy import PARTY_BOUND, POLICY, TENANT_WIDE, Relation, Role
from graph.rights import ROOT_FIELDS

HEAD = """\
# Who may do what

This page is made from the policy (`domain/policy.py`) by `interpact policy`. The same table is what the service checks.
What is not in it is denied.

A caller has one role in one tenant. The roles {bound} act for one party each; {wide} acts for the whole
tenant; the others do the one or the other. A caller with a party does to a thing only what the last column says: there
its party, or a party below it, must be one of these to the thing. For everybody else the thing is not there: not found
by its id, in no list and no count. A caller for the whole tenant needs no relation.
"""

ROOT = """
## What of the schema needs which action

What a field leads to is shown to those who may read that. A root field that is not listed here is nobody's.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(arguments: argparse.Namespace) -> int:
    del arguments
    sys.stdout.write(page())
    return 0


def page() -> str:
    bound, wide = (", ".join(_code(role) for role in Role if role in roles) for roles in (PARTY_BOUND, TENANT_WIDE))
    titles = ["action", *(role.value.replace("_", " ") for role in Role), "with a party"]
    rules = [
        [action.value, *("yes" if role in rule.roles else "" for role in Role), _relations(rule.roles, rule.relations)]
        for action, rule in POLICY.items()
    ]
    fields = [[action, ", ".join(names)] for action, names in _fields().items()]
    text = HEAD.format(bound=bound, wide=wide), _table(titles, rules), ROOT, _table(["action", "root fields"], fields)
    return "\n".join(text)


def _code(role: Role) -> str:
    return f"`{role.value}`"


def _relations(roles: Iterable[Role], relations: frozenset[Relation]) -> str:
    if not roles:
        return "the operator's alone, on the command line"
    if not relations:
        return "never"
    return ", or ".join(relation.value for relation in Relation if relation in relations)


def _fields() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for action in POLICY:
        names = [f"`{name}`" for name, needed in ROOT_FIELDS.items() if needed is action]
        if names:
            found[action.value] = names
    return found


def _table(titles: list[str], rows: list[list[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

"""What schemathesis makes of the schema: whatever is asked, by whomever, the answer is GraphQL's and no fault of ours.

`INTERPACT_FUZZ_EXAMPLES=500` asks each field of Query and Mutation so many times, still in the same order each time.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from graphql import (
    GraphQLInputObjectType,
    NullValueNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes

from domain.policy import Role
from graph.http import GRAPHQL_JSON
from graph.ids import encode
from graph.schema import schema
from runtime.service import Running
from tests.stories import processes, walking
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.processes import ROOT
from tests.stories.rivals import LEFT, RIGHT, SHARED, TEAM, rivals
from tests.stories.tenants import a_key, mint

EXAMPLES = int(os.environ.get("INTERPACT_FUZZ_EXAMPLES", "10"))
ROLES = ("admin", "admin", "admin", "analyst", "ingest", "vendor", "customer", "auditor", "stranger")
"""Who may do most, more often."""
CODES = (LEFT, RIGHT, TEAM, SHARED, "a-code", "critical", "UTC", "Europe/Berlin", "EUR")
SCALARS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "DateTime": (
        ("2024-05-01T00:00:00Z", "2024-05-01T02:00:00+02:00", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-05-01T00:00:00", "2024-02-30T00:00:00Z"),
    ),
    "Duration": (("PT1H", "P1D", "PT26H30M"), ("PT0S", "-PT1H", "P1Y", "PT9999999999H", "P")),
    "Decimal": (("99.9", "50", "0.5", "100"), ("0", "-1", "1e3", "1e-40", "1E+999999", "NaN", "0." + "3" * 100)),
    "BigInt": (("0", "1", "2"), ("-1", "9007199254740991", "9223372036854775808", "1.5")),
    "LocalTime": (("09:00", "17:30", "24:00"), ("00:00", "25:00", "09:00:61", "")),
    "LocalDateTime": (
        ("2026-01-01T02:00:00", "2024-02-29T00:00:00"),
        ("0001-01-01T00:00:00", "2023-02-29T00:00:00", ""),
    ),
    "Date": (("2026-01-01", "2024-02-29"), ("0001-01-01", "9999-12-31", "2023-02-29", "")),
}
"""What each takes, and what lies at its edges or beyond them."""
INTEGERS = (1, 2, 3, 100), (0, -1, 101, 2**31 - 1, -(2**31))
AT_EASE = 8
"""How much more often the former: where one of many values is odd, nothing behind it is ever reached."""

_PLACE = re.compile(r'(?:(\w+): \[?)?"id of (\w+) (\d)"')
"""Stands in what is generated for the id of a node that is there, after the name of the field or argument it is for."""
_MEANT = {"provider": "Party", "parent": "Party", "customer": "Party", "consumers": "Party", "component": "Service"}
"""What such a name leads to, where the name is not that of the type."""
_PAGING = re.compile(r'\b(after|before|last): (?:"(?:[^"\\]|\\.)*"|-?\d+)')
"""Arguments that hardly ever go together, and cursors, which nobody can make up."""


def _register() -> None:
    text = st.text(max_size=20).map(nodes.String)
    places = [f"id of {name} {number}" for name in sorted(walking.node_types()) for number in range(4)]
    of_places = st.sampled_from(places).map(nodes.String)
    schemathesis.graphql.scalar("ID", of_places | of_places | of_places | text)
    of_codes = st.sampled_from(CODES).map(nodes.String)
    schemathesis.graphql.scalar("String", of_codes | of_codes | of_codes | text)
    schemathesis.graphql.scalar("Int", st.sampled_from(INTEGERS[0] * AT_EASE + INTEGERS[1]).map(nodes.Int))
    for name, (known, odd) in SCALARS.items():
        schemathesis.graphql.scalar(name, st.sampled_from(known * AT_EASE + odd).map(nodes.String))


_register()
OPERATIONS = [
    found.ok()
    for found in schemathesis.graphql.from_file(schema.as_str()).get_all_operations()
    if isinstance(found, Ok)
]


def _tidied(document: str) -> str:
    """Of what takes one member alone, the first that holds something: the generator does not know of such types."""
    types = TypeInfo(walking.SCHEMA)

    class OneOf(Visitor):
        def enter_object_value(self, node: ObjectValueNode, *_: object) -> ObjectValueNode | None:
            type_ = types.get_input_type()
            named = None if type_ is None else get_named_type(type_)
            held = [member for member in node.fields if not isinstance(member.value, NullValueNode)]
            if not isinstance(named, GraphQLInputObjectType) or not named.is_one_of or not held:
                return None
            return ObjectValueNode(fields=(held[0],))

    return print_ast(visit(parse(document), TypeInfoVisitor(types, OneOf())))


def _documented() -> tuple[frozenset[str], frozenset[str]]:
    """The codes that docs/graphql.md tells: those of `userErrors`, and those of `errors` beside them."""
    text = (ROOT / "docs" / "graphql.md").read_text()
    mutations, top = text.partition("**`userErrors`**")[2].partition("**`errors`** at the top")[::2]
    code = re.compile(r"`([A-Z][A-Z_]{3,})`")
    in_payloads = frozenset(code.findall(mutations))
    return in_payloads, frozenset(code.findall(top.partition("## Following breaches")[0])) | in_payloads


IN_PAYLOADS, AT_THE_TOP = _documented()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`keys` by role; `ids` of what is there, by type, or an unknown one where there is none."""

    graphql: str
    keys: Mapping[str, str]
    ids: Mapping[str, Sequence[str]]
    http: httpx.Client

    def document(self, generated: str, *, as_it_is: bool) -> str:
        """With ids in the places that were left for them, more often than not those that the place asks for."""
        tidied = generated if as_it_is else _PAGING.sub(r"\1: null", _tidied(generated))
        return _PLACE.sub(self._placed, tidied)

    def _placed(self, found: re.Match[str]) -> str:
        name, type_name, number = found[1], found[2], int(found[3])
        meant = _MEANT.get(name or "", (name or "").capitalize())
        chosen = self.ids[meant if meant in self.ids and number else type_name]
        return found[0].partition('"')[0] + f'"{chosen[number % len(chosen)]}"'


@pytest.fixture(scope="module")
async def scene(
    house: House, inside: Running, a_workshop: NewWorkshop, client_of: ClientOf, doors: processes.Running
) -> AsyncIterator[Scene]:
    found = await rivals(a_workshop, inside.worker.settle, house.server.owner_url)
    keys = {"admin": found.admin, **{each.name: each.key for each in found.intruders}}
    for role in (Role.ANALYST, Role.INGEST):
        keys[role.value], _ = await a_key(house.server.owner_url, found.house.tenant, role)
    admin = client_of(found.admin)
    ids: dict[str, set[str]] = {name: set() for name in walking.node_types()}
    for connection in walking.connections():
        for document in walking.whole_lists(connection):
            for type_name, node in walking.ids_in(await admin.said(document)):
                ids[type_name].add(node)
    known = {name: sorted(held) or [encode(name, mint())] for name, held in ids.items()}
    with httpx.Client(timeout=30) as http:
        yield Scene(graphql=doors.graphql, keys=keys, ids=known, http=http)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_answer_is_graphql_s_and_no_fault_of_ours(scene: Scene, operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), role=st.sampled_from(ROLES), as_it_is=st.sampled_from((False, False, True)))
    def asked(case: Any, role: str, as_it_is: bool) -> None:
        document = scene.document(case.body, as_it_is=as_it_is)
        headers = {"authorization": f"Bearer {scene.keys[role]}", "accept": GRAPHQL_JSON}
        response = scene.http.post(scene.graphql, json={"query": document}, headers=headers)
        told = f"{role} asked {document}\nand heard {response.status_code} {response.text[:4_000]}"
        assert response.status_code in {200, 400}, told
        assert faults_of(response.json()) == [], told

    asked()


def faults_of(answer: object) -> list[str]:
    """What is not as docs/graphql.md has it."""
    if not isinstance(answer, dict) or not answer.keys() <= {"data", "errors", "extensions"}:
        return ["the answer's members"]
    errors = answer.get("errors", [])
    codes = [error.get("extensions", {}).get("code") for error in errors]
    return [
        *(["neither data nor errors"] if "data" not in answer and not errors else []),
        *(["an empty list of errors"] if errors == [] and "errors" in answer else []),
        *(["an error without a message"] if not all(error.get("message") for error in errors) else []),
        *(f"{code} at the top" for code in codes if code not in AT_THE_TOP or code == "INTERNAL"),
        *(f"{code} in a payload" for code in _user_errors(answer.get("data")) if code not in IN_PAYLOADS),
    ]


def _user_errors(value: object) -> Iterator[str]:
    for payload in value.values() if isinstance(value, dict) else ():
        listed = payload.get("userErrors", []) if isinstance(payload, dict) else []
        yield from (error["code"] for error in listed if "code" in error)


def test_what_is_found_is_told() -> None:
    internal = {"message": "Internal error", "extensions": {"code": "INTERNAL"}}
    mutation = {"createParty": {"userErrors": [{"code": "ODD"}, {"code": "INVALID"}]}}
    assert faults_of({"data": None, "errors": [internal]}) == ["INTERNAL at the top"]
    assert faults_of({"errors": [{"message": "x"}]}) == ["None at the top"]
    assert faults_of({"data": mutation}) == ["ODD in a payload"]
    assert faults_of({}) == ["neither data nor errors"]
    assert faults_of([]) == ["the answer's members"]
    assert {"INVALID", "NOT_FOUND"} <= IN_PAYLOADS < AT_THE_TOP
    assert {"FORBIDDEN", "COST_TOO_HIGH", "INPUT_TOO_LARGE"} <= AT_THE_TOP

"""docs/graphql.md tells the codes and limits as they are, and its program is the one that the stories run."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import fields

import pytest
from graphql import GraphQLEnumType

from domain import errors
from domain.errors import DomainError
from domain.policy import Role
from graph.limits import Limits
from runtime.service import Running
from tests.stories import processes, walking
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.front_end import FOLLOW
from tests.stories.rivals import rivals
from tests.stories.tenants import a_key
from tests.stories.test_facts_guide import BLOCK, needs_curl

GUIDE = (processes.ROOT / "docs" / "graphql.md").read_text()
CODE = re.compile(r"[A-Z]+(_[A-Z]+)*")
NEVER_TOLD = {"DOMAIN_ERROR", "BATCH_REFUSED", "TENANT_MISSING", "TOO_MANY_SOCKETS"}
"""The base of all, a batch whose lines are told one by one, one that only a bug can cause and that is masked, and one
that closes the socket before anything can be told on it."""
OUR_OWN = {
    "message_chars_max",
    "documents_cached_max",
    "documents_cached_chars_max",
    "loader_batch_max",
    "loader_connections_max",
    "socket_ping_seconds",
    "socket_recheck_seconds",
    "subscription_events_buffered_max",
}
"""Limits that no client can run into."""


def table_under(beginning: str) -> list[list[str]]:
    """The rows of the first table after the text, cell by cell."""
    lines = GUIDE[GUIDE.index(beginning) :].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|---"))
    rows = lines[start + 1 :]
    end = next((at for at, line in enumerate(rows) if not line.startswith("|")), len(rows))
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[:end]]


def blocks_of(kind: str) -> list[str]:
    return [found["text"] for found in BLOCK.finditer(GUIDE) if found["kind"] == kind]


def codes_in(rows: list[list[str]]) -> set[str]:
    found = [code for row in rows for code in re.findall(r"`([^`]+)`", row[0])]
    assert len(found) == len(set(found)), "each code is told once"
    assert all(CODE.fullmatch(code) for code in found)
    return set(found)


def domain_codes() -> set[str]:
    classes = (each for each in vars(errors).values() if isinstance(each, type))
    return {each.code for each in classes if issubclass(each, DomainError)}


def door_codes() -> set[str]:
    """What the graph names in capitals: its constants, and what it calls something with."""
    return {code for path in (processes.ROOT / "graph").glob("*.py") for code in _codes(ast.parse(path.read_text()))}


def _codes(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=args):
                texts = [each.value for each in args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
                yield from (text for text in texts if CODE.fullmatch(text) and "_" in text)
            case ast.Tuple(elts=[_, ast.Constant(value=str(code)), *_]) if CODE.fullmatch(code) and "_" in code:
                yield code
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(code))) if (
                name.isupper() and CODE.fullmatch(code) and len(code) > 5
            ):
                yield code


def test_the_codes_of_user_errors_are_those_of_the_schema() -> None:
    told = codes_in(table_under("**`userErrors`**"))
    enum = walking.SCHEMA.get_type("UserErrorCode")
    assert isinstance(enum, GraphQLEnumType)
    assert told == set(enum.values)
    assert told <= domain_codes()


def test_every_code_is_told_once_where_it_comes() -> None:
    users, top = codes_in(table_under("**`userErrors`**")), codes_in(table_under("**`errors`**"))
    assert not users & top
    assert users | top == (domain_codes() | door_codes()) - NEVER_TOLD


def test_the_limits_are_as_they_are() -> None:
    told = {row[0].strip("`"): float(row[1].replace(",", "")) for row in table_under("## Limits")}
    assert told == {field.name: getattr(Limits(), field.name) for field in fields(Limits) if field.name not in OUR_OWN}


def test_the_program_is_the_one_that_the_stories_run() -> None:
    (program,) = blocks_of("js")
    assert program == FOLLOW.read_text()


@needs_curl
async def test_the_first_query_and_the_others_are_answered(
    doors: processes.Running, house: House, a_workshop: NewWorkshop, inside: Running, client_of: ClientOf
) -> None:
    scene = await rivals(a_workshop, inside.worker.settle, house.server.owner_url)
    key, _ = await a_key(house.server.owner_url, scene.house.tenant, Role.ANALYST)
    command, *_ = blocks_of("sh")
    environ = processes.environment(house.data_dir, {"INTERPACT": doors.address, "KEY": key})
    process = await asyncio.create_subprocess_exec("bash", "-euc", command, env=environ, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    answer = json.loads(out)
    assert "errors" not in answer, answer
    first = answer["data"]
    assert first["viewer"] == {"role": "ANALYST"}
    assert len(first["breaches"]["nodes"]) == 5 < first["breaches"]["totalCount"]
    paged, mutation, *_ = blocks_of("graphql")
    seen: list[object] = []
    after = None
    while True:
        page = (await client_of(key).ask(paged.replace("first: 50", "first: 2"), after=after))["attainments"]
        seen += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    missed = await client_of(key).ask("{ attainments(filter: {statuses: [MISSED]}) { totalCount } }")
    assert len(seen) == missed["attainments"]["totalCount"] > 4
    answer = await client_of(scene.admin).do(mutation, code="new", name="New", kind="CUSTOMER")
    assert answer["party"]["code"] == "new"


@pytest.mark.parametrize("name", ["graphql.md", "facts.md"])
def test_every_link_of_a_guide_leads_somewhere(name: str) -> None:
    docs = processes.ROOT / "docs"
    for target in re.findall(r"\]\(([^)]+)\)", (docs / name).read_text()):
        path, _, anchor = target.partition("#")
        text = (docs / path if path else docs / name).read_text()
        titles = (line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#"))
        anchors = {re.sub(r"[^a-z0-9 -]", "", title).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, target

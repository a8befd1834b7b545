"""Lists: pages, their cursors, and what those are bound to."""

from __future__ import annotations

from typing import Any

import pytest

from domain.actor import Actor
from domain.ids import KeyId
from domain.policy import Role
from persistence.database import Database
from persistence.operator import Operator
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, acting_for, made

PAGE = """
query($first: Int, $after: String, $last: Int, $before: String, $filter: PartyFilter, $orderBy: PartyOrder! = {}) {
  parties(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    totalCount
    nodes { code }
    edges { cursor node { code } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
CODES = ["a", "b", "c", "d", "e"]
DESCENDING = {"direction": "DESC"}


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    found = an_asker(database, admin, mint, START)
    for code in CODES:
        await made(found, "Party", code, kind="VENDOR" if code in "ace" else "CUSTOMER")
    return found


async def page(asker: Asker, **wanted: object) -> tuple[list[str], Any]:
    found = (await asker.ask(PAGE, **wanted))["parties"]
    codes = [node["code"] for node in found["nodes"]]
    assert codes == [edge["node"]["code"] for edge in found["edges"]]
    if codes:
        assert found["pageInfo"]["startCursor"] == found["edges"][0]["cursor"]
        assert found["pageInfo"]["endCursor"] == found["edges"][-1]["cursor"]
    return codes, found


async def refusal(asker: Asker, /, text: str = PAGE, **wanted: Any) -> tuple[str, list[str]]:
    (error,) = (await asker.say(text, **wanted))["errors"]
    return error["extensions"]["code"], error["extensions"]["inputPath"]


@pytest.mark.parametrize("order", [{}, DESCENDING])
async def test_pages_forth_and_back_meet_every_row_once(asker: Asker, order: dict[str, str]) -> None:
    ordered = CODES[::-1] if order else CODES
    forth: list[str] = []
    after = None
    while True:
        codes, found = await page(asker, first=2, after=after, orderBy=order)
        forth += codes
        assert found["totalCount"] == 5
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert forth == ordered
    back: list[str] = []
    before = None
    while True:
        codes, found = await page(asker, last=2, before=before, orderBy=order)
        back = codes + back
        if not found["pageInfo"]["hasPreviousPage"]:
            break
        before = found["pageInfo"]["startCursor"]
    assert back == ordered


async def test_a_filter_narrows_rows_and_count(asker: Asker) -> None:
    codes, found = await page(asker, filter={"kinds": ["VENDOR"]})
    assert (codes, found["totalCount"]) == (["a", "c", "e"], 3)
    codes, found = await page(asker, filter={"kinds": []})
    assert (codes, found["totalCount"]) == (CODES, 5)


async def test_an_empty_page_has_no_cursors(asker: Asker) -> None:
    _, found = await page(asker, filter={"kinds": ["INTERNAL"]})
    assert found["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"first": 0}, ("OUT_OF_RANGE", ["first"])),
        ({"first": 101}, ("OUT_OF_RANGE", ["first"])),
        ({"last": -1}, ("OUT_OF_RANGE", ["last"])),
        ({"first": 1, "last": 1}, ("INVALID", ["last"])),
        ({"after": "nonsense"}, ("CURSOR_INVALID", ["after"])),
        ({"before": "ä"}, ("CURSOR_INVALID", ["before"])),
        ({"after": "A" * 2000}, ("CURSOR_INVALID", ["after"])),
        ({"filter": {"kinds": ["VENDOR"] * 101}}, ("TOO_MANY", ["filter", "kinds"])),
    ],
)
async def test_a_wrong_page_is_refused_with_its_argument(
    asker: Asker, wanted: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    assert await refusal(asker, **wanted) == expected


async def test_a_cursor_is_good_for_its_own_list_filter_order_party_and_tenant_alone(
    asker: Asker, database: Database, operator: Operator, mint: Mint
) -> None:
    _, found = await page(asker, first=2)
    cursor = found["pageInfo"]["endCursor"]
    assert (await page(asker, first=2, after=cursor))[0] == ["c", "d"]
    assert (await page(asker, first=1, after=cursor, filter={}))[0] == ["c"]

    other = ("CURSOR_INVALID", ["after"])
    assert await refusal(asker, after=cursor, orderBy=DESCENDING) == other
    assert await refusal(asker, after=cursor, filter={"kinds": ["VENDOR"]}) == other
    metrics = "query($after: String) { metrics(after: $after) { totalCount } }"
    assert await refusal(asker, metrics, after=cursor) == other
    party = (await asker.ask("{ parties(first: 1) { nodes { id } } }"))["parties"]["nodes"][0]["id"]
    assert await refusal(acting_for(asker, Role.VENDOR, party), after=cursor) == other
    stranger = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
    assert await refusal(an_asker(database, stranger, mint, START), after=cursor) == other


async def test_the_whole_list_is_counted_only_where_that_is_asked(asker: Asker) -> None:
    asker.opened.clear()
    assert await asker.ask("{ parties(first: 1) { nodes { code } } }") == {"parties": {"nodes": [{"code": "a"}]}}
    assert len(asker.opened) == 1
    await asker.ask("{ parties(first: 1) { totalCount } }")
    assert len(asker.opened) == 3


@pytest.mark.parametrize(
    "name", ["parties", "metrics", "services", "agreements", "outages", "exclusions", "attainments", "breaches"]
)
async def test_every_list_answers_an_empty_tenant(
    name: str, database: Database, operator: Operator, mint: Mint
) -> None:
    stranger = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
    text = f"{{ {name} {{ totalCount nodes {{ id }} edges {{ cursor }} pageInfo {{ hasNextPage }} }} }}"
    found = await an_asker(database, stranger, mint, START).ask(text)
    assert found == {name: {"totalCount": 0, "nodes": [], "edges": [], "pageInfo": {"hasNextPage": False}}}

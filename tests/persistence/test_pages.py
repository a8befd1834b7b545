"""Keyset pages: every row once, in order, however it is walked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.ids import PartyId
from domain.paging import Page, PageRequest, Place
from domain.party import Party, PartyKind
from domain.ports import Work
from tests.persistence.world import World

COUNT = 23


async def parties(world: World) -> list[str]:
    codes = sorted(f"{'abc'[number % 3]}-{number:02}" for number in range(COUNT))
    async with world.open() as work:
        await work.parties.add(
            [Party(id=PartyId(world.mint()), code=code, name=code, kind=PartyKind.INTERNAL) for code in codes]
        )
    return codes


async def page(work: Work, **wanted: object) -> Page[Party]:
    return await work.parties.page(PageRequest(**wanted), [PartyKind.INTERNAL])  # type: ignore[arg-type]


def codes(found: Page[Party]) -> list[str]:
    return [row.item.code for row in found.rows]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 5, 22, 23, 24])
async def test_pages_forward_and_backward_hold_every_row_once(world: World, size: int, descending: bool) -> None:
    expected = await parties(world)
    if descending:
        expected = expected[::-1]
    forward: list[str] = []
    backward: list[str] = []
    async with world.open() as work:
        after: Place | None = None
        while True:
            found = await page(work, size=size, after=after, descending=descending)
            assert found.has_previous == (after is not None)
            forward += codes(found)
            if not found.has_next:
                break
            after = found.rows[-1].place
        before: Place | None = None
        while True:
            found = await page(work, size=size, before=before, from_end=True, descending=descending)
            assert found.has_next == (before is not None)
            backward = codes(found) + backward
            if not found.has_previous:
                break
            before = found.rows[0].place
    assert (forward, backward) == (expected, expected)


async def test_a_page_lies_between_two_places(world: World) -> None:
    expected = await parties(world)
    async with world.open() as work:
        rows = (await page(work)).rows
        between = await page(work, size=3, after=rows[4].place, before=rows[10].place)
        last = await page(work, size=3, after=rows[4].place, before=rows[10].place, from_end=True)
        all_of_them = await page(work, size=5, after=rows[4].place, before=rows[10].place)
        empty = await page(work, after=rows[-1].place)
    assert codes(between) == expected[5:8]
    assert codes(last) == expected[7:10]
    assert (between.has_previous, between.has_next, last.has_previous, last.has_next) == (True, True, True, True)
    assert codes(all_of_them) == expected[5:10]
    assert (codes(empty), empty.has_previous, empty.has_next) == ([], True, False)


async def test_a_place_whose_row_is_gone_still_divides_the_list(world: World) -> None:
    expected = await parties(world)
    async with world.open() as work:
        found = await page(work, after=Place("b", world.mint()))
    assert codes(found) == [code for code in expected if code > "b"]


async def test_filters_count_what_they_list(world: World) -> None:
    await parties(world)
    kinds: list[tuple[list[PartyKind], Callable[[int], bool]]] = [
        ([], lambda count: count == COUNT + 3),
        ([PartyKind.INTERNAL], lambda count: count == COUNT),
        ([PartyKind.VENDOR, PartyKind.CUSTOMER], lambda count: count == 3),
    ]
    async with world.open() as work:
        for chosen, holds in kinds:
            assert holds(await work.parties.count(chosen))
            assert holds(len((await work.parties.page(PageRequest(), chosen)).rows))


async def test_codes_that_cannot_be_there_find_nothing(world: World) -> None:
    """Not an error: whoever writes them is told that there is no such thing."""
    strange = ["vendor\x00", "\ud800", "vendor\n", ""]
    async with world.open() as work:
        assert await work.parties.by_codes(strange) == {}
        assert await work.services.by_codes(strange) == {}
        assert await work.metrics.by_codes(strange) == {}


async def test_lineages_and_what_is_below(world: World) -> None:
    top = world.party("top", PartyKind.CUSTOMER)
    middle = world.party("middle", PartyKind.CUSTOMER, top.id)
    leaf = world.party("leaf", PartyKind.CUSTOMER, middle.id)
    async with world.open() as work:
        # A child may come before its parent in one call.
        await work.parties.add([leaf, middle, top])
        lineages = await work.parties.lineages([leaf.id, top.id, PartyId(world.mint())])
        below = await work.parties.below([top.id, leaf.id])
    assert lineages == {leaf.id: (leaf.id, middle.id, top.id), top.id: (top.id,)}
    assert below == {top.id: frozenset({top.id, middle.id, leaf.id}), leaf.id: frozenset({leaf.id})}

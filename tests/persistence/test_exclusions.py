"""Exclusions: revised like facts, found by what they concern, and marking what they touch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.errors import RevisionConflict
from domain.exclusion import Exclusion, ExclusionKind
from domain.filters import ExclusionFilter
from domain.ids import AgreementId, ExclusionId, PeriodId, ServiceId
from domain.paging import PageRequest
from domain.spans import Span
from tests.persistence.world import JANUARY, NOW, Side, World, lay_down, month

HOUR = timedelta(hours=1)
FEBRUARY = month(2).start


def an_exclusion(
    world: World,
    start: datetime,
    end: datetime,
    *,
    service: ServiceId | None = None,
    agreement: AgreementId | None = None,
    kind: ExclusionKind = ExclusionKind.MAINTENANCE,
) -> Exclusion:
    return Exclusion(
        id=ExclusionId(world.mint()),
        kind=kind,
        span=Span(start, end),
        service=service,
        agreement=agreement,
    )


async def add(world: World, *exclusions: Exclusion) -> None:
    async with world.open() as work:
        await work.exclusions.add(exclusions)


async def concerning(world: World, side: Side, *within: Span) -> list[ExclusionId]:
    async with world.open() as work:
        return [each.id for each in await work.exclusions.concerning([side.service.id], [side.agreement.id], within)]


async def claimed(world: World) -> set[PeriodId]:
    async with world.open() as work:
        return {each.period.id for each in (await work.marks.claim(NOW, 1000)).periods}


async def test_those_that_overlap_and_name_what_is_asked_for(world: World) -> None:
    mine, other = world.vendor, world.rival
    named = [
        an_exclusion(world, JANUARY, JANUARY + HOUR, service=mine.service.id),
        an_exclusion(world, JANUARY + HOUR, FEBRUARY + HOUR, agreement=mine.agreement.id),
        an_exclusion(world, JANUARY + 2 * HOUR, FEBRUARY, service=mine.service.id, agreement=other.agreement.id),
    ]
    others = [
        an_exclusion(world, JANUARY, FEBRUARY + HOUR, service=other.service.id),
        an_exclusion(world, JANUARY - HOUR, JANUARY, service=mine.service.id),
        an_exclusion(world, month(2).end, month(2).end + HOUR, agreement=mine.agreement.id),
    ]
    await add(world, *named, *others)
    ids = [each.id for each in named]
    assert await concerning(world, mine, month(1), month(2)) == ids
    assert await concerning(world, mine, month(2)) == [ids[1]]
    assert await concerning(world, mine, Span(JANUARY, JANUARY + HOUR), month(2)) == ids[:2]
    assert await concerning(world, mine) == []


async def test_a_correction_holds_instead_of_what_it_replaces(world: World) -> None:
    side = world.vendor
    first = an_exclusion(world, JANUARY, JANUARY + HOUR, service=side.service.id)
    await add(world, first)
    moved = replace(first, revision=2, span=Span(FEBRUARY, FEBRUARY + HOUR))
    await add(world, moved)
    assert await concerning(world, side, month(1)) == []
    assert await concerning(world, side, month(2)) == [first.id]
    await add(world, replace(moved, revision=3, withdrawn=True))
    assert await concerning(world, side, month(2)) == []


async def test_one_of_two_corrections_at_once_wins(world: World) -> None:
    first = an_exclusion(world, JANUARY, JANUARY + HOUR, service=world.vendor.service.id)
    await add(world, first)

    async def correct(hours: int) -> str:
        try:
            await add(world, replace(first, revision=2, span=Span(JANUARY, JANUARY + hours * HOUR)))
        except RevisionConflict:
            return "refused"
        return "kept"

    assert sorted(await asyncio.gather(*(correct(hours) for hours in range(1, 6)))) == ["kept", *["refused"] * 4]
    with pytest.raises(RevisionConflict):
        await add(world, replace(first, revision=4))


async def test_marks_reach_what_was_excluded_before_and_what_is_now(world: World) -> None:
    side = world.vendor
    periods = await lay_down(world, side)
    await lay_down(world, world.rival)
    by_month = {number: [each for each in periods if each.period.span == month(number)] for number in (1, 2, 3)}
    of_month = {number: {each.period.id for each in found} for number, found in by_month.items()}
    first = an_exclusion(world, JANUARY + HOUR, JANUARY + 2 * HOUR, service=side.service.id)
    await add(world, first)
    assert await claimed(world) == of_month[1]
    await add(world, replace(first, revision=2, span=Span(FEBRUARY + HOUR, FEBRUARY + 2 * HOUR)))
    assert await claimed(world) == of_month[1] | of_month[2]
    await add(world, replace(first, revision=3, service=None, agreement=side.agreement.id))
    assert await claimed(world) == of_month[1] | of_month[2]
    await add(world, an_exclusion(world, month(3).start + HOUR, month(3).end, agreement=side.agreement.id))
    assert await claimed(world) == of_month[3]


async def test_lists_leave_withdrawn_ones_out_and_can_be_narrowed(world: World) -> None:
    here, there = world.vendor, world.rival
    one = an_exclusion(world, JANUARY, JANUARY + HOUR, service=here.service.id)
    two = an_exclusion(world, FEBRUARY, FEBRUARY + HOUR, agreement=there.agreement.id, kind=ExclusionKind.AGREED)
    gone = an_exclusion(world, JANUARY, JANUARY + HOUR, service=here.service.id)
    await add(world, one, two, gone)
    await add(world, replace(gone, revision=2, withdrawn=True))
    cases = [
        (ExclusionFilter(), [one, two]),
        (ExclusionFilter(services=frozenset({here.service.id})), [one]),
        (ExclusionFilter(agreements=frozenset({there.agreement.id})), [two]),
        (ExclusionFilter(kinds=frozenset({ExclusionKind.AGREED})), [two]),
        (ExclusionFilter(kinds=frozenset({ExclusionKind.SUSPENSION})), []),
    ]
    for where, expected in cases:
        async with world.open() as work:
            assert [row.item for row in (await work.exclusions.page(PageRequest(), where)).rows] == expected
            assert await work.exclusions.count(where) == len(expected)

"""Law 10: a party sees its own slices and nothing of its rival's, by id, code, page, count or filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.columns import StreamSpan, TotalsWanted
from domain.feed import BreachFilter
from domain.filters import (
    AgreementFilter,
    AttainmentFilter,
    BreachListFilter,
    ExclusionFilter,
    OutageFilter,
    ServiceFilter,
)
from domain.ids import PartyId, Position
from domain.paging import PageRequest
from domain.party import PartyKind
from domain.policy import Role
from domain.ports import Work
from domain.spans import Span
from tests.persistence.filled import fill
from tests.persistence.world import JANUARY, NOW, Side, World

WHOLE = Span(JANUARY - timedelta(days=1), NOW)
Read = Callable[[Work, "Everything"], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Everything:
    """Ids of all that there is, as somebody who sees the whole tenant gets them."""

    parties: tuple[Any, ...]
    services: tuple[Any, ...]
    agreements: tuple[Any, ...]
    streams: tuple[Any, ...]
    outages: tuple[Any, ...]
    exclusions: tuple[Any, ...]
    attainments: tuple[Any, ...]
    breaches: tuple[Any, ...]


async def everything(world: World) -> Everything:
    async with world.open() as work:
        return Everything(
            parties=tuple(await listed(work.parties.page(PageRequest(), []))),
            services=tuple(await listed(work.services.page(PageRequest(), ServiceFilter()))),
            agreements=tuple(await listed(work.agreements.page(PageRequest(), AgreementFilter()))),
            streams=(world.vendor.outages, world.vendor.tallies, world.rival.outages, world.rival.tallies),
            outages=tuple(await listed(work.outages.page(PageRequest(), OutageFilter()))),
            exclusions=tuple(await listed(work.exclusions.page(PageRequest(), ExclusionFilter()))),
            attainments=tuple(await listed(work.attainments.page(PageRequest(), AttainmentFilter()))),
            breaches=tuple(await listed(work.breaches.page(PageRequest(), BreachListFilter()))),
        )


def ids(found: tuple[Any, ...]) -> list[Any]:
    return [each.id for each in found]


async def listed(page: Awaitable[Any]) -> list[Any]:
    return [row.item for row in (await page).rows]


BY_IDS: Mapping[str, Read] = {
    "parties": lambda work, known: work.parties.by_ids(ids(known.parties)),
    "services": lambda work, known: work.services.by_ids(ids(known.services)),
    "agreements": lambda work, known: work.agreements.by_ids(ids(known.agreements)),
    "streams": lambda work, known: work.streams.by_ids(ids(known.streams)),
    "outages": lambda work, known: work.outages.by_ids(ids(known.outages)),
    "exclusions": lambda work, known: work.exclusions.by_ids(ids(known.exclusions)),
    "attainments": lambda work, known: work.attainments.by_ids(ids(known.attainments)),
    "breaches": lambda work, known: work.breaches.by_ids(ids(known.breaches)),
    "attainment revisions": lambda work, known: work.attainments.revisions(ids(known.attainments)),
    "breaches of periods": lambda work, known: work.breaches.by_periods(ids(known.attainments)),
    "parties by codes": lambda work, known: work.parties.by_codes([each.code for each in known.parties]),
    "services by codes": lambda work, known: work.services.by_codes([each.code for each in known.services]),
    "objectives": lambda work, known: work.agreements.by_objectives(
        [each.id for agreement in known.agreements for version in agreement.versions for each in version.objectives]
    ),
    "latest outages": lambda work, known: work.outages.latest(
        [(each.stream.id, each.outage.external_id) for each in known.outages]
    ),
}
"""Reads whose answer is a mapping, by what they read."""

LISTS: Mapping[str, Read] = {
    "parties": lambda work, known: listed(work.parties.page(PageRequest(), [])),
    "services": lambda work, known: listed(work.services.page(PageRequest(), ServiceFilter())),
    "agreements": lambda work, known: listed(work.agreements.page(PageRequest(), AgreementFilter())),
    "outages": lambda work, known: listed(work.outages.page(PageRequest(), OutageFilter())),
    "exclusions": lambda work, known: listed(work.exclusions.page(PageRequest(), ExclusionFilter())),
    "attainments": lambda work, known: listed(work.attainments.page(PageRequest(), AttainmentFilter())),
    "breaches": lambda work, known: listed(work.breaches.page(PageRequest(), BreachListFilter())),
}

COUNTS: Mapping[str, Read] = {
    "parties": lambda work, known: work.parties.count([]),
    "services": lambda work, known: work.services.count(ServiceFilter()),
    "agreements": lambda work, known: work.agreements.count(AgreementFilter()),
    "outages": lambda work, known: work.outages.count(OutageFilter()),
    "exclusions": lambda work, known: work.exclusions.count(ExclusionFilter()),
    "attainments": lambda work, known: work.attainments.count(AttainmentFilter()),
    "breaches": lambda work, known: work.breaches.count(BreachListFilter()),
}


def seen_by(world: World, side: Side, known: Everything) -> dict[str, set[Any]]:
    """What a vendor may see, said by the facts of the world and not by queries."""
    agreement = side.agreement.id
    periods = {each.id for each in known.attainments if each.agreement == agreement}
    return {
        "parties": {side.party.id, world.customer.id},
        "services": {side.service.id},
        "agreements": {agreement},
        "streams": {each.id for each in known.streams if each.vendor == side.party.id},
        "outages": {each.id for each in known.outages if each.stream.vendor == side.party.id},
        "exclusions": {each.id for each in known.exclusions if each.service == side.service.id},
        "attainments": periods,
        "breaches": {each.id for each in known.breaches if each.agreement == agreement},
        "attainment revisions": periods,
        "breaches of periods": periods,
        "parties by codes": {side.party.code, world.customer.code},
        "services by codes": {side.service.code},
        "objectives": {each.id for each in side.objectives},
        "latest outages": {
            (each.stream.id, each.outage.external_id) for each in known.outages if each.stream.vendor == side.party.id
        },
    }


@pytest.fixture
async def filled(world: World) -> World:
    await fill(world)
    return world


async def test_a_vendor_reads_its_own_and_nothing_of_its_rivals(filled: World) -> None:
    known = await everything(filled)
    for side in (filled.vendor, filled.rival):
        seen = seen_by(filled, side, known)
        async with filled.open(filled.as_party(side.party.id)) as work:
            by_ids = {what: set(await read(work, known)) for what, read in BY_IDS.items()}
            lists = {what: {each.id for each in await read(work, known)} for what, read in LISTS.items()}
            counts = {what: await read(work, known) for what, read in COUNTS.items()}
        assert by_ids == seen
        assert lists == {what: seen[what] for what in LISTS}
        assert counts == {what: len(seen[what]) for what in COUNTS}
        assert min(len(each) for each in seen.values()) > 0


async def test_filters_by_what_a_vendor_does_not_see_find_nothing(filled: World) -> None:
    rival = filled.rival
    services, agreements = frozenset({rival.service.id}), frozenset({rival.agreement.id})
    parties = frozenset({rival.party.id})
    async with filled.open(filled.as_party(filled.vendor.party.id)) as work:
        counts = [
            await work.services.count(ServiceFilter(providers=parties)),
            await work.agreements.count(AgreementFilter(providers=parties)),
            await work.agreements.count(AgreementFilter(services=services)),
            await work.outages.count(OutageFilter(services=services)),
            await work.exclusions.count(ExclusionFilter(services=services)),
            await work.attainments.count(AttainmentFilter(services=services)),
            await work.attainments.count(AttainmentFilter(agreements=agreements)),
            await work.attainments.count(AttainmentFilter(objectives=frozenset({rival.objectives[0].id}))),
            await work.breaches.count(BreachListFilter(agreements=agreements)),
        ]
        agreements_concerning = await work.agreements.concerning(rival.service, (filled.customer.id,))
    assert (counts, agreements_concerning) == ([0] * len(counts), ())


async def test_facts_of_a_rivals_streams_are_not_told(filled: World) -> None:
    mine, other = filled.vendor, filled.rival
    async with filled.open(filled.as_party(mine.party.id)) as work:
        logs = await work.outages.logs([StreamSpan(mine.outages.id, WHOLE), StreamSpan(other.outages.id, WHOLE)])
        totals = await work.measurements.tally_totals(
            [TotalsWanted(streams=[side.tallies.id], spans=[WHOLE]) for side in (mine, other)]
        )
    assert [(len(log.outages), log.reported_through) for log in logs] == [(2, NOW), (0, None)]
    assert [each.points for each in totals] == [3, 0]


async def feed(world: World, actor: Actor | None = None) -> list[PartyId]:
    """The providers of the breach events that the actor gets."""
    async with world.open(actor) as work:
        read = await work.feed.breaches_after(Position(0), BreachFilter(), 100)
        assert read.through == read.head
    return [event.change.provider for event in read.events]


async def test_the_feed_tells_each_its_own(filled: World) -> None:
    mine, other = filled.vendor.party.id, filled.rival.party.id
    assert sorted(await feed(filled)) == sorted([mine, other])
    assert await feed(filled, filled.as_party(mine)) == [mine]
    assert await feed(filled, filled.as_party(other)) == [other]
    customer = filled.as_party(filled.customer.id, Role.CUSTOMER)
    assert sorted(await feed(filled, customer)) == sorted([mine, other])
    async with filled.open(filled.as_party(mine)) as work:
        theirs = BreachFilter(agreements=frozenset({filled.rival.agreement.id}))
        assert (await work.feed.breaches_after(Position(0), theirs, 100)).events == ()


async def test_a_customer_sees_both_sides_of_its_agreements(filled: World) -> None:
    async with filled.open(filled.as_party(filled.customer.id, Role.CUSTOMER)) as work:
        assert await work.agreements.count(AgreementFilter()) == 2
        assert await work.parties.count([]) == 3
        assert await work.attainments.count(AttainmentFilter()) == 2
        assert await work.breaches.count(BreachListFilter()) == 2
        # Streams are their vendors' (domain/ports.py).
        assert await work.outages.count(OutageFilter()) == 0


async def test_a_slice_holds_what_is_below_the_party_in_the_tree_and_not_what_is_above(world: World) -> None:
    group = world.party("group", PartyKind.VENDOR)
    subsidiary = world.party("subsidiary", PartyKind.VENDOR, group.id)
    sister = world.party("sister", PartyKind.VENDOR, group.id)
    service = world.service("subsidiary-service", subsidiary.id)
    async with world.open() as work:
        await work.parties.add([group, subsidiary, sister])
        await work.services.add([service])
    seen = {}
    for party in (group, subsidiary, sister):
        async with world.open(world.as_party(party.id)) as work:
            parties = [each.code for each in await listed(work.parties.page(PageRequest(), []))]
            seen[party.code] = (parties, await work.services.count(ServiceFilter()))
    assert seen == {
        "group": (["group", "sister", "subsidiary"], 1),
        "subsidiary": (["subsidiary"], 1),
        "sister": (["sister"], 0),
    }


async def test_idempotency_keys_of_two_parties_do_not_meet(world: World) -> None:
    for party in (world.vendor.party.id, world.rival.party.id):
        async with world.open(world.as_party(party)) as work:
            assert await work.idempotency.claim("same", "operation", party.bytes) is None
            await work.idempotency.complete("same", {"party": str(party)})
    async with world.open() as work:
        assert await work.idempotency.claim("same", "operation", b"tenant") is None

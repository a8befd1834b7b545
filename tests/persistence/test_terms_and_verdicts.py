"""What changes in place and what never does: versions, periods, verdicts, and the errors that conflicts become."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.attainment import Phase, Status
from domain.breach import Open, Severity, Withdrawn
from domain.errors import DomainError, NotFound, Taken, WrongState
from domain.feed import PostingKind
from domain.filters import AgreementFilter, AttainmentFilter, BreachListFilter, ServiceFilter
from domain.ids import MetricId, ObjectiveId, PartyId, ServiceId
from domain.paging import PageRequest
from domain.party import PartyKind
from domain.ports import Work
from domain.service import StructureVersion
from domain.structure import Component
from tests.persistence.filled import a_breach, an_attainment
from tests.persistence.world import JANUARY, NOW, World, lay_down, month

DAY = timedelta(days=1)


async def refusal(world: World, step: str) -> DomainError:
    """What the step is refused with; it leaves nothing behind, as its transaction ends with it."""
    with pytest.raises(DomainError) as refused:
        async with world.open() as work:
            await STEPS[step](world, work)
    return refused.value


async def _party_code(world: World, work: Work) -> None:
    await work.parties.add([world.party("fine", PartyKind.VENDOR), world.party("vendor", PartyKind.VENDOR)])


async def _party_parent(world: World, work: Work) -> None:
    await work.parties.add([world.party("orphan", PartyKind.VENDOR, PartyId(world.mint()))])


async def _metric_code(world: World, work: Work) -> None:
    await work.metrics.add([replace(world.availability, id=MetricId(world.mint()))])


async def _service_code(world: World, work: Work) -> None:
    await work.services.add([world.service("vendor-service", world.vendor.party.id)])


async def _service_provider(world: World, work: Work) -> None:
    await work.services.add([world.service("new", PartyId(world.mint()))])


async def _service_consumer(world: World, work: Work) -> None:
    await work.services.add([world.service("new", world.vendor.party.id, PartyId(world.mint()))])


async def _service_component(world: World, work: Work) -> None:
    version = StructureVersion(effective_from=JANUARY, structure=Component(ServiceId(world.mint())))
    await work.services.add_structure(world.vendor.service.id, version)


async def _same_structure(world: World, work: Work) -> None:
    version = StructureVersion(effective_from=JANUARY, structure=Component(world.rival.service.id))
    for _ in range(2):
        await work.services.add_structure(world.vendor.service.id, version)


async def _agreement_code(world: World, work: Work) -> None:
    version = world.version(world.objective(world.availability))
    side = world.vendor
    await work.agreements.add(
        world.agreement("vendor-agreement", version, provider=side.party.id, customer=None, service=None)
    )


async def _objective_metric(world: World, work: Work) -> None:
    unknown = replace(world.availability, id=MetricId(world.mint()))
    version = world.version(world.objective(unknown))
    await work.agreements.add(
        world.agreement("new", version, provider=world.vendor.party.id, customer=None, service=None)
    )


async def _second_draft(world: World, work: Work) -> None:
    draft = world.version(world.objective(world.availability), number=1, activated_at=None)
    await work.agreements.add_version(replace(world.vendor.agreement, versions=(draft,)))


async def _activated_twice(world: World, work: Work) -> None:
    await work.agreements.activate(world.vendor.agreement)


async def _stream_service(world: World, work: Work) -> None:
    unknown = replace(world.vendor.service, id=ServiceId(world.mint()))
    await work.streams.obtain([world.stream(world.availability, unknown)])


async def _period_of_nothing(world: World, work: Work) -> None:
    await work.periods.lay_down(world.judged(ObjectiveId(world.mint()), world.vendor.service.id, 1))


STEPS = {
    "party code": _party_code,
    "party parent": _party_parent,
    "metric code": _metric_code,
    "service code": _service_code,
    "service provider": _service_provider,
    "service consumer": _service_consumer,
    "service component": _service_component,
    "same structure": _same_structure,
    "agreement code": _agreement_code,
    "objective metric": _objective_metric,
    "second draft": _second_draft,
    "activated twice": _activated_twice,
    "stream service": _stream_service,
    "period of nothing": _period_of_nothing,
}

REFUSALS: dict[str, tuple[type[DomainError], tuple[str, ...]]] = {
    "party code": (Taken, ("code",)),
    "party parent": (NotFound, ("parent",)),
    "metric code": (Taken, ("code",)),
    "service code": (Taken, ("code",)),
    "service provider": (NotFound, ("provider",)),
    "service consumer": (NotFound, ("consumers",)),
    "service component": (NotFound, ("structure",)),
    "same structure": (Taken, ("effectiveFrom",)),
    "agreement code": (Taken, ("code",)),
    "objective metric": (NotFound, ("objectives", "metric")),
    "second draft": (WrongState, ()),
    "activated twice": (WrongState, ()),
    "stream service": (NotFound, ("service",)),
    "period of nothing": (NotFound, ()),
}


async def test_conflicts_of_the_database_are_errors_of_the_field(world: World) -> None:
    errors = {step: await refusal(world, step) for step in STEPS}
    assert {step: (type(error), error.path) for step, error in errors.items()} == REFUSALS
    assert errors["agreement code"].message == "an agreement of this code exists already"
    async with world.open() as work:
        assert await work.parties.by_codes(["fine", "orphan"]) == {}
        assert await work.agreements.count(AgreementFilter()) == 2
        assert await work.services.count(ServiceFilter()) == 2


async def test_of_two_that_activate_at_once_one_is_told(world: World) -> None:
    draft = world.version(world.objective(world.latency), number=2, activated_at=None)
    agreement = world.vendor.agreement.drafted(draft)
    async with world.open() as work:
        await work.agreements.add_version(agreement)

    async def activate() -> str:
        try:
            async with world.open() as work:
                await work.agreements.activate(agreement.activate(at=NOW))
                work.posts(PostingKind.TERMS, NOW)
        except WrongState:
            return "refused"
        return "activated"

    assert sorted(await asyncio.gather(*(activate() for _ in range(4)))) == ["activated", *["refused"] * 3]


async def test_agreements_of_one_provider_are_compared_one_after_the_other(world: World) -> None:
    """Whoever comes second sees what the first one made, though both began before."""
    provider = world.vendor.party.id
    read, written = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with world.open() as work:
            await work.agreements.of_provider(provider)
            read.set()
            await asyncio.sleep(0.2)
            version = world.version(world.objective(world.availability))
            await work.agreements.add(world.agreement("first", version, provider=provider, customer=None, service=None))
            written.set()

    async def second() -> list[str]:
        async with world.open() as work:
            await work.parties.count([])
            await read.wait()
            assert not written.is_set()
            return [each.code for each in await work.agreements.of_provider(provider)]

    task = asyncio.create_task(first())
    assert await second() == ["first", "vendor-agreement"]
    await task


async def test_a_running_verdict_is_replaced_and_a_final_one_never(world: World) -> None:
    side = world.vendor
    verdict = an_attainment(side, (await lay_down(world, side))[0])
    provisional = replace(verdict, phase=Phase.PROVISIONAL, status=Status.MET)
    final = replace(verdict, phase=Phase.FINAL, status=Status.MISSED)
    async with world.open() as work:
        for each in (verdict, provisional, final):
            await work.attainments.save([each])
            assert await work.attainments.by_ids([verdict.id]) == {verdict.id: each}
        await work.attainments.save([])
    for other in (verdict, replace(final, status=Status.MET)):
        with pytest.raises(WrongState):
            async with world.open() as work:
                await work.attainments.save([other])
    async with world.open() as work:
        assert await work.attainments.by_ids([verdict.id]) == {verdict.id: final}


async def test_retired_periods_go_with_their_verdicts_and_leave_the_breach(world: World) -> None:
    side = world.vendor
    periods = await lay_down(world, side, months=(1, 2, 3))
    objective = side.objectives[0].id
    verdicts = [an_attainment(side, each) for each in periods if each.objective == objective]
    breach = a_breach(world, verdicts[1])
    withdrawn = replace(breach, state=Withdrawn(NOW))
    start = month(2).start
    async with world.open() as work:
        await work.attainments.save(verdicts)
        await work.breaches.save({verdicts[1].id: breach})
        found = await work.periods.from_instant([objective], start)
        assert [each.period.span for each in found] == [month(2), month(3)]
        await work.breaches.save({verdicts[1].id: withdrawn})
        await work.periods.retire([objective], start)
        assert await work.periods.from_instant([objective], JANUARY) == [
            each for each in periods if each.objective == objective and each.period.span == month(1)
        ]
        assert await work.attainments.by_ids([each.id for each in verdicts]) == {verdicts[0].id: verdicts[0]}
        assert await work.breaches.by_ids([breach.id]) == {breach.id: withdrawn}
        ends = await work.periods.last_ends([each.id for each in side.objectives])
    assert ends == {
        (objective, side.service.id): month(1).end,
        (side.objectives[1].id, side.service.id): month(3).end,
    }


async def test_periods_are_laid_down_once(world: World) -> None:
    side = world.vendor
    first = await lay_down(world, side, months=(1, 2))
    again = world.judged(side.objectives[0].id, side.service.id, 1, 2, 3)
    async with world.open() as work:
        await work.periods.lay_down(again)
        found = await work.periods.from_instant([side.objectives[0].id], JANUARY)
    mine = [each for each in first if each.objective == side.objectives[0].id]
    assert found == [*mine, again[2]]


async def test_lists_of_verdicts_and_breaches_can_be_narrowed(world: World) -> None:
    side, other = world.vendor, world.rival
    mine = [an_attainment(side, each) for each in await lay_down(world, side, months=(1, 2))]
    theirs = [an_attainment(other, each) for each in await lay_down(world, other, months=(1,))]
    mine[0] = replace(mine[0], status=Status.MET, phase=Phase.FINAL)
    breaches = {each.id: a_breach(world, each) for each in (mine[1], theirs[0])}
    late = replace(breaches[theirs[0].id], severity=Severity.EXPECTED, state=Withdrawn(NOW), opened_at=NOW + DAY)
    async with world.open() as work:
        await work.attainments.save([*mine, *theirs])
        await work.breaches.save({**breaches, theirs[0].id: late})
    verdict_cases = [
        (AttainmentFilter(), 6),
        (AttainmentFilter(objectives=frozenset({side.objectives[0].id})), 2),
        (AttainmentFilter(agreements=frozenset({other.agreement.id})), 2),
        (AttainmentFilter(services=frozenset({side.service.id})), 4),
        (AttainmentFilter(statuses=frozenset({Status.MET, Status.HELD})), 1),
        (AttainmentFilter(phases=frozenset({Phase.FINAL})), 1),
        (AttainmentFilter(within=month(2)), 2),
    ]
    breach_cases = [
        (BreachListFilter(), 2),
        (BreachListFilter(agreements=frozenset({side.agreement.id})), 1),
        (BreachListFilter(services=frozenset({other.service.id})), 1),
        (BreachListFilter(severities=frozenset({Severity.EXPECTED})), 1),
        (BreachListFilter(states=frozenset({"open", "confirmed"})), 1),
    ]
    async with world.open() as work:
        for where, count in verdict_cases:
            assert await work.attainments.count(where) == count, where
            assert len((await work.attainments.page(PageRequest(), where)).rows) == count
        for listed, count in breach_cases:
            assert await work.breaches.count(listed) == count, listed
            assert len((await work.breaches.page(PageRequest(), listed)).rows) == count
        newest = await work.breaches.page(PageRequest(size=1, descending=True), BreachListFilter())
    assert [(row.item, newest.has_next) for row in newest.rows] == [(late, True)]
    assert isinstance(breaches[mine[1].id].state, Open)

"""A world in which every table of the tenant has rows of both sides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.attainment import Attainment, CountEvidence, Phase, Status
from domain.breach import Breach, Open, Severity, Transition
from domain.case import Case, CaseRevision
from domain.columns import SampleColumns, StateColumns
from domain.exclusion import Exclusion, ExclusionKind
from domain.feed import BreachChange, PostingKind
from domain.ids import BreachId, ExclusionId
from domain.mark import JudgedPeriod, Mark
from domain.ports import Work
from domain.ratio import Ratio
from domain.service import StructureVersion
from domain.spans import Span
from domain.structure import AnyOf, Component
from persistence.quotas import Quotas
from tests.persistence.world import JANUARY, NOW, Side, World, an_outage, lay_down, recorded, tallies

HOUR = timedelta(hours=1)


async def fill(world: World) -> None:
    for side in (world.vendor, world.rival):
        periods = await lay_down(world, side)
        async with world.open() as work:
            await _facts(world, work, side)
            await _verdicts(world, work, side, periods[0])
            await work.marks.add([Mark(service=side.service.id, span=Span(JANUARY, NOW))])
            work.posts(PostingKind.FACTS, NOW)
    quotas = Quotas(world.database.engine, units_max=100, units_per_second=1)
    await quotas.take(world.admin.tenant, wanted=10, needed=1)
    async with world.open() as work:
        both = AnyOf((Component(world.vendor.service.id), Component(world.rival.service.id)))
        platform = replace(
            world.service("platform", world.customer.id),
            structures=(StructureVersion(effective_from=JANUARY, structure=both),),
        )
        await work.services.add([platform])
        assert await work.idempotency.claim("key", "operation", b"digest") is None
        await work.idempotency.complete("key", {})
        work.posts(PostingKind.CATALOG, NOW)


async def _facts(world: World, work: Work, side: Side) -> None:
    await work.outages.add(
        [
            recorded(side.outages, an_outage("ended", JANUARY, JANUARY + HOUR)),
            recorded(side.outages, an_outage("open", JANUARY + HOUR, None)),
        ]
    )
    await work.outages.report({side.outages.id: NOW})
    await work.measurements.add_tallies([tallies(side.tallies, JANUARY, 3)])
    [samples] = await work.streams.obtain([world.stream(world.latency, side.service)])
    await work.measurements.add_samples(
        [SampleColumns(stream=samples.id, instants=[JANUARY], values=[5], originals=[None])]
    )
    await _states_and_cases(world, work, side)
    await work.exclusions.add([an_exclusion(world, side)])


async def _states_and_cases(world: World, work: Work, side: Side) -> None:
    probes, tickets = await work.streams.obtain(
        [world.stream(world.probes, side.service), world.stream(world.tickets, side.service)]
    )
    await work.states.add([StateColumns(stream=probes.id, instants=[JANUARY], states=["up"])])
    cases = [
        Case(external_id="resolved", opened_at=JANUARY, resolved_at=JANUARY + HOUR),
        Case(external_id="open", opened_at=JANUARY),
    ]
    await work.cases.add(
        [CaseRevision(stream=tickets.id, external_id=each.external_id, revision=1, case=each) for each in cases]
    )


def an_exclusion(world: World, side: Side) -> Exclusion:
    return Exclusion(
        id=ExclusionId(world.mint()),
        kind=ExclusionKind.MAINTENANCE,
        span=Span(JANUARY, JANUARY + HOUR),
        service=side.service.id,
    )


async def _verdicts(world: World, work: Work, side: Side, period: JudgedPeriod) -> None:
    verdict = an_attainment(side, period)
    breach = a_breach(world, verdict)
    await work.attainments.save([verdict])
    await work.breaches.save({verdict.id: breach})
    await work.feed.append([a_change(side, breach, verdict)])


def an_attainment(side: Side, period: JudgedPeriod) -> Attainment:
    return Attainment(
        objective=period.objective,
        version=side.agreement.versions[0].id,
        agreement=side.agreement.id,
        service=side.service.id,
        period=period.period,
        judged_at=NOW,
        phase=Phase.OPEN,
        status=Status.MISSED,
        value=Ratio(1, 2),
        coverage=None,
        evidence=CountEvidence(allowed_us=1, excluded_us=0, good=1, total=2, points=1),
        next_at=None,
    )


def a_breach(world: World, verdict: Attainment) -> Breach:
    return Breach(
        id=BreachId(world.mint()),
        objective=verdict.objective,
        agreement=verdict.agreement,
        service=verdict.service,
        period=verdict.period.span,
        severity=Severity.MINIMUM,
        state=Open(NOW),
        opened_at=NOW,
    )


def a_change(
    side: Side,
    breach: Breach,
    verdict: Attainment,
    *,
    transition: Transition = Transition.OPENED,
    severity: Severity = Severity.MINIMUM,
) -> BreachChange:
    return BreachChange(
        transition=transition,
        breach=breach.id,
        objective=breach.objective,
        objective_code="objective",
        agreement=breach.agreement,
        agreement_code=side.agreement.code,
        service=breach.service,
        service_code=side.service.code,
        provider=side.party.id,
        customer=side.agreement.customer,
        attainment=verdict.id,
        period=breach.period,
        severity=severity,
        value=verdict.value,
        target=Ratio(999, 1000),
        shown_value="50",
        shown_target="99.9",
    )

"""What storage gives back equals what it was given, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.agreement import AgreementKind, Clause, ClauseKind
from domain.aside import ExclusionUsed, SetAside
from domain.attainment import (
    Attainment,
    CountEvidence,
    Evidence,
    OutageUsed,
    PercentileEvidence,
    Phase,
    SampleEvidence,
    SliceEvidence,
    Status,
    TimeEvidence,
    Use,
)
from domain.breach import AtRisk, Breach, BreachState, Confirmed, Open, RiskPassed, Severity, Transition, Withdrawn
from domain.calendars import CalendarWindow, ContractYearWindow, Every, RollingWindow, Window
from domain.exclusion import Exclusion, ExclusionKind, ExclusionTerms
from domain.feed import BreachChange, BreachEvent, BreachFilter, PostingKind
from domain.hours import ServiceHours
from domain.ids import BreachId, ExclusionId, MetricId, ObjectiveId, PartyId, Position, ServiceId
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Granularity, Importance, LowVolume, Missing, Objective, Override
from domain.party import Party, PartyKind
from domain.projection import Projection
from domain.ratio import Direction, Ratio
from domain.recurrence import Recurrence
from domain.risk import Cause, Risk
from domain.service import Service, StructureVersion
from domain.spans import Span
from domain.structure import AllOf, AnyOf, Component, KOfN, Structure
from tests.persistence.world import JANUARY, NOW, World, lay_down

HUGE = 10**40 + 7


async def test_parties(world: World) -> None:
    parties = [
        Party(id=PartyId(world.mint()), code=f"p-{kind.value}", name="Ünï 名", kind=kind, parent=world.customer.id)
        for kind in PartyKind
    ]
    async with world.open() as work:
        await work.parties.add(parties)
        assert await work.parties.by_ids([each.id for each in parties]) == {each.id: each for each in parties}
        assert await work.parties.by_codes([each.code for each in parties]) == {each.code: each for each in parties}


async def test_metrics(world: World) -> None:
    metrics = [
        Metric(
            id=MetricId(world.mint()),
            code=f"m-{aggregation.value}-{shape.value}",
            name="Metric",
            aggregation=aggregation,
            shape=shape,
            direction=(
                Direction.AT_LEAST
                if aggregation.is_share and aggregation is not Aggregation.RATIO_OF_SUMS
                else Direction.AT_MOST
            ),
            unit="ms",
            scale=9,
            grid=timedelta(hours=6),
            weights={"major": Fraction(1), "partial": Fraction(333_333, 1_000_000), "none": Fraction(0)},
            methodology="As measured.\nTwice.",
            percentile=Decimal("99.999999") if aggregation is Aggregation.PERCENTILE else None,
            slice=timedelta(minutes=5) if aggregation.is_sliced else None,
            slice_target=Decimal("99.95") if aggregation is Aggregation.GOOD_SLICES else None,
            slice_direction=Direction.AT_MOST if aggregation is Aggregation.GOOD_SLICES else Direction.AT_LEAST,
            staleness=timedelta(minutes=2, microseconds=1) if shape is Shape.STATE else None,
        )
        for aggregation in Aggregation
        for shape in aggregation.shapes
    ]
    async with world.open() as work:
        await work.metrics.add(metrics)
        assert await work.metrics.by_ids([each.id for each in metrics]) == {each.id: each for each in metrics}
        assert await work.metrics.by_codes([each.code for each in metrics]) == {each.code: each for each in metrics}


async def test_services_with_every_kind_of_structure(world: World) -> None:
    one, two = Component(world.vendor.service.id), Component(world.rival.service.id)
    structures: tuple[Structure, ...] = (AllOf((one, two)), AnyOf((one, KOfN(k=1, parts=(two, one, two)))), one)
    service = Service(
        id=ServiceId(world.mint()),
        code="platform",
        name="Platform",
        provider=world.customer.id,
        consumers=frozenset({world.vendor.party.id, world.rival.party.id}),
        structures=tuple(
            StructureVersion(effective_from=JANUARY + timedelta(days=number, microseconds=number), structure=each)
            for number, each in enumerate(structures)
        ),
    )
    async with world.open() as work:
        await work.services.add([replace(service, structures=service.structures[:2])])
        await work.services.add_structure(service.id, service.structures[2])
        work.posts(PostingKind.CATALOG, NOW)
    async with world.open() as work:
        assert await work.services.by_ids([service.id]) == {service.id: service}
        assert await work.services.by_codes(["platform"]) == {"platform": service}
        assert set(await work.services.with_components([service.id])) == {service.id, one.service, two.service}
        assert await work.services.resting_on([one.service]) == {service.id, one.service}
        assert await work.services.provided_by(world.customer.id) == [service]


def every_objective(world: World) -> tuple[Objective, ...]:
    windows: list[Window] = [CalendarWindow(every=every, zone="Europe/Berlin") for every in Every]
    windows.append(CalendarWindow(every=Every.MONTH, zone="Asia/Kathmandu", anchor_day=31))
    windows.append(ContractYearWindow(zone="Pacific/Apia"))
    windows.append(RollingWindow(days=366, zone="America/Havana"))
    hours = ServiceHours(
        zone="Australia/Lord_Howe",
        weekly=(((0, 1), (1, 1440)), *((),) * 5, ((1439, 1440),)),
        holidays=(date(2011, 12, 30), date(2199, 12, 31)),
    )
    plain = [
        replace(world.objective(world.availability), id=ObjectiveId(world.mint()), code=f"o-{number}", window=window)
        for number, window in enumerate(windows)
    ]
    full = Objective(
        id=ObjectiveId(world.mint()),
        code="full",
        name="Full",
        metric=world.latency.id,
        direction=Direction.AT_MOST,
        expected=Ratio(HUGE, 10**20),
        minimum=Ratio(HUGE * 2, 10**20),
        window=windows[0],
        importance=Importance.REPORT_ONLY,
        source="probe",
        minimum_duration=timedelta(hours=23, microseconds=1),
        granularity=Granularity.WHOLE_MINUTES,
        missing=Missing.BAD,
        minimum_coverage=Ratio(999, 1000),
        override=Override.TIGHTEN,
        low_volume=LowVolume.ONE_MISS,
        hours=hours,
    )
    return (*plain, full)


async def test_agreements_with_every_window_and_term(world: World) -> None:
    version = replace(
        world.version(*every_objective(world), activated_at=None),
        clauses=tuple(Clause(kind=kind, text=f"{kind.value}: “quoted”, [1], {{}}") for kind in ClauseKind),
        grace=timedelta(days=92),
        judge_partial_periods=True,
        exclusion_terms=(
            ExclusionTerms(kind=ExclusionKind.MAINTENANCE, notice=timedelta(days=3, microseconds=1)),
            ExclusionTerms(kind=ExclusionKind.AGREED, yearly_cap=timedelta(0)),
        ),
        recurring=(
            Recurrence(
                rule="FREQ=WEEKLY;BYDAY=SU;COUNT=3",
                starts=datetime(2024, 1, 7, 2, 30),  # noqa: DTZ001 - on the wall
                zone="Asia/Kathmandu",
                duration=timedelta(hours=1, microseconds=1),
                kind=ExclusionKind.MAINTENANCE,
                reason="“Sundays”",
            ),
        ),
    )
    draft = replace(
        world.agreement("full", version, provider=world.vendor.party.id, customer=None, service=None),
        kind=AgreementKind.OLA,
        ends_at=datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    )
    async with world.open() as work:
        await work.agreements.add(draft)
        assert await work.agreements.by_ids([draft.id]) == {draft.id: draft}
        active = draft.activate(at=NOW)
        await work.agreements.activate(active)
        second = replace(world.version(world.objective(world.success), number=2, activated_at=None))
        amended = active.drafted(second)
        await work.agreements.add_version(amended)
        work.posts(PostingKind.TERMS, NOW)
    async with world.open() as work:
        assert await work.agreements.by_ids([draft.id]) == {draft.id: amended}
        places = await work.agreements.by_objectives([second.objectives[0].id])
        assert [(place.objective, place.agreement, place.version) for place in places.values()] == [
            (second.objectives[0], amended, second.id)
        ]
        mine = await work.agreements.of_provider(world.vendor.party.id)
        assert list(mine) == [amended, world.vendor.agreement]
        lineage = (world.customer.id,)
        assert await work.agreements.concerning(world.vendor.service, lineage) == tuple(mine)
        assert await work.agreements.concerning(world.vendor.service, ()) == (amended,)


def evidences(world: World) -> list[Evidence]:
    used = tuple(
        OutageUsed(stream=world.vendor.outages.id, external_id="“a”", revision=revision, use=use)
        for revision, use in enumerate(Use, start=1)
    )
    return [
        TimeEvidence(
            period_us=1,
            excluded_us=2,
            allowed_us=3,
            allowed_total_us=4,
            down_us=5,
            excused_us=6,
            short_us=7,
            weightless_us=8,
            missing_us=9,
            bad_units=HUGE,
            units_per_us=HUGE + 1,
            outages=used,
            outages_total=700,
        ),
        CountEvidence(allowed_us=1, excluded_us=2, good=HUGE, total=HUGE + 1, points=3),
        SampleEvidence(allowed_us=1, excluded_us=2, points=3, sum=-HUGE, minimum=None, maximum=HUGE, scale=9),
        *(
            SliceEvidence(
                allowed_us=1,
                excluded_us=2,
                slice_us=3,
                slices=4,
                slices_total=5,
                reported=6,
                idle=7,
                good=good,
                counted=9,
                bad=HUGE,
                points=11,
            )
            for good in (None, 8)
        ),
        *(
            PercentileEvidence(
                allowed_us=1,
                excluded_us=2,
                percentile=Decimal("99.900"),
                points=3,
                low=low,
                high=HUGE,
                undecided=undecided,
                scale=9,
            )
            for low, undecided in ((None, False), (-HUGE, True))
        ),
    ]


@pytest.mark.parametrize("which", range(7))
async def test_attainments_with_every_kind_of_evidence(world: World, which: int) -> None:
    side = world.vendor
    period = (await lay_down(world, side))[0]
    running = Attainment(
        objective=period.objective,
        version=side.agreement.versions[0].id,
        agreement=side.agreement.id,
        service=side.service.id,
        period=period.period,
        judged_at=NOW,
        phase=Phase.OPEN,
        status=Status.BELOW_EXPECTED,
        value=Ratio(HUGE, HUGE + 2),
        coverage=Ratio(1, 3),
        evidence=evidences(world)[which],
        next_at=NOW + timedelta(microseconds=1),
        set_aside=SetAside(
            closed_us=HUGE,
            excluded_us=1,
            exclusions=(
                ExclusionUsed(
                    exclusion=ExclusionId(world.mint()),
                    kind=ExclusionKind.AGREED,
                    starts_at=NOW,
                    recurrence=3,
                    us=HUGE,
                ),
            ),
            exclusions_total=101,
        ),
    )
    final = replace(running, phase=Phase.FINAL, value=None, coverage=None, next_at=None, status=Status.HELD)
    restated = replace(final, phase=Phase.RESTATED, revision=2, status=Status.NOT_APPLICABLE)
    async with world.open() as work:
        await work.attainments.save([running])
        assert await work.attainments.by_ids([running.id]) == {running.id: running}
        await work.attainments.save([final])
        await work.attainments.save([restated])
        assert await work.attainments.by_ids([running.id]) == {running.id: restated}
        assert await work.attainments.revisions([running.id]) == {running.id: [final, restated]}


@pytest.mark.parametrize("state", [AtRisk(NOW), RiskPassed(NOW), Open(NOW), Confirmed(NOW), Withdrawn(NOW)])
async def test_breaches(world: World, state: BreachState) -> None:
    side = world.vendor
    period = (await lay_down(world, side))[0]
    opened = Breach(
        id=BreachId(world.mint()),
        objective=period.objective,
        agreement=side.agreement.id,
        service=side.service.id,
        period=period.period.span,
        severity=Severity.EXPECTED,
        state=Open(JANUARY),
        opened_at=JANUARY,
    )
    risk = Risk(
        raised_at=JANUARY,
        looked_at=NOW,
        causes=tuple(Cause),
        calm_since=NOW,
        projection=Projection(expected=Decimal("12.3400"), probability=Decimal("0.0001")),
    )
    opened = replace(opened, risk=Risk(raised_at=NOW, looked_at=NOW, causes=(Cause.PROJECTION,)))
    changed = replace(opened, severity=Severity.MINIMUM, state=state, opened_at=NOW, ended_at=NOW, risk=risk)
    async with world.open() as work:
        await work.breaches.save({period.period.id: opened})
        assert await work.breaches.by_ids([opened.id]) == {opened.id: opened}
        await work.breaches.save({period.period.id: changed})
        assert await work.breaches.by_periods([period.period.id]) == {period.period.id: changed}


async def test_exclusions(world: World) -> None:
    side = world.vendor
    exclusions = [
        Exclusion(
            id=ExclusionId(world.mint()),
            kind=kind,
            span=Span(JANUARY, JANUARY + timedelta(days=40, microseconds=1)),
            service=side.service.id,
            agreement=side.agreement.id,
            announced_at=JANUARY - timedelta(days=1),
            approved_by="Ada",
            reason="As agreed.",
        )
        for kind in ExclusionKind
    ]
    async with world.open() as work:
        await work.exclusions.add(exclusions)
        assert await work.exclusions.by_ids([each.id for each in exclusions]) == {each.id: each for each in exclusions}
        again = replace(exclusions[0], revision=2, withdrawn=True, announced_at=None)
        await work.exclusions.add([again])
        assert await work.exclusions.by_ids([again.id]) == {again.id: again}


@pytest.mark.parametrize("transition", list(Transition))
async def test_breach_events(world: World, transition: Transition) -> None:
    side = world.vendor
    period = (await lay_down(world, side))[0]
    change = BreachChange(
        transition=transition,
        breach=BreachId(world.mint()),
        objective=period.objective,
        objective_code="o",
        agreement=side.agreement.id,
        agreement_code="a",
        service=side.service.id,
        service_code="s",
        provider=side.party.id,
        customer=None,
        attainment=period.period.id,
        period=Span(JANUARY, JANUARY + timedelta(microseconds=1)),
        severity=Severity.EXPECTED,
        value=Ratio(HUGE, HUGE + 2),
        target=Ratio(999, 1000),
        shown_value=None,
        shown_target="99.9",
        causes=tuple(Cause),
    )
    async with world.open() as work:
        await work.feed.append([change])
        work.posts(PostingKind.FACTS, NOW)
    async with world.open() as work:
        head = await work.feed.head()
        read = await work.feed.breaches_after(Position(0), BreachFilter(), 10)
    assert read.events == (BreachEvent(position=head, recorded_at=NOW, change=change),)
    assert (read.through, read.head) == (head, head)

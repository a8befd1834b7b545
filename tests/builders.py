"""Things of the field with defaults, so that a test says only what matters.

Unless told otherwise: one day, 1 January 2024 in UTC, one service of one vendor, everything reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid5

from domain.agreement import Period
from domain.attainment import Attainment, Subject
from domain.calendars import CalendarWindow, Every, Window
from domain.evaluate import Facts, evaluate
from domain.exclusion import Exclusion, ExclusionKind, ExclusionTerms
from domain.fact import Outage, OutageLog
from domain.hours import ServiceHours
from domain.ids import (
    AgreementId,
    ExclusionId,
    MetricId,
    ObjectiveId,
    PartyId,
    PeriodId,
    ServiceId,
    StreamId,
    VersionId,
)
from domain.metric import DEFAULT_WEIGHTS, Aggregation, Metric, Shape
from domain.objective import Granularity, Importance, Missing, Objective, target_of
from domain.outage_time import OutageFacts
from domain.ratio import Direction, Ratio
from domain.recurrence import Recurrence
from domain.service import Service, StructureVersion
from domain.spans import Span
from domain.structure import Structure

DAY = datetime(2024, 1, 1, tzinfo=UTC)
AFTER = DAY + timedelta(days=30)
"""Long after the day, when all is final."""
SERVICE = ServiceId(UUID(int=0x51))
OTHER_SERVICE = ServiceId(UUID(int=0x52))
AGREEMENT = AgreementId(UUID(int=0xA1))
OTHER_AGREEMENT = AgreementId(UUID(int=0xA2))
VERSION = VersionId(UUID(int=0xB1))
OBJECTIVE = ObjectiveId(UUID(int=0xC1))
METRIC = MetricId(UUID(int=0xD1))
PERIOD = PeriodId(UUID(int=0xE1))
STREAM = StreamId(UUID(int=0xF1))
VENDOR = PartyId(UUID(int=0x91))


def moment(when: str | datetime) -> datetime:
    """`10:40` is on the day, `2 10:40` on the day after, `0 10:40` on the one before; seconds may follow."""
    if isinstance(when, datetime):
        return when
    day, _, clock = when.rpartition(" ")
    hours, minutes, seconds = ([*clock.split(":"), "0"])[:3]
    past_midnight = timedelta(hours=int(hours), minutes=int(minutes), microseconds=int(Decimal(seconds) * 1_000_000))
    return DAY + timedelta(days=int(day or 1) - 1) + past_midnight


def a_span(start: str | datetime, end: str | datetime) -> Span:
    return Span(moment(start), moment(end))


def a_metric(
    aggregation: Aggregation = Aggregation.AVAILABILITY,
    *,
    direction: Direction = Direction.AT_LEAST,
    weights: Mapping[str, Fraction] = DEFAULT_WEIGHTS,
    scale: int = 3,
    unit: str = "",
    shape: Shape | None = None,
    percentile: str | None = None,
    slice: timedelta | None = None,  # noqa: A002 - the metric's own word
    slice_target: str | None = None,
    slice_direction: Direction = Direction.AT_LEAST,
    staleness: timedelta | None = None,
) -> Metric:
    return Metric(
        id=METRIC,
        code="metric",
        name="Metric",
        aggregation=aggregation,
        direction=direction,
        weights=weights,
        scale=scale,
        unit=unit,
        shape=shape or aggregation.shapes[0],
        percentile=None if percentile is None else Decimal(percentile),
        slice=slice,
        slice_target=None if slice_target is None else Decimal(slice_target),
        slice_direction=slice_direction,
        staleness=staleness,
    )


def an_objective(
    expected: str = "99",
    *,
    minimum: str | None = None,
    metric: Metric | None = None,
    window: Window | None = None,
    importance: Importance = Importance.KEY_MEASUREMENT,
    minimum_duration: timedelta = timedelta(0),
    granularity: Granularity = Granularity.EXACT,
    missing: Missing = Missing.HOLD,
    minimum_coverage: str | None = None,
    hours: ServiceHours | None = None,
) -> Objective:
    """Levels and coverage as people write them: percent for a share."""
    of = metric or a_metric()
    return Objective(
        id=OBJECTIVE,
        code="objective",
        name="Objective",
        metric=of.id,
        direction=of.direction,
        expected=target_of(of, Decimal(expected), "expected"),
        minimum=None if minimum is None else target_of(of, Decimal(minimum), "minimum"),
        window=window or CalendarWindow(every=Every.DAY, zone="UTC"),
        importance=importance,
        minimum_duration=minimum_duration,
        granularity=granularity,
        missing=missing,
        minimum_coverage=None if minimum_coverage is None else Ratio.percent(minimum_coverage),
        hours=hours,
    )


def a_subject(
    objective: Objective | None = None,
    *,
    metric: Metric | None = None,
    service: ServiceId = SERVICE,
    grace: timedelta = timedelta(days=5),
    starts_at: datetime = DAY,
    ends_at: datetime | None = None,
    exclusion_terms: Sequence[ExclusionTerms] = (),
    recurring: Sequence[Recurrence] = (),
) -> Subject:
    return Subject(
        objective=objective or an_objective(metric=metric),
        metric=metric or a_metric(),
        agreement=AGREEMENT,
        version=VERSION,
        service=service,
        grace=grace,
        starts_at=starts_at,
        ends_at=ends_at,
        exclusion_terms=tuple(exclusion_terms),
        recurring=tuple(recurring),
    )


def a_period(start: str | datetime = "0:00", end: str | datetime = "24:00", *, report_only: bool = False) -> Period:
    return Period(id=PERIOD, span=a_span(start, end), report_only=report_only)


def an_outage(
    start: str | datetime, end: str | datetime | None, impact: str = "critical", *, external_id: str | None = None
) -> Outage:
    """`end` None: it lasts. The external id tells the start unless given."""
    begins = moment(start)
    return Outage(
        external_id=external_id or f"{begins:%d-%H:%M:%S}-{impact}",
        impact=impact,
        start=begins,
        end=None if end is None else moment(end),
    )


def a_log(
    *outages: Outage, reported_through: str | datetime | None = AFTER + timedelta(days=3650), stream: StreamId = STREAM
) -> OutageLog:
    through = None if reported_through is None else moment(reported_through)
    return OutageLog(stream=stream, outages=outages, reported_through=through)


def a_service(
    service: ServiceId = SERVICE, *structures: tuple[datetime, Structure], code: str | None = None
) -> Service:
    return Service(
        id=service,
        code=code or f"service-{service.int:x}",
        name="Service",
        provider=VENDOR,
        structures=tuple(StructureVersion(effective_from=start, structure=each) for start, each in structures),
    )


def outage_facts(
    *outages: Outage, reported_through: str | datetime | None = AFTER + timedelta(days=3650)
) -> OutageFacts:
    """One service with one stream."""
    log = a_log(*outages, reported_through=reported_through)
    return OutageFacts(services={SERVICE: a_service()}, logs={SERVICE: [log]})


def an_exclusion(
    start: str | datetime,
    end: str | datetime,
    *,
    service: ServiceId | None = SERVICE,
    agreement: AgreementId | None = None,
    kind: ExclusionKind = ExclusionKind.MAINTENANCE,
    announced_at: str | datetime | None = None,
    withdrawn: bool = False,
) -> Exclusion:
    span = a_span(start, end)
    return Exclusion(
        id=ExclusionId(uuid5(AGREEMENT, f"{span} {service} {agreement}")),
        kind=kind,
        span=span,
        service=service,
        agreement=agreement,
        announced_at=None if announced_at is None else moment(announced_at),
        withdrawn=withdrawn,
    )


def judged(
    *outages: Outage,
    objective: Objective | None = None,
    metric: Metric | None = None,
    exclusions: Sequence[Exclusion] = (),
    period: Period | None = None,
    at: str | datetime = AFTER,
    facts: Facts | None = None,
    grace: timedelta = timedelta(days=5),
) -> Attainment:
    """The verdict on the day, by default long after it."""
    return evaluate(
        a_subject(objective, metric=metric, grace=grace),
        facts if facts is not None else outage_facts(*outages),
        exclusions,
        period or a_period(),
        moment(at),
    )

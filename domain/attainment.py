"""The verdict on an objective for a period: value, status, coverage and the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from domain.agreement import Agreement, Period, Version
from domain.aside import NOTHING_ASIDE, SetAside
from domain.exclusion import ExclusionTerms
from domain.ids import AgreementId, ObjectiveId, PeriodId, ServiceId, StreamId, VersionId
from domain.instants import EARLIEST
from domain.metric import Metric
from domain.objective import Objective
from domain.ratio import Ratio, exact_decimal
from domain.recurrence import Recurrence

OUTAGES_TOLD_MAX = 100
CASES_TOLD_MAX = 100


class Phase(Enum):
    """A period is open, then provisional for the days of grace, then final, then possibly restated."""

    OPEN = "open"
    PROVISIONAL = "provisional"
    FINAL = "final"
    RESTATED = "restated"


class Status(Enum):
    """`MISSED`: below the minimum level, or below the expected one where there is no minimum.

    `PENDING`: the period runs and nothing is certain yet. `HELD`: too little was reported to judge.
    """

    MET = "met"
    BELOW_EXPECTED = "below_expected"
    MISSED = "missed"
    PENDING = "pending"
    HELD = "held"
    NOT_APPLICABLE = "not_applicable"


class Use(Enum):
    """What became of one record in the count. `NO_EFFECT`: it did not bring the judged service down. `CLOSED`: it did,
    outside the service hours only.
    """

    COUNTED = "counted"
    WEIGHTLESS = "weightless"
    TOO_SHORT = "too_short"
    EXCUSED = "excused"
    NO_EFFECT = "no_effect"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageUsed:
    stream: StreamId
    external_id: str
    revision: int
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class StateUsed:
    """A stretch over which one state other than up held, known by the instant from which it did."""

    stream: StreamId
    state: str
    since: datetime
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEvidence:
    """All in exact microseconds, within the period and up to the instant of judging, but for `allowed_total_us`.

    `down_us` counts; `excused_us` is down time that exclusions took out; `short_us` was shorter than the minimum
    duration; `weightless_us` is time of impacts that weigh nothing; `missing_us` was not reported.
    `bad_units` is down time by weight: `units_per_us` of them are one microsecond at weight 1.
    """

    period_us: int
    excluded_us: int
    allowed_us: int
    allowed_total_us: int
    down_us: int
    excused_us: int
    short_us: int
    weightless_us: int
    missing_us: int
    bad_units: int
    units_per_us: int
    outages: tuple[OutageUsed, ...]
    outages_total: int
    states: tuple[StateUsed, ...] = ()
    states_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountEvidence:
    """Of tallies: good and total of those that start in the allowed time."""

    allowed_us: int
    excluded_us: int
    good: int
    total: int
    points: int


class CaseUse(Enum):
    """What became of one case in the count. `OPEN`: not decided in the period so far."""

    IN_TIME = "in_time"
    LATE = "late"
    OPEN = "open"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUsed:
    """`decided_at`: None while it is open."""

    stream: StreamId
    external_id: str
    revision: int
    decided_at: datetime | None
    use: CaseUse


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvidence:
    """Of cases: how many were decided in the period so far, in time or late, and how many are open.

    `cases` are told in the order of their decisions, those that are open last.
    """

    allowed_us: int
    excluded_us: int
    in_time: int
    late: int
    open: int
    cases: tuple[CaseUsed, ...]
    cases_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvidence:
    """Of samples in the allowed time; sum, minimum and maximum in units of 10^-scale."""

    allowed_us: int
    excluded_us: int
    points: int
    sum: int
    minimum: int | None
    maximum: int | None
    scale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceEvidence:
    """Of slices of `slice_us` each. `slices` share an instant with the allowed time so far, `slices_total` with that of
    the whole period. Of the `reported` ones, which have a point, `idle` have no total.

    `good` is None where slices are not told apart. `counted` are divided by; `bad` is how much of them was not good, in
    10^-12 of a slice.
    """

    allowed_us: int
    excluded_us: int
    slice_us: int
    slices: int
    slices_total: int
    reported: int
    idle: int
    good: int | None
    counted: int
    bad: int
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentileEvidence:
    """Of samples in the allowed time: the bounds of the percentile, both included, in units of 10^-scale.

    They are one value where it is exact, which it is when the period has ended. `undecided`: a level of the objective
    lies between them.
    """

    allowed_us: int
    excluded_us: int
    percentile: Decimal
    points: int
    low: int | None
    high: int | None
    undecided: bool
    scale: int


Evidence = TimeEvidence | CountEvidence | SampleEvidence | SliceEvidence | PercentileEvidence | CaseEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged: an objective of a version of an agreement, on one service.

    `starts_at`, `ends_at`: the agreement's term, from which its contract years count and in which exclusions recur.
    """

    objective: Objective
    metric: Metric
    agreement: AgreementId
    version: VersionId
    service: ServiceId
    grace: timedelta
    starts_at: datetime = EARLIEST
    ends_at: datetime | None = None
    exclusion_terms: tuple[ExclusionTerms, ...] = ()
    recurring: tuple[Recurrence, ...] = ()


def subject_of(
    agreement: Agreement, version: Version, objective: Objective, metric: Metric, service: ServiceId
) -> Subject:
    return Subject(
        objective=objective,
        metric=metric,
        agreement=agreement.id,
        version=version.id,
        service=service,
        grace=version.grace,
        starts_at=agreement.starts_at,
        ends_at=agreement.ends_at,
        exclusion_terms=version.exclusion_terms,
        recurring=version.recurring,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """`next_at`: the earliest instant at which time alone may change the verdict; None where it can't."""

    objective: ObjectiveId
    version: VersionId
    agreement: AgreementId
    service: ServiceId
    period: Period
    judged_at: datetime
    phase: Phase
    status: Status
    value: Ratio | None
    coverage: Ratio | None
    evidence: Evidence
    next_at: datetime | None
    set_aside: SetAside = NOTHING_ASIDE
    revision: int = 1

    @property
    def id(self) -> PeriodId:
        return self.period.id

    @property
    def breaches(self) -> bool:
        return self.status in (Status.MISSED, Status.BELOW_EXPECTED) and not self.period.report_only


def shown(value: Ratio, metric: Metric) -> Decimal:
    """As people read it: percent for a share, else the metric's unit; 6 places, towards the failing side."""
    factor = 100 if metric.aggregation.is_share else 1
    return Ratio(value.numerator * factor, value.denominator).shown(metric.direction)


def shown_target(target: Ratio, metric: Metric) -> Decimal:
    """Exact: a target was written as a decimal."""
    factor = 100 if metric.aggregation.is_share else 1
    return exact_decimal(target.exact * factor)


def budget_us(objective: Objective, evidence: TimeEvidence | SliceEvidence) -> int:
    """The down time that the whole period allows at the level that breaches, in whole microseconds.

    Of slices it is the time of those that may be bad.
    """
    level = objective.breach_level
    if isinstance(evidence, SliceEvidence):
        total_us = evidence.slices_total * evidence.slice_us
    else:
        total_us = evidence.allowed_total_us
    return (level.denominator - level.numerator) * total_us // level.denominator


def spent_us(evidence: TimeEvidence | SliceEvidence) -> int:
    """What is used of the budget, rounded up to a microsecond."""
    if isinstance(evidence, SliceEvidence):
        return -(-evidence.bad * evidence.slice_us // 10**12)
    return -(-evidence.bad_units // evidence.units_per_us)


def formula(attainment: Attainment, metric: Metric) -> tuple[str, ...]:
    """The steps from what was counted to the value, each with its numbers."""
    evidence = attainment.evidence
    value = "nothing to divide by" if attainment.value is None else str(shown(attainment.value, metric))
    match evidence:
        case TimeEvidence():
            whole, excluded, allowed = evidence.period_us, evidence.excluded_us, evidence.allowed_us
            closed_us = attainment.set_aside.closed_us
            closed = f" - {_seconds(closed_us)} outside service hours" if closed_us else ""
            apart = {
                "excused": evidence.excused_us,
                "too short": evidence.short_us,
                "without weight": evidence.weightless_us,
                "not reported": evidence.missing_us,
            }
            told = ", ".join(f"{_seconds(us)} {name}" for name, us in apart.items())
            without = f"{closed} - {_seconds(excluded)} excluded"
            return (
                f"allowed = {_seconds(whole)} of the period{without} = {_seconds(allowed)}",
                f"down = {_seconds(evidence.down_us)} counted; apart from it {told}",
                f"availability = (allowed - down by weight) / allowed = {value} %",
            )
        case CountEvidence():
            return (
                f"good = {evidence.good} and total = {evidence.total} of {evidence.points} tallies",
                f"ratio of sums = good / total = {value} %",
            )
        case SliceEvidence():
            return _slice_steps(evidence, value)
        case PercentileEvidence():
            return _percentile_steps(evidence, metric)
        case CaseEvidence():
            decided = evidence.in_time + evidence.late
            return (
                f"decided = {evidence.in_time} in time + {evidence.late} late = {decided}; {evidence.open} are open",
                f"cases within the limit = in time / decided = {value} %",
            )
        case SampleEvidence():
            total = Decimal(f"{evidence.sum}E-{evidence.scale}")
            return (
                f"{evidence.points} samples, sum {total}",
                f"{metric.aggregation.value} = {value} {metric.unit}".rstrip(),
            )


def _slice_steps(evidence: SliceEvidence, value: str) -> tuple[str, ...]:
    told = f"{evidence.reported} of them reported on, {evidence.idle} of these without total"
    by_slice = f"slices = {evidence.slices} of {_seconds(evidence.slice_us)} in the allowed time; {told}"
    if evidence.good is None:
        bad = Decimal(evidence.bad).scaleb(-12)
        return by_slice, f"mean of slices = ({evidence.counted} - {bad:f} bad) / {evidence.counted} = {value} %"
    # Where silence counts as good, more are good than met the target.
    good = evidence.counted - evidence.bad // 10**12
    return by_slice, f"good slices = {good} / {evidence.counted} = {value} %"


def _percentile_steps(evidence: PercentileEvidence, metric: Metric) -> tuple[str, ...]:
    counted, name = f"{evidence.points} samples", f"percentile {evidence.percentile.normalize():f}"
    if evidence.low is None or evidence.high is None:
        return counted, f"{name} = no sample to rank"
    low, high = (Decimal(f"{each}E-{evidence.scale}") for each in (evidence.low, evidence.high))
    bounds = f"= {low}" if low == high else f"between {low} and {high}"
    ends = ", undecided against its target" if evidence.undecided else ""
    return counted, f"{name} {bounds} {metric.unit}".rstrip() + ends


def phase_at(period: Period, grace: timedelta, at: datetime) -> Phase:
    if at < period.span.end:
        return Phase.OPEN
    return Phase.PROVISIONAL if at < period.span.end + grace else Phase.FINAL


def same_verdict(left: Attainment, right: Attainment) -> bool:
    """Whether both tell the same, apart from when they were judged, in which phase and revision."""
    return (left.status, left.value, left.coverage, left.evidence, left.set_aside, left.period) == (
        right.status,
        right.value,
        right.coverage,
        right.evidence,
        right.set_aside,
        right.period,
    )


def _seconds(us: int) -> str:
    whole, part = divmod(us, 1_000_000)
    return f"{whole} s" if not part else f"{whole}.{part:06d}".rstrip("0") + " s"

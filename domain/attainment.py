"""The verdict on an objective for a period: value, status, coverage and the evidence it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from domain.agreement import Period
from domain.ids import AgreementId, ObjectiveId, PeriodId, ServiceId, StreamId, VersionId
from domain.metric import Metric
from domain.objective import Objective
from domain.ratio import Ratio, exact_decimal

OUTAGES_TOLD_MAX = 100


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
    """What became of one record in the count. `NO_EFFECT`: it did not bring the judged service down."""

    COUNTED = "counted"
    WEIGHTLESS = "weightless"
    TOO_SHORT = "too_short"
    EXCUSED = "excused"
    NO_EFFECT = "no_effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageUsed:
    stream: StreamId
    external_id: str
    revision: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CountEvidence:
    """Of tallies: good and total of those that start in the allowed time."""

    allowed_us: int
    excluded_us: int
    good: int
    total: int
    points: int


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


Evidence = TimeEvidence | CountEvidence | SampleEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is judged: an objective of a version of an agreement, on one service."""

    objective: Objective
    metric: Metric
    agreement: AgreementId
    version: VersionId
    service: ServiceId
    grace: timedelta


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


def budget_us(objective: Objective, evidence: TimeEvidence) -> int:
    """The down time that the whole period allows at the level that breaches, in whole microseconds."""
    level = objective.breach_level
    return (level.denominator - level.numerator) * evidence.allowed_total_us // level.denominator


def formula(attainment: Attainment, metric: Metric) -> tuple[str, ...]:
    """The steps from what was counted to the value, each with its numbers."""
    evidence = attainment.evidence
    value = "nothing to divide by" if attainment.value is None else str(shown(attainment.value, metric))
    match evidence:
        case TimeEvidence():
            whole, excluded, allowed = evidence.period_us, evidence.excluded_us, evidence.allowed_us
            apart = {
                "excused": evidence.excused_us,
                "too short": evidence.short_us,
                "without weight": evidence.weightless_us,
                "not reported": evidence.missing_us,
            }
            told = ", ".join(f"{_seconds(us)} {name}" for name, us in apart.items())
            return (
                f"allowed = {_seconds(whole)} of the period - {_seconds(excluded)} excluded = {_seconds(allowed)}",
                f"down = {_seconds(evidence.down_us)} counted; apart from it {told}",
                f"availability = (allowed - down by weight) / allowed = {value} %",
            )
        case CountEvidence():
            return (
                f"good = {evidence.good} and total = {evidence.total} of {evidence.points} tallies",
                f"ratio of sums = good / total = {value} %",
            )
        case SampleEvidence():
            total = Decimal(f"{evidence.sum}E-{evidence.scale}")
            return (
                f"{evidence.points} samples, sum {total}",
                f"{metric.aggregation.value} = {value} {metric.unit}".rstrip(),
            )


def phase_at(period: Period, grace: timedelta, at: datetime) -> Phase:
    if at < period.span.end:
        return Phase.OPEN
    return Phase.PROVISIONAL if at < period.span.end + grace else Phase.FINAL


def same_verdict(left: Attainment, right: Attainment) -> bool:
    """Whether both tell the same, apart from when they were judged, in which phase and revision."""
    return (left.status, left.value, left.coverage, left.evidence, left.period) == (
        right.status,
        right.value,
        right.coverage,
        right.evidence,
        right.period,
    )


def _seconds(us: int) -> str:
    whole, part = divmod(us, 1_000_000)
    return f"{whole} s" if not part else f"{whole}.{part:06d}".rstrip("0") + " s"

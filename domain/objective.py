"""A promise: metric, target levels, window, and how time and silence count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from domain.calendars import Window
from domain.case import Milestone
from domain.errors import Invalid, OutOfRange
from domain.hours import ServiceHours
from domain.ids import MetricId, ObjectiveId
from domain.metric import TARGET_DIGITS_MAX, Aggregation, Metric, Shape
from domain.ratio import Direction, Ratio
from domain.text import checked_code, checked_name

MINIMUM_DURATION_MAX = timedelta(days=1)
CASE_LIMIT_MIN = timedelta(seconds=1)
CASE_LIMIT_MAX = timedelta(days=366)


class Importance(Enum):
    """The class of an objective. A report-only one is judged and told, and breaches nothing."""

    CRITICAL = "critical"
    KEY_MEASUREMENT = "key_measurement"
    REPORT_ONLY = "report_only"


class Missing(Enum):
    """What silence counts as, for time that no report covers."""

    HOLD = "hold"
    EXCLUDED = "excluded"
    BAD = "bad"
    GOOD = "good"


class Granularity(Enum):
    """Whole minutes drops each merged outage's partial last minute."""

    EXACT = "exact"
    WHOLE_MINUTES = "whole_minutes"


class LowVolume(Enum):
    """Whether a share of few cases tolerates one miss: of fewer than the target can tell from none."""

    NONE = "none"
    ONE_MISS = "one_miss"


class Override(Enum):
    """What a lower level may do to this objective."""

    TIGHTEN = "tighten"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Invariant: `minimum`, where there is one, is no harder than `expected`. `hours` None: around the clock."""

    id: ObjectiveId
    code: str
    name: str
    metric: MetricId
    direction: Direction
    expected: Ratio
    minimum: Ratio | None = None
    window: Window
    importance: Importance = Importance.KEY_MEASUREMENT
    source: str | None = None
    minimum_duration: timedelta = timedelta(0)
    granularity: Granularity = Granularity.EXACT
    missing: Missing = Missing.HOLD
    minimum_coverage: Ratio | None = None
    override: Override = Override.ANY
    hours: ServiceHours | None = None
    low_volume: LowVolume = LowVolume.NONE
    case_milestone: Milestone | None = None
    case_limit: timedelta | None = None

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)
        if self.minimum is not None and not self.expected.meets(self.minimum, self.direction):
            raise OutOfRange("the minimum level is no harder than the expected level", path=("minimum",))
        if not timedelta(0) <= self.minimum_duration <= MINIMUM_DURATION_MAX:
            raise OutOfRange("a minimum duration is 0 to 1 day", path=("minimumDuration",))
        if self.minimum_coverage is not None and not 0 <= self.minimum_coverage.exact <= 1:
            raise OutOfRange("a minimum coverage is 0 to 100 percent", path=("minimumCoverage",))
        if self.case_limit is not None and not CASE_LIMIT_MIN <= self.case_limit <= CASE_LIMIT_MAX:
            raise OutOfRange(f"a limit is 1 second to {CASE_LIMIT_MAX.days} days", path=("caseLimit",))

    @property
    def breach_level(self) -> Ratio:
        """The level below which a period is missed: the minimum, or the expected level where there is no minimum."""
        return self.minimum or self.expected

    @property
    def coverage_needed(self) -> Ratio:
        """Below it a verdict is held. Undeclared: all of the time under the hold policy, none under the others."""
        return self.minimum_coverage or Ratio(1 if self.missing is Missing.HOLD else 0, 1)


def check_cases(metric: Metric, milestone: Milestone | None, limit: timedelta | None) -> None:
    """A promise about cases says what is reached within which time; no other promise does."""
    wanted = metric.aggregation is Aggregation.CASES_WITHIN
    for given, field, what in ((milestone, "caseMilestone", "milestone"), (limit, "caseLimit", "limit")):
        if wanted and given is None:
            raise Invalid(f"a promise about cases names its {what}", path=(field,))
        if not wanted and given is not None:
            raise Invalid(f"{metric.aggregation.value} is not about cases, which alone have a {what}", path=(field,))


def coverage_needed(objective: Objective, metric: Metric) -> Ratio:
    """Below it a verdict is held: of tallies and samples none is needed unless it is declared."""
    if metric.shape in (Shape.TALLY, Shape.SAMPLE):
        return objective.minimum_coverage or Ratio(0, 1)
    return objective.coverage_needed


def check_low_volume(metric: Metric, low_volume: LowVolume) -> None:
    if low_volume is not LowVolume.NONE and not metric.aggregation.is_share_of_counts:
        told = f"{metric.aggregation.value} is no share of counts, which alone tolerates a miss"
        raise Invalid(told, path=("lowVolume",))


def target_of(metric: Metric, value: Decimal, field: str) -> Ratio:
    """A target as people write it: percent for a share (0 < target <= 100), else the metric's own unit."""
    if not value.is_finite():
        raise Invalid("a target is a finite number", path=(field,))
    if len(value.as_tuple().digits) > TARGET_DIGITS_MAX or abs(value.adjusted()) > TARGET_DIGITS_MAX:
        raise OutOfRange(f"a target has at most {TARGET_DIGITS_MAX} digits", path=(field,))
    if not metric.aggregation.is_share:
        return Ratio.of(value)
    low_enough = value <= 100
    high_enough = value > 0 if metric.direction is Direction.AT_LEAST else value >= 0
    if not (low_enough and high_enough):
        raise OutOfRange("a target of a share is above 0 and at most 100 percent", path=(field,))
    return Ratio.percent(value)

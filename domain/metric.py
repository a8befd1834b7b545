"""A shared definition: what is measured, in which unit, how facts are brought to one value. It serves many vendors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction
from typing import assert_never

from domain.errors import Invalid, OutOfRange
from domain.ids import MetricId
from domain.ratio import Direction, Ratio
from domain.text import checked_code, checked_name, checked_note

SCALE_MAX = 9
COUNT_MAX = 2**53 - 1
"""The largest count or scaled value of one fact: what JSON clients hold exactly; sums are unbounded."""
IMPACTS_MAX = 20
UNIT_LENGTH_MAX = 40
TARGET_DIGITS_MAX = 28
PERCENTILE_PLACES_MAX = 6
DAY = timedelta(days=1)
CELL = timedelta(minutes=15)
SLICE_MIN = timedelta(minutes=1)
STALENESS_MIN = timedelta(seconds=1)
STALENESS_MAX = timedelta(days=31)


class Shape(Enum):
    SAMPLE = "sample"
    TALLY = "tally"
    OUTAGE = "outage"
    STATE = "state"
    CASE = "case"


class Aggregation(Enum):
    AVAILABILITY = "availability"
    RATIO_OF_SUMS = "ratio_of_sums"
    MEAN_OF_SLICES = "mean_of_slices"
    GOOD_SLICES = "good_slices"
    MEAN = "mean"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SUM = "sum"
    COUNT = "count"
    PERCENTILE = "percentile"
    CASES_WITHIN = "cases_within"

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Which facts it can be of; the first where a metric names none."""
        match self:
            case Aggregation.AVAILABILITY:
                return (Shape.OUTAGE, Shape.STATE)
            case Aggregation.CASES_WITHIN:
                return (Shape.CASE,)
            case Aggregation.RATIO_OF_SUMS | Aggregation.MEAN_OF_SLICES:
                return (Shape.TALLY,)
            case Aggregation.GOOD_SLICES:
                return (Shape.TALLY, Shape.SAMPLE)
            case (
                Aggregation.MEAN
                | Aggregation.MINIMUM
                | Aggregation.MAXIMUM
                | Aggregation.SUM
                | Aggregation.COUNT
                | Aggregation.PERCENTILE
            ):
                return (Shape.SAMPLE,)
            case _ as never:
                assert_never(never)

    @property
    def is_share(self) -> bool:
        """Shares lie in [0, 1] and are shown in percent."""
        shares = (Aggregation.AVAILABILITY, Aggregation.RATIO_OF_SUMS, Aggregation.CASES_WITHIN)
        return self in shares or self.is_sliced

    @property
    def is_share_of_counts(self) -> bool:
        """Good cases of all: what is told with a confidence, and may tolerate one miss."""
        return self in (Aggregation.RATIO_OF_SUMS, Aggregation.CASES_WITHIN)

    @property
    def is_sliced(self) -> bool:
        """Slices are weighed alike, however many cases each has."""
        return self in (Aggregation.MEAN_OF_SLICES, Aggregation.GOOD_SLICES)


DEFAULT_WEIGHTS: Mapping[str, Fraction] = {
    "critical": Fraction(1),
    "major": Fraction(1),
    "minor": Fraction(0),
    "none": Fraction(0),
}
"""rules.md, Time down: minor and none are recorded and told, not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`scale`: decimals that a sample keeps. `grid`: the cell that a tally must lie in. `weights`: impact to [0, 1].

    `percentile` (above 0, at most 100) is there for a percentile only, `slice` for what is sliced only. Slices begin at
    midnight UTC. `slice_target` and `slice_direction` tell a good slice: in percent for tallies, else in the unit.
    `staleness`: how long a state holds that no other follows.
    """

    id: MetricId
    code: str
    name: str
    aggregation: Aggregation
    shape: Shape
    direction: Direction = Direction.AT_LEAST
    unit: str = ""
    scale: int = 3
    grid: timedelta = CELL
    weights: Mapping[str, Fraction] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    methodology: str = ""
    percentile: Decimal | None = None
    slice: timedelta | None = None
    slice_target: Decimal | None = None
    slice_direction: Direction = Direction.AT_LEAST
    staleness: timedelta | None = None

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)
        checked_note(self.methodology, "methodology")
        if len(self.unit) > UNIT_LENGTH_MAX or not self.unit.isprintable():
            raise Invalid(f"a unit is at most {UNIT_LENGTH_MAX} printable characters", path=("unit",))
        if not 0 <= self.scale <= SCALE_MAX:
            raise OutOfRange(f"a scale is 0 to {SCALE_MAX} decimals", path=("scale",))
        if not CELL <= self.grid <= DAY or DAY % self.grid or self.grid % CELL:
            raise OutOfRange("a grid is a multiple of 15 minutes that divides a day", path=("grid",))
        _check_shape(self)
        _check_direction(self)
        _check_weights(self.weights)
        _check_percentile(self)
        _check_slices(self)
        _check_staleness(self)

    @property
    def slice_level(self) -> Ratio | None:
        """The exact value at which a slice is good; None where slices are not told apart."""
        if self.slice_target is None:
            return None
        return Ratio.percent(self.slice_target) if self.shape is Shape.TALLY else Ratio.of(self.slice_target)

    @property
    def cells(self) -> tuple[timedelta, ...]:
        """A tally lies inside one cell of each of these lengths."""
        return (self.grid,) if self.slice is None else (self.grid, self.slice)

    def weight(self, impact: str) -> Fraction:
        """The declared weight; an impact without one is refused (rules.md, Time down)."""
        found = self.weights.get(impact)
        if found is None:
            known = ", ".join(sorted(self.weights))
            if impact == "maintenance":
                raise Invalid("maintenance is an exclusion, not an outage: record it as one", path=("impact",))
            raise Invalid(f"impact {impact[:40]!r} has no declared weight; declared are {known}", path=("impact",))
        return found

    def quantised(self, value: Decimal) -> int:
        """The sample as an integer of 10^-scale, rounded half-even."""
        if not value.is_finite():
            raise Invalid("a value is a finite number", path=("value",))
        if abs(value.adjusted()) > 40:
            raise OutOfRange("a value has at most 40 digits before or after the point", path=("value",))
        try:
            scaled = int(value.scaleb(self.scale).to_integral_value(rounding=ROUND_HALF_EVEN))
        except InvalidOperation as wrong:
            raise OutOfRange("a value has too many digits", path=("value",)) from wrong
        if abs(scaled) > COUNT_MAX:
            raise OutOfRange(f"a value has at most {COUNT_MAX} units of its scale", path=("value",))
        if scaled < 0 and self.aggregation is Aggregation.SUM:
            raise OutOfRange("a summed value is not negative", path=("value",))
        return scaled


def _check_shape(metric: Metric) -> None:
    if metric.shape not in metric.aggregation.shapes:
        fit = " or ".join(f"{each.value} facts" for each in metric.aggregation.shapes)
        raise Invalid(f"{metric.aggregation.value} is of {fit}", path=("shape",))


def _check_direction(metric: Metric) -> None:
    if metric.direction is Direction.AT_LEAST:
        return
    if metric.aggregation is Aggregation.AVAILABILITY:
        raise Invalid("availability is promised as at least a share", path=("direction",))
    if metric.aggregation.is_sliced:
        raise Invalid("slices are promised as at least a share", path=("direction",))
    if metric.aggregation is Aggregation.CASES_WITHIN:
        raise Invalid("cases in time are promised as at least a share", path=("direction",))


def _check_percentile(metric: Metric) -> None:
    wanted = metric.aggregation is Aggregation.PERCENTILE
    if metric.percentile is None:
        if wanted:
            raise Invalid("a percentile metric says which percentile", path=("percentile",))
        return
    if not wanted:
        raise Invalid(f"{metric.aggregation.value} has no percentile", path=("percentile",))
    # Finite first: comparing with a signalling NaN raises.
    if not metric.percentile.is_finite() or not 0 < metric.percentile <= 100:
        raise OutOfRange("a percentile is above 0 and at most 100", path=("percentile",))
    places = metric.percentile.as_tuple().exponent
    if not isinstance(places, int) or -places > PERCENTILE_PLACES_MAX:
        raise OutOfRange(f"a percentile has at most {PERCENTILE_PLACES_MAX} decimals", path=("percentile",))


def _check_slices(metric: Metric) -> None:
    if (metric.slice is not None) is not metric.aggregation.is_sliced:
        said = "says how long its slices are" if metric.slice is None else "has no slices"
        raise Invalid(f"{metric.aggregation.value} {said}", path=("slice",))
    if metric.slice is not None and (not SLICE_MIN <= metric.slice <= DAY or DAY % metric.slice):
        raise OutOfRange("a slice is a minute or longer and divides a day", path=("slice",))
    wanted = metric.aggregation is Aggregation.GOOD_SLICES
    if (metric.slice_target is not None) is not wanted:
        said = "says when a slice is good" if wanted else "has no target for its slices"
        raise Invalid(f"{metric.aggregation.value} {said}", path=("sliceTarget",))
    if metric.slice_direction is not Direction.AT_LEAST and not wanted:
        raise Invalid(f"{metric.aggregation.value} has no target for its slices", path=("sliceDirection",))
    if metric.slice_target is not None:
        _check_slice_target(metric.slice_target, metric.shape)


def _check_slice_target(target: Decimal, shape: Shape) -> None:
    if not target.is_finite():
        raise Invalid("a target is a finite number", path=("sliceTarget",))
    if len(target.as_tuple().digits) > TARGET_DIGITS_MAX or abs(target.adjusted()) > TARGET_DIGITS_MAX:
        raise OutOfRange(f"a target has at most {TARGET_DIGITS_MAX} digits", path=("sliceTarget",))
    if shape is Shape.TALLY and not 0 <= target <= 100:
        raise OutOfRange("a target of a share is 0 to 100 percent", path=("sliceTarget",))


def _check_staleness(metric: Metric) -> None:
    if metric.staleness is None:
        return
    if metric.shape is not Shape.STATE:
        raise Invalid(f"{metric.shape.value} facts do not go stale, as states do", path=("staleness",))
    if not STALENESS_MIN <= metric.staleness <= STALENESS_MAX:
        raise OutOfRange("a staleness limit is 1 second to 31 days", path=("staleness",))


def _check_weights(weights: Mapping[str, Fraction]) -> None:
    if not 1 <= len(weights) <= IMPACTS_MAX:
        raise Invalid(f"1 to {IMPACTS_MAX} impacts have a weight", path=("weights",))
    for impact, weight in weights.items():
        checked_code(impact, "impact")
        if impact == "maintenance":
            raise Invalid("maintenance is an exclusion, never an outage", path=("weights", impact))
        if not 0 <= weight <= 1 or weight.denominator > 1_000_000:
            raise OutOfRange("a weight lies in [0, 1], with at most 6 decimals", path=("weights", impact))

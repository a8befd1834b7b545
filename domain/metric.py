"""A shared definition: what is measured, in which unit, how facts are brought to one value. It serves many vendors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction

from domain.errors import Invalid, OutOfRange
from domain.ids import MetricId
from domain.ratio import Direction
from domain.text import checked_code, checked_name, checked_note

SCALE_MAX = 9
COUNT_MAX = 2**53 - 1
"""The largest count or scaled value of one fact: what JSON clients hold exactly; sums are unbounded."""
IMPACTS_MAX = 20
UNIT_LENGTH_MAX = 40
CELL = timedelta(minutes=15)


class Shape(Enum):
    SAMPLE = "sample"
    TALLY = "tally"
    OUTAGE = "outage"


class Aggregation(Enum):
    AVAILABILITY = "availability"
    RATIO_OF_SUMS = "ratio_of_sums"
    MEAN = "mean"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SUM = "sum"
    COUNT = "count"

    @property
    def shape(self) -> Shape:
        if self is Aggregation.AVAILABILITY:
            return Shape.OUTAGE
        return Shape.TALLY if self is Aggregation.RATIO_OF_SUMS else Shape.SAMPLE

    @property
    def is_share(self) -> bool:
        """Shares lie in [0, 1] and are shown in percent."""
        return self in (Aggregation.AVAILABILITY, Aggregation.RATIO_OF_SUMS)


DEFAULT_WEIGHTS: Mapping[str, Fraction] = {
    "critical": Fraction(1),
    "major": Fraction(1),
    "minor": Fraction(0),
    "none": Fraction(0),
}
"""rules.md, Time down: minor and none are recorded and told, not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`scale`: decimals that a sample keeps. `grid`: the cell that a tally must lie in. `weights`: impact to [0, 1]."""

    id: MetricId
    code: str
    name: str
    aggregation: Aggregation
    direction: Direction = Direction.AT_LEAST
    unit: str = ""
    scale: int = 3
    grid: timedelta = CELL
    weights: Mapping[str, Fraction] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    methodology: str = ""

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)
        checked_note(self.methodology, "methodology")
        if len(self.unit) > UNIT_LENGTH_MAX or not self.unit.isprintable():
            raise Invalid(f"a unit is at most {UNIT_LENGTH_MAX} printable characters", path=("unit",))
        if not 0 <= self.scale <= SCALE_MAX:
            raise OutOfRange(f"a scale is 0 to {SCALE_MAX} decimals", path=("scale",))
        day = timedelta(days=1)
        if not CELL <= self.grid <= day or day % self.grid or self.grid % CELL:
            raise OutOfRange("a grid is a multiple of 15 minutes that divides a day", path=("grid",))
        if self.aggregation is Aggregation.AVAILABILITY and self.direction is not Direction.AT_LEAST:
            raise Invalid("availability is promised as at least a share", path=("direction",))
        _check_weights(self.weights)

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


def _check_weights(weights: Mapping[str, Fraction]) -> None:
    if not 1 <= len(weights) <= IMPACTS_MAX:
        raise Invalid(f"1 to {IMPACTS_MAX} impacts have a weight", path=("weights",))
    for impact, weight in weights.items():
        checked_code(impact, "impact")
        if impact == "maintenance":
            raise Invalid("maintenance is an exclusion, never an outage", path=("weights", impact))
        if not 0 <= weight <= 1 or weight.denominator > 1_000_000:
            raise OutOfRange("a weight lies in [0, 1], with at most 6 decimals", path=("weights", impact))

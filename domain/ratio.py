"""Exact ratios: integer numerator over integer denominator, compared by cross-multiplication (rules.md, Exactness)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

SHOWN_PLACES = 6
PLACES_MAX = 60


class Direction(Enum):
    """Which side of a target is the good one."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


@dataclass(frozen=True, slots=True)
class Ratio:
    """An exact value. Not reduced: the numerator and denominator are the counted quantities themselves."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        assert self.denominator > 0, "a ratio's denominator is positive"

    @classmethod
    def of(cls, text: str | Decimal | int) -> Ratio:
        """The exact ratio of a decimal number, such as `Ratio.of("99.95")`."""
        return cls(*Decimal(text).as_integer_ratio())

    @classmethod
    def percent(cls, text: str | Decimal | int) -> Ratio:
        """The exact ratio of a percentage: `Ratio.percent("99.95")` is 0.9995."""
        value = Fraction(Decimal(text)) / 100
        return cls(value.numerator, value.denominator)

    @property
    def exact(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)

    def meets(self, target: Ratio, direction: Direction) -> bool:
        """A value equal to the target meets it; there is no rounding and no tolerance."""
        left = self.numerator * target.denominator
        right = target.numerator * self.denominator
        return left >= right if direction is Direction.AT_LEAST else left <= right

    def shown(self, direction: Direction) -> Decimal:
        """The value with 6 places, rounded towards the failing side, so that a miss never prints as met."""
        scaled = self.numerator * 10**SHOWN_PLACES
        down = scaled // self.denominator
        whole = down if direction is Direction.AT_LEAST else -(-scaled // self.denominator)
        return Decimal(f"{whole}E-{SHOWN_PLACES}")


def exact_decimal(value: Fraction) -> Decimal:
    """A fraction that was written as a decimal, as that decimal again, however many digits it has."""
    places = 0
    while 10**places % value.denominator:
        assert places < PLACES_MAX, "only a fraction of a decimal has a decimal"
        places += 1
    return Decimal(f"{value.numerator * 10**places // value.denominator}E-{places}")

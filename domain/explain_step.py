"""One step of an explanation: a number, how it follows from those below it, and the facts it was counted of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from domain.attainment import CaseUse, Use
from domain.metric import Metric, Shape

DEPTH_MAX = 6
"""Levels of the tree, the root among them."""
SECONDS, PERCENT = "s", "%"
PLACES = 12


class Operation(Enum):
    """How a step's value follows from those of its steps, in their order. A share is told in percent."""

    SUM = "sum"
    DIFFERENCE = "difference"
    """The first less all the others."""
    RATIO = "ratio"
    """The first over the second."""
    REST = "rest"
    """1 less the first over the second."""
    SHARE = "share"
    """The first over the sum of all."""
    SAME = "same"
    """That of the only one."""


@dataclass(frozen=True, slots=True)
class CountedFacts:
    """Which facts a step is counted of: those of the shape, with the use where it names one."""

    shape: Shape
    use: Use | CaseUse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`key` is unique in the tree: the names from the root on, with dots between. `value` is exact, in the unit.

    Without an operation the steps below only belong together.
    """

    key: str
    label: str
    value: Fraction | None = None
    unit: str = ""
    detail: str | None = None
    operation: Operation | None = None
    steps: tuple[Step, ...] = ()
    facts: CountedFacts | None = None

    @property
    def shown(self) -> Decimal | None:
        """The value as a decimal: half-even at 12 places, without zeros at the end."""
        if self.value is None:
            return None
        text = f"{Decimal(round(self.value * 10**PLACES)).scaleb(-PLACES):f}"
        return Decimal(text.rstrip("0").rstrip("."))

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """The step and all below it, each before its own, with its depth."""
        yield depth, self
        for step in self.steps:
            yield from step.walk(depth + 1)

    def under(self, prefix: str) -> Step:
        """The same with its key led in, and so are those below."""
        key = f"{prefix}.{self.key}"
        return replace(self, key=key, steps=tuple(step.under(key) for step in self.steps))


def in_unit(value: Fraction, metric: Metric) -> tuple[Fraction, str]:
    return (value * 100, PERCENT) if metric.aggregation.is_share else (value, metric.unit)


def seconds_of(us: int) -> Fraction:
    return Fraction(us, 10**6)


def seconds(key: str, label: str, us: int, detail: str | None = None) -> Step:
    return Step(key=key, label=label, value=seconds_of(us), unit=SECONDS, detail=detail)


def count(
    key: str,
    label: str,
    value: int,
    *,
    unit: str = "",
    detail: str | None = None,
    facts: CountedFacts | None = None,
) -> Step:
    return Step(key=key, label=label, value=Fraction(value), unit=unit, detail=detail, facts=facts)

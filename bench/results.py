"""What a benchmark found, and how measured figures become one: medians of runs in which ours and theirs alternate."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`ratio` is ours over theirs. The note names batch, connections and the number of runs."""

    name: str
    ours: float
    theirs: float
    unit: str
    note: str

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


@dataclass(frozen=True, slots=True)
class Sides:
    """Figures of both sides, in the order in which they were taken."""

    ours: list[float]
    theirs: list[float]

    def medians(self) -> tuple[float, float]:
        return median(self.ours), median(self.theirs)


Measure = Callable[[], Awaitable[float]]


async def interleaved(ours: Measure, theirs: Measure, *, runs: int, warm_ups: int = 1) -> Sides:
    """Ours and theirs in turns, so that whatever else the machine does falls on both. Warm-ups are thrown away."""
    sides = Sides([], [])
    for _ in range(warm_ups + runs):
        sides.ours.append(await ours())
        sides.theirs.append(await theirs())
    del sides.ours[:warm_ups], sides.theirs[:warm_ups]
    return sides


def percentile(figures: Sequence[float], percent: int) -> float:
    """By nearest rank: one of the figures, never something between two."""
    return sorted(figures)[math.ceil(len(figures) * percent / 100) - 1]

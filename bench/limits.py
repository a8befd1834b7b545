"""The limits that the figures are held to, in one table. A figure that is not in it is told and holds nobody up."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bench.results import Result


class Bound(Enum):
    AT_LEAST = "≥"
    AT_MOST = "≤"


_HOLDS: Mapping[Bound, Callable[[float, float], bool]] = {Bound.AT_LEAST: operator.ge, Bound.AT_MOST: operator.le}


@dataclass(frozen=True, slots=True)
class RatioLimit:
    """On ours over theirs: what drifts with the machine drifts on both sides."""

    bound: Bound
    value: float

    def holds(self, result: Result) -> bool:
        return _HOLDS[self.bound](result.ratio, self.value)

    def __str__(self) -> str:
        return f"ratio {self.bound.value} {self.value:.2f}"


@dataclass(frozen=True, slots=True)
class FigureLimit:
    """On our own figure, in its unit: what a user waits for is a time, not a ratio."""

    bound: Bound
    value: float

    def holds(self, result: Result) -> bool:
        return _HOLDS[self.bound](result.ours, self.value)

    def __str__(self) -> str:
        return f"ours {self.bound.value} {self.value:,.0f}"


Limit = RatioLimit | FigureLimit

LIMITS: Mapping[str, Limit] = {
    "ingest_use_case_vs_copy": RatioLimit(Bound.AT_LEAST, 0.40),
    "ingest_graphql_vs_copy": RatioLimit(Bound.AT_LEAST, 0.30),
    "breach_latency_vs_commit": FigureLimit(Bound.AT_MOST, 1_000),
    "judge_24_months_vs_1": RatioLimit(Bound.AT_MOST, 1.25),
    "judge_50m_vs_1m": RatioLimit(Bound.AT_MOST, 1.25),
    "judge_50m_vs_1m_pages": RatioLimit(Bound.AT_MOST, 1.0),
    "judge_vs_sql_aggregate": RatioLimit(Bound.AT_LEAST, 100),
    "noisy_neighbour_p99": RatioLimit(Bound.AT_MOST, 2.00),
    "attack_cpu": FigureLimit(Bound.AT_MOST, 50),
    "idle_socket_memory": FigureLimit(Bound.AT_MOST, 48),
    "projection_brier": RatioLimit(Bound.AT_MOST, 1.00),
}

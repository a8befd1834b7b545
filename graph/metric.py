"""Metrics: shared definitions of what is measured."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction

import strawberry

import domain.metric
from domain.metric import IMPACTS_MAX, Aggregation, Shape
from domain.ratio import Direction
from graph.connections import OrderDirection
from graph.fields import Node, described, node_id, told, view
from graph.filters import FILTER, any_of, condition

described(
    Aggregation,
    "How facts are brought to one value for a period.",
    AVAILABILITY="Share of the agreed time that was not down, from outages, by the weight of their impacts.",
    RATIO_OF_SUMS="Sum of good over sum of total, from tallies.",
    MEAN_OF_SLICES="Mean over the slices of the agreed time of good over total, from tallies.",
    GOOD_SLICES="Share of the slices whose ratio of tallies, or mean of samples, meets the slice target.",
    MEAN="Mean of samples.",
    MINIMUM="Smallest sample.",
    MAXIMUM="Largest sample.",
    SUM="Sum of samples.",
    COUNT="Number of samples.",
    PERCENTILE="Percentile of samples, by nearest rank: exact at the end, within bounds while the period runs.",
    CASES_WITHIN="Share of the cases that were decided in time, by the limit of the objective.",
)
described(
    Shape,
    "The form in which facts come in.",
    name="FactShape",
    SAMPLE="A value at an instant.",
    TALLY="Good and total over an interval.",
    OUTAGE="An incident interval with its impact.",
    STATE="Up, degraded or down from an instant on, as a probe reports it.",
    CASE="A ticket's timeline: opened, responded, paused, resumed, resolved.",
)
described(
    Direction,
    "Which side of a target is the good one. A value equal to the target meets it.",
    name="TargetDirection",
    AT_LEAST="The value must be at least the target.",
    AT_MOST="The value must be at most the target.",
)


def unit_of(metric: domain.metric.Metric) -> str:
    return "%" if metric.aggregation.is_share else metric.unit


def _decimal(weight: Fraction) -> Decimal:
    """Exact: weights were written as decimals of at most six places."""
    return Decimal(weight.numerator) / Decimal(weight.denominator)


@strawberry.type(description="What an outage of an impact weighs.")
class ImpactWeight:
    impact: str = told("As outages name it.", lambda pair: pair[0])
    weight: Decimal = told(
        "From 0 (recorded and told, not counted) to 1 (wholly down).", lambda pair: _decimal(pair[1])
    )


@view(domain.metric.Metric, "A shared definition of what is measured; one metric serves many vendors.")
class Metric(Node):
    id: strawberry.ID = node_id("Metric")
    code: str = told("Unique among the tenant's metrics; integrations name the metric by it.")
    name: str = told("As people call it.")
    aggregation: Aggregation = told("How facts are brought to one value.")
    shape: Shape = told("The form of its facts.")
    direction: Direction = told("Which side of a target is the good one.")
    unit: str = told("Of values and targets: `%` for shares, else as the metric declares.", unit_of)
    scale: int = told("Decimals that a sample keeps; further ones are rounded half-even.")
    grid: timedelta = told("A tally lies inside one cell of this length, counted from midnight UTC.")
    weights: list[ImpactWeight] = told(
        f"What each impact weighs, {IMPACTS_MAX} at most. An outage of another impact is refused.",
        lambda metric: sorted(metric.weights.items()),
    )
    methodology: str = told("How it is measured, in words.")
    percentile: Decimal | None = told("Which percentile, above 0 and at most 100; null but for PERCENTILE.")
    slice: timedelta | None = told(
        "How long a slice is, counted from midnight UTC; null but for MEAN_OF_SLICES and GOOD_SLICES."
    )
    slice_target: Decimal | None = told(
        "The value at which a slice is good: percent for tallies, else in the metric's unit; null but for GOOD_SLICES."
    )
    slice_direction: Direction = told("Which side of the slice target is the good one.")
    staleness: timedelta | None = told("How long a state holds that no other follows; null where there are none.")


@strawberry.input(description=FILTER)
class MetricFilter:
    aggregations: list[Aggregation] | None = condition("Metrics of any of these aggregations.")

    def meant(self) -> frozenset[Aggregation]:
        return any_of(self.aggregations, "aggregations")


class MetricOrderField(Enum):
    CODE = "code"


described(
    MetricOrderField,
    "What metrics are ordered by.",
    CODE="Their code.",
)


@strawberry.input(description="The order of metrics.")
class MetricOrder:
    field: MetricOrderField = strawberry.field(default=MetricOrderField.CODE, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Which way.")

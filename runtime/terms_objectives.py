"""The metrics and objectives of a file of terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from domain.agreement import OBJECTIVES_MAX
from domain.case import Milestone
from domain.errors import Invalid, NotFound
from domain.ids import MetricId, ObjectiveId, ServiceId
from domain.metric import CELL, DEFAULT_WEIGHTS, IMPACTS_MAX, Aggregation, Metric, Shape
from domain.objective import (
    Granularity,
    Importance,
    LowVolume,
    Missing,
    Objective,
    check_cases,
    check_low_volume,
    target_of,
)
from domain.ratio import Direction, Ratio
from domain.text import checked_code, checked_name, checked_note
from runtime.terms import Promise, id_of
from runtime.terms_calendar import read_hours, read_window
from runtime.terms_services import LISTED_MAX, Services
from runtime.written import count, decimal, duration, fraction, told
from runtime.yaml_fields import Fields, Item, coded_entries, one_of, scalar

METRICS_MAX = 200

METRIC_FIELDS = (
    "code",
    "name",
    "aggregation",
    "direction",
    "unit",
    "scale",
    "grid",
    "weights",
    "methodology",
    "shape",
    "percentile",
    "slice",
    "slice_target",
    "slice_direction",
    "staleness",
)
OBJECTIVE_FIELDS = (
    "code",
    "name",
    "metric",
    "service",
    "expected",
    "minimum",
    "window",
    "importance",
    "source",
    "minimum_duration",
    "granularity",
    "missing",
    "minimum_coverage",
    "hours",
    "low_volume",
    "case_milestone",
    "case_limit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the agreement's objectives may be about: one service, or all that its provider delivers."""

    zone: str
    provider: str
    service: str | None
    services: Services

    @property
    def covered(self) -> tuple[ServiceId, ...]:
        codes = self.services.codes
        if self.service is not None:
            return (codes[self.service],) if self.service in codes else ()
        return tuple(each for code, each in codes.items() if self.services.providers[code] == self.provider)


def read_metrics(item: Item) -> dict[str, Metric | None]:
    """By code; None for one with problems, so that who names it isn't told that there is none."""
    metrics: dict[str, Metric | None] = {}
    for code, fields in coded_entries(item, METRIC_FIELDS, most=METRICS_MAX):
        metrics[code] = _metric(code, fields)
    return metrics


def read_objectives(item: Item, metrics: Mapping[str, Metric | None], scope: Scope) -> tuple[Promise, ...]:
    entries = coded_entries(item, OBJECTIVE_FIELDS, most=OBJECTIVES_MAX)
    promises = (_promise(code, fields, metrics, scope) for code, fields in entries)
    return tuple(promise for promise in promises if promise is not None)


def _metric(code: str, fields: Fields) -> Metric | None:
    directions = one_of({each.value: each for each in Direction})
    name = fields.may("name", scalar(checked_name), default=code)
    aggregation = fields.need(
        "aggregation", one_of({each.value: each for each in Aggregation}), placeholder=Aggregation.AVAILABILITY
    )
    direction = fields.may("direction", directions, default=Direction.AT_LEAST)
    unit = fields.may("unit", scalar(lambda text: checked_name(text, "unit")), default="")
    scale = fields.may("scale", scalar(count), default=3)
    grid = fields.may("grid", scalar(duration), default=CELL)
    weights = fields.may("weights", _weights, default=DEFAULT_WEIGHTS)
    methodology = fields.may("methodology", scalar(lambda text: checked_note(text, "methodology")), default="")
    shape = fields.may("shape", one_of({each.value: each for each in Shape}), default=aggregation.shapes[0])
    percentile = fields.may("percentile", scalar(decimal), default=None)
    slice_length = fields.may("slice", scalar(duration), default=None)
    slice_target = fields.may("slice_target", scalar(decimal), default=None)
    slice_direction = fields.may("slice_direction", directions, default=Direction.AT_LEAST)
    staleness = fields.may("staleness", scalar(duration), default=None)
    return fields.build(
        lambda: Metric(
            id=MetricId(id_of("metric", code)),
            code=code,
            name=name,
            aggregation=aggregation,
            direction=direction,
            unit=unit,
            scale=scale,
            grid=grid,
            weights=weights,
            methodology=methodology,
            shape=shape,
            percentile=percentile,
            slice=slice_length,
            slice_target=slice_target,
            slice_direction=slice_direction,
            staleness=staleness,
        )
    )


def _weights(item: Item) -> Mapping[str, Fraction]:
    weights: dict[str, Fraction] = {}
    for impact, found in item.pairs(most=IMPACTS_MAX):
        try:
            weights[impact] = fraction(found.text)
        except ValueError as wrong:
            found.blame(str(wrong))
    return weights


def _promise(code: str, fields: Fields, metrics: Mapping[str, Metric | None], scope: Scope) -> Promise | None:
    name = fields.may("name", scalar(checked_name), default=code)
    metric = fields.need("metric", lambda item: _known_metric(item, metrics), placeholder=None)
    services = fields.may("service", lambda item: _covered(item, scope), default=scope.covered)
    expected = fields.need("expected", lambda item: _level(item, metric), placeholder=Ratio(1, 1))
    minimum = fields.may("minimum", lambda item: _level(item, metric), default=None)
    window = fields.need("window", lambda item: read_window(item, scope.zone), placeholder=None)
    importance = fields.may(
        "importance", one_of({each.value: each for each in Importance}), default=Importance.KEY_MEASUREMENT
    )
    source = fields.may("source", scalar(lambda text: checked_code(text, "source")), default=None)
    minimum_duration = fields.may("minimum_duration", scalar(duration), default=timedelta(0))
    granularity = fields.may(
        "granularity", one_of({each.value: each for each in Granularity}), default=Granularity.EXACT
    )
    missing = fields.may("missing", one_of({each.value: each for each in Missing}), default=Missing.HOLD)
    coverage = fields.may("minimum_coverage", scalar(decimal), default=None)
    hours = fields.may("hours", lambda item: read_hours(item, scope.zone), default=None)
    milestone, limit = _case(fields, metric)
    low_volume = fields.may("low_volume", lambda item: _low_volume(item, metric), default=LowVolume.NONE)
    if not services and scope.service is None and scope.services.codes:
        fields.item.blame("it is judged on no service: the agreement's provider delivers none of those listed")
    if metric is None or window is None:
        return None
    objective = fields.build(
        lambda: Objective(
            id=ObjectiveId(id_of("objective", code)),
            code=code,
            name=name,
            metric=metric.id,
            direction=metric.direction,
            expected=expected,
            minimum=minimum,
            window=window,
            importance=importance,
            source=source,
            minimum_duration=minimum_duration,
            granularity=granularity,
            missing=missing,
            minimum_coverage=None if coverage is None else Ratio.percent(coverage),
            hours=hours,
            low_volume=low_volume,
            case_milestone=milestone,
            case_limit=limit,
        )
    )
    return None if objective is None else Promise(objective=objective, metric=metric, services=services)


def _known_metric(item: Item, metrics: Mapping[str, Metric | None]) -> Metric | None:
    if item.text not in metrics:
        listed = ", ".join(list(metrics)[:LISTED_MAX])
        raise NotFound("metric", f"{told(item.text)} is listed under metrics; listed are {listed}")
    return metrics[item.text]


def _level(item: Item, metric: Metric | None) -> Ratio:
    value = decimal(item.text)
    return Ratio.of(value) if metric is None else target_of(metric, value, "expected")


def _case(fields: Fields, metric: Metric | None) -> tuple[Milestone | None, timedelta | None]:
    milestone = fields.may("case_milestone", one_of({each.value: each for each in Milestone}), default=None)
    limit = fields.may("case_limit", scalar(duration), default=None)
    if metric is not None and fields.sound:
        try:
            check_cases(metric, milestone, limit)
        except Invalid as wrong:
            fields.item.blame(wrong.message)
    return milestone, limit


def _low_volume(item: Item, metric: Metric | None) -> LowVolume:
    found = one_of({each.value: each for each in LowVolume})(item)
    if metric is not None:
        check_low_volume(metric, found)
    return found


def _covered(item: Item, scope: Scope) -> tuple[ServiceId, ...]:
    service = scope.services.named(item)
    if scope.service not in (None, item.text):
        raise Invalid(f"the agreement is about the service {scope.service} only")
    if scope.service is None and scope.services.providers[item.text] != scope.provider:
        provider = scope.services.providers[item.text]
        raise Invalid(f"{item.text} is delivered by {provider}, not by the agreement's provider, {scope.provider}")
    return (service,)

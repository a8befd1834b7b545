"""Metrics, which every actor of the tenant sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import Select, select

from domain.ids import MetricId
from domain.metric import Aggregation, Metric, Shape
from domain.paging import Page, PageRequest
from domain.ratio import Direction
from persistence import pages, tables
from persistence.session import Found, Session, one_of, printable

ORDER = pages.Order(tables.metric.c.code, tables.metric.c.metric_id)


class StoredMetrics:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, metrics: Sequence[Metric]) -> None:
        await self._session.insert(tables.metric, [_to_row(metric) for metric in metrics])

    async def by_ids(self, ids: Collection[MetricId]) -> Mapping[MetricId, Metric]:
        wanted = self._all().where(one_of(tables.metric.c.metric_id, list(ids)))
        return {row["metric_id"]: _to_metric(row) for row in await self._session.rows(wanted)} if ids else {}

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Metric]:
        wanted = self._all().where(one_of(tables.metric.c.code, printable(codes)))
        return {row["code"]: _to_metric(row) for row in await self._session.rows(wanted)} if codes else {}

    async def page(self, wanted: PageRequest, aggregations: Collection[Aggregation]) -> Page[Metric]:
        return await pages.page(self._session, self._of(aggregations), ORDER, wanted, _to_metric)

    async def count(self, aggregations: Collection[Aggregation]) -> int:
        return await pages.count(self._session, self._of(aggregations))

    def _all(self) -> Select[Any]:
        return select(tables.metric).where(tables.metric.c.tenant_id == self._session.tenant)

    def _of(self, aggregations: Collection[Aggregation]) -> Select[Any]:
        if not aggregations:
            return self._all()
        return self._all().where(one_of(tables.metric.c.aggregation, [each.value for each in aggregations]))


def _to_row(metric: Metric) -> dict[str, object]:
    return {
        "metric_id": metric.id,
        "code": metric.code,
        "name": metric.name,
        "aggregation": metric.aggregation.value,
        "direction": metric.direction.value,
        "unit": metric.unit,
        "scale": metric.scale,
        "grid": metric.grid,
        "weights": {impact: str(weight) for impact, weight in metric.weights.items()},
        "methodology": metric.methodology,
        "shape": metric.shape.value,
        "percentile": metric.percentile,
        "slice": metric.slice,
        "slice_target": metric.slice_target,
        "slice_direction": metric.slice_direction.value,
        "staleness": metric.staleness,
    }


def _to_metric(row: Found) -> Metric:
    return Metric(
        id=row["metric_id"],
        code=row["code"],
        name=row["name"],
        aggregation=Aggregation(row["aggregation"]),
        direction=Direction(row["direction"]),
        unit=row["unit"],
        scale=row["scale"],
        grid=row["grid"],
        weights={impact: Fraction(weight) for impact, weight in row["weights"].items()},
        methodology=row["methodology"],
        shape=Shape(row["shape"]),
        percentile=row["percentile"],
        slice=row["slice"],
        slice_target=row["slice_target"],
        slice_direction=Direction(row["slice_direction"]),
        staleness=row["staleness"],
    )

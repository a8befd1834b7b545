"""Breaches: the one thing besides running verdicts that changes in place; its transitions are in the feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, select, true

from domain.breach import AtRisk, Breach, BreachState, Confirmed, Open, RiskPassed, Severity, Withdrawn
from domain.filters import BreachListFilter
from domain.ids import BreachId, PeriodId
from domain.paging import Page, PageRequest
from domain.projection import Projection
from domain.risk import Cause, Risk
from domain.spans import Span
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of

OPENED_ONCE = ("open", "confirmed", "withdrawn")
ORDER = pages.Order(tables.breach.c.opened_at, tables.breach.c.breach_id)


class StoredBreaches:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_ids(self, ids: Collection[BreachId]) -> Mapping[BreachId, Breach]:
        wanted = self._seen().where(one_of(tables.breach.c.breach_id, list(ids)))
        return {row["breach_id"]: _to_breach(row) for row in await self._session.rows(wanted)} if ids else {}

    async def by_periods(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Breach]:
        wanted = self._seen().where(one_of(tables.breach.c.period_id, list(ids)))
        return {row["period_id"]: _to_breach(row) for row in await self._session.rows(wanted)} if ids else {}

    async def save(self, breaches: Mapping[PeriodId, Breach]) -> None:
        rows = [_to_row(period, breaches[period]) for period in sorted(breaches)]
        await self._session.upsert(tables.breach, rows, key=["breach_id"], where=true())

    async def page(self, wanted: PageRequest, where: BreachListFilter) -> Page[Breach]:
        return await pages.page(self._session, self._matching(where), ORDER, wanted, _to_breach)

    async def count(self, where: BreachListFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _seen(self) -> Select[Any]:
        row = tables.breach.c
        seen: ColumnElement[bool] = slices.verdicts(self._session, row.agreement_id)
        return select(tables.breach).where(row.tenant_id == self._session.tenant, seen)

    def _matching(self, where: BreachListFilter) -> Select[Any]:
        row, wanted = tables.breach.c, self._seen()
        if where.agreements:
            wanted = wanted.where(one_of(row.agreement_id, where.agreements))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        if where.severities:
            wanted = wanted.where(one_of(row.severity, [each.value for each in where.severities]))
        return wanted.where(one_of(row.state, where.states or OPENED_ONCE))


def _to_row(period: PeriodId, breach: Breach) -> dict[str, object]:
    return {
        "breach_id": breach.id,
        "period_id": period,
        "objective_id": breach.objective,
        "agreement_id": breach.agreement,
        "service_id": breach.service,
        "starts_at": breach.period.start,
        "ends_at": breach.period.end,
        "severity": breach.severity.value,
        "state": _state_name(breach.state),
        "state_since": breach.state.since,
        "opened_at": breach.opened_at,
        "ended_at": breach.ended_at,
        "risk": None if breach.risk is None else _risk_to_json(breach.risk),
    }


def _to_breach(row: Found) -> Breach:
    return Breach(
        id=row["breach_id"],
        objective=row["objective_id"],
        agreement=row["agreement_id"],
        service=row["service_id"],
        period=Span(row["starts_at"], row["ends_at"]),
        severity=Severity(row["severity"]),
        state=_state(row["state"], row["state_since"]),
        opened_at=row["opened_at"],
        ended_at=row["ended_at"],
        risk=None if row["risk"] is None else _to_risk(row["risk"]),
    )


def _risk_to_json(risk: Risk) -> dict[str, object]:
    projection = risk.projection
    return {
        "raised_at": risk.raised_at.isoformat(),
        "looked_at": risk.looked_at.isoformat(),
        "causes": [cause.value for cause in risk.causes],
        "calm_since": None if risk.calm_since is None else risk.calm_since.isoformat(),
        "expected": None if projection is None else str(projection.expected),
        "probability": None if projection is None else str(projection.probability),
    }


def _to_risk(kept: Mapping[str, Any]) -> Risk:
    calm_since, probability = kept["calm_since"], kept["probability"]
    return Risk(
        raised_at=datetime.fromisoformat(kept["raised_at"]),
        looked_at=datetime.fromisoformat(kept["looked_at"]),
        causes=tuple(Cause(cause) for cause in kept["causes"]),
        calm_since=None if calm_since is None else datetime.fromisoformat(calm_since),
        projection=None
        if probability is None
        else Projection(expected=Decimal(kept["expected"]), probability=Decimal(probability)),
    )


def _state_name(state: BreachState) -> str:
    match state:
        case AtRisk():
            return "at_risk"
        case RiskPassed():
            return "risk_passed"
        case Open():
            return "open"
        case Confirmed():
            return "confirmed"
        case Withdrawn():
            return "withdrawn"
        case _ as never:
            assert_never(never)


def _state(name: str, since: datetime) -> BreachState:
    match name:
        case "at_risk":
            return AtRisk(since)
        case "risk_passed":
            return RiskPassed(since)
        case "open":
            return Open(since)
        case "confirmed":
            return Confirmed(since)
        case "withdrawn":
            return Withdrawn(since)
        case _:
            raise AssertionError(f"no breach is {name}")

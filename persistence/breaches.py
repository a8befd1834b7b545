"""Breaches: the one thing besides running verdicts that changes in place; its transitions are in the feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, select, true

from domain.breach import Breach, BreachState, Confirmed, Open, Severity, Withdrawn
from domain.filters import BreachListFilter
from domain.ids import BreachId, PeriodId
from domain.paging import Page, PageRequest
from domain.spans import Span
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of

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
        seen: ColumnElement[bool] = slices.of_agreements(self._session, row.agreement_id)
        return select(tables.breach).where(row.tenant_id == self._session.tenant, seen)

    def _matching(self, where: BreachListFilter) -> Select[Any]:
        row, wanted = tables.breach.c, self._seen()
        if where.agreements:
            wanted = wanted.where(one_of(row.agreement_id, where.agreements))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        if where.severities:
            wanted = wanted.where(one_of(row.severity, [each.value for each in where.severities]))
        if where.states:
            wanted = wanted.where(one_of(row.state, where.states))
        return wanted


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
    )


def _state_name(state: BreachState) -> str:
    match state:
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
        case "open":
            return Open(since)
        case "confirmed":
            return Confirmed(since)
        case "withdrawn":
            return Withdrawn(since)
        case _:
            raise AssertionError(f"no breach is {name}")

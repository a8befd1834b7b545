"""Verdicts, each with its evidence. A running one is replaced, a final one only ever followed by a next revision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, select

from domain.agreement import Period
from domain.attainment import Attainment, Phase, Status
from domain.errors import WrongState
from domain.filters import AttainmentFilter
from domain.ids import PeriodId
from domain.paging import Page, PageRequest
from domain.spans import Span
from persistence import evidence, pages, slices, tables
from persistence.aside import aside_to_json, to_aside
from persistence.ratios import columns, to_optional_ratio
from persistence.session import Found, Session, one_of

ORDER = pages.Order(tables.attainment.c.starts_at, tables.attainment.c.period_id)
ASIDE = "set_aside"
RUNNING = (Phase.OPEN.value, Phase.PROVISIONAL.value)


class StoredAttainments:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_ids(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Attainment]:
        wanted = self._latest().where(one_of(tables.attainment.c.period_id, list(ids)))
        return {row["period_id"]: _to_attainment(row) for row in await self._session.rows(wanted)} if ids else {}

    async def revisions(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Sequence[Attainment]]:
        row = tables.attainment.c
        wanted = self._seen().where(one_of(row.period_id, list(ids))).order_by(row.period_id, row.revision)
        found: dict[PeriodId, list[Attainment]] = {}
        for each in await self._session.rows(wanted):
            found.setdefault(each["period_id"], []).append(_to_attainment(each))
        return found

    async def save(self, attainments: Sequence[Attainment]) -> None:
        ordered = sorted(attainments, key=lambda each: (each.id, each.revision))
        kept = tables.attainment.c.phase
        written = await self._session.upsert(
            tables.attainment,
            [_to_row(attainment) for attainment in ordered],
            key=["period_id", "revision"],
            where=one_of(kept, RUNNING),
        )
        if written < len(ordered):
            raise WrongState("a final verdict is restated by a next revision, never replaced")

    async def page(self, wanted: PageRequest, where: AttainmentFilter) -> Page[Attainment]:
        return await pages.page(self._session, self._matching(where), ORDER, wanted, _to_attainment)

    async def count(self, where: AttainmentFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _seen(self) -> Select[Any]:
        row = tables.attainment.c
        return select(tables.attainment).where(
            row.tenant_id == self._session.tenant, slices.verdicts(self._session, row.agreement_id)
        )

    def _latest(self) -> Select[Any]:
        row, later = tables.attainment.c, tables.attainment.alias("later")
        superseded = exists().where(
            later.c.tenant_id == self._session.tenant,
            later.c.period_id == row.period_id,
            later.c.revision == row.revision + 1,
        )
        return self._seen().where(~superseded)

    def _matching(self, where: AttainmentFilter) -> Select[Any]:
        row, wanted = tables.attainment.c, self._latest()
        if where.objectives:
            wanted = wanted.where(one_of(row.objective_id, where.objectives))
        if where.agreements:
            wanted = wanted.where(one_of(row.agreement_id, where.agreements))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        if where.statuses:
            wanted = wanted.where(one_of(row.status, [each.value for each in where.statuses]))
        if where.phases:
            wanted = wanted.where(one_of(row.phase, [each.value for each in where.phases]))
        if where.within is not None:
            wanted = wanted.where(row.starts_at < where.within.end, row.ends_at > where.within.start)
        return wanted


def _to_row(attainment: Attainment) -> dict[str, object]:
    return {
        "period_id": attainment.id,
        "revision": attainment.revision,
        "objective_id": attainment.objective,
        "service_id": attainment.service,
        "agreement_id": attainment.agreement,
        "version_id": attainment.version,
        "starts_at": attainment.period.span.start,
        "ends_at": attainment.period.span.end,
        "report_only": attainment.period.report_only,
        "judged_at": attainment.judged_at,
        "phase": attainment.phase.value,
        "status": attainment.status.value,
        **columns("value", attainment.value),
        **columns("coverage", attainment.coverage),
        "evidence": {**evidence.to_json(attainment.evidence), ASIDE: aside_to_json(attainment.set_aside)},
        "next_at": attainment.next_at,
    }


def _to_attainment(row: Found) -> Attainment:
    return Attainment(
        objective=row["objective_id"],
        version=row["version_id"],
        agreement=row["agreement_id"],
        service=row["service_id"],
        period=Period(id=row["period_id"], span=Span(row["starts_at"], row["ends_at"]), report_only=row["report_only"]),
        judged_at=row["judged_at"],
        phase=Phase(row["phase"]),
        status=Status(row["status"]),
        value=to_optional_ratio(row["value_numerator"], row["value_denominator"]),
        coverage=to_optional_ratio(row["coverage_numerator"], row["coverage_denominator"]),
        evidence=evidence.to_evidence(row["evidence"]),
        set_aside=to_aside(row["evidence"].get(ASIDE)),
        next_at=row["next_at"],
        revision=row["revision"],
    )

"""Periods laid down as terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.agreement import Period
from domain.ids import ObjectiveId, ServiceId
from domain.mark import JudgedPeriod
from domain.spans import Span
from persistence.session import Found, Session

# Each is due at its start: its first verdict tells that it runs, finds what lasts from before, and says when to look
# again. One of a rolling window is judged at its end.
LAY_DOWN = """
WITH sent AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::boolean[])
        AS sent (period_id, objective_id, service_id, starts_at, ends_at, report_only)
), scopes AS (
    INSERT INTO judged_scope (tenant_id, service_id, objective_id)
    SELECT DISTINCT $1::uuid, service_id, objective_id FROM sent ORDER BY service_id, objective_id
    ON CONFLICT DO NOTHING
), added AS (
    INSERT INTO judged_period
        (tenant_id, period_id, objective_id, service_id, starts_at, ends_at, report_only, due_at)
    SELECT $1, sent.period_id, sent.objective_id, sent.service_id, sent.starts_at, sent.ends_at, sent.report_only,
        CASE WHEN objective.window_days IS NULL THEN sent.starts_at ELSE sent.ends_at END
    FROM sent JOIN objective ON objective.tenant_id = $1 AND objective.objective_id = sent.objective_id
    ORDER BY sent.objective_id, sent.service_id, sent.starts_at
    ON CONFLICT (tenant_id, objective_id, service_id, starts_at) DO NOTHING
    RETURNING due_at
)
SELECT min(due_at) AS due_at FROM added
"""

FROM_INSTANT = """
SELECT period_id, objective_id, service_id, starts_at, ends_at, report_only FROM judged_period
WHERE tenant_id = $1 AND objective_id = ANY ($2::uuid[]) AND starts_at >= $3
"""

# Locked in the order in which a worker locks them.
RETIRE = """
WITH retired AS MATERIALIZED (
    SELECT period_id FROM judged_period
    WHERE tenant_id = $1 AND objective_id = ANY ($2::uuid[]) AND starts_at >= $3
    ORDER BY period_id FOR UPDATE
), verdicts AS (
    DELETE FROM attainment USING retired
    WHERE attainment.tenant_id = $1 AND attainment.period_id = retired.period_id
)
DELETE FROM judged_period USING retired
WHERE judged_period.tenant_id = $1 AND judged_period.period_id = retired.period_id
"""

LAST_ENDS = """
SELECT scope.objective_id, scope.service_id, last.ends_at
FROM judged_scope scope
CROSS JOIN LATERAL (
    SELECT ends_at FROM judged_period
    WHERE tenant_id = $1 AND objective_id = scope.objective_id AND service_id = scope.service_id
    ORDER BY starts_at DESC LIMIT 1
) AS last
WHERE scope.tenant_id = $1 AND scope.objective_id = ANY ($2::uuid[])
"""


class StoredPeriods:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def lay_down(self, periods: Sequence[JudgedPeriod]) -> None:
        if not periods:
            return
        row = await self._session.fetch_one(
            LAY_DOWN,
            self._session.tenant,
            [each.period.id for each in periods],
            [each.objective for each in periods],
            [each.service for each in periods],
            [each.period.span.start for each in periods],
            [each.period.span.end for each in periods],
            [each.period.report_only for each in periods],
        )
        assert row is not None
        self._session.closing.due_by(row["due_at"])

    async def retire(self, objectives: Collection[ObjectiveId], start: datetime) -> None:
        await self._session.fetch(RETIRE, self._session.tenant, list(objectives), start)

    async def from_instant(self, objectives: Collection[ObjectiveId], start: datetime) -> Sequence[JudgedPeriod]:
        rows = await self._session.fetch(FROM_INSTANT, self._session.tenant, list(objectives), start)
        found = [to_judged_period(row) for row in rows]
        return sorted(found, key=lambda each: (each.objective, each.service, each.period.span))

    async def last_ends(self, objectives: Collection[ObjectiveId]) -> Mapping[tuple[ObjectiveId, ServiceId], datetime]:
        rows = await self._session.fetch(LAST_ENDS, self._session.tenant, list(objectives))
        return {(row["objective_id"], row["service_id"]): row["ends_at"] for row in rows}


def to_judged_period(row: Found) -> JudgedPeriod:
    return JudgedPeriod(
        objective=row["objective_id"],
        service=row["service_id"],
        period=Period(id=row["period_id"], span=Span(row["starts_at"], row["ends_at"]), report_only=row["report_only"]),
    )

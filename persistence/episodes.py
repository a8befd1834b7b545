"""Evaluations of rolling objectives, which follow each other to episodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from domain.attainment import Phase, Status
from domain.episode import Evaluation, Judged
from domain.spans import Span
from persistence.session import Session

# Whoever follows episodes of an objective on a service waits for the end of the last one who did, and then reads what
# that one found. In the order of the key, so that two workers never wait in a circle. Foreign keys don't wait for it.
HOLD = """
SELECT 1 FROM judged_scope
WHERE tenant_id = $1 AND (service_id, objective_id) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))
ORDER BY service_id, objective_id FOR NO KEY UPDATE
"""

# From the last evaluation that passed before those changed, to the first one after them: no episode reaches across.
AROUND = """
WITH wanted AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
        AS wanted (service_id, objective_id, first_at, last_at)
), bounded AS MATERIALIZED (
    SELECT wanted.service_id, wanted.objective_id, coalesce(before.starts_at, '-infinity') AS after_at,
        coalesce(behind.starts_at, 'infinity') AS until_at
    FROM wanted
    LEFT JOIN LATERAL (
        SELECT period.starts_at FROM judged_period period
        CROSS JOIN LATERAL (
            SELECT status FROM attainment WHERE tenant_id = $1 AND period_id = period.period_id
            ORDER BY revision DESC LIMIT 1
        ) AS verdict
        WHERE period.tenant_id = $1 AND period.objective_id = wanted.objective_id
            AND period.service_id = wanted.service_id AND period.starts_at < wanted.first_at
            AND verdict.status = 'met'
        ORDER BY period.starts_at DESC LIMIT 1
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT period.starts_at FROM judged_period period
        CROSS JOIN LATERAL (
            SELECT status FROM attainment WHERE tenant_id = $1 AND period_id = period.period_id
            ORDER BY revision DESC LIMIT 1
        ) AS verdict
        WHERE period.tenant_id = $1 AND period.objective_id = wanted.objective_id
            AND period.service_id = wanted.service_id AND period.starts_at > wanted.last_at
            AND verdict.status = 'met'
        ORDER BY period.starts_at LIMIT 1
    ) AS behind ON true
)
SELECT bounded.service_id, bounded.objective_id, period.period_id, period.starts_at, period.ends_at, period.report_only,
    verdict.status, verdict.phase
FROM bounded
CROSS JOIN LATERAL (
    SELECT period_id, starts_at, ends_at, report_only FROM judged_period
    WHERE tenant_id = $1 AND objective_id = bounded.objective_id AND service_id = bounded.service_id
        AND starts_at > bounded.after_at AND starts_at <= bounded.until_at
    -- OFFSET 0: the planner would read all periods at once, and only then look which lie between.
    OFFSET 0
) AS period
CROSS JOIN LATERAL (
    SELECT status, phase FROM attainment WHERE tenant_id = $1 AND period_id = period.period_id
    ORDER BY revision DESC LIMIT 1
) AS verdict
ORDER BY bounded.service_id, bounded.objective_id, period.ends_at
"""


class StoredEpisodes:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold(self, judged: Collection[Judged]) -> None:
        if judged:
            await self._session.fetch(
                HOLD, self._session.tenant, [each.service for each in judged], [each.objective for each in judged]
            )

    async def evaluations(
        self, around: Mapping[Judged, tuple[datetime, datetime]]
    ) -> Mapping[Judged, Sequence[Evaluation]]:
        found: dict[Judged, list[Evaluation]] = {judged: [] for judged in around}
        if not around:
            return found
        rows = await self._session.fetch(
            AROUND,
            self._session.tenant,
            [judged.service for judged in around],
            [judged.objective for judged in around],
            [first for first, _ in around.values()],
            [last for _, last in around.values()],
        )
        for row in rows:
            found[Judged(objective=row["objective_id"], service=row["service_id"])].append(
                Evaluation(
                    period=row["period_id"],
                    span=Span(row["starts_at"], row["ends_at"]),
                    status=Status(row["status"]),
                    phase=Phase(row["phase"]),
                    report_only=row["report_only"],
                )
            )
        return found

"""Marks of what postings made dirty, and the work that comes of them.

A pass of a worker is one transaction: it deletes marks that it could lock, finds the periods that they touch, locks
those, and judges them on facts read after that. A posting that commits meanwhile has marks of its own, which this pass
did not read and so does not delete: nothing is lost, at worst a period is judged once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from domain.ids import PeriodId
from domain.mark import Claim, Mark
from persistence import tables
from persistence.periods import to_judged_period
from persistence.session import Found, Judging, Session

# Read before the marks: what is posted after it keeps the tenant on the list of those with work.
HEAD = "SELECT last_number FROM feed_head WHERE tenant_id = $1"

TAKE = """
DELETE FROM mark USING (
    SELECT posting_id, ordinal FROM mark WHERE tenant_id = $1
    ORDER BY posting_id, ordinal LIMIT $2 FOR UPDATE SKIP LOCKED
) AS taken
WHERE mark.tenant_id = $1 AND mark.posting_id = taken.posting_id AND mark.ordinal = taken.ordinal
RETURNING mark.stream_id, mark.service_id, mark.objective_id, mark.starts_at, mark.ends_at
"""

# From targets to the judged pairs (objective, service), then to periods that have begun and meet the span. Periods of a
# pair are disjoint, so that of those which start before the span only the last can reach into it. Rolling ones lie over
# one another, each as long as the next, and are judged only once they have ended.
# An outage changes how long the merged one lasts that it touches: so by the minimum duration (and the whole minutes) a
# mark of a stream of outages reaches further on either side, and what only touches the span is met too.
# Whole minutes are counted from a merged outage's start, so what lengthens it in front changes what is dropped at its
# end, however far that is: there the outages that hang together are followed to the last one's end, and states to the
# next up, which is no earlier.
EXPAND = """
WITH RECURSIVE sent AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
        AS sent (stream_id, service_id, objective_id, starts_at, ends_at)
), touched (service_id, metric_id, starts_at, ends_at) AS (
    SELECT stream.service_id, stream.metric_id, sent.starts_at, sent.ends_at
    FROM sent JOIN stream ON stream.tenant_id = $1 AND stream.stream_id = sent.stream_id
    UNION
    SELECT service_id, NULL, starts_at, ends_at FROM sent WHERE service_id IS NOT NULL
    UNION
    SELECT edge.service_id, touched.metric_id, touched.starts_at, touched.ends_at
    FROM touched JOIN service_component edge
        ON edge.tenant_id = $1 AND edge.component_id = touched.service_id
), dirty AS (
    SELECT scope.objective_id, scope.service_id,
        touched.starts_at - reach.wide AS starts_at, touched.ends_at + reach.wide AS ends_at,
        objective.granularity = 'whole_minutes' AND touched.metric_id IS NOT NULL AS is_followed
    FROM touched
    JOIN judged_scope scope ON scope.tenant_id = $1 AND scope.service_id = touched.service_id
    JOIN objective ON objective.tenant_id = $1 AND objective.objective_id = scope.objective_id
        AND (touched.metric_id IS NULL OR objective.metric_id = touched.metric_id)
    JOIN metric ON metric.tenant_id = $1 AND metric.metric_id = objective.metric_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN metric.aggregation = 'availability'
            THEN objective.minimum_duration + interval '1 minute' ELSE interval '0' END AS wide
    ) AS reach
    UNION ALL
    SELECT scope.objective_id, scope.service_id, sent.starts_at, sent.ends_at, false
    FROM sent JOIN judged_scope scope ON scope.tenant_id = $1 AND scope.objective_id = sent.objective_id
), below (objective_id, root_id, service_id) AS (
    SELECT objective_id, service_id, service_id FROM dirty WHERE is_followed
    UNION
    SELECT below.objective_id, below.root_id, edge.component_id
    FROM below JOIN service_component edge ON edge.tenant_id = $1 AND edge.service_id = below.service_id
), followed (objective_id, service_id, starts_at, ends_at) AS (
    SELECT objective_id, service_id, starts_at, ends_at FROM dirty
    UNION
    SELECT followed.objective_id, followed.service_id, followed.starts_at, longer.ends_at
    FROM followed CROSS JOIN LATERAL (
        SELECT max(coalesce(kept.ends_at, 'infinity')) AS ends_at
        FROM below
        JOIN objective ON objective.tenant_id = $1 AND objective.objective_id = below.objective_id
        JOIN stream ON stream.tenant_id = $1 AND stream.service_id = below.service_id
            AND stream.metric_id = objective.metric_id
        CROSS JOIN LATERAL (
            SELECT latest.starts_at, latest.ends_at FROM (
                SELECT external_id FROM outage_segment
                WHERE tenant_id = $1 AND stream_id = stream.stream_id
                    AND month = date_trunc('month', followed.ends_at AT TIME ZONE 'UTC')::date
                UNION
                SELECT external_id FROM open_outage WHERE tenant_id = $1 AND stream_id = stream.stream_id
            ) AS candidate
            CROSS JOIN LATERAL (
                SELECT starts_at, ends_at FROM outage
                WHERE tenant_id = $1 AND stream_id = stream.stream_id AND external_id = candidate.external_id
                ORDER BY revision DESC LIMIT 1
            ) AS latest
            UNION ALL
            SELECT held.at, (
                SELECT up.at FROM state_change up
                WHERE up.tenant_id = $1 AND up.stream_id = stream.stream_id AND up.at > followed.ends_at
                    AND up.state = 'up' AND NOT EXISTS (
                        SELECT 1 FROM state_change later WHERE later.tenant_id = $1 AND later.stream_id = up.stream_id
                            AND later.at = up.at AND later.revision = up.revision + 1)
                ORDER BY up.at LIMIT 1)
            FROM (
                SELECT known.at, known.state FROM state_change known
                WHERE known.tenant_id = $1 AND known.stream_id = stream.stream_id AND known.at <= followed.ends_at
                    AND known.state IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM state_change later
                        WHERE later.tenant_id = $1 AND later.stream_id = known.stream_id
                            AND later.at = known.at AND later.revision = known.revision + 1)
                ORDER BY known.at DESC LIMIT 1
            ) AS held
            WHERE held.state <> 'up'
        ) AS kept
        WHERE below.objective_id = followed.objective_id AND below.root_id = followed.service_id
            AND kept.starts_at <= followed.ends_at AND coalesce(kept.ends_at, 'infinity') > followed.ends_at
    ) AS longer
    WHERE longer.ends_at IS NOT NULL
)
SELECT DISTINCT period.period_id
FROM followed AS dirty
JOIN objective ON objective.tenant_id = $1 AND objective.objective_id = dirty.objective_id
CROSS JOIN LATERAL (
    SELECT coalesce(dirty.starts_at - objective.window_days * interval '24 hours', max(starts_at), dirty.starts_at)
        AS starts_at
    FROM judged_period
    WHERE tenant_id = $1 AND objective_id = dirty.objective_id AND service_id = dirty.service_id
        AND starts_at <= dirty.starts_at
) AS first
CROSS JOIN LATERAL (
    -- OFFSET 0: the planner takes the pairs for many, and would read all periods at once.
    SELECT period_id FROM judged_period
    WHERE tenant_id = $1 AND objective_id = dirty.objective_id AND service_id = dirty.service_id
        AND starts_at >= first.starts_at AND starts_at < least(dirty.ends_at, $7) AND ends_at > dirty.starts_at
        AND (objective.window_days IS NULL OR ends_at <= $7)
    OFFSET 0
) AS period
"""

DUE = """
SELECT period_id FROM judged_period
WHERE tenant_id = $1 AND due_at <= $2 ORDER BY due_at, period_id LIMIT $3
"""

# In the order of the key, so that two workers never wait in a circle. A row is read again once its lock is held.
LOCK = """
SELECT period_id, objective_id, service_id, starts_at, ends_at, report_only, due_at FROM judged_period
WHERE tenant_id = $1 AND period_id = ANY ($2::uuid[])
ORDER BY period_id FOR UPDATE
"""

PUT_OFF = """
UPDATE judged_period SET due_at = $3
WHERE tenant_id = $1 AND period_id = ANY ($2::uuid[]) AND (due_at IS NULL OR due_at > $3)
"""

LEFT = """
SELECT EXISTS (SELECT 1 FROM mark WHERE tenant_id = $1) OR EXISTS (
    SELECT 1 FROM judged_period WHERE tenant_id = $1 AND due_at <= $2 AND period_id <> ALL ($3::uuid[])
) AS more
"""

SETTLE = """
UPDATE judged_period SET due_at = settled.due_at
FROM unnest($2::uuid[], $3::timestamptz[]) AS settled (period_id, due_at)
WHERE judged_period.tenant_id = $1 AND judged_period.period_id = settled.period_id
"""


class StoredMarks:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, marks: Sequence[Mark]) -> None:
        before = self._session.take_ordinals(len(marks))
        await self._session.insert(
            tables.mark,
            [
                {
                    "posting_id": self._session.posting,
                    "ordinal": before + ordinal,
                    "stream_id": mark.stream,
                    "service_id": mark.service,
                    "objective_id": mark.objective,
                    "starts_at": mark.span.start,
                    "ends_at": mark.span.end,
                }
                for ordinal, mark in enumerate(marks, start=1)
            ],
        )

    async def claim(self, at: datetime, limit: int) -> Claim:
        """At most `limit` marks and `limit` periods of each kind: touched by marks, and due.

        Where marks touch more, the rest of their periods is made due at once, so that later passes take it.
        """
        tenant = self._session.tenant
        head = await self._session.fetch_one(HEAD, tenant)
        taken = await self._session.fetch(TAKE, tenant, limit)
        touched = await self._touched(taken, at)
        due = {row["period_id"] for row in await self._session.fetch(DUE, tenant, at, limit)}
        locked = await self._session.fetch(LOCK, tenant, sorted(touched | due))
        marked = [row for row in locked if row["period_id"] in touched]
        put_off = [row["period_id"] for row in marked[limit:]]
        chosen = marked[:limit] + [row for row in locked if row["period_id"] not in touched and _is_due(row, at)]
        if put_off:
            await self._session.fetch(PUT_OFF, tenant, put_off, at)
        ids = [row["period_id"] for row in chosen]
        left = await self._session.fetch_one(LEFT, tenant, at, ids)
        assert left is not None
        judging = Judging(number=0 if head is None else head["last_number"], more=bool(left["more"]))
        self._session.closing.judge(judging, at)
        # Who took nothing finds only what others hold, and need not come back before they are done.
        more = judging.more and bool(taken or chosen)
        return Claim(periods=[to_judged_period(row) for row in chosen], marks=len(taken), more=more)

    async def settle(self, due: Mapping[PeriodId, datetime | None]) -> None:
        if due:
            await self._session.fetch(SETTLE, self._session.tenant, list(due), list(due.values()))

    async def _touched(self, taken: Sequence[Found], at: datetime) -> set[UUID]:
        if not taken:
            return set()
        names = ("stream_id", "service_id", "objective_id", "starts_at", "ends_at")
        rows = await self._session.fetch(
            EXPAND, self._session.tenant, *([mark[name] for mark in taken] for name in names), at
        )
        return {row["period_id"] for row in rows}


def _is_due(row: Found, at: datetime) -> bool:
    return row["due_at"] is not None and row["due_at"] <= at

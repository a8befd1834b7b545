"""Exclusions, revised like facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, select

from domain.errors import RevisionConflict
from domain.exclusion import Exclusion, ExclusionKind
from domain.filters import ExclusionFilter
from domain.ids import AgreementId, ExclusionId, ServiceId
from domain.paging import Page, PageRequest
from domain.spans import Span
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of

# A later revision goes in only where the one before it is there; two writers of one revision meet at the primary key.
BEFORE = """
SELECT exclusion_id, revision, kind, starts_at, ends_at, service_id, agreement_id FROM exclusion
WHERE tenant_id = $1 AND (exclusion_id, revision) IN (SELECT * FROM unnest($2::uuid[], $3::int[]))
"""

SEGMENTS = """
INSERT INTO exclusion_segment (tenant_id, scope_id, month, exclusion_id)
SELECT $1, sent.scope_id, month::date, sent.exclusion_id
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
    AS sent (scope_id, exclusion_id, starts_at, ends_at)
CROSS JOIN LATERAL generate_series(
    date_trunc('month', sent.starts_at AT TIME ZONE 'UTC'),
    (sent.ends_at - interval '1 microsecond') AT TIME ZONE 'UTC',
    interval '1 month') AS month
ORDER BY sent.scope_id, month, sent.exclusion_id
ON CONFLICT DO NOTHING
"""

# Where an agreement is named, its objectives are dirty; else the service, with all that rest on it.
# What uses up a yearly cap leaves less of it for the rest of the contract year: there the mark reaches to a year later.
MARKS = """
WITH sent AS (
    SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[], $8::timestamptz[])
        AS sent (service_id, agreement_id, kind, starts_at, ends_at)
), targets AS (
    SELECT sent.service_id, NULL::uuid AS objective_id, sent.starts_at, sent.ends_at, EXISTS (
        SELECT 1 FROM judged_scope scope
        JOIN objective ON objective.tenant_id = $1 AND objective.objective_id = scope.objective_id
        JOIN agreement_version version ON version.tenant_id = $1 AND version.version_id = objective.version_id
        CROSS JOIN jsonb_array_elements(version.exclusion_terms) AS terms
        WHERE scope.tenant_id = $1 AND scope.service_id = sent.service_id
            AND terms ->> 'kind' = sent.kind AND terms ->> 'yearly_cap_us' IS NOT NULL
    ) AS is_capped
    FROM sent WHERE sent.agreement_id IS NULL
    UNION ALL
    SELECT NULL, objective.objective_id, sent.starts_at, sent.ends_at, EXISTS (
        SELECT 1 FROM jsonb_array_elements(version.exclusion_terms) AS terms
        WHERE terms ->> 'kind' = sent.kind AND terms ->> 'yearly_cap_us' IS NOT NULL
    )
    FROM sent
    JOIN agreement_version version ON version.tenant_id = $1 AND version.agreement_id = sent.agreement_id
        AND version.activated_at IS NOT NULL
    JOIN objective ON objective.tenant_id = $1 AND objective.version_id = version.version_id
)
INSERT INTO mark (tenant_id, posting_id, ordinal, service_id, objective_id, starts_at, ends_at)
SELECT $1, $2, $3 + row_number() OVER (), service_id, objective_id, starts_at,
    ends_at + CASE WHEN is_capped THEN interval '367 days' ELSE interval '0' END
FROM targets
"""

OBJECTIVES_MOST = 100_000
"""More than all objectives of all versions of one agreement: room for the ordinals of its marks."""

# OFFSET 0 keeps the look at the segments one look by the whole key for each scope and span, however few there are.
CONCERNING = """
WITH span AS MATERIALIZED (
    SELECT * FROM unnest($4::timestamptz[], $5::timestamptz[]) AS span (starts_at, ends_at)
), candidate AS (
    SELECT DISTINCT segment.exclusion_id
    FROM span CROSS JOIN unnest($2::uuid[] || $3::uuid[]) AS scope (scope_id)
    CROSS JOIN LATERAL (
        SELECT exclusion_id FROM exclusion_segment
        WHERE tenant_id = $1 AND exclusion_segment.scope_id = scope.scope_id
            AND month >= date_trunc('month', span.starts_at AT TIME ZONE 'UTC')::date
            AND month <= ((span.ends_at - interval '1 microsecond') AT TIME ZONE 'UTC')::date
        OFFSET 0
    ) AS segment
)
SELECT kept.* FROM candidate
CROSS JOIN LATERAL (
    SELECT * FROM exclusion
    WHERE tenant_id = $1 AND exclusion_id = candidate.exclusion_id
    ORDER BY revision DESC LIMIT 1
) AS kept
WHERE NOT kept.withdrawn AND (kept.service_id = ANY ($2::uuid[]) OR kept.agreement_id = ANY ($3::uuid[]))
    AND EXISTS (SELECT 1 FROM span WHERE kept.starts_at < span.ends_at AND kept.ends_at > span.starts_at)
ORDER BY kept.starts_at, kept.exclusion_id
"""

ORDER = pages.Order(tables.exclusion.c.starts_at, tables.exclusion.c.exclusion_id)


class StoredExclusions:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, exclusions: Sequence[Exclusion]) -> None:
        if not exclusions:
            return
        former = await self._former(exclusions)
        await self._session.insert(tables.exclusion, [self._to_row(each) for each in exclusions])
        scoped = [(scope, each) for each in exclusions for scope in (each.service, each.agreement) if scope is not None]
        await self._session.fetch(
            SEGMENTS,
            self._session.tenant,
            [scope for scope, _ in scoped],
            [each.id for _, each in scoped],
            [each.span.start for _, each in scoped],
            [each.span.end for _, each in scoped],
        )
        touched = [
            (each.service, each.agreement, each.kind.value, each.span.start, each.span.end) for each in exclusions
        ]
        touched += [
            (row["service_id"], row["agreement_id"], row["kind"], row["starts_at"], row["ends_at"]) for row in former
        ]
        await self._session.fetch(
            MARKS,
            self._session.tenant,
            self._session.posting,
            self._session.take_ordinals(len(touched) * OBJECTIVES_MOST),
            *(list(column) for column in zip(*touched, strict=True)),
        )

    async def by_ids(self, ids: Collection[ExclusionId]) -> Mapping[ExclusionId, Exclusion]:
        if not ids:
            return {}
        wanted = self._latest().where(one_of(tables.exclusion.c.exclusion_id, list(ids)))
        return {row["exclusion_id"]: _to_exclusion(row) for row in await self._session.rows(wanted)}

    async def concerning(
        self, services: Collection[ServiceId], agreements: Collection[AgreementId], within: Sequence[Span]
    ) -> Sequence[Exclusion]:
        rows = await self._session.fetch(
            CONCERNING,
            self._session.tenant,
            list(services),
            list(agreements),
            [span.start for span in within],
            [span.end for span in within],
        )
        return [_to_exclusion(row) for row in rows]

    async def page(self, wanted: PageRequest, where: ExclusionFilter) -> Page[Exclusion]:
        return await pages.page(self._session, self._matching(where), ORDER, wanted, _to_exclusion)

    async def count(self, where: ExclusionFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    async def _former(self, exclusions: Sequence[Exclusion]) -> Sequence[Found]:
        later = [each for each in exclusions if each.revision > 1]
        if not later:
            return []
        before = [each.revision - 1 for each in later]
        rows = await self._session.fetch(BEFORE, self._session.tenant, [each.id for each in later], before)
        if len(rows) < len(later):
            raise RevisionConflict("the revision to be replaced is not there", path=("replacesRevision",))
        return rows

    def _latest(self) -> Select[Any]:
        row, later = tables.exclusion.c, tables.exclusion.alias("later")
        superseded = exists().where(
            later.c.tenant_id == self._session.tenant,
            later.c.exclusion_id == row.exclusion_id,
            later.c.revision == row.revision + 1,
        )
        return select(tables.exclusion).where(
            row.tenant_id == self._session.tenant, ~superseded, slices.exclusions(self._session)
        )

    def _matching(self, where: ExclusionFilter) -> Select[Any]:
        row = tables.exclusion.c
        wanted = self._latest().where(row.withdrawn.is_(False))
        if where.services:
            seen = slices.of_services(self._session, row.service_id)
            wanted = wanted.where(one_of(row.service_id, where.services), seen)
        if where.agreements:
            seen = slices.of_agreements(self._session, row.agreement_id)
            wanted = wanted.where(one_of(row.agreement_id, where.agreements), seen)
        if where.kinds:
            wanted = wanted.where(one_of(row.kind, [kind.value for kind in where.kinds]))
        return wanted

    def _to_row(self, exclusion: Exclusion) -> dict[str, object]:
        return {
            "exclusion_id": exclusion.id,
            "revision": exclusion.revision,
            "kind": exclusion.kind.value,
            "starts_at": exclusion.span.start,
            "ends_at": exclusion.span.end,
            "service_id": exclusion.service,
            "agreement_id": exclusion.agreement,
            "announced_at": exclusion.announced_at,
            "approved_by": exclusion.approved_by,
            "reason": exclusion.reason,
            "withdrawn": exclusion.withdrawn,
            "posting_id": self._session.posting,
        }


def _to_exclusion(row: Found) -> Exclusion:
    return Exclusion(
        id=row["exclusion_id"],
        revision=row["revision"],
        kind=ExclusionKind(row["kind"]),
        span=Span(row["starts_at"], row["ends_at"]),
        service=row["service_id"],
        agreement=row["agreement_id"],
        announced_at=row["announced_at"],
        approved_by=row["approved_by"],
        reason=row["reason"],
        withdrawn=row["withdrawn"],
    )

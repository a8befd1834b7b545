"""Cases: revisions, and those that may be decided in a span, from which verdicts are made."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select

from domain.case import Case, CaseLog, CaseRevision, Pause
from domain.columns import RecordedCase, StreamSpan
from domain.filters import CaseFilter
from domain.ids import StreamId
from domain.instants import LATEST
from domain.paging import Page, PageRequest
from persistence import pages, slices, tables
from persistence.session import Found, Session, once_open, one_of
from persistence.streams import to_stream

LATEST_OF = """
SELECT kept.stream_id, kept.external_id, kept.revision, kept.opened_at, kept.responded_at, kept.resolved_at, kept.pauses
FROM unnest($2::uuid[], $3::text[]) AS wanted (stream_id, external_id)
CROSS JOIN LATERAL (
    SELECT * FROM service_case
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND external_id = wanted.external_id
    ORDER BY revision DESC LIMIT 1
) AS kept
"""

# One statement for a batch, as outages are added. A case may be decided from its opening to its resolution, both
# included; one that is open, at any time from its opening on.
#   segments  a row for each UTC month of that time of a resolved case, for ever
#   opened    cases that are open, until a revision resolves or withdraws them
#   marks     that time before and now
ADD = """
WITH sent AS (
    SELECT * FROM
        unnest($3::uuid[], $4::text[], $5::int[], $6::uuid[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[],
            $10::text[])
        AS sent (stream_id, external_id, revision, new_id, opened_at, responded_at, resolved_at, pauses)
), accepted AS (
    SELECT sent.*, former.case_id, former.opened_at AS former_start,
        CASE WHEN former.opened_at IS NOT NULL THEN coalesce(former.resolved_at, $11) END AS former_end
    FROM sent
    LEFT JOIN service_case former ON former.tenant_id = $1 AND former.stream_id = sent.stream_id
        AND former.external_id = sent.external_id AND former.revision = sent.revision - 1
    WHERE sent.revision = 1 OR former.revision IS NOT NULL
), fresh AS (
    INSERT INTO service_case (tenant_id, stream_id, external_id, revision, case_id, posting_id,
        opened_at, responded_at, resolved_at, pauses)
    SELECT $1, stream_id, external_id, revision, coalesce(case_id, new_id), $2,
        opened_at, responded_at, resolved_at, pauses::jsonb
    FROM accepted ORDER BY stream_id, external_id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING stream_id, external_id, opened_at, resolved_at
), segments AS (
    INSERT INTO service_case_segment (tenant_id, stream_id, month, external_id)
    SELECT $1, stream_id, month::date, external_id
    FROM fresh CROSS JOIN LATERAL generate_series(
        date_trunc('month', opened_at AT TIME ZONE 'UTC'), resolved_at AT TIME ZONE 'UTC', interval '1 month') AS month
    WHERE resolved_at IS NOT NULL
    ORDER BY stream_id, month, external_id COLLATE "C"
    ON CONFLICT DO NOTHING
), ended AS (
    DELETE FROM open_case USING fresh
    WHERE open_case.tenant_id = $1 AND open_case.stream_id = fresh.stream_id
        AND open_case.external_id = fresh.external_id
        AND (fresh.opened_at IS NULL OR fresh.resolved_at IS NOT NULL)
), opened AS (
    INSERT INTO open_case (tenant_id, stream_id, external_id)
    SELECT $1, stream_id, external_id FROM fresh WHERE opened_at IS NOT NULL AND resolved_at IS NULL
    ON CONFLICT DO NOTHING
), touched AS (
    SELECT fresh.stream_id, fresh.external_id,
        least(fresh.opened_at, former_start) AS starts_at,
        greatest(CASE WHEN fresh.opened_at IS NOT NULL THEN coalesce(fresh.resolved_at, $11) END, former_end) AS ends_at
    FROM fresh JOIN accepted USING (stream_id, external_id)
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $12 + row_number() OVER (ORDER BY stream_id, external_id), stream_id,
        starts_at, ends_at + interval '1 microsecond'
    FROM touched WHERE starts_at IS NOT NULL
)
SELECT stream_id, external_id, CASE WHEN former_end = $11 THEN former_start END AS once_open_since
FROM fresh JOIN accepted USING (stream_id, external_id)
"""

# Candidates are cases that touch a month of the span, or are open: what is read depends on the span, not on history.
LOGS = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
        AS wanted (stream_id, starts_at, ends_at, place)
)
SELECT wanted.place,
    kept.external_id, kept.revision, kept.opened_at, kept.responded_at, kept.resolved_at, kept.pauses
FROM wanted
CROSS JOIN LATERAL (
    SELECT latest.* FROM (
        SELECT external_id FROM service_case_segment
        WHERE tenant_id = $1 AND stream_id = wanted.stream_id
            AND month >= date_trunc('month', wanted.starts_at AT TIME ZONE 'UTC')::date
            AND month <= ((wanted.ends_at - interval '1 microsecond') AT TIME ZONE 'UTC')::date
        UNION
        SELECT external_id FROM open_case WHERE tenant_id = $1 AND stream_id = wanted.stream_id
    ) AS candidate
    CROSS JOIN LATERAL (
        SELECT external_id, revision, opened_at, responded_at, resolved_at, pauses FROM service_case
        WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND external_id = candidate.external_id
        ORDER BY revision DESC LIMIT 1
    ) AS latest
    WHERE latest.opened_at < wanted.ends_at AND (latest.resolved_at IS NULL OR latest.resolved_at >= wanted.starts_at)
) AS kept
ORDER BY wanted.place, kept.opened_at, kept.external_id
"""

ORDER = pages.Order(tables.service_case.c.opened_at, tables.service_case.c.case_id)


class StoredCases:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def latest(self, identities: Collection[tuple[StreamId, str]]) -> Mapping[tuple[StreamId, str], CaseRevision]:
        visible = set(await slices.visible_streams(self._session, {stream for stream, _ in identities}))
        wanted = sorted(identity for identity in identities if identity[0] in visible)
        if not wanted:
            return {}
        rows = await self._session.fetch(
            LATEST_OF, self._session.tenant, [stream for stream, _ in wanted], [external for _, external in wanted]
        )
        return {(row["stream_id"], row["external_id"]): _to_revision(row) for row in rows}

    async def add(self, revisions: Sequence[CaseRevision]) -> frozenset[tuple[StreamId, str]]:
        if not revisions:
            return frozenset()
        by_identity = {(each.stream, each.external_id): each for each in revisions}
        assert len(by_identity) == len(revisions), "one call adds at most one revision of an identity"
        ordered = [by_identity[identity] for identity in sorted(by_identity)]
        fresh = await self._session.fetch(
            ADD,
            self._session.tenant,
            self._session.posting,
            [each.stream for each in ordered],
            [each.external_id for each in ordered],
            [each.revision for each in ordered],
            [self._session.mint() for _ in ordered],
            [None if each.case is None else each.case.opened_at for each in ordered],
            [None if each.case is None else each.case.responded_at for each in ordered],
            [None if each.case is None else each.case.resolved_at for each in ordered],
            [None if each.case is None else _as_json(each.case.pauses) for each in ordered],
            LATEST,
            self._session.take_ordinals(len(ordered)),
        )
        self._session.closing.once += once_open("service_case_segment", fresh)
        return frozenset(by_identity) - {(row["stream_id"], row["external_id"]) for row in fresh}

    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[CaseLog]:
        visible = set(await slices.visible_streams(self._session, {each.stream for each in wanted}))
        rows = await self._session.fetch(
            LOGS,
            self._session.tenant,
            [each.stream for each in wanted],
            [each.span.start for each in wanted],
            [each.span.end for each in wanted],
        )
        cases: list[list[Case]] = [[] for _ in wanted]
        for row in rows:
            place = row["place"] - 1
            if wanted[place].stream in visible:
                cases[place].append(_to_case(row))
        return [CaseLog(stream=each.stream, cases=cases[place]) for place, each in enumerate(wanted)]

    async def by_ids(self, ids: Collection[UUID]) -> Mapping[UUID, RecordedCase]:
        if not ids:
            return {}
        rows = await self._session.rows(self._known().where(one_of(tables.service_case.c.case_id, list(ids))))
        return {row["case_id"]: _to_recorded(row) for row in rows}

    async def page(self, wanted: PageRequest, where: CaseFilter) -> Page[RecordedCase]:
        return await pages.page(self._session, self._matching(where), ORDER, wanted, _to_recorded)

    async def count(self, where: CaseFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _known(self) -> Select[Any]:
        """Latest revisions with content, of streams in the slice, each with its stream."""
        row, stream, later = tables.service_case.c, tables.stream, tables.service_case.alias("later")
        superseded = exists().where(
            later.c.tenant_id == self._session.tenant,
            later.c.stream_id == row.stream_id,
            later.c.external_id == row.external_id,
            later.c.revision == row.revision + 1,
        )
        return (
            select(
                *(row[name] for name in ("case_id", "external_id", "revision", "pauses")),
                *(row[name] for name in ("opened_at", "responded_at", "resolved_at")),
                *(stream.c[name] for name in ("stream_id", "metric_id", "service_id", "source", "customer_id")),
                stream.c.vendor_id,
            )
            .join(stream, and_(stream.c.tenant_id == row.tenant_id, stream.c.stream_id == row.stream_id))
            .where(row.tenant_id == self._session.tenant, row.opened_at.is_not(None), ~superseded)
            .where(slices.streams(self._session))
        )

    def _matching(self, where: CaseFilter) -> Select[Any]:
        row, wanted = tables.service_case.c, self._known()
        if where.services:
            wanted = wanted.where(one_of(tables.stream.c.service_id, where.services))
        if where.within is not None:
            still = or_(row.resolved_at.is_(None), row.resolved_at >= where.within.start)
            wanted = wanted.where(row.opened_at < where.within.end, still)
        if where.open is not None:
            wanted = wanted.where(row.resolved_at.is_(None) if where.open else row.resolved_at.is_not(None))
        return wanted


def _as_json(pauses: Sequence[Pause]) -> str:
    return json.dumps([[each.start.isoformat(), each.end and each.end.isoformat()] for each in pauses])


def _to_case(row: Found) -> Case:
    # Written statements answer JSON as text, composed ones as what it holds.
    pauses = json.loads(row["pauses"]) if isinstance(row["pauses"], str) else row["pauses"]
    return Case(
        external_id=row["external_id"],
        opened_at=row["opened_at"],
        responded_at=row["responded_at"],
        resolved_at=row["resolved_at"],
        pauses=tuple(
            Pause(datetime.fromisoformat(start), None if end is None else datetime.fromisoformat(end))
            for start, end in pauses
        ),
        revision=row["revision"],
    )


def _to_revision(row: Found) -> CaseRevision:
    return CaseRevision(
        stream=row["stream_id"],
        external_id=row["external_id"],
        revision=row["revision"],
        case=None if row["opened_at"] is None else _to_case(row),
    )


def _to_recorded(row: Found) -> RecordedCase:
    return RecordedCase(id=row["case_id"], stream=to_stream(row), case=_to_case(row))

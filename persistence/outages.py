"""Outage records: revisions, how far streams have reported, and the logs that verdicts are made from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, or_, select

from domain.columns import RecordedOutage, StreamSpan
from domain.fact import Outage, OutageLog, OutageRevision
from domain.filters import OutageFilter
from domain.ids import StreamId
from domain.instants import EARLIEST, LATEST
from domain.paging import Page, PageRequest
from persistence import pages, slices, tables
from persistence.session import Found, Session, once_open, one_of
from persistence.streams import to_stream

LATEST_OF = """
SELECT kept.stream_id, kept.external_id, kept.revision, kept.impact, kept.starts_at, kept.ends_at
FROM unnest($2::uuid[], $3::text[]) AS wanted (stream_id, external_id)
CROSS JOIN LATERAL (
    SELECT * FROM outage
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND external_id = wanted.external_id
    ORDER BY revision DESC LIMIT 1
) AS kept
"""

# One statement for a batch. A revision goes in where the one before it is there, and nobody else added this one: its
# writer read the revision before, so whoever comes second is told. `former` is what each replaces.
#   segments  a row for each UTC month that an ended outage overlaps or touches, for ever
#   opened    outages that last, until a revision ends or withdraws them
#   marks     what the outage covered before and covers now; one that lasts covers all time from its start
ADD = """
WITH sent AS (
    SELECT * FROM
        unnest($3::uuid[], $4::text[], $5::int[], $6::uuid[], $7::text[], $8::timestamptz[], $9::timestamptz[])
        AS sent (stream_id, external_id, revision, new_id, impact, starts_at, ends_at)
), accepted AS (
    SELECT sent.*, former.outage_id, former.starts_at AS former_start, former.ends_at AS former_end
    FROM sent
    LEFT JOIN outage former ON former.tenant_id = $1 AND former.stream_id = sent.stream_id
        AND former.external_id = sent.external_id AND former.revision = sent.revision - 1
    WHERE sent.revision = 1 OR former.revision IS NOT NULL
), fresh AS (
    INSERT INTO outage (tenant_id, stream_id, external_id, revision, outage_id, posting_id, impact, starts_at, ends_at)
    SELECT $1, stream_id, external_id, revision, coalesce(outage_id, new_id), $2, impact, starts_at, ends_at
    FROM accepted ORDER BY stream_id, external_id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING stream_id, external_id, starts_at, ends_at
), segments AS (
    INSERT INTO outage_segment (tenant_id, stream_id, month, external_id)
    SELECT $1, stream_id, month::date, external_id
    FROM fresh CROSS JOIN LATERAL generate_series(
        date_trunc('month', (starts_at - interval '1 microsecond') AT TIME ZONE 'UTC'),
        ends_at AT TIME ZONE 'UTC',
        interval '1 month') AS month
    WHERE ends_at IS NOT NULL
    ORDER BY stream_id, month, external_id COLLATE "C"
    ON CONFLICT DO NOTHING
), ended AS (
    DELETE FROM open_outage USING fresh
    WHERE open_outage.tenant_id = $1 AND open_outage.stream_id = fresh.stream_id
        AND open_outage.external_id = fresh.external_id
        AND (fresh.starts_at IS NULL OR fresh.ends_at IS NOT NULL)
), opened AS (
    INSERT INTO open_outage (tenant_id, stream_id, external_id)
    SELECT $1, stream_id, external_id FROM fresh WHERE starts_at IS NOT NULL AND ends_at IS NULL
    ON CONFLICT DO NOTHING
), touched AS (
    SELECT fresh.stream_id, fresh.external_id,
        least(fresh.starts_at, former_start) AS starts_at,
        greatest(
            CASE WHEN fresh.starts_at IS NOT NULL THEN coalesce(fresh.ends_at, $10) END,
            CASE WHEN former_start IS NOT NULL THEN coalesce(former_end, $10) END) AS ends_at
    FROM fresh JOIN accepted USING (stream_id, external_id)
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $11 + row_number() OVER (ORDER BY stream_id, external_id), stream_id, starts_at, ends_at
    FROM touched WHERE starts_at IS NOT NULL
)
SELECT stream_id, external_id, CASE WHEN former_end IS NULL THEN former_start END AS once_open_since
FROM fresh JOIN accepted USING (stream_id, external_id)
"""

# Adds what reaches further than what is known, and marks the time between.
REPORT = """
WITH sent AS (
    SELECT sent.*, (
        SELECT max(reported_through) FROM stream_report WHERE tenant_id = $1 AND stream_id = sent.stream_id
    ) AS known
    FROM unnest($3::uuid[], $4::timestamptz[]) AS sent (stream_id, reported_through)
), fresh AS (
    INSERT INTO stream_report (tenant_id, stream_id, reported_through, posting_id)
    SELECT $1, stream_id, reported_through, $2 FROM sent
    WHERE known IS NULL OR known < reported_through
    ORDER BY stream_id
    ON CONFLICT DO NOTHING
    RETURNING stream_id, reported_through
)
INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
SELECT $1, $2, $5 + row_number() OVER (ORDER BY stream_id), stream_id, coalesce(known, $6), fresh.reported_through
FROM fresh JOIN sent USING (stream_id)
WHERE fresh.reported_through > coalesce(known, $6)
"""

# Candidates are outages that touch a month of the span, or last; what is read depends on the span, not on the history.
LOGS = """
WITH wanted AS MATERIALIZED (
    SELECT wanted.*, (
        SELECT max(reported_through) FROM stream_report WHERE tenant_id = $1 AND stream_id = wanted.stream_id
    ) AS reported_through
    FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
        AS wanted (stream_id, starts_at, ends_at, place)
)
SELECT wanted.place, wanted.reported_through,
    kept.external_id, kept.revision, kept.impact, kept.starts_at, kept.ends_at
FROM wanted
LEFT JOIN LATERAL (
    SELECT latest.* FROM (
        SELECT external_id FROM outage_segment
        WHERE tenant_id = $1 AND stream_id = wanted.stream_id
            AND month >= date_trunc('month', wanted.starts_at AT TIME ZONE 'UTC')::date
            AND month <= ((wanted.ends_at - interval '1 microsecond') AT TIME ZONE 'UTC')::date
        UNION
        SELECT external_id FROM open_outage WHERE tenant_id = $1 AND stream_id = wanted.stream_id
    ) AS candidate
    CROSS JOIN LATERAL (
        SELECT external_id, revision, impact, starts_at, ends_at FROM outage
        WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND external_id = candidate.external_id
        ORDER BY revision DESC LIMIT 1
    ) AS latest
    WHERE latest.starts_at <= wanted.ends_at AND (latest.ends_at IS NULL OR latest.ends_at >= wanted.starts_at)
) AS kept ON true
ORDER BY wanted.place, kept.starts_at, kept.external_id
"""

ORDER = pages.Order(tables.outage.c.starts_at, tables.outage.c.outage_id)


class StoredOutages:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def latest(
        self, identities: Collection[tuple[StreamId, str]]
    ) -> Mapping[tuple[StreamId, str], OutageRevision]:
        visible = set(await slices.visible_streams(self._session, {stream for stream, _ in identities}))
        wanted = sorted(identity for identity in identities if identity[0] in visible)
        if not wanted:
            return {}
        rows = await self._session.fetch(
            LATEST_OF, self._session.tenant, [stream for stream, _ in wanted], [external for _, external in wanted]
        )
        return {(row["stream_id"], row["external_id"]): _to_revision(row) for row in rows}

    async def add(self, revisions: Sequence[OutageRevision]) -> frozenset[tuple[StreamId, str]]:
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
            [None if each.outage is None else each.outage.impact for each in ordered],
            [None if each.outage is None else each.outage.start for each in ordered],
            [None if each.outage is None else each.outage.end for each in ordered],
            LATEST,
            self._session.take_ordinals(len(ordered)),
        )
        self._session.closing.once += once_open("outage_segment", fresh)
        return frozenset(by_identity) - {(row["stream_id"], row["external_id"]) for row in fresh}

    async def report(self, through: Mapping[StreamId, datetime]) -> None:
        if not through:
            return
        streams = sorted(through)
        await self._session.fetch(
            REPORT,
            self._session.tenant,
            self._session.posting,
            streams,
            [through[stream] for stream in streams],
            self._session.take_ordinals(len(streams)),
            EARLIEST,
        )

    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[OutageLog]:
        visible = set(await slices.visible_streams(self._session, {each.stream for each in wanted}))
        rows = await self._session.fetch(
            LOGS,
            self._session.tenant,
            [each.stream for each in wanted],
            [each.span.start for each in wanted],
            [each.span.end for each in wanted],
        )
        through: list[datetime | None] = [None] * len(wanted)
        outages: list[list[Outage]] = [[] for _ in wanted]
        for row in rows:
            place = row["place"] - 1
            if wanted[place].stream not in visible:
                continue
            through[place] = row["reported_through"]
            if row["external_id"] is not None:
                outages[place].append(_to_outage(row))
        return [
            OutageLog(stream=each.stream, outages=outages[place], reported_through=through[place])
            for place, each in enumerate(wanted)
        ]

    async def by_ids(self, ids: Collection[UUID]) -> Mapping[UUID, RecordedOutage]:
        if not ids:
            return {}
        rows = await self._session.rows(self._known().where(one_of(tables.outage.c.outage_id, list(ids))))
        return {row["outage_id"]: _to_recorded(row) for row in rows}

    async def page(self, wanted: PageRequest, where: OutageFilter) -> Page[RecordedOutage]:
        return await pages.page(self._session, self._matching(where), ORDER, wanted, _to_recorded)

    async def count(self, where: OutageFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _known(self) -> Select[Any]:
        """Latest revisions with content, of streams in the slice, each with its stream."""
        row, stream, later = tables.outage.c, tables.stream, tables.outage.alias("later")
        superseded = exists().where(
            later.c.tenant_id == self._session.tenant,
            later.c.stream_id == row.stream_id,
            later.c.external_id == row.external_id,
            later.c.revision == row.revision + 1,
        )
        return (
            select(
                row.outage_id,
                row.external_id,
                row.revision,
                row.impact,
                row.starts_at,
                row.ends_at,
                *(stream.c[name] for name in ("stream_id", "metric_id", "service_id", "source", "customer_id")),
                stream.c.vendor_id,
            )
            .join(stream, and_(stream.c.tenant_id == row.tenant_id, stream.c.stream_id == row.stream_id))
            .where(row.tenant_id == self._session.tenant, row.starts_at.is_not(None), ~superseded)
            .where(slices.streams(self._session))
        )

    def _matching(self, where: OutageFilter) -> Select[Any]:
        row, wanted = tables.outage.c, self._known()
        if where.services:
            wanted = wanted.where(one_of(tables.stream.c.service_id, where.services))
        if where.within is not None:
            overlaps = or_(row.ends_at.is_(None), row.ends_at > where.within.start)
            wanted = wanted.where(row.starts_at < where.within.end, overlaps)
        return wanted


def _to_outage(row: Found) -> Outage:
    return Outage(
        external_id=row["external_id"],
        impact=row["impact"],
        start=row["starts_at"],
        end=row["ends_at"],
        revision=row["revision"],
    )


def _to_revision(row: Found) -> OutageRevision:
    return OutageRevision(
        stream=row["stream_id"],
        external_id=row["external_id"],
        revision=row["revision"],
        outage=None if row["starts_at"] is None else _to_outage(row),
    )


def _to_recorded(row: Found) -> RecordedOutage:
    return RecordedOutage(
        id=row["outage_id"],
        stream=to_stream(row),
        outage=Outage(
            external_id=row["external_id"],
            impact=row["impact"],
            start=row["starts_at"],
            end=row["ends_at"],
            revision=row["revision"],
        ),
    )

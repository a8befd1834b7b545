"""Streams: what is measured, on which service, from which source."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select

from domain.ids import MetricId, PartyId, ServiceId, StreamId
from domain.instants import EARLIEST, LATEST
from domain.stream import Stream
from persistence import slices, tables
from persistence.session import Found, Session, one_of

# In the order of the key, so that two callers with the same new streams never wait for each other in a circle. The
# second waits for the first one's end, and then finds its rows.
ADD = """
INSERT INTO stream (tenant_id, stream_id, metric_id, service_id, source, customer_id, vendor_id, posting_id)
SELECT $1, sent.*, $8 FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[])
    AS sent (stream_id, metric_id, service_id, source, customer_id, vendor_id)
ORDER BY sent.metric_id, sent.service_id, sent.source COLLATE "C", sent.customer_id
ON CONFLICT (tenant_id, metric_id, service_id, source, customer_id) DO NOTHING
RETURNING stream_id
"""

FIND = """
SELECT kept.stream_id, kept.metric_id, kept.service_id, kept.source, kept.customer_id, kept.vendor_id
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[]) AS sent (metric_id, service_id, source, customer_id)
JOIN stream kept ON kept.tenant_id = $1 AND kept.metric_id = sent.metric_id AND kept.service_id = sent.service_id
    AND kept.source = sent.source AND kept.customer_id IS NOT DISTINCT FROM sent.customer_id
"""

# A stream of outages that has reported nothing yet makes time missing on its service, so it is a change by itself.
MARK = """
INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
SELECT $1, $2, $3 + row_number() OVER (ORDER BY added.stream_id), added.stream_id, $5, $6
FROM stream added
JOIN metric ON metric.tenant_id = $1 AND metric.metric_id = added.metric_id AND metric.aggregation = 'availability'
WHERE added.tenant_id = $1 AND added.stream_id = ANY ($4::uuid[])
"""

Key = tuple[MetricId, ServiceId, str, PartyId | None]


class StoredStreams:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def obtain(self, wanted: Sequence[Stream]) -> Sequence[Stream]:
        if not wanted:
            return []
        first_of = {_key(stream): stream for stream in reversed(wanted)}
        known = await self._found(list(first_of))
        unknown = [stream for key, stream in first_of.items() if key not in known]
        if unknown:
            await self._add(unknown)
            known |= await self._found([_key(stream) for stream in unknown])
        return [known[_key(stream)] for stream in wanted]

    async def by_ids(self, ids: Collection[StreamId]) -> Mapping[StreamId, Stream]:
        row = tables.stream.c
        wanted = select(tables.stream).where(
            row.tenant_id == self._session.tenant, one_of(row.stream_id, list(ids)), slices.streams(self._session)
        )
        return {found["stream_id"]: to_stream(found) for found in await self._session.rows(wanted)} if ids else {}

    async def measuring(self, metric: MetricId, services: Collection[ServiceId]) -> Sequence[Stream]:
        row = tables.stream.c
        wanted = select(tables.stream).where(
            row.tenant_id == self._session.tenant, row.metric_id == metric, one_of(row.service_id, list(services))
        )
        return [to_stream(found) for found in await self._session.rows(wanted.order_by(row.stream_id))]

    async def _found(self, keys: Sequence[Key]) -> dict[Key, Stream]:
        rows = await self._session.fetch(
            FIND, self._session.tenant, *(list(column) for column in zip(*keys, strict=True))
        )
        streams = [
            Stream(
                id=row["stream_id"],
                metric=row["metric_id"],
                service=row["service_id"],
                vendor=row["vendor_id"],
                source=row["source"],
                customer=row["customer_id"],
            )
            for row in rows
        ]
        return {_key(stream): stream for stream in streams}

    async def _add(self, streams: Sequence[Stream]) -> None:
        added = await self._session.fetch(
            ADD,
            self._session.tenant,
            [stream.id for stream in streams],
            [stream.metric for stream in streams],
            [stream.service for stream in streams],
            [stream.source for stream in streams],
            [stream.customer for stream in streams],
            [stream.vendor for stream in streams],
            self._session.posting,
        )
        await self._session.fetch(
            MARK,
            self._session.tenant,
            self._session.posting,
            self._session.take_ordinals(len(streams)),
            [row["stream_id"] for row in added],
            EARLIEST,
            LATEST,
        )


def _key(stream: Stream) -> Key:
    return stream.metric, stream.service, stream.source, stream.customer


def to_stream(row: Found) -> Stream:
    return Stream(
        id=row["stream_id"],
        metric=row["metric_id"],
        service=row["service_id"],
        vendor=row["vendor_id"],
        source=row["source"],
        customer=row["customer_id"],
    )

"""Tallies to record, fresh ones each time, and COPY of the very same rows into a table of the same shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter

import asyncpg

from domain.stream import StreamKey
from domain.usecases.record_measurements import RecordMeasurements, TallySeries

STEP = timedelta(minutes=15)
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
COPY_BATCH = 10_000
COLUMNS = ("tenant_id", "stream_id", "starts_at", "revision", "ends_at", "good", "total", "posting_id")

Rows = Sequence[tuple[object, ...]]


class Clockwork:
    """Hands out windows of time one after the other, so that no point comes twice."""

    def __init__(self, start: datetime = BEGINNING) -> None:
        self.now = start

    def window(self, points: int) -> datetime:
        """The start of the next window of so many steps."""
        start, self.now = self.now, self.now + points * STEP
        return start


def series_of(stream: StreamKey, start: datetime, points: int) -> TallySeries:
    starts = [start + number * STEP for number in range(points)]
    total = [900 + number % 101 for number in range(points)]
    return TallySeries(
        stream=stream,
        starts=starts,
        ends=[each + STEP for each in starts],
        good=[each - each % 7 for each in total],
        total=total,
    )


def batch_of(streams: Sequence[StreamKey], start: datetime, points: int) -> RecordMeasurements:
    """So many points for each stream, in ascending time."""
    return RecordMeasurements(tallies=tuple(series_of(stream, start, points) for stream in streams))


class Copied:
    """The other side: binary COPY by one connection that no policy holds."""

    def __init__(self, superuser: asyncpg.Connection) -> None:
        self._superuser = superuser

    async def prepare(self) -> None:
        """The same columns, checks and primary key, and no row-level security, which COPY refuses."""
        await self._superuser.execute("CREATE TABLE copied_tally (LIKE tally INCLUDING ALL)")

    async def rows_since(self, start: datetime) -> Rows:
        """What our side wrote, in the order of the key: the order that COPY likes best."""
        names = ", ".join(COLUMNS)
        found = await self._superuser.fetch(
            f"SELECT {names} FROM tally WHERE starts_at >= $1 ORDER BY posting_id, stream_id, starts_at", start
        )
        return [tuple(row) for row in found]

    async def copy(self, rows: Rows) -> float:
        """Rows a second."""
        batches = list(_cut(rows))
        begun = perf_counter()
        for batch in batches:
            await self._superuser.copy_records_to_table("copied_tally", records=batch, columns=COLUMNS)
        return len(rows) / (perf_counter() - begun)


def _cut(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), COPY_BATCH):
        yield rows[start : start + COPY_BATCH]

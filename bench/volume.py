"""Judging a month however much was measured: beside a sum over its raw points, and with fifty times the history.

Points are put in behind the service's back, facts and cells alike, as recording tens of millions would take an hour.
One tally is recorded as ever, then the worker's pass over the month is timed: it answers for all of them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from bench.ground import Ground
from bench.results import Result, interleaved
from bench.tallies import STEP, series_of
from bench.tenants import TALLIES, Measured, a_tenant
from domain.usecases.judging import judge_due
from domain.usecases.record_measurements import RecordMeasurements, record_measurements
from persistence.total_sql import TALLY_TOTALS
from runtime.service import Running, running
from runtime.worker import worker_of

LAST = datetime(2025, 10, 1, tzinfo=UTC)
"""The month that is judged."""
NEXT = datetime(2025, 11, 1, tzinfo=UTC)
NOW = datetime(2025, 11, 1, 6, tzinfo=UTC)
FREE = timedelta(days=1)
"""At the end of the month, kept for the tallies that are recorded while we measure."""
RUNS = 30
"""Each a tally of the free day, which has 96."""
SQL_RUNS = 3
WARM_UPS = 5

POINTS = """
INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, good, total, posting_id)
SELECT tenant_id, stream_id, starts_at, 1, starts_at + $4::interval, 99, 100, stream_id
FROM stream, generate_series($2::timestamptz, $3::timestamptz - $4::interval, $4::interval) AS starts_at
WHERE tenant_id = $1 ORDER BY stream_id, starts_at
"""
_QUARTERS = ", ".join(
    f"{aggregate} FILTER (WHERE extract(minute FROM starts_at)::int / 15 = {quarter})"
    for quarter in range(4)
    for aggregate in ("count(*)", "sum(good)", "sum(total)")
)
CELLS = f"""
INSERT INTO tally_cell
SELECT tenant_id, stream_id, date_trunc('hour', starts_at, 'UTC'), {_QUARTERS}
FROM tally WHERE tenant_id = $1 AND starts_at >= $2 AND starts_at < $3 GROUP BY 1, 2, 3
"""
AGGREGATE = """
SELECT sum(good), sum(total), count(*) FROM tally
WHERE tenant_id = $1 AND stream_id = $2 AND starts_at >= $3 AND starts_at < $4
"""


async def measure_aggregate(ground: Ground) -> Sequence[Result]:
    async with _history(ground, months=1, step=timedelta(milliseconds=250)) as tenant:
        count, ours, theirs = await tenant.points(), [], []
        for _ in range(WARM_UPS):
            await tenant.judged()
        for _ in range(SQL_RUNS):
            theirs.append(await tenant.aggregated())
            ours += [await tenant.judged() for _ in range(RUNS // SQL_RUNS)]
    note = (
        f"one tally recorded, then the worker's pass over a month of {count:,} points timed; "
        "beside it a sum over the same raw points in SQL, warm and without row-level security; medians"
    )
    return [
        Result(
            name="judge_vs_sql_aggregate",
            ours=1_000 / median(ours),
            theirs=1_000 / median(theirs),
            unit="1/s",
            note=note,
        )
    ]


async def measure_history(ground: Ground) -> Sequence[Result]:
    """Both judge a month of one million points; one of them lies behind 49 others."""
    step = timedelta(milliseconds=2500)
    async with AsyncExitStack() as stack:
        long = await stack.enter_async_context(_history(ground, months=50, step=step))
        short = await stack.enter_async_context(_history(ground, months=1, step=step))
        sides = await interleaved(long.judged, short.judged, runs=RUNS, warm_ups=WARM_UPS)
        counts = [await each.points() for each in (long, short)]
        pages = [await each.pages() for each in (long, short)]
    ours, theirs = sides.medians()
    told = f"of {counts[0]:,} and of {counts[1]:,} points; pages read by the month's totals: {pages[0]} and {pages[1]}"
    note = f"the worker's pass over one month {told}; median of {RUNS} interleaved runs"
    return [
        Result(name="judge_50m_vs_1m", ours=ours, theirs=theirs, unit="ms", note=note),
        Result(name="judge_50m_vs_1m_pages", ours=pages[0], theirs=pages[1], unit="pages", note=note),
    ]


@asynccontextmanager
async def _history(ground: Ground, *, months: int, step: timedelta) -> AsyncIterator[_Tenant]:
    async with (
        ground.place(f"volume_{months}") as place,
        running(place.service_url, pool_size=1, clock=lambda: NOW) as process,
        place.superuser() as superuser,
    ):
        since = _months_before(LAST, months - 1)
        measured = await a_tenant(place, process, services=1, promised="99.9", since=since, at=NOW)
        tenant = _Tenant(process, measured, superuser)
        await tenant.begun(since)
        for ago in reversed(range(months)):
            await tenant.lived_through(_months_before(LAST, ago), step)
        await superuser.execute("VACUUM (ANALYZE) tally, tally_cell")
        await superuser.execute("CHECKPOINT")
        await process.worker.settle_tenant(measured.tenant)
        yield tenant


class _Tenant:
    def __init__(self, process: Running, measured: Measured, superuser: asyncpg.Connection) -> None:
        self._process = process
        self._measured = measured
        self._superuser = superuser
        self._recorded = 0

    async def begun(self, since: datetime) -> None:
        """A first tally, so that there is a stream."""
        await self._record(since - timedelta(days=31))

    async def lived_through(self, month: datetime, step: timedelta) -> None:
        """The service is measured at each step of the month."""
        end = _months_before(month, -1) - (FREE if month == LAST else timedelta(0))
        tenant = self._measured.tenant
        await self._superuser.execute("SELECT keep_months('tally', ARRAY[$1::date])", month.date())
        await self._superuser.execute(POINTS, tenant, month, end, step)
        await self._superuser.execute(CELLS, tenant, month, end)

    async def judged(self) -> float:
        """Milliseconds of the pass after one more tally."""
        self._recorded += 1
        await self._record(NEXT - FREE + self._recorded * STEP)
        work, mint = self._process.open_work, self._process.mint
        begun = perf_counter()
        passed = await judge_due(work, worker_of(self._measured.tenant), at=NOW, mint=mint)
        milliseconds = (perf_counter() - begun) * 1_000
        assert (passed.judged, passed.more) == (1, False), "one tally makes one period dirty"
        return milliseconds

    async def aggregated(self) -> float:
        """Milliseconds of a sum over the month's points."""
        begun = perf_counter()
        await self._superuser.fetchrow(AGGREGATE, self._measured.tenant, await self._stream(), LAST, NEXT)
        return (perf_counter() - begun) * 1_000

    async def points(self) -> int:
        found: int = await self._superuser.fetchval("SELECT count(*) FROM tally")
        return found

    async def pages(self) -> int:
        """Read by the month's totals."""
        stream = await self._stream()
        sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {TALLY_TOTALS}"
        arguments: Sequence[object] = ([0], [stream], [0], [LAST], [NEXT], [], [], [])
        found = json.loads(await self._superuser.fetchval(sql, self._measured.tenant, *arguments))[0]["Plan"]
        return int(found["Shared Hit Blocks"]) + int(found["Shared Read Blocks"])

    async def _stream(self) -> UUID:
        found: UUID = await self._superuser.fetchval("SELECT stream_id FROM stream")
        return found

    async def _record(self, start: datetime) -> None:
        [stream] = self._measured.streams(TALLIES)
        work, mint = self._process.open_work, self._process.mint
        command = RecordMeasurements(tallies=(series_of(stream, start, 1),))
        recorded = await record_measurements(work, self._measured.admin, command, at=NOW, mint=mint)
        assert recorded.recorded == 1


def _months_before(month: datetime, count: int) -> datetime:
    index = month.year * 12 + month.month - 1 - count
    return month.replace(year=index // 12, month=index % 12 + 1)

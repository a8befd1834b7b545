"""Judging one month costs by that month's facts: a tenant with 24 months of history against one with a single month.

Both have the same services, promises and volume a month, each in a database of its own. A fact of the last month is
recorded, then the worker's pass over it is timed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

from bench.ground import Ground, Place
from bench.results import Measure, Result, Sides, interleaved
from bench.tallies import STEP, batch_of, series_of
from bench.tenants import OUTAGES, TALLIES, Measured, a_tenant
from domain.stream import StreamKey
from domain.usecases.judging import judge_due
from domain.usecases.record_measurements import RecordMeasurements, record_measurements
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report, record_outages
from runtime.service import Running, running
from runtime.worker import worker_of

SERVICES = 10
OUTAGES_A_MONTH = 200
LAST = datetime(2025, 10, 1, tzinfo=UTC)
"""The month that is judged, of 31 days."""
NOW = datetime(2025, 11, 1, 6, tzinfo=UTC)
"""Its verdict is provisional."""
KEPT_FREE = 96
"""Tallies of the last day, to be recorded while we measure."""
RUNS = 120
WARM_UPS = 10


async def measure(ground: Ground) -> Sequence[Result]:
    async with AsyncExitStack() as stack:
        long = await stack.enter_async_context(_history(ground, months=24))
        short = await stack.enter_async_context(_history(ground, months=1))
        shapes = {
            "tallies": await _sides(long.after_a_tally, short.after_a_tally),
            "outages": await _sides(long.after_an_outage, short.after_an_outage),
        }
    ratios = {shape: median(sides.ours) / median(sides.theirs) for shape, sides in shapes.items()}
    worse = max(ratios, key=lambda shape: ratios[shape])
    ours, theirs = shapes[worse].medians()
    told = ", ".join(f"{shape} {ratio:.2f}" for shape, ratio in ratios.items())
    note = (
        f"the worse of {told}; one fact recorded, then the worker's pass timed; a month holds 2,976 tallies on each of "
        f"{SERVICES} streams and {OUTAGES_A_MONTH} outages; one connection; median of {RUNS} interleaved runs"
    )
    return [Result(name="judge_24_months_vs_1", ours=ours, theirs=theirs, unit="ms", note=note)]


async def _sides(ours: Measure, theirs: Measure) -> Sides:
    return await interleaved(ours, theirs, runs=RUNS, warm_ups=WARM_UPS)


@asynccontextmanager
async def _history(ground: Ground, *, months: int) -> AsyncIterator[_Tenant]:
    async with (
        ground.place(f"judge_{months}") as place,
        running(place.service_url, pool_size=1, clock=lambda: NOW) as process,
    ):
        since = _months_before(LAST, months - 1)
        measured = await a_tenant(place, process, services=SERVICES, promised="99.9", since=since, at=NOW)
        tenant = _Tenant(process, measured)
        for ago in reversed(range(months)):
            await tenant.live_through(_months_before(LAST, ago))
        await process.worker.settle_tenant(measured.tenant)
        await _tidied(place)
        yield tenant


class _Tenant:
    def __init__(self, process: Running, measured: Measured) -> None:
        self._process = process
        self._measured = measured
        self._recorded = 0

    async def live_through(self, month: datetime) -> None:
        """Record a month: every tally but those kept free in the last one, its outages, and that all was reported."""
        end = _months_before(month, -1)
        points = (end - month) // STEP - (KEPT_FREE if month == LAST else 0)
        streams = self._measured.streams(TALLIES)
        for offset in range(0, points, 1_000):
            await self._record(batch_of(streams, month + offset * STEP, min(1_000, points - offset)))
        each = OUTAGES_A_MONTH // SERVICES
        outages = [
            _outage(stream, month, number) for stream in self._measured.streams(OUTAGES) for number in range(each)
        ]
        reports = [Report(stream=stream, through=min(end, NOW)) for stream in self._measured.streams(OUTAGES)]
        await self._record_outages(RecordOutages(outages=tuple(outages), reports=tuple(reports)))

    async def after_a_tally(self) -> float:
        number, service = divmod(self._recorded, SERVICES)
        start = _months_before(LAST, -1) - (KEPT_FREE - number) * STEP
        await self._record(RecordMeasurements(tallies=(series_of(self._measured.streams(TALLIES)[service], start, 1),)))
        return await self._judged()

    async def after_an_outage(self) -> float:
        stream = self._measured.streams(OUTAGES)[self._recorded % SERVICES]
        await self._record_outages(RecordOutages(outages=(_outage(stream, LAST, 100 + self._recorded),)))
        return await self._judged()

    async def _judged(self) -> float:
        """Milliseconds of the pass."""
        self._recorded += 1
        work, mint = self._process.open_work, self._process.mint
        begun = perf_counter()
        passed = await judge_due(work, worker_of(self._measured.tenant), at=NOW, mint=mint)
        milliseconds = (perf_counter() - begun) * 1_000
        assert (passed.judged, passed.more) == (1, False), "one fact makes one period dirty"
        return milliseconds

    async def _record(self, command: RecordMeasurements) -> None:
        work, mint = self._process.open_work, self._process.mint
        recorded = await record_measurements(work, self._measured.admin, command, at=NOW, mint=mint)
        assert recorded.recorded == sum(len(series.starts) for series in command.tallies)

    async def _record_outages(self, command: RecordOutages) -> None:
        work, mint = self._process.open_work, self._process.mint
        recorded = await record_outages(work, self._measured.admin, command, at=NOW, mint=mint)
        assert recorded.recorded == len(command.outages)


def _outage(stream: StreamKey, month: datetime, number: int) -> PostedOutage:
    """Up to 20 in a month stand apart from each other; those from 100 on lie between them."""
    start = month + timedelta(hours=36 * (number % 20), minutes=number % 100)
    length = timedelta(minutes=10 + number % 50) if number < 100 else timedelta(minutes=5)
    if number >= 100:
        start = month + timedelta(hours=18 + 36 * (number % 20), minutes=7 * (number // 20))
    return PostedOutage(
        stream=stream,
        external_id=f"{month:%Y-%m}-{number}",
        impact="major" if number % 3 else "minor",
        start=start,
        end=start + length,
    )


async def _tidied(place: Place) -> None:
    """What autovacuum comes to in time, at once, so that it does not come while we measure."""
    async with place.superuser() as superuser:
        await superuser.execute("VACUUM ANALYZE")
        await superuser.execute("CHECKPOINT")


def _months_before(month: datetime, count: int) -> datetime:
    index = month.year * 12 + month.month - 1 - count
    return month.replace(year=index // 12, month=index % 12 + 1)

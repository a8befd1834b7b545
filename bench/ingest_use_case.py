"""`record_measurements` against COPY: one connection, 10,000 points a batch."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from bench.ground import Ground
from bench.results import Result, interleaved
from bench.tallies import BEGINNING, COPY_BATCH, Clockwork, Copied, batch_of
from bench.tenants import TALLIES, Measured, a_tenant
from domain.usecases.record_measurements import record_measurements
from runtime.clock import system_clock
from runtime.service import Running, running

STREAMS = 10
POINTS = 1_000
BATCHES = 5
RUNS = 11


async def measure(ground: Ground) -> Sequence[Result]:
    async with (
        ground.place("ingest_use_case") as place,
        running(place.service_url, pool_size=1, clock=system_clock) as process,
        place.superuser() as superuser,
    ):
        at = system_clock()
        measured = await a_tenant(place, process, services=STREAMS, promised="99.9", since=BEGINNING, at=at)
        copied = Copied(superuser)
        await copied.prepare()
        pair = _Pair(process, measured, copied)
        sides = await interleaved(pair.ours, pair.theirs, runs=RUNS, warm_ups=2)
    ours, theirs = sides.medians()
    note = (
        f"{STREAMS * POINTS:,} tallies a batch ({STREAMS} streams x {POINTS:,}), one connection, "
        "under row-level security, with marks and the feed's number; COPY of the same rows by a superuser, "
        f"one connection, {COPY_BATCH:,} rows a batch; median of {RUNS} interleaved runs of {BATCHES} batches"
    )
    return [Result(name="ingest_use_case_vs_copy", ours=ours, theirs=theirs, unit="rows/s", note=note)]


class _Pair:
    def __init__(self, process: Running, measured: Measured, copied: Copied) -> None:
        self._process = process
        self._measured = measured
        self._copied = copied
        self._clockwork = Clockwork()
        self._since = BEGINNING

    async def ours(self) -> float:
        self._since = self._clockwork.now
        streams = self._measured.streams(TALLIES)
        commands = [batch_of(streams, self._clockwork.window(POINTS), POINTS) for _ in range(BATCHES)]
        work, mint, admin = self._process.open_work, self._process.mint, self._measured.admin
        recorded = 0
        begun = perf_counter()
        for command in commands:
            recorded += (await record_measurements(work, admin, command, at=system_clock(), mint=mint)).recorded
        seconds = perf_counter() - begun
        assert recorded == BATCHES * STREAMS * POINTS, "every point is new"
        return recorded / seconds

    async def theirs(self) -> float:
        return await self._copied.copy(await self._copied.rows_since(self._since))

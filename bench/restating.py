"""A year judged again: every objective of every service in each of its months, after one change that touches them all.

A small tenant and one of four times its size, so that it shows whether a period costs the same among many.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter

from bench.ground import Ground
from bench.results import Result, interleaved
from bench.tallies import STEP, batch_of
from bench.tenants import OUTAGES, TALLIES, Measured, a_tenant
from domain.exclusion import ExclusionKind
from domain.usecases.judging import judge_due
from domain.usecases.record_exclusions import RecordExclusion, WithdrawExclusion, record_exclusion, withdraw_exclusion
from domain.usecases.record_measurements import record_measurements
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report, record_outages
from runtime.service import Running, running
from runtime.worker import worker_of

SMALL = 5
LARGE = 20
OBJECTIVES = 2
"""Of each service: its availability and its requests."""
MONTHS = 12
OUTAGES_A_SERVICE = 60
BEGINS = datetime(2024, 1, 1, tzinfo=UTC)
ENDS = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 2, 1, tzinfo=UTC)
"""All twelve months are final, so each verdict that changes is restated."""
RUNS = 5


async def measure(ground: Ground) -> Sequence[Result]:
    async with AsyncExitStack() as stack:
        large = await stack.enter_async_context(_year(ground, services=LARGE))
        small = await stack.enter_async_context(_year(ground, services=SMALL))
        sides = await interleaved(large.judged_again, small.judged_again, runs=RUNS)
    ours, theirs = sides.medians()
    note = (
        f"periods of {LARGE} services x {OBJECTIVES} objectives x {MONTHS} months, with 35,136 tallies and "
        f"{OUTAGES_A_SERVICE} outages a service, judged again after an exclusion was taken back; beside it {SMALL} "
        f"services; one worker, one connection; median of {RUNS} interleaved runs"
    )
    return [Result(name="restate_year", ours=ours, theirs=theirs, unit="periods/s", note=note)]


@asynccontextmanager
async def _year(ground: Ground, *, services: int) -> AsyncIterator[_Tenant]:
    async with (
        ground.place(f"restating_{services}") as place,
        running(place.service_url, pool_size=1, clock=lambda: NOW) as process,
    ):
        measured = await a_tenant(place, process, services=services, promised="99.9", since=BEGINS, at=NOW)
        tenant = _Tenant(process, measured)
        await tenant.lived_through()
        await process.worker.settle_tenant(measured.tenant)
        async with place.superuser() as superuser:
            await superuser.execute("VACUUM ANALYZE")
            await superuser.execute("CHECKPOINT")
        yield tenant


class _Tenant:
    def __init__(self, process: Running, measured: Measured) -> None:
        self._process = process
        self._measured = measured
        self._work, self._mint = process.open_work, process.mint

    async def lived_through(self) -> None:
        admin, streams = self._measured.admin, self._measured.streams(TALLIES)
        a_call = 10_000 // len(streams)
        points = (ENDS - BEGINS) // STEP
        for offset in range(0, points, a_call):
            command = batch_of(streams, BEGINS + offset * STEP, min(a_call, points - offset))
            await record_measurements(self._work, admin, command, at=NOW, mint=self._mint)
        for stream in self._measured.streams(OUTAGES):
            outages = tuple(
                PostedOutage(
                    stream=stream,
                    external_id=f"outage-{number}",
                    impact="major",
                    start=BEGINS + number * timedelta(days=6),
                    end=BEGINS + number * timedelta(days=6) + timedelta(minutes=number + 1),
                )
                for number in range(OUTAGES_A_SERVICE)
            )
            reports = (Report(stream=stream, through=NOW),)
            recorded = RecordOutages(outages=outages, reports=reports)
            await record_outages(self._work, admin, recorded, at=NOW, mint=self._mint)

    async def judged_again(self) -> float:
        """Periods a second, of the passes after the exclusion of a year was taken back."""
        admin = self._measured.admin
        async with self._work(admin) as work:
            services = await work.services.by_codes(self._measured.services)
        taken = [
            await record_exclusion(
                self._work,
                admin,
                RecordExclusion(kind=ExclusionKind.SUSPENSION, start=BEGINS, end=ENDS, service=service.id),
                at=NOW,
                mint=self._mint,
            )
            for service in services.values()
        ]
        await self._settled()
        for each in taken:
            back = WithdrawExclusion(exclusion=each.id, replaces=each.revision)
            await withdraw_exclusion(self._work, admin, back, at=NOW)
        begun = perf_counter()
        judged = await self._settled()
        seconds = perf_counter() - begun
        assert judged >= len(services) * OBJECTIVES * MONTHS, f"{judged} periods were judged again"
        return judged / seconds

    async def _settled(self) -> int:
        judged, more = 0, True
        while more:
            passed = await judge_due(self._work, worker_of(self._measured.tenant), at=NOW, mint=self._mint)
            judged, more = judged + passed.judged, passed.more
        return judged

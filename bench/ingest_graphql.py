"""`recordMeasurements` over HTTP against COPY: columns, 5,000 points a call, four clients, one server process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from bench.beside import beside
from bench.ground import Ground, Place
from bench.posting import Client, request
from bench.results import Result, interleaved
from bench.serving import Address, serving
from bench.tallies import BEGINNING, COPY_BATCH, Clockwork, Copied, series_of
from bench.tenants import TALLIES, a_key, a_tenant
from bench.waiting import until_judged
from domain.policy import Role
from domain.stream import StreamKey
from runtime.clock import system_clock
from runtime.service import running

CLIENTS = 4
STREAMS = 10
POINTS = 500
CALLS = 10
"""Of each client in a run."""
RUNS = 9

RECORD = """
mutation Record($input: RecordMeasurementsInput!) {
  recordMeasurements(input: $input) { recordedCount userErrors { code message path } }
}
"""


async def measure(ground: Ground) -> Sequence[Result]:
    async with ground.place("ingest_graphql") as place, place.superuser() as superuser:
        at = system_clock()
        async with running(place.service_url, pool_size=1, clock=system_clock) as process:
            measured = await a_tenant(place, process, services=STREAMS, promised="99.9", since=BEGINNING, at=at)
            key = await a_key(place, process, measured, Role.INGEST)
        copied = Copied(superuser)
        await copied.prepare()
        async with serving(place) as address, beside(_posted) as clients:
            pair = _Pair(place, copied, clients, address, key, measured.streams(TALLIES))
            sides = await interleaved(pair.ours, pair.theirs, runs=RUNS, warm_ups=1)
    ours, theirs = sides.medians()
    note = (
        f"columns, {STREAMS * POINTS:,} tallies a call ({STREAMS} streams x {POINTS:,}), {CLIENTS} clients with a kept "
        "connection each, in one process; one server process (interpact serve, its worker in it, judging meanwhile); "
        f"COPY of the same rows by a superuser, one connection, {COPY_BATCH:,} rows a batch; "
        f"median of {RUNS} interleaved runs of {CLIENTS * CALLS} calls"
    )
    return [Result(name="ingest_graphql_vs_copy", ours=ours, theirs=theirs, unit="rows/s", note=note)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What the clients post in one run: `starts` has the first instant of each call of each client."""

    address: Address
    key: str
    streams: Sequence[StreamKey]
    starts: Sequence[Sequence[datetime]]


class _Pair:
    def __init__(
        self,
        place: Place,
        copied: Copied,
        clients: Callable[[_Order], Awaitable[tuple[int, float]]],
        address: Address,
        key: str,
        streams: Sequence[StreamKey],
    ) -> None:
        self._place = place
        self._copied = copied
        self._clients = clients
        self._address = address
        self._key = key
        self._streams = streams
        self._clockwork = Clockwork()
        self._since = BEGINNING

    async def ours(self) -> float:
        self._since = self._clockwork.now
        windows = [[self._clockwork.window(POINTS) for _ in range(CLIENTS)] for _ in range(CALLS)]
        order = _Order(
            address=self._address,
            key=self._key,
            streams=self._streams,
            starts=[[window[client] for window in windows] for client in range(CLIENTS)],
        )
        recorded, seconds = await self._clients(order)
        assert recorded == CLIENTS * CALLS * STREAMS * POINTS, "every point is new"
        return float(recorded / seconds)

    async def theirs(self) -> float:
        """Once the worker is through, so that COPY has the machine for itself."""
        await until_judged(self._place)
        return await self._copied.copy(await self._copied.rows_since(self._since))


async def _posted(order: _Order) -> tuple[int, float]:
    """Points recorded, and the seconds from the first byte sent to the last answer; requests are made beforehand."""
    requests = [
        [request(order.address, order.key, RECORD, _variables(order.streams, start)) for start in starts]
        for starts in order.starts
    ]
    begun = perf_counter()
    recorded = await asyncio.gather(*(_post_all(order.address, each) for each in requests))
    return sum(recorded), perf_counter() - begun


async def _post_all(address: Address, requests: Sequence[bytes]) -> int:
    recorded = 0
    async with Client(address) as client:
        for each in requests:
            answer = (await client.post(each))["recordMeasurements"]
            assert not answer["userErrors"], answer["userErrors"]
            recorded += answer["recordedCount"]
    return recorded


def _variables(streams: Sequence[StreamKey], start: datetime) -> dict[str, object]:
    tallies = []
    for stream in streams:
        series = series_of(stream, start, POINTS)
        columns = {
            "stream": {"metric": stream.metric, "service": stream.service, "vendor": stream.vendor},
            "starts": [_written(each) for each in series.starts],
            "ends": [_written(each) for each in series.ends],
            "good": series.good,
            "total": series.total,
        }
        tallies.append(columns)
    return {"input": {"tallies": tallies}}


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}Z"

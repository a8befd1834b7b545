"""From a vendor's post of an outage to the event at a subscriber, beside a bare commit on the same server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import asyncpg
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.ground import Ground
from bench.posting import Client, request
from bench.results import Result, Sides, interleaved, percentile
from bench.serving import Address, serving
from bench.tenants import OUTAGES, VENDOR, a_key, a_tenant
from bench.waiting import until_judged
from domain.policy import Role
from domain.usecases.record_outages import RecordOutages, Report, record_outages
from runtime.clock import system_clock
from runtime.service import running

BREACHES = 240
WARM_UPS = 10
PAUSE_SECONDS_MAX = 0.05
"""Before each post, by chance, so that posts keep no step with polls."""
EVENT_SECONDS_MAX = 10

RECORD = """
mutation Record($input: RecordOutagesInput!) {
  recordOutages(input: $input) { recordedCount userErrors { code message path } }
}
"""
FOLLOW = """
subscription Follow {
  breachEvents { __typename cursor ... on BreachEvent { transition serviceCode value target } }
}
"""


async def measure(ground: Ground) -> Sequence[Result]:
    async with ground.place("breach_latency") as place, place.superuser() as superuser:
        at = system_clock()
        async with running(place.service_url, pool_size=1, clock=system_clock) as process:
            month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            services = WARM_UPS + BREACHES
            measured = await a_tenant(place, process, services=services, promised="100", since=month, at=at)
            reports = tuple(Report(stream=stream, through=at) for stream in measured.streams(OUTAGES))
            await record_outages(
                process.open_work, measured.admin, RecordOutages(reports=reports), at=at, mint=process.mint
            )
            vendor = await a_key(place, process, measured, Role.VENDOR, measured.vendor)
            reader = await a_key(place, process, measured, Role.ANALYST)
        await superuser.execute("CREATE TABLE bare (id bigserial PRIMARY KEY, at timestamptz NOT NULL)")
        async with serving(place) as address, Client(address) as poster:
            await until_judged(place)
            async with _following(address, reader) as follower:
                pair = _Pair(superuser, poster, follower, address, vendor, measured.services)
                sides = await interleaved(pair.ours, pair.theirs, runs=BREACHES, warm_ups=WARM_UPS)
    return [_result(sides, 50, "breach_latency_vs_commit_p50"), _result(sides, 99, "breach_latency_vs_commit")]


def _result(sides: Sides, percent: int, name: str) -> Result:
    note = (
        f"p{percent} of {BREACHES} breaches, one after the other, each of another service in the running month: from "
        "a post of one outage by a vendor's key over HTTP to its event over graphql-transport-ws, one connection each, "
        "one server process (interpact serve, its worker in it); beside as many bare commits of one inserted row, "
        "interleaved one by one"
    )
    ours, theirs = percentile(sides.ours, percent), percentile(sides.theirs, percent)
    return Result(name=name, ours=ours, theirs=theirs, unit="ms", note=note)


class _Pair:
    """Each breach is a new one, of another service. Where 100 percent is promised, any outage is one too many."""

    def __init__(
        self,
        superuser: asyncpg.Connection,
        poster: Client,
        follower: _Follower,
        address: Address,
        key: str,
        services: Sequence[str],
    ) -> None:
        self._superuser = superuser
        self._poster = poster
        self._follower = follower
        self._address = address
        self._key = key
        self._left = list(services)

    async def ours(self) -> float:
        """Milliseconds."""
        service = self._left.pop()
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS_MAX))
        whole = request(self._address, self._key, RECORD, _variables(service, system_clock()))
        begun = perf_counter()
        posted = asyncio.create_task(self._poster.post(whole))
        event = await self._follower.next_event()
        milliseconds = (perf_counter() - begun) * 1_000
        answer = (await posted)["recordOutages"]
        assert (answer["recordedCount"], answer["userErrors"]) == (1, []), answer
        assert (event["transition"], event["serviceCode"]) == ("OPENED", service), event
        return milliseconds

    async def theirs(self) -> float:
        begun = perf_counter()
        await self._superuser.execute("INSERT INTO bare (at) VALUES (clock_timestamp())")
        return (perf_counter() - begun) * 1_000


class _Follower:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def next_event(self) -> dict[str, Any]:
        """The next breach; heartbeats are passed over."""
        item = await self.next_item()
        while item["__typename"] == "Heartbeat":
            item = await self.next_item()
        return item

    async def next_item(self) -> dict[str, Any]:
        async with asyncio.timeout(EVENT_SECONDS_MAX):
            message = orjson.loads(await self._socket.recv())
            while message["type"] == "ping":
                await self._socket.send('{"type":"pong"}')
                message = orjson.loads(await self._socket.recv())
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        item: dict[str, Any] = message["payload"]["data"]["breachEvents"]
        return item


@asynccontextmanager
async def _following(address: Address, key: str) -> AsyncIterator[_Follower]:
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(address.websocket, subprotocols=[protocol], compression=None) as socket:
        greeting = {"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}}
        await socket.send(orjson.dumps(greeting).decode())
        assert orjson.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}}).decode())
        follower = _Follower(socket)
        # The first item is a heartbeat: from here on nothing is missed.
        await follower.next_item()
        yield follower


def _variables(service: str, now: datetime) -> dict[str, object]:
    start = now - timedelta(minutes=1)
    outage = {
        "stream": {"metric": OUTAGES, "service": service, "vendor": VENDOR},
        "externalId": service,
        "impact": "critical",
        "startedAt": f"{start:%Y-%m-%dT%H:%M:%S.%fZ}",
        "endedAt": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    return {"input": {"outages": [outage]}}

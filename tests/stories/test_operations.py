"""What an operator relies on: logs that tell no secrets, metrics that move, and a stop that hands its clients over."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.settings import sealing_secrets, service_settings
from tests.stories import processes
from tests.stories.conftest import House, NewShop
from tests.stories.documents import BREACH_EVENTS, OUTAGES, RECORD_OUTAGES, mutation
from tests.stories.shop import Shop, an_outage_of_the_day, midnight
from tests.stories.talking import Client, Subscriber, let_in, subscribed

CLIENTS = 20
JSON = {"INTERPACT_LOG_FORMAT": "json", "INTERPACT_LOG_LEVEL": "debug"}


def at(served: processes.Running, client: Client) -> Client:
    return replace(client, graphql=served.graphql)


async def test_logs_name_request_tenant_and_role_and_never_a_secret(
    house: House, http: httpx.AsyncClient, a_shop: NewShop, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with processes.serving(house.data_dir, more=JSON, log=log) as served:
        shop = await a_shop(served)
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
            cursors = [(await subscriber.event())["cursor"]]
            answer = await shop.vendor.post(
                mutation(RECORD_OUTAGES), input={"outages": [an_outage_of_the_day(2).line()], "onInvalid": "KEEP_GOOD"}
            )
            assert answer.status_code == 200
            cursors.append((await subscriber.event())["cursor"])
        mistyped = shop.admin.key[:-1] + ("0" if shop.admin.key[-1] != "0" else "1")
        assert (await replace(shop.admin, key=mistyped).post(OUTAGES)).status_code == 401
        assert (await http.get(f"{served.graphql}?query=nonsense&key={shop.rival.key}")).status_code == 401
        await shop.admin.said("{ nothing }")
    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    told = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    assert [(line["kind"], line["outcome"], line["role"]) for line in told] == [("mutation", "ok", "vendor")]
    # The worker serves every tenant of the house, those of other stories too.
    assert told[0]["tenant"] in {line["tenant"] for line in lines if line["message"] == "periods were judged"}
    environment = service_settings(processes.environment(house.data_dir))
    keys = [client.key for client in (shop.admin, shop.vendor, shop.rival)]
    secrets = [mistyped, *(part for key in keys for part in (key, key.split("_")[2])), *cursors]
    secrets += [house.server.service_url, house.server.service_url.split(":")[2].split("@")[0]]
    secrets += [*(each.hex() for each in sealing_secrets(environment)), "day-2", "authorization", "Bearer ipk"]
    assert [secret for secret in secrets if secret in text] == []


async def figures(http: httpx.AsyncClient, address: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    response = await http.get(f"{address}/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_metrics_move_with_what_happens_and_name_no_tenant(
    house: House, http: httpx.AsyncClient, a_shop: NewShop, tmp_path: Path
) -> None:
    async with processes.serving(house.data_dir, log=tmp_path / "log") as served:
        shop = await a_shop(served)
        before = await figures(http, served.address)
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
            await subscriber.event()
            await shop.post(an_outage_of_the_day(2), an_outage_of_the_day(3))
            for _ in range(2):
                await subscriber.event()
            during = await figures(http, served.address)
        await shop.admin.ask("{ __typename }")
        await replace(shop.admin, key="ipk_wrong").post(OUTAGES)
        await shop.admin.said("query ($id: ID!) { node(id: $id) { id } }", id=1.5)
        after = await figures(http, served.address)
        text = (await http.get(f"{served.address}/metrics")).text
        remote = await http.get(f"{served.address}/metrics", headers={"x-forwarded-for": "192.0.2.1"})
    assert remote.status_code == 404
    assert during["interpact_sockets_open",] == during["interpact_subscriptions_open",] == 1
    moved = {
        name: after.get(name, 0.0) - before.get(name, 0.0)
        for name in (
            ("interpact_facts_total", "recordOutages", "recorded"),
            ("interpact_operation_seconds_count", "mutation", "ok"),
            ("interpact_operation_seconds_count", "query", "ok"),
            ("interpact_operation_seconds_count", "query", "refused"),
            ("interpact_events_sent_total",),
            ("interpact_http_responses_total", "/graphql", "401"),
            ("interpact_sockets_open",),
        )
    }
    assert list(moved.values()) == [2, 1, 1, 1, 3, 1, 0]
    for name in ("interpact_worker_pass_seconds_count", "interpact_statement_seconds_count"):
        assert sum(value for key, value in after.items() if key[0] == name) > 0
    assert after["interpact_periods_judged_total",] > before["interpact_periods_judged_total",]
    assert after["interpact_pool_connections_max",] == 10
    assert shop.admin.key not in text
    assert not any("tenant" in label for family in text_string_to_metric_families(text) for label in labels_of(family))


def labels_of(family: Any) -> set[str]:
    return {label for sample in family.samples for label in sample.labels}


async def test_metrics_can_be_turned_off_and_a_worker_has_an_address_of_its_own_for_them(
    house: House, http: httpx.AsyncClient, tmp_path: Path, unused_tcp_port: int
) -> None:
    listen = {"INTERPACT_METRICS_LISTEN": f"127.0.0.1:{unused_tcp_port}"}
    log = tmp_path / "log"
    async with (
        processes.serving(house.data_dir, "--no-worker", more={"INTERPACT_METRICS": "0"}, log=log) as served,
        processes.working(house.data_dir, more=listen, log=log),
    ):
        assert (await http.get(f"{served.address}/metrics")).status_code == 404
        async with asyncio.timeout(30):
            while not await accepts(f"http://127.0.0.1:{unused_tcp_port}"):
                await asyncio.sleep(0.1)
        found = await figures(http, f"http://127.0.0.1:{unused_tcp_port}")
        assert found["interpact_worker_lag_seconds",] >= 0
        assert (await http.get(f"http://127.0.0.1:{unused_tcp_port}/graphql")).status_code == 404


class Follower:
    """A client that notes what it hears, and goes on elsewhere when it is sent away."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.cursor: str | None = None
        self.starts: list[str] = []
        self.closed: list[tuple[int | None, str | None]] = []
        self.ready = asyncio.Event()

    async def follow(self, addresses: list[str], expected: int) -> None:
        for address in addresses:
            async with subscribed(address, self._key, BREACH_EVENTS, after=self.cursor) as subscriber:
                if await self._heard(subscriber, expected):
                    return
                self.closed.append(await subscriber.closed())

    async def _heard(self, subscriber: Subscriber, expected: int) -> bool:
        """Whether all that was expected has come; False where the socket was closed before."""
        while len(self.starts) < expected:
            try:
                event = await subscriber.event(30)
            except Exception:
                if subscriber.connection.close_code is None:
                    raise
                return False
            self.cursor = event["cursor"]
            self.ready.set()
            if event["__typename"] == "BreachEvent":
                self.starts.append(event["period"]["start"])
        return True


async def test_a_process_that_is_stopped_hands_its_subscribers_over_and_none_misses_an_event(
    house: House, http: httpx.AsyncClient, a_shop: NewShop, tmp_path: Path
) -> None:
    log, days = tmp_path / "log", range(2, 14)
    leaving = {"INTERPACT_LEAVE_SECONDS": "2"}
    async with (
        processes.serving(house.data_dir, log=log) as stays,
        processes.serving(house.data_dir, "--no-worker", more=leaving, log=log) as leaves,
    ):
        shop = await a_shop(stays)
        witness = Follower(shop.admin.key)
        followers = [Follower(shop.admin.key) for _ in range(CLIENTS)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(witness.follow([stays.address], len(days)))
            for follower in followers:
                tasks.create_task(follower.follow([leaves.address, stays.address], len(days)))
            await asyncio.gather(*(follower.ready.wait() for follower in (witness, *followers)))
            for day in days[:4]:
                await shop.post(an_outage_of_the_day(day))
            leaves.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while (ready := await http.get(f"{leaves.address}/readyz")).status_code == 200:
                    await asyncio.sleep(0.02)
            assert ready.json() == {"status": "not ready", "reason": "this process is stopping"}
            # Still accepting, so that who comes before the load balancer noticed is served.
            assert (await at(leaves, shop.admin).post("{ __typename }")).status_code == 200
            for day in days[4:-1]:
                # Some are heard here, some while nobody listens, some there.
                await asyncio.sleep(0.4)
                await shop.post(an_outage_of_the_day(day))
            assert await asyncio.wait_for(leaves.process.wait(), 30) == 0
            await shop.post(an_outage_of_the_day(days[-1]))
    assert sorted(witness.starts) == sorted(midnight(day).strftime("%Y-%m-%dT%H:%M:%SZ") for day in days)
    assert [follower.starts for follower in followers] == [witness.starts] * CLIENTS
    closing = (1012, "Service restart: connect again and resume")
    assert [follower.closed for follower in followers] == [[closing]] * CLIENTS


@pytest.mark.parametrize("by", ["http", "socket"])
async def test_a_process_that_is_stopped_finishes_what_it_has_begun(
    house: House, a_shop: NewShop, tmp_path: Path, by: str
) -> None:
    async with processes.serving(house.data_dir, log=tmp_path / "log") as served:
        shop = await a_shop(served)
        superuser = await asyncpg.connect(house.server.superuser_url, database="interpact")
        try:
            blocked = superuser.transaction()
            await blocked.start()
            await superuser.execute("LOCK TABLE outage IN ACCESS EXCLUSIVE MODE")
            begun = asyncio.create_task(posted(shop, served, by))
            await waits_for_lock(superuser)
            served.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while await accepts(served.address):
                    await asyncio.sleep(0.02)
            assert not begun.done()
            await blocked.rollback()
            assert (await begun)["recordOutages"]["recordedCount"] == 1
        finally:
            await superuser.close()
        assert await asyncio.wait_for(served.process.wait(), 30) == 0


async def posted(shop: Shop, served: processes.Running, by: str) -> Mapping[str, Any]:
    given = {"input": {"outages": [an_outage_of_the_day(2).line()]}}
    if by == "http":
        return await shop.vendor.ask(mutation(RECORD_OUTAGES), **given)
    async with let_in(served.address, shop.vendor.key) as client:
        payload = {"query": mutation(RECORD_OUTAGES), "variables": given}
        await client.say({"id": "1", "type": "subscribe", "payload": payload})
        message = await client.hear()
        assert await client.hear() == {"id": "1", "type": "complete"}
        assert (await client.closed())[0] == 1012
    data: Mapping[str, Any] = message["payload"]["data"]
    return data


async def waits_for_lock(superuser: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await superuser.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)


async def accepts(address: str) -> bool:
    host, _, port = address.removeprefix("http://").rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_a_stream_of_events_ends_without_complete_when_its_process_stops_and_goes_on_elsewhere(
    house: House, http: httpx.AsyncClient, a_shop: NewShop, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with (
        processes.serving(house.data_dir, log=log) as stays,
        processes.serving(house.data_dir, "--no-worker", log=log) as leaves,
    ):
        shop = await a_shop(stays)
        async with events(http, leaves, shop.admin) as lines:
            assert await anext(lines) == "event: next"
            last = (await anext(lines)).removeprefix("id: ")
            leaves.process.send_signal(signal.SIGTERM)
            rest = [line async for line in lines]
        assert [line for line in rest if line.startswith("event:")] == []
        await shop.post(an_outage_of_the_day(2))
        async with events(http, stays, shop.admin, **{"last-event-id": last}) as lines:
            async with asyncio.timeout(30):
                async for line in lines:
                    if midnight(2).strftime("%Y-%m-%dT%H:%M:%SZ") in line:
                        break
        assert await asyncio.wait_for(leaves.process.wait(), 30) == 0


@asynccontextmanager
async def events(
    http: httpx.AsyncClient, served: processes.Running, client: Client, **headers: str
) -> AsyncIterator[AsyncIterator[str]]:
    headers |= {"accept": "text/event-stream", "authorization": f"Bearer {client.key}"}
    async with http.stream("POST", served.graphql, json={"query": BREACH_EVENTS}, headers=headers) as response:
        assert response.status_code == 200
        yield response.aiter_lines()

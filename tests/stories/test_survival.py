"""What was acknowledged is there after a kill -9 of any process, and a subscriber goes on where it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from runtime.embedded_cluster import Home, postmaster, stop_server
from runtime.private import is_free, until
from tests.stories import processes
from tests.stories.documents import BREACH_EVENTS, OUTAGES
from tests.stories.shop import Shop, an_outage_of_the_day, midnight, opened
from tests.stories.talking import subscribed


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder of the test's own; what its killed processes left running is stopped after."""
    folder = tmp_path / "data"
    yield folder
    await asyncio.to_thread(stop_server, Home(path=folder / "postgres"))


def moved(shop: Shop, served: processes.Running) -> Shop:
    """The same people at the address of the restarted service."""
    clients = {name: replace(getattr(shop, name), graphql=served.graphql) for name in ("admin", "vendor", "rival")}
    return replace(shop, address=served.address, **clients)


async def externals(shop: Shop) -> set[str]:
    return {outage["externalId"] for outage in (await shop.vendor.ask(OUTAGES))["outages"]["nodes"]}


async def test_after_a_kill_of_the_service_facts_are_there_and_a_subscriber_resumes(
    data_dir: Path, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with processes.serving(data_dir, log=log) as served:
        shop = await opened(data_dir, http, served)
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
            assert (await subscriber.event())["__typename"] == "Heartbeat"
            await shop.post(an_outage_of_the_day(2))
            heard = await subscriber.event()
        await shop.post(an_outage_of_the_day(3))
        await served.kill()
    async with processes.serving(data_dir, log=log) as served:
        shop = moved(shop, served)
        assert await externals(shop) == {"day-2", "day-3"}
        await shop.post(an_outage_of_the_day(4))
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS, after=heard["cursor"]) as subscriber:
            events = [await subscriber.event() for _ in range(2)]
        starts = [midnight(days_ago).strftime("%Y-%m-%dT%H:%M:%SZ") for days_ago in (3, 4)]
        assert [event["period"]["start"] for event in events] == starts


async def test_after_a_kill_of_postgresql_itself_facts_are_there(
    data_dir: Path, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    log, home = tmp_path / "log", Home(path=data_dir / "postgres")
    async with processes.serving(data_dir, log=log) as served:
        shop = await opened(data_dir, http, served)
        for days_ago in range(2, 7):
            await shop.post(an_outage_of_the_day(days_ago))
        pid = postmaster(home)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(until, lambda: is_free(home.alive), seconds_max=30)
        assert (await http.get(f"{served.address}/livez")).status_code == 200
        assert (await http.get(f"{served.address}/readyz")).status_code == 503
        await served.kill()
    async with processes.serving(data_dir, log=log) as served:
        shop = moved(shop, served)
        assert await externals(shop) == {f"day-{days_ago}" for days_ago in range(2, 7)}
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
            first = await subscriber.event()
            assert first["__typename"] == "Heartbeat"
            await shop.post(an_outage_of_the_day(8))
            later = [await subscriber.event()]
            while later[-1]["period"]["start"] != midnight(8).strftime("%Y-%m-%dT%H:%M:%SZ"):
                later.append(await subscriber.event())

"""A front end follows breaches, is cut off, and misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from domain.policy import Role
from graph.cursors import Seal
from runtime.settings import sealing_secrets, service_settings
from tests.stories import processes
from tests.stories.conftest import House, NewShop
from tests.stories.cutting import a_wire
from tests.stories.documents import BREACH_EVENTS
from tests.stories.front_end import a_follower, needs_node
from tests.stories.shop import RIVAL, Shop, Told, an_outage_of_the_day, midnight, now, told
from tests.stories.talking import subscribed
from tests.stories.tenants import a_key, a_tenant


@pytest.fixture(scope="module")
async def served(house: House) -> AsyncIterator[processes.Running]:
    """`interpact serve` with its worker."""
    async with processes.serving(house.data_dir, log=house.log) as running:
        yield running


@pytest.fixture(scope="module")
async def shop(served: processes.Running, a_shop: NewShop) -> Shop:
    return await a_shop(served)


@needs_node
async def test_a_front_end_that_was_cut_off_gets_each_breach_once_and_in_order(
    served: processes.Running, shop: Shop
) -> None:
    async with (
        a_wire(served.address) as wire,
        a_follower(wire.address, shop.admin.key) as follower,
        subscribed(served.address, shop.admin.key, BREACH_EVENTS) as witness,
        subscribed(served.address, shop.rival.key, BREACH_EVENTS) as rival,
    ):
        await follower.noted("connected")
        assert (await witness.event())["__typename"] == "Heartbeat"
        silent_at = await rival.event()
        start = now() - timedelta(hours=3)
        await shop.post(
            Told(service="checkout", external_id="o1", started_at=start, ended_at=start + timedelta(minutes=90))
        )
        first = await follower.event()
        assert told(first) == ("OPENED", "MINIMUM", "cloud-terms", "up", "checkout")
        assert (first["target"], first["period"]["start"]) == ("99.99", midnight(30).strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert float(first["value"]) < 99.99
        live = await witness.event()
        assert (live["cursor"], told(live)) == (first["cursor"], told(first))

        wire.cut()
        missed: list[dict[str, Any]] = []
        for days_ago in range(2, 12):
            await shop.post(an_outage_of_the_day(days_ago))
            missed.append(await witness.event())
        async with asyncio.timeout(30):
            await wire.tried_again.wait()
        wire.mend()
        await follower.noted("connected again")
        caught_up = [await follower.event() for _ in missed]
        assert [event["cursor"] for event in caught_up] == [event["cursor"] for event in missed]
        assert [event["period"]["start"] for event in caught_up] == [
            midnight(days_ago).strftime("%Y-%m-%dT%H:%M:%SZ") for days_ago in range(2, 12)
        ]
        assert {told(event) for event in caught_up} == {("OPENED", "MINIMUM", "search-terms", "up", "search")}

        await shop.post(an_outage_of_the_day(12))
        after = await witness.event()
        assert (await follower.event())["cursor"] == after["cursor"]

        # A vendor hears none of it; but its own place in the feed moved on with every one of them.
        beat = await rival.event(seconds=25)
        assert beat["__typename"] == "Heartbeat"
        assert beat["cursor"] != silent_at["cursor"]
    async with subscribed(served.address, shop.rival.key, BREACH_EVENTS, after=beat["cursor"]) as again:
        assert (await again.event())["__typename"] == "Heartbeat"
        outage = an_outage_of_the_day(3)
        await shop.post(
            Told(
                service="mail",
                external_id="m1",
                started_at=outage.started_at,
                ended_at=outage.ended_at,
                vendor=RIVAL,
            )
        )
        assert told(await again.event()) == ("OPENED", "MINIMUM", "rival-terms", "up", "mail")


async def test_a_cursor_opens_for_its_own_tenant_party_and_list_alone(
    served: processes.Running, shop: Shop, house: House
) -> None:
    owner_url = house.server.owner_url
    other, _ = await a_key(owner_url, await a_tenant(owner_url), Role.ADMIN)
    listed = await shop.admin.ask("{ parties(first: 1) { pageInfo { endCursor } } }")
    async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
        cursor = (await subscriber.event())["cursor"]
    async with subscribed(served.address, shop.vendor.key, BREACH_EVENTS) as subscriber:
        of_vendor = (await subscriber.event())["cursor"]
    secrets = sealing_secrets(service_settings(processes.environment(house.data_dir)))
    stolen = [
        (other, cursor),
        (shop.vendor.key, cursor),
        (shop.admin.key, of_vendor),
        (shop.rival.key, of_vendor),
        (shop.admin.key, listed["parties"]["pageInfo"]["endCursor"]),
        (shop.admin.key, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")),
        (shop.admin.key, "x"),
        (shop.admin.key, Seal(*secrets).seal("breachEvents", ("", ""), b"1")),
    ]
    for key, after in stolen:
        async with subscribed(served.address, key, BREACH_EVENTS, after=after) as subscriber:
            message = await subscriber.hear()
            assert message["type"] == "error"
            (error,) = message["payload"]
            assert error["extensions"] == {"code": "CURSOR_INVALID", "inputPath": ["after"]}
            assert error["message"] == "this cursor does not belong to this list"


@needs_node
async def test_a_front_end_is_told_why_it_cannot_go_on(served: processes.Running, shop: Shop) -> None:
    async with a_follower(served.address, shop.admin.key, "not-a-cursor") as follower:
        status, why = await follower.failed()
        assert (status, [error["extensions"]["code"] for error in why]) == (1, ["CURSOR_INVALID"])
    mistyped = shop.admin.key[:-1] + ("0" if shop.admin.key[-1] != "0" else "1")
    async with a_follower(served.address, mistyped) as follower:
        assert await follower.failed() == (1, {"code": 4403, "reason": "the key is not one that holds"})


async def test_heartbeats_come_as_often_as_the_operator_wants(house: House, shop: Shop) -> None:
    more = {"INTERPACT_HEARTBEAT_SECONDS": "1"}
    async with (
        processes.serving(house.data_dir, "--no-worker", more=more, log=house.log) as served,
        subscribed(served.address, shop.rival.key, BREACH_EVENTS) as subscriber,
    ):
        beats = [await subscriber.event(seconds=5) for _ in range(3)]
        assert [beat["__typename"] for beat in beats] == ["Heartbeat"] * 3

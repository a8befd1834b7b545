"""The operator deletes old events, and a subscriber who missed them is told so, by whichever door it comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.stories import processes
from tests.stories.conftest import House, NewShop
from tests.stories.documents import BREACH_EVENTS
from tests.stories.shop import Shop, an_outage_of_the_day, now
from tests.stories.talking import subscribed

EXPIRED = {
    "message": "events after this cursor are not held any more",
    "extensions": {"code": "CURSOR_EXPIRED", "inputPath": ["after"]},
}


@pytest.fixture(scope="module")
async def served(house: House) -> AsyncIterator[processes.Running]:
    async with processes.serving(house.data_dir, log=house.log) as running:
        yield running


async def events_of(shop: Shop, after: str | None = None, *, header: bool = False) -> tuple[list[str], list[Any]]:
    """The first event over a stream: its field names, and what it holds."""
    variables = {} if header or after is None else {"after": after}
    headers = {"authorization": f"Bearer {shop.admin.key}", "accept": "text/event-stream"}
    sent = {**headers, "last-event-id": after} if header and after else headers
    body = {"query": BREACH_EVENTS, "variables": variables}
    names, data = [], []
    async with shop.admin.http.stream("POST", shop.admin.graphql, json=body, headers=sent) as response:
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                names.append(value)
            elif name == "data":
                data.append(json.loads(value))
            elif not line and data:
                break
    return names, data


async def test_a_cursor_from_before_deleted_events_is_an_error_at_every_door(
    house: House, served: processes.Running, a_shop: NewShop, http: httpx.AsyncClient
) -> None:
    shop = await a_shop(served)
    async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as live:
        start = (await live.event())["cursor"]
        for days_ago in (2, 3):
            await shop.post(an_outage_of_the_day(days_ago))
        cursors = [(await live.event())["cursor"] for _ in range(2)]
        # Not all of the second's instant: what is recorded in this very moment stays.
        before = now() + timedelta(milliseconds=1)
        await asyncio.sleep(0.002)
        done = await processes.interpact(house.data_dir, "feed", "trim", "--before", before.isoformat())
        assert (done.status, done.err) == (0, "")
        assert ": 2 events from before " in done.out

        for after in (start, cursors[0]):
            async with subscribed(served.address, shop.admin.key, BREACH_EVENTS, after=after) as again:
                assert await again.hear() == {"id": "1", "type": "error", "payload": [EXPIRED]}
            for header in (False, True):
                assert await events_of(shop, after, header=header) == (["next"], [{"errors": [EXPIRED]}])

        # Who has dealt with the last of them goes on, and so does who was there all along.
        async with subscribed(served.address, shop.admin.key, BREACH_EVENTS, after=cursors[1]) as again:
            assert (await again.event())["__typename"] == "Heartbeat"
            await shop.post(an_outage_of_the_day(4))
            assert (await again.event())["cursor"] == (await live.event())["cursor"]
    # The verdicts and breaches are all there.
    found = await shop.admin.ask("{ breaches(first: 10) { totalCount } outages(first: 10) { totalCount } }")
    assert found == {"breaches": {"totalCount": 3}, "outages": {"totalCount": 3}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--before", "2999-01-01"], "a date lies from 1990 to 2200"),
        (["--before", "2199-01-01"], "events are deleted up to an instant that has passed"),
        (["--before", "yesterday"], "an instant is written like 2024-01-31T09:30:00Z, not 'yesterday'"),
        (["--before", "2025-01-31T09:30:00"], "an instant needs an offset from UTC"),
        (["--before", "2025-01-31", "--tenant", "nobody"], "no tenant nobody"),
    ],
)
async def test_what_cannot_be_meant_is_told_and_nothing_deleted(house: House, arguments: list[str], told: str) -> None:
    done = await processes.interpact(house.data_dir, "feed", "trim", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(told)

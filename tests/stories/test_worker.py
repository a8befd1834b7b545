"""A worker that is a process of its own, beside doors without one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.stories import processes
from tests.stories.conftest import House, NewShop
from tests.stories.documents import BREACH_EVENTS
from tests.stories.shop import an_outage_of_the_day, midnight, told
from tests.stories.talking import subscribed


@asynccontextmanager
async def no_notifications(house: House) -> AsyncIterator[None]:
    """Nobody may notify: what is left are the polls."""
    connection = await asyncpg.connect(house.server.superuser_url, database="interpact")
    try:
        await connection.execute("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC")
        yield
    finally:
        await connection.execute("GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO PUBLIC")
        await connection.close()


async def test_a_worker_of_its_own_is_woken_and_where_no_hint_comes_it_looks_by_itself(
    doors: processes.Running, a_shop: NewShop, house: House
) -> None:
    shop = await a_shop(doors)
    async with (
        processes.working(house.data_dir, log=house.log),
        subscribed(doors.address, shop.admin.key, BREACH_EVENTS) as subscriber,
    ):
        assert (await subscriber.event())["__typename"] == "Heartbeat"
        await shop.post(an_outage_of_the_day(2))
        assert told(await subscriber.event(seconds=30)) == ("OPENED", "MINIMUM", "search-terms", "up", "search")
        async with no_notifications(house):
            for days_ago in (3, 4):
                await shop.post(an_outage_of_the_day(days_ago))
                # Two polls of 500 ms stand behind the two hints that do not come, of the worker and of the subscriber.
                event = await subscriber.event(seconds=10)
                assert event["period"]["start"] == midnight(days_ago).strftime("%Y-%m-%dT%H:%M:%SZ")

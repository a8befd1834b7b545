"""Waiting until a worker is through with what was posted: every mark taken, every verdict kept."""

from __future__ import annotations

import asyncio

from bench.ground import Place

TICK_SECONDS = 0.05
JUDGED_SECONDS_MAX = 120

LEFT = """
SELECT EXISTS (SELECT FROM mark)
    OR EXISTS (SELECT FROM feed_head WHERE last_number > judged_number OR due_at <= clock_timestamp())
"""


async def until_judged(place: Place) -> None:
    async with asyncio.timeout(JUDGED_SECONDS_MAX), place.superuser() as superuser:
        left = True
        while left:
            await asyncio.sleep(TICK_SECONDS)
            left = await superuser.fetchval(LEFT)

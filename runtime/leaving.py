"""A stop that hands its clients over: first it is told, then nobody new is let in, then each is sent elsewhere.

Sockets are closed one by one over a few seconds, because clients that were all closed at once would all come back at
once, to the processes that remain.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

SPREAD_S_MAX = 3.0


class Stopping(Exception):
    """Why a process that still answers is not ready."""


class Departure:
    """`leave_s`: how long it goes on accepting once it was told to stop. `drain_s`: how long clients get after that."""

    def __init__(self, *, leave_s: float, drain_s: float) -> None:
        self._leave_s = leave_s
        self._drain_s = drain_s
        # A third of the time, so that who is told last still has some to finish what is under way.
        self._spread_s = min(SPREAD_S_MAX, drain_s / 3)
        self._begun = False
        self._parting = asyncio.Event()

    def check(self) -> None:
        """For the readiness check."""
        if self._begun:
            raise Stopping("this process is stopping")

    async def turn(self) -> None:
        """Returns when it is time for the caller to send its client elsewhere."""
        await self._parting.wait()
        await asyncio.sleep(random.uniform(0, self._spread_s))  # noqa: S311 - it spreads a load, and hides nothing

    async def leave(self, *, stop_accepting: Callable[[], None], streams_ended: Awaitable[None]) -> float:
        """Returns when no stream is open, or the time is up; with the seconds that are left of it."""
        loop = asyncio.get_running_loop()
        self._begun = True
        await asyncio.sleep(self._leave_s)
        stop_accepting()
        self._parting.set()
        end = loop.time() + self._drain_s
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await streams_ended
        return max(0.0, end - loop.time())

"""Wake-ups: who waits for a tenant's feed is woken by a hint, and by a poll that stands behind every hint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from itertools import takewhile

from domain.ids import Position, TenantId
from runtime.metrics import Metrics

CLOCK_S = 0.001
POLL_S = 0.5
HEARTBEAT_S = 15.0

Heads = Callable[[Collection[TenantId]], Awaitable[Mapping[TenantId, Position]]]
"""The last feed position of each tenant."""

_log = logging.getLogger(__name__)


class Hub:
    """One per process. `hint` costs nothing where nobody waits; one query polls for all tenants that are waited for."""

    def __init__(
        self,
        heads: Heads,
        *,
        poll_s: float = POLL_S,
        heartbeat_s: float = HEARTBEAT_S,
        metrics: Metrics | None = None,
    ) -> None:
        self._heads = heads
        self._metrics = metrics or Metrics()
        self._poll_s = poll_s
        self._heartbeat_s = heartbeat_s
        self._waiting: dict[TenantId, set[asyncio.Future[None]]] = {}
        self._due: dict[asyncio.Future[None], float] = {}
        """When each that waits is woken for a heartbeat, the first one first: all wait equally long."""
        self._beat: asyncio.TimerHandle | None = None
        """One for all that wait: a timer for each would cost more than the wake-up of a thousand."""
        self._workers: set[asyncio.Event] = set()
        self._seen: dict[TenantId, Position] = {}

    def hint(self, tenant: TenantId) -> None:
        """Something was committed for the tenant."""
        for waiting in self._waiting.get(tenant, ()):
            _wake(waiting)
        for event in self._workers:
            event.set()

    async def awaken(self, tenant: TenantId, position: Position) -> None:
        """Returns once the tenant's feed may hold more than the position, or when a heartbeat is due."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(tenant, set()).add(woken)
        self._due[woken] = loop.time() + self._heartbeat_s
        self._set_beat(loop)
        try:
            if self._seen.get(tenant, position) > position:
                return
            await woken
        finally:
            del self._due[woken]
            waiting = self._waiting[tenant]
            waiting.discard(woken)
            if not waiting:
                del self._waiting[tenant]
                self._seen.pop(tenant, None)

    def _set_beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._beat is None and self._due:
            self._beat = loop.call_at(next(iter(self._due.values())), self._wake_due, loop)

    def _wake_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beat = None
        # The loop's clock may be a little short of the instant that it was asked for.
        now = loop.time() + CLOCK_S
        for woken in list(takewhile(lambda each: self._due[each] <= now, self._due)):
            _wake(woken)
        left = next((due for due in self._due.values() if due > now), None)
        if left is not None:
            self._beat = loop.call_at(left, self._wake_due, loop)

    async def any_work(self) -> None:
        """For a worker: returns at the next hint of any tenant, or when it is time to look anyway."""
        event = asyncio.Event()
        self._workers.add(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await event.wait()
        finally:
            self._workers.discard(event)

    async def poll(self) -> None:
        """Runs until cancelled: a hint that got lost costs at most one poll."""
        while True:
            await asyncio.sleep(self._poll_s)
            waited_for = set(self._waiting)
            if not waited_for:
                continue
            try:
                heads = await self._heads(waited_for)
            except Exception:  # noqa: BLE001 - the database may be away for a while; the poll goes on
                self._metrics.polls.labels("failed").inc()
                _log.exception("the feed's heads could not be read; trying again")
                continue
            self._metrics.polls.labels("ok").inc()
            for tenant, head in heads.items():
                if head != self._seen.get(tenant):
                    self._seen[tenant] = head
                    self._metrics.moved.inc()
                    self.hint(tenant)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)

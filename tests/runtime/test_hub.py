"""Wake-ups: a hint wakes at once, a lost hint costs one poll, and silence ends with a heartbeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest

from domain.ids import Position, TenantId
from runtime.hub import Hub

TENANT = TenantId(UUID(int=1))
OTHER = TenantId(UUID(int=2))
LONG_S = 30.0
"""Longer than a test may take: whoever returned before did so for another reason."""


class Heads:
    """What the feeds hold, and who was asked for. `away`: the database does not answer."""

    def __init__(self) -> None:
        self.last: dict[TenantId, Position] = {}
        self.asked: list[set[TenantId]] = []
        self.away = False
        self.refused_twice = asyncio.Event()
        self._refusals = 0

    async def __call__(self, tenants: Collection[TenantId]) -> Mapping[TenantId, Position]:
        self.asked.append(set(tenants))
        if self.away:
            self._refusals += 1
            if self._refusals == 2:
                self.refused_twice.set()
            raise ConnectionError("away")
        return {tenant: self.last.get(tenant, Position(0)) for tenant in tenants}


@asynccontextmanager
async def polled(hub: Hub) -> AsyncIterator[None]:
    task = asyncio.create_task(hub.poll())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def begun(*tasks: asyncio.Task[None]) -> None:
    """Lets the tasks run until they wait."""
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def ended(task: asyncio.Task[None], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        await task


async def test_a_hint_wakes_all_who_wait_for_the_tenant_and_no_one_else() -> None:
    hub = Hub(Heads(), poll_s=LONG_S, heartbeat_s=LONG_S)
    waiting = [asyncio.create_task(hub.awaken(TENANT, Position(3))) for _ in range(2)]
    elsewhere = asyncio.create_task(hub.awaken(OTHER, Position(3)))
    await begun(*waiting, elsewhere)
    hub.hint(TENANT)
    for task in waiting:
        await ended(task)
    assert not elsewhere.done()
    hub.hint(OTHER)
    await ended(elsewhere)


async def test_a_hint_of_any_tenant_wakes_the_worker() -> None:
    hub = Hub(Heads(), poll_s=LONG_S, heartbeat_s=LONG_S)
    worker = asyncio.create_task(hub.any_work())
    await begun(worker)
    hub.hint(OTHER)
    await ended(worker)


async def test_a_worker_looks_again_by_itself() -> None:
    hub = Hub(Heads(), poll_s=0.01, heartbeat_s=LONG_S)
    await ended(asyncio.create_task(hub.any_work()))


async def test_a_lost_hint_is_found_by_the_poll() -> None:
    heads = Heads()
    hub = Hub(heads, poll_s=0.01, heartbeat_s=LONG_S)
    heads.last[TENANT] = Position(3)
    async with polled(hub):
        waiting = asyncio.create_task(hub.awaken(TENANT, Position(3)))
        await begun(waiting)
        heads.last[TENANT] = Position(4)
        await ended(waiting)


async def test_what_was_committed_between_a_read_and_the_wait_is_found_too() -> None:
    """The poll saw the new head while one subscriber waited; another that read before that must not wait for it."""
    heads = Heads()
    hub = Hub(heads, poll_s=0.01, heartbeat_s=LONG_S)
    async with polled(hub):
        ahead = asyncio.create_task(hub.awaken(TENANT, Position(4)))
        await begun(ahead)
        heads.last[TENANT] = Position(4)
        await ended(ahead)
        still_ahead = asyncio.create_task(hub.awaken(TENANT, Position(4)))
        await begun()
        await ended(asyncio.create_task(hub.awaken(TENANT, Position(3))))
        still_ahead.cancel()
        with suppress(asyncio.CancelledError):
            await still_ahead


async def test_silence_ends_with_a_heartbeat() -> None:
    hub = Hub(Heads(), poll_s=LONG_S, heartbeat_s=0.05)
    before = time.monotonic()
    await ended(asyncio.create_task(hub.awaken(TENANT, Position(3))))
    assert time.monotonic() - before >= 0.04


async def test_the_poll_asks_only_for_tenants_that_are_waited_for_and_goes_on_when_the_database_was_away() -> None:
    heads = Heads()
    hub = Hub(heads, poll_s=0.01, heartbeat_s=LONG_S)
    async with polled(hub):
        heads.away = True
        waiting = asyncio.create_task(hub.awaken(TENANT, Position(0)))
        async with asyncio.timeout(5):
            await heads.refused_twice.wait()
        assert not waiting.done()
        heads.away = False
        heads.last[TENANT] = Position(1)
        await ended(waiting)
    assert all(asked == {TENANT} for asked in heads.asked)


async def test_who_goes_away_is_forgotten() -> None:
    hub = Hub(Heads(), poll_s=LONG_S, heartbeat_s=LONG_S)
    waiting = asyncio.create_task(hub.awaken(TENANT, Position(0)))
    await begun(waiting)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert hub._waiting == {}

"""Turns: who takes more than its share waits behind itself, and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from domain.ids import TenantId
from graph.errors import RequestError
from graph.limits import Limits
from graph.turns import Turns, rest

BUSY = TenantId(UUID(int=1))
QUIET = TenantId(UUID(int=2))
LIMITS = Limits(tenant_operations_max=3, tenant_waiting_max=2)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def ticks() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Operations:
    """Operations that run until they are told to end, and who of them has begun."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.begun: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def ask(self, name: str, tenant: TenantId) -> None:
        self._ends[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._run(name, tenant))
        await ticks()

    async def _run(self, name: str, tenant: TenantId) -> None:
        async with self._turns.turn(tenant):
            self.begun.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self._tasks[name]
        await ticks()

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._tasks[name]
        await ticks()

    def refusal(self, name: str) -> BaseException | None:
        return self._tasks[name].exception()


def run(check: Callable[[Turns, Operations, Clock], Awaitable[None]]) -> None:
    async def checked() -> None:
        clock = Clock()
        turns = Turns(LIMITS, clock)
        await check(turns, Operations(turns), clock)

    asyncio.run(checked())


def test_a_tenant_alone_runs_so_many_at_once_and_the_others_come_in_order() -> None:
    async def check(_turns: Turns, operations: Operations, _clock: Clock) -> None:
        for name in ("a", "b", "c", "d", "e"):
            await operations.ask(name, BUSY)
        assert operations.begun == ["a", "b", "c"]
        await operations.end("b")
        assert operations.begun == ["a", "b", "c", "d"]
        await operations.end("a")
        assert operations.begun == ["a", "b", "c", "d", "e"]

    run(check)


def test_who_took_more_than_its_share_has_one_under_way_and_the_other_is_not_held_up() -> None:
    async def check(turns: Turns, operations: Operations, _clock: Clock) -> None:
        turns.took(BUSY, 5_000)
        turns.took(QUIET, 5)
        for name in ("busy 1", "busy 2", "busy 3"):
            await operations.ask(name, BUSY)
        for name in ("quiet 1", "quiet 2"):
            await operations.ask(name, QUIET)
        assert operations.begun == ["busy 1", "quiet 1", "quiet 2"]
        assert (turns.above_its_share(BUSY), turns.above_its_share(QUIET)) == (True, False)

    run(check)


def test_what_was_taken_is_forgotten_and_who_has_left_is_no_company() -> None:
    async def check(turns: Turns, operations: Operations, clock: Clock) -> None:
        turns.took(BUSY, 5_000)
        turns.took(QUIET, 5)
        clock.now += 1.5
        for name in ("a", "b", "c"):
            await operations.ask(name, BUSY)
        assert operations.begun == ["a", "b", "c"]
        assert not turns.above_its_share(BUSY)

    run(check)


def test_more_than_so_many_do_not_wait() -> None:
    async def check(_turns: Turns, operations: Operations, _clock: Clock) -> None:
        for number in range(6):
            await operations.ask(str(number), BUSY)
        refusal = operations.refusal("5")
        assert isinstance(refusal, RequestError)
        assert (refusal.status, refusal.headers) == (429, {"retry-after": "1"})
        assert refusal.errors[0].extensions == {"code": "TOO_MANY_WAITING", "limit": 2}
        assert operations.begun == ["0", "1", "2"]

    run(check)


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    async def check(_turns: Turns, operations: Operations, _clock: Clock) -> None:
        for name in ("a", "b", "c", "d", "e"):
            await operations.ask(name, BUSY)
        await operations.cancel("d")
        await operations.cancel("a")
        assert operations.begun == ["a", "b", "c", "e"]

    run(check)


def test_a_long_operation_of_a_busy_tenant_rests_and_another_does_not() -> None:
    async def check(turns: Turns, _operations: Operations, _clock: Clock) -> None:
        turns.took(BUSY, 5_000)
        turns.took(QUIET, 5)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(turns.turn(QUIET))
            begun = loop.time()
            await rest(60)
            assert loop.time() - begun < 30
        async with turns.turn(BUSY):
            begun = loop.time()
            await rest(0.05)
            assert loop.time() - begun >= 0.049

    run(check)

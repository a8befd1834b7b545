"""The same key and content answers what it answered before; other content is an error."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import IdempotencyConflict
from domain.ports import Earlier
from tests.persistence.world import World


async def call(world: World, key: str, *, operation: str = "record", digest: bytes = b"digest") -> Earlier | None:
    async with world.open() as work:
        earlier = await work.idempotency.claim(key, operation, digest)
        if earlier is None:
            await asyncio.sleep(0.05)
            await work.idempotency.complete(key, {"answer": [1, "two", None], "key": key})
    return earlier


async def test_the_second_call_gets_the_first_ones_answer(world: World) -> None:
    assert await call(world, "a") is None
    assert await call(world, "a") == Earlier({"answer": [1, "two", None], "key": "a"})
    assert await call(world, "b") is None


async def test_of_calls_at_once_one_is_carried_out_and_the_others_wait_for_its_answer(world: World) -> None:
    answers = await asyncio.gather(*(call(world, "a") for _ in range(8)))
    assert sorted(answer is None for answer in answers) == [False] * 7 + [True]
    assert {str(answer.result) for answer in answers if answer is not None} == {
        str({"key": "a", "answer": [1, "two", None]})
    }


async def test_other_content_or_another_operation_is_a_conflict(world: World) -> None:
    await call(world, "a")
    with pytest.raises(IdempotencyConflict):
        await call(world, "a", digest=b"other")
    with pytest.raises(IdempotencyConflict):
        await call(world, "a", operation="withdraw")


async def test_a_call_that_failed_holds_no_key(world: World) -> None:
    async def failing() -> None:
        async with world.open() as work:
            await work.idempotency.claim("a", "record", b"digest")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await call(world, "a", digest=b"other") is None

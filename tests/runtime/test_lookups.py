"""Look-ups that come while others are under way are one question, and never get an answer older than they are."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest

from runtime.lookups import Lookups


class Shelf:
    """What can be found, which questions were put, and when they are answered."""

    def __init__(self) -> None:
        self.held = {"a": 1, "b": 2, "c": 3}
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.away = False

    async def __call__(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked.append(sorted(keys))
        found = {key: self.held[key] for key in keys if key in self.held}
        await self.open.wait()
        if self.away:
            raise ConnectionError("away")
        return found


async def asked(lookups: Lookups[str, int], *keys: str) -> list[asyncio.Task[Mapping[str, int]]]:
    tasks = [asyncio.create_task(lookups([key])) for key in keys]
    for _ in range(10):
        await asyncio.sleep(0)
    return tasks


async def test_those_that_come_meanwhile_are_one_question() -> None:
    shelf = Shelf()
    lookups = Lookups(shelf)
    first = await asked(lookups, "a", "b")
    later = await asked(lookups, "a", "c", "a", "none")
    assert shelf.asked == [["a"], ["b"]]
    shelf.open.set()
    assert [await each for each in (*first, *later)] == [{"a": 1}, {"b": 2}, {"a": 1}, {"c": 3}, {"a": 1}, {}]
    assert shelf.asked == [["a"], ["b"], ["a", "c", "none"]]


async def test_what_changed_meanwhile_is_seen_by_who_asks_after_it() -> None:
    shelf = Shelf()
    lookups = Lookups(shelf)
    before = await asked(lookups, "a", "b")
    shelf.held["a"] = 9
    after = await asked(lookups, "a")
    shelf.open.set()
    assert [await each for each in (*before, *after)] == [{"a": 1}, {"b": 2}, {"a": 9}]


async def test_who_leaves_and_what_fails_hold_nobody_up() -> None:
    shelf = Shelf()
    lookups = Lookups(shelf)
    left, other = await asked(lookups, "a", "b")
    left.cancel()
    shelf.away = True
    shelf.open.set()
    with pytest.raises(ConnectionError, match="away"):
        await other
    shelf.away = False
    assert await lookups(["c"]) == {"c": 3}

"""Look-ups that come while one is under way are the next one, all in one question: never older than who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

UNDER_WAY_MAX = 2
AT_ONCE_MAX = 500


class Lookups(Generic[K, V]):
    """A flood of calls costs a few questions at a time, and holds as many connections."""

    def __init__(self, find: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._find = find
        self._asked: dict[K, list[asyncio.Future[V | None]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, keys: Collection[K]) -> Mapping[K, V]:
        asked = {key: self._ask(key) for key in keys}
        found = {key: await answer for key, answer in asked.items()}
        return {key: value for key, value in found.items() if value is not None}

    def _ask(self, key: K) -> asyncio.Future[V | None]:
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(key, []).append(answer)
        self._begin()
        return answer

    def _begin(self) -> None:
        while self._asked and len(self._under_way) < UNDER_WAY_MAX:
            keys = list(self._asked)[:AT_ONCE_MAX]
            task = asyncio.create_task(self._answer({key: self._asked.pop(key) for key in keys}))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    async def _answer(self, asked: Mapping[K, list[asyncio.Future[V | None]]]) -> None:
        waiting = [(key, answer) for key, answers in asked.items() for answer in answers]
        try:
            found = await self._find(list(asked))
        except BaseException as error:  # noqa: BLE001 - whoever asked is told
            told = error if isinstance(error, Exception) else asyncio.CancelledError()
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(told)
            return
        for key, answer in waiting:
            if not answer.done():
                answer.set_result(found.get(key))

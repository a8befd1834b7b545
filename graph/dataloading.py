"""Loaders: they batch what one operation asks for, cap the batch, and hold few connections at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from strawberry.dataloader import DataLoader

from graph.limits import Limits

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaders:
    """Makes the loaders of one context. They share its slots: with all taken, a batch waits for a connection's turn."""

    def __init__(self, limits: Limits) -> None:
        self._batch_max = limits.loader_batch_max
        self._slots = asyncio.Semaphore(limits.loader_connections_max)

    def by_key(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> DataLoader[K, V | None]:
        """A loader over a port's batch method; a key that the mapping lacks loads as None."""

        async def load_batch(keys: list[K]) -> list[V | None]:
            async with self._slots:
                found = await load(keys)
            return [found.get(key) for key in keys]

        return DataLoader(load_batch, max_batch_size=self._batch_max)

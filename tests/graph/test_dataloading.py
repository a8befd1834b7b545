from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from graph.dataloading import Loaders
from graph.limits import Limits


async def test_batches_are_capped_and_few_run_at_once() -> None:
    sizes: list[int] = []
    running = most = 0

    async def load(keys: Sequence[int]) -> Mapping[int, str]:
        nonlocal running, most
        sizes.append(len(keys))
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return {key: f"v{key}" for key in keys if key % 2 == 0}

    loaders = Loaders(Limits(loader_batch_max=10, loader_connections_max=2))
    first, second = loaders.by_key(load), loaders.by_key(load)
    found = await asyncio.gather(first.load_many(range(35)), second.load_many(range(5)))
    assert found[0] == [f"v{key}" if key % 2 == 0 else None for key in range(35)]
    assert sorted(sizes) == [5, 5, 10, 10, 10]
    assert most == 2


async def test_a_key_is_loaded_once_however_often_it_is_asked_for() -> None:
    asked: list[int] = []

    async def load(keys: Sequence[int]) -> Mapping[int, int]:
        asked.extend(keys)
        return {key: key for key in keys}

    loader = Loaders(Limits()).by_key(load)
    assert await loader.load_many([1, 1, 2]) == [1, 1, 2]
    assert await loader.load(2) == 2
    assert asked == [1, 2]

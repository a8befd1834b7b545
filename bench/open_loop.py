"""Requests at set instants, whether or not earlier ones were answered, as callers send who don't know each other.

A slow answer delays none that comes after it, but for a connection to send it on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.posting import Client
from bench.serving import Address

WAITING_MAX = 100
"""Requests that wait for a connection; who finds so many before it gives up, and is counted."""


@dataclass(slots=True)
class Sent:
    """Seconds from the instant that a request was due to its answer, and how many answers had which status."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    given_up: int = 0


class Stream:
    """A stream of requests over a few kept connections."""

    def __init__(self, address: Address, requests: Iterator[bytes], *, a_second: float, connections: int) -> None:
        self._address = address
        self._requests = requests
        self._gap = 1 / a_second
        self._connections = connections

    async def run(self, seconds: float) -> Sent:
        """Sends for so long, and waits for the answers."""
        due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        sent = Sent()
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(self._address)) for _ in range(self._connections)]
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(_send(client, due, sent))
                await self._fall_due(due, sent, seconds)
                for _ in clients:
                    due.put_nowait(None)
        return sent

    async def _fall_due(self, due: asyncio.Queue[tuple[float, bytes] | None], sent: Sent, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        for number in range(int(seconds / self._gap)):
            at = begun + number * self._gap
            await asyncio.sleep(at - clock())
            if due.qsize() >= WAITING_MAX:
                sent.given_up += 1
            else:
                due.put_nowait((at, next(self._requests)))


async def _send(client: Client, due: asyncio.Queue[tuple[float, bytes] | None], sent: Sent) -> None:
    clock = asyncio.get_running_loop().time
    while (request := await due.get()) is not None:
        at, whole = request
        status, _ = await client.ask(whole)
        sent.seconds.append(clock() - at)
        sent.statuses[status] += 1

"""Clients in a process of their own: what they cost is not the server's, though they share its cores."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import uvloop

Order = TypeVar("Order")
Done = TypeVar("Done")


@asynccontextmanager
async def beside(
    work: Callable[[Order], Coroutine[Any, Any, Done]],
) -> AsyncIterator[Callable[[Order], Awaitable[Done]]]:
    """`work`, a function of a module, as it is run there, one order after the other."""
    context = get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()

    async def ordered(order: Order) -> Done:
        mine.send(order)
        done: Done = await asyncio.to_thread(mine.recv)
        return done

    try:
        yield ordered
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)
        mine.close()


def _work(orders: Connection, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
    """Until terminated; a Ctrl-C at the terminal is for the process that gives the orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        order = orders.recv()
        orders.send(uvloop.run(work(order)))

"""Stopping by signal: SIGINT and SIGTERM end the work in good order; a second one ends it at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def until_stopped(work: Coroutine[None, None, None]) -> None:
    """Runs the work until it ends or a signal comes; then it is cancelled and waited for."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def stop() -> None:
        _listen_no_more(loop)
        task.cancel()

    for each in SIGNALS:
        loop.add_signal_handler(each, stop)
    try:
        with suppress(asyncio.CancelledError):
            await task
    finally:
        _listen_no_more(loop)


def _listen_no_more(loop: asyncio.AbstractEventLoop) -> None:
    for each in SIGNALS:
        loop.remove_signal_handler(each)

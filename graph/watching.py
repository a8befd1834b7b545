"""What the doors tell the process, and what they ask of it: for logs, metrics, traces, and a stop in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from graph.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An operation that begins. `kind` is query, mutation or subscription; `name` is what the client calls it."""

    kind: str
    name: str | None
    context: Context


Seen = Callable[[Mapping[str, Any]], None]
"""Told each answer of the operation."""

Watch = Callable[[Begun], AbstractContextManager[Seen]]
"""Entered where an operation begins and left where it ends, with the exception that ended it."""

Leaving = Callable[[], Awaitable[None]]
"""Returns when the process is about to stop and it is the caller's turn to send its client elsewhere."""


@contextmanager
def unwatched(_begun: Begun) -> Iterator[Seen]:
    yield lambda _answer: None


async def stays() -> None:
    """The `Leaving` of a process that does not tell."""
    await asyncio.get_running_loop().create_future()

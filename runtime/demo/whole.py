"""Whole lists, page after page: the demo's tenant is small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.actor import Actor
from domain.paging import Page, PageRequest
from domain.ports import OpenWork, Work

T = TypeVar("T")


async def every(open_work: OpenWork, actor: Actor, ask: Callable[[Work, PageRequest], Awaitable[Page[T]]]) -> list[T]:
    """All items of a list, in its order, in one unit of work."""
    found: list[T] = []
    async with open_work(actor) as work:
        wanted: PageRequest | None = PageRequest()
        while wanted is not None:
            page = await ask(work, wanted)
            found += [row.item for row in page.rows]
            wanted = PageRequest(after=page.rows[-1].place) if page.has_next else None
    return found

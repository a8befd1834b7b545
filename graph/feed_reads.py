"""Reads of the feed that many subscribers share: those who are woken together and want the same read it once."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from domain.actor import Actor
from domain.feed import EVENTS_MAX, BreachFilter, FeedRead
from domain.ids import PartyId, Position, TenantId
from domain.policy import Role
from domain.ports import OpenWork

_Wanted: TypeAlias = tuple[TenantId, PartyId | None, Role, Position, BreachFilter]
"""What a read depends on: who sees the same slice, from where on, and under which filter."""


class FeedReads:
    """One for the process. Nobody gets a read that began before they asked, so nothing that woke them is missed."""

    def __init__(self, open_work: OpenWork) -> None:
        self._open_work = open_work
        self._coming: dict[_Wanted, asyncio.Task[FeedRead]] = {}

    async def __call__(self, actor: Actor, position: Position, where: BreachFilter) -> FeedRead:
        wanted = (actor.tenant, actor.party, actor.role, position, where)
        coming = self._coming.get(wanted)
        if coming is None:
            coming = self._coming[wanted] = asyncio.create_task(self._read(wanted, actor))
            # One that everybody has left ends unheard.
            coming.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Who leaves takes nothing from the others.
        return await asyncio.shield(coming)

    async def _read(self, wanted: _Wanted, actor: Actor) -> FeedRead:
        *_, position, where = wanted
        try:
            async with self._open_work(actor) as work:
                del self._coming[wanted]
                return await work.feed.breaches_after(position, where, EVENTS_MAX)
        except BaseException:
            if self._coming.get(wanted) is asyncio.current_task():
                del self._coming[wanted]
            raise

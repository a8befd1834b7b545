"""The feed as a subscriber reads it: from a position on, in order, nothing skipped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from domain.actor import Actor
from domain.errors import CursorExpired
from domain.feed import EVENTS_MAX, BreachFilter, FeedRead
from domain.ids import Position
from domain.policy import Action
from domain.ports import OpenWork

Awaken = Callable[[Position], Awaitable[Position]]
"""Waits until the tenant's feed may hold more than the position, or a heartbeat is due; a hint, never the truth."""


ReadFeed = Callable[[Actor, Position, BreachFilter], Awaitable[FeedRead]]
"""What the actor's feed holds after a position. The read begins no earlier than it is asked for."""


async def follow_breaches(
    open_work: OpenWork,
    actor: Actor,
    *,
    after: Position | None,
    where: BreachFilter,
    awaken: Awaken,
    read: ReadFeed | None = None,
) -> AsyncGenerator[FeedRead, None]:
    """Reads for ever, in order. Each read tells how far it came, also where it found nothing for this actor.

    `after` None starts at the head: only what is yet to come. The first read comes at once. `read` None: each read is
    made for this subscriber alone.
    """
    actor.must(Action.FOLLOW_BREACHES)
    position = await _start(open_work, actor, after)
    while True:
        found = await (read or _alone(open_work))(actor, position, where)
        if position < found.floor:
            raise CursorExpired("events after this cursor are not held any more", path=("after",))
        yield found
        position = found.through
        if position >= found.head:
            await awaken(position)


def _alone(open_work: OpenWork) -> ReadFeed:
    async def read(actor: Actor, position: Position, where: BreachFilter) -> FeedRead:
        async with open_work(actor) as work:
            return await work.feed.breaches_after(position, where, EVENTS_MAX)

    return read


async def _start(open_work: OpenWork, actor: Actor, after: Position | None) -> Position:
    async with open_work(actor) as work:
        head = await work.feed.head()
    if after is None:
        return head
    if after > head:
        raise CursorExpired("the feed does not hold this cursor's place", path=("after",))
    return after

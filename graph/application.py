"""What runtime hands to the schema: storage, clock, ids and the seal of cursors. One for the whole process."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.actor import Actor
from domain.hours import Holiday
from domain.ids import Position, TenantId
from domain.ports import Mint, Work
from graph.cursors import Seal

Awaken = Callable[[TenantId, Position], Awaitable[None]]
"""Waits until the tenant's feed may hold more than the position, or a heartbeat may be due; a hint, never the truth."""


class ProposeHolidays(Protocol):
    """Those of a country, or one of its subdivisions, from a day to before another. Raises Invalid, OutOfRange."""

    def __call__(self, country: str, subdivision: str | None, since: date, until: date, /) -> Sequence[Holiday]: ...


class OpenWorkInTime(Protocol):
    """As `OpenWork`, for work that storage ends by itself at an instant of the event loop's time."""

    def __call__(self, actor: Actor, *, deadline: float = math.inf) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """`heartbeat_seconds`: how long a subscription stays silent at most; `awaken` waits no longer than that."""

    open_work: OpenWorkInTime
    clock: Callable[[], datetime]
    mint: Mint
    seal: Seal
    awaken: Awaken
    propose_holidays: ProposeHolidays
    heartbeat_seconds: float = 15
    works_max: int = 4
    """Units of work, and with them connections, that one operation holds at once."""

"""What runtime hands to the schema: storage, clock, ids and the seal of cursors. One for the whole process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from domain.ids import Position, TenantId
from domain.ports import Mint, OpenWork
from graph.cursors import Seal

Awaken = Callable[[TenantId, Position], Awaitable[None]]
"""Waits until the tenant's feed may hold more than the position, or a heartbeat may be due; a hint, never the truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """`heartbeat_seconds`: how long a subscription stays silent at most; `awaken` waits no longer than that."""

    open_work: OpenWork
    clock: Callable[[], datetime]
    mint: Mint
    seal: Seal
    awaken: Awaken
    heartbeat_seconds: float = 15
    works_max: int = 4
    """Units of work, and with them connections, that one operation holds at once."""

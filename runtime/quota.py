"""A tenant's quota, spent from what this process has taken of the shared bucket, a second's worth at a time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ids import TenantId
from graph.gate import Allowance, Spend, unmetered
from persistence.quotas import Lease, Quotas

ASK_AGAIN_S = 0.25
"""How long after a bucket was found low it is left alone, so that a tenant beyond its quota costs no round trips."""


def quota(engine: AsyncEngine, *, per_minute: int, cost_max: int) -> Spend:
    """A minute's worth may be spent at once, and in any case the dearest operation. 0 is for no quota."""
    if not per_minute:
        return unmetered
    units_max = max(per_minute, cost_max)
    quotas = Quotas(engine, units_max=units_max, units_per_second=per_minute / 60)
    return Quota(quotas.take, per_minute=per_minute, units_max=units_max)


class Take(Protocol):
    def __call__(self, tenant: TenantId, /, *, wanted: int, needed: int) -> Awaitable[Lease]: ...


@dataclass(slots=True)
class _Share:
    """What this process holds of a tenant's units, and what it last saw of the rest."""

    held: int = 0
    left: int = 0
    seen_at: float = -math.inf
    low: bool = False
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quota:
    """The `Spend` of `graph.gate`. `units_max`: what a full bucket holds, so no operation may cost more."""

    def __init__(
        self, take: Take, *, per_minute: int, units_max: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._take = take
        self._per_minute = per_minute
        self._per_second = per_minute / 60
        self._units_max = units_max
        self._clock = clock
        self._shares: dict[TenantId, _Share] = {}

    async def __call__(self, tenant: TenantId, units: int) -> Allowance:
        share = self._shares.setdefault(tenant, _Share())
        if share.held < units:
            # Who waits here finds what the one before has taken, and takes more only if that does not do.
            async with share.asking:
                if share.held < units:
                    await self._ask(tenant, share, units - share.held)
        if share.held < units:
            return self._allowance(
                share, max(1, math.ceil((units - share.held - self._left(share)) / self._per_second))
            )
        share.held -= units
        return self._allowance(share, None)

    async def _ask(self, tenant: TenantId, share: _Share, needed: int) -> None:
        """Others only take from the bucket: where it can't hold enough yet by what was last seen, it is not asked."""
        if self._left(share) < needed or (share.low and self._clock() < share.seen_at + ASK_AGAIN_S):
            return
        wanted = max(needed, math.ceil(self._per_second))
        lease = await self._take(tenant, wanted=wanted, needed=needed)
        share.held += lease.granted
        share.left, share.seen_at, share.low = lease.left, self._clock(), lease.granted < wanted

    def _left(self, share: _Share) -> int:
        """What the shared bucket holds at most."""
        if share.seen_at == -math.inf:
            return self._units_max
        return min(self._units_max, share.left + int((self._clock() - share.seen_at) * self._per_second))

    def _allowance(self, share: _Share, wait_seconds: int | None) -> Allowance:
        remaining = min(self._units_max, share.held + self._left(share))
        return Allowance(
            limit=self._per_minute,
            remaining=remaining,
            full_in_seconds=math.ceil((self._units_max - remaining) / self._per_second),
            wait_seconds=wait_seconds,
        )

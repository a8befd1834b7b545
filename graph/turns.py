"""Turns: how many operations of one tenant a process works on at once, so that a busy tenant waits behind itself.

A process works on one thing at a time, so what one tenant has under way is what another waits for; and where first come
is first served, who asks most gets most. So a tenant that lately took more than its share, while others asked too, has
few operations under way, and the rest of them stand in its own line.
"""

from __future__ import annotations

import math
import time
from asyncio import CancelledError, Future, get_running_loop, sleep
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from domain.ids import TenantId
from graph.errors import refused
from graph.limits import Limits

COMPANY_SECONDS = 1.0
"""For so long after its last operation a tenant is company for others; in as long half of what it took is forgotten."""
REST_SECONDS_MAX = 0.25
"""Between two operations, however long the first took: much of that was waiting."""
EVEN = 1.1
"""Two who take the same never take exactly the same."""
UNITS_OF_ANY = 50
"""What any operation takes of a process, beside what it costs: its key, its transactions, its answer."""


_tenant: ContextVar[tuple[Turns, TenantId] | None] = ContextVar("tenant", default=None)
"""Whose turn it is, in the tasks of the operation."""


async def rest(seconds: float) -> None:
    """In the midst of a long operation that was at it for so long: lets others be served.

    For as long again, where its tenant has more than its share; else for one round of the event loop.
    """
    whose = _tenant.get()
    turns, tenant = whose or (None, None)
    await sleep(seconds if turns and tenant and turns.above_its_share(tenant) else 0)


@dataclass(slots=True)
class _Line:
    """A tenant's operations under way, and those that wait, first come first served."""

    running: int = 0
    waiting: deque[Future[None]] = field(default_factory=deque)
    resting: bool = False


@dataclass(slots=True)
class _Taken:
    """What a tenant took lately, in units of cost, as it was worth at an instant."""

    units: float
    at: float

    def worth(self, now: float) -> float:
        return self.units * math.exp2((self.at - now) / COMPANY_SECONDS)


class Turns:
    """One for the process. `clock`: seconds that only ever grow."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lines: dict[TenantId, _Line] = {}
        self._taken: OrderedDict[TenantId, _Taken] = OrderedDict()
        """Of those who asked lately, the last one last."""

    @asynccontextmanager
    async def turn(self, tenant: TenantId) -> AsyncIterator[None]:
        """Waits until it is the operation's turn; raises RequestError where too many wait already."""
        self.took(tenant, UNITS_OF_ANY)
        line = self._lines.setdefault(tenant, _Line())
        if line.waiting or not self._may_begin(tenant, line):
            await self._waited(tenant, line)
        else:
            line.running += 1
        began = self._clock()
        token = _tenant.set((self, tenant))
        try:
            yield
        finally:
            _tenant.reset(token)
            line.running -= 1
            if self.above_its_share(tenant):
                self._rest(tenant, line, min(self._clock() - began, REST_SECONDS_MAX))
            self._go_on(tenant, line)

    def above_its_share(self, tenant: TenantId) -> bool:
        """Whether it took more lately than each would have if all took the same."""
        now = self._clock()
        shares = {each: taken.worth(now) for each, taken in self._taken.items() if taken.at >= now - COMPANY_SECONDS}
        return len(shares) > 1 and shares.get(tenant, 0.0) * len(shares) > sum(shares.values()) * EVEN

    def took(self, tenant: TenantId, units: int) -> None:
        """What an operation of the tenant costs."""
        now = self._clock()
        before = self._taken.pop(tenant, None)
        self._taken[tenant] = _Taken(units + (before.worth(now) if before else 0), now)
        while next(iter(self._taken.values())).at < now - COMPANY_SECONDS:
            self._taken.popitem(last=False)

    async def _waited(self, tenant: TenantId, line: _Line) -> None:
        """Who hands a turn on has counted it as running already."""
        limit = self._limits.tenant_waiting_max
        if len(line.waiting) >= limit:
            message = f"{limit} operations of this tenant wait for their turn here, and no more may."
            raise refused("TOO_MANY_WAITING", message, status=429, headers={"retry-after": "1"}, limit=limit)
        turn: Future[None] = get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            await turn
        except CancelledError:
            if turn.done() and not turn.cancelled():
                line.running -= 1
            self._go_on(tenant, line)
            raise

    def _rest(self, tenant: TenantId, line: _Line, seconds: float) -> None:
        line.resting = True
        get_running_loop().call_later(seconds, self._rested, tenant, line)

    def _rested(self, tenant: TenantId, line: _Line) -> None:
        line.resting = False
        self._go_on(tenant, line)

    def _go_on(self, tenant: TenantId, line: _Line) -> None:
        while line.waiting and self._may_begin(tenant, line):
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                line.running += 1
        if not (line.running or line.waiting or line.resting) and self._lines.get(tenant) is line:
            del self._lines[tenant]

    def _may_begin(self, tenant: TenantId, line: _Line) -> bool:
        if self.above_its_share(tenant):
            return not line.running and not line.resting
        return line.running < self._limits.tenant_operations_max

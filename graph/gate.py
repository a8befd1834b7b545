"""What a tenant may take of the service: units of cost over time, and sockets and subscriptions at once.

Both doors ask here, with what `graph/cost.py` says an operation costs, before they run it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass

from domain.ids import TenantId
from graph.errors import RequestError, problem
from graph.limits import Limits
from graph.turns import Turns

QUOTA_EXCEEDED = "QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a tenant has of its quota after it asked for some, as far as this process knows.

    `wait_seconds` is None where it got them; else nothing was spent, and by then there may be enough.
    """

    limit: int
    remaining: int
    full_in_seconds: int
    wait_seconds: int | None = None

    def headers(self) -> dict[str, str]:
        found = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.full_in_seconds),
        }
        return found if self.wait_seconds is None else {**found, "retry-after": str(self.wait_seconds)}


Spend = Callable[[TenantId, int], Awaitable[Allowance | None]]
"""Takes so many units from a tenant's quota; None where there are no quotas."""


async def unmetered(_tenant: TenantId, _units: int) -> None:
    """The `Spend` of a service without quotas."""


class Gate:
    """One for the process. Places are counted in it alone; units are shared by all processes."""

    def __init__(self, limits: Limits, spend: Spend = unmetered) -> None:
        self._limits = limits
        self._spend = spend
        self._turns = Turns(limits)
        self._sockets: Counter[TenantId] = Counter()
        self._subscriptions: Counter[TenantId] = Counter()

    def turn(self, tenant: TenantId) -> AbstractAsyncContextManager[None]:
        """What an operation is read, charged and run in; raises RequestError where too many wait for theirs."""
        return self._turns.turn(tenant)

    async def charge(self, tenant: TenantId, units: int) -> Mapping[str, str]:
        """The headers that tell what is left; raises RequestError where there is not enough."""
        allowance = await self._spend(tenant, units)
        if allowance is None:
            return {}
        if allowance.wait_seconds is None:
            self._turns.took(tenant, units)
            return allowance.headers()
        message = f"The quota of this tenant is used up: this costs {units}. Try again in {allowance.wait_seconds} s."
        facts = {"limit": allowance.limit, "requested": units, "remaining": allowance.remaining}
        error = problem(QUOTA_EXCEEDED, message, None, retryAfterSeconds=allowance.wait_seconds, **facts)
        raise RequestError([error], status=429, headers=allowance.headers())

    @contextmanager
    def socket(self, tenant: TenantId) -> Iterator[None]:
        """For as long as a tenant's socket is open; raises RequestError where that is one too many."""
        with _place(self._sockets, tenant, self._limits.tenant_sockets_max, "TOO_MANY_SOCKETS", "sockets"):
            yield

    @contextmanager
    def subscription(self, tenant: TenantId) -> Iterator[None]:
        """The same for what a tenant follows, over sockets or streams of events."""
        limit = self._limits.tenant_subscriptions_max
        with _place(self._subscriptions, tenant, limit, "TOO_MANY_SUBSCRIPTIONS", "subscriptions"):
            yield


@contextmanager
def _place(taken: Counter[TenantId], tenant: TenantId, limit: int, code: str, what: str) -> Iterator[None]:
    if taken[tenant] >= limit:
        message = f"This tenant has {limit} {what} open here, and no more are allowed at once."
        # Some end of themselves soon enough; clients that come back at once would only be refused again.
        raise RequestError([problem(code, message, None, limit=limit)], status=429, headers={"retry-after": "10"})
    taken[tenant] += 1
    try:
        yield
    finally:
        taken[tenant] -= 1
        if not taken[tenant]:
            del taken[tenant]

"""The worker: passes over every tenant with due work, until none is left; then waits for a hint or the next look."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.actor import Actor
from domain.ids import KeyId, TenantId
from domain.policy import Role
from domain.ports import Mint, OpenWork
from domain.risk import LOOK
from domain.usecases.judging import Passed, judge_due
from persistence.directory import Directory
from runtime.hub import Hub
from runtime.logs import about
from runtime.metrics import Metrics

WORKER_KEY = KeyId(UUID(int=0))
"""Who the worker is in the records: no key."""
REST_S = 2.0
TENANTS_MAX = 100
"""Tenants that one look at the directory lists."""

_log = logging.getLogger(__name__)


def worker_of(tenant: TenantId) -> Actor:
    return Actor(tenant=tenant, caller=WORKER_KEY, role=Role.ADMIN)


class Worker:
    """Any number may run, in one process or many: they share the work by locks, and none judges twice at once.

    `look`: how soon a period is looked at again whose risk time alone may change.
    """

    def __init__(
        self,
        *,
        open_work: OpenWork,
        directory: Directory,
        hub: Hub,
        clock: Callable[[], datetime],
        mint: Mint,
        metrics: Metrics | None = None,
        look: timedelta = LOOK,
    ) -> None:
        self._look = look
        self._metrics = metrics or Metrics()
        self._open_work = open_work
        self._directory = directory
        self._hub = hub
        self._clock = clock
        self._mint = mint

    async def run(self, beat: Callable[[], Awaitable[None]] | None = None) -> None:
        """Runs until cancelled. `beat` is called on every round, for the health check.

        A tenant whose pass fails rests for a while; the others go on.
        """
        resting: dict[TenantId, float] = {}
        while True:
            if beat is not None:
                await beat()
            judged = 0
            for tenant in await self._due_tenants():
                if resting.get(tenant, 0.0) > time.monotonic():
                    continue
                try:
                    judged += await self.settle_tenant(tenant)
                    resting.pop(tenant, None)
                except Exception:  # noqa: BLE001 - one tenant's trouble must not stop the others; it is logged and tried again
                    _log.exception("a pass over tenant %s failed; trying again in %s s", tenant, REST_S)
                    resting[tenant] = time.monotonic() + REST_S
            if not judged:
                await self._hub.any_work()

    async def settle(self) -> int:
        """Judge all that is due now, of every tenant; how many periods were judged."""
        return sum([await self.settle_tenant(tenant) for tenant in await self._due_tenants()])

    async def settle_tenant(self, tenant: TenantId) -> int:
        """Judge all that is due now of one tenant."""
        judged = 0
        more = True
        with about(tenant=str(tenant), role="worker"):
            while more:
                passed = await self._pass_over(tenant)
                judged += passed.judged
                more = passed.more
            self._metrics.waiting.settled(tenant)
            if judged:
                _log.info("periods were judged", extra={"facts": {"periods": judged}})
        return judged

    async def _pass_over(self, tenant: TenantId) -> Passed:
        began = time.perf_counter()
        outcome = "failed"
        try:
            passed = await judge_due(
                self._open_work, worker_of(tenant), at=self._clock(), mint=self._mint, look=self._look
            )
            outcome = "ok"
        finally:
            self._metrics.passes.labels(outcome).observe(time.perf_counter() - began)
        self._metrics.judged.inc(passed.judged)
        return passed

    async def _due_tenants(self) -> Sequence[TenantId]:
        try:
            found = await self._directory.tenants_with_work(self._clock(), TENANTS_MAX)
        except Exception:  # noqa: BLE001 - the database may be away for a while
            _log.exception("the tenants with work could not be listed; trying again in %s s", REST_S)
            await asyncio.sleep(REST_S)
            return ()
        self._metrics.waiting.found(found)
        return found

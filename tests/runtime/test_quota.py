"""A process's share of a tenant's quota: what it grants, and how seldom it asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from domain.actor import Actor
from domain.ids import TenantId
from graph.gate import Allowance
from persistence.database import Database
from persistence.quotas import Lease, Quotas
from runtime.quota import Quota, quota

PER_MINUTE = 6_000
NO_TIME = 1e-6


@dataclass
class Asked:
    """The real bucket, and how often it was asked. It does not fill by itself: each test is shorter than a second."""

    quotas: Quotas
    times: int = 0

    async def __call__(self, tenant: TenantId, *, wanted: int, needed: int) -> Lease:
        self.times += 1
        return await self.quotas.take(tenant, wanted=wanted, needed=needed)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def asked(database: Database, units_max: int = PER_MINUTE) -> Asked:
    return Asked(Quotas(database.engine, units_max=units_max, units_per_second=NO_TIME))


def a_process(take: Asked, clock: Clock) -> Quota:
    return Quota(take, per_minute=PER_MINUTE, units_max=PER_MINUTE, clock=clock)


async def test_a_second_s_worth_is_taken_at_once_and_then_spent_without_asking(
    database: Database, admin: Actor
) -> None:
    take = asked(database)
    process = a_process(take, Clock())
    told = [await process(admin.tenant, 1) for _ in range(100)]
    assert take.times == 1
    assert told[0] == Allowance(limit=PER_MINUTE, remaining=5_999, full_in_seconds=1)
    assert told[-1] == Allowance(limit=PER_MINUTE, remaining=5_900, full_in_seconds=1)


async def test_a_thousand_at_once_ask_no_oftener_than_they_must(database: Database, admin: Actor) -> None:
    take = asked(database)
    process = a_process(take, Clock())
    told = await asyncio.gather(*(process(admin.tenant, 1) for _ in range(1_000)))
    assert [each for each in told if each.wait_seconds is not None] == []
    assert take.times == 10


async def test_processes_share_one_bucket(database: Database, admin: Actor) -> None:
    takes = [asked(database), asked(database)]
    processes = [a_process(take, Clock()) for take in takes]
    granted = 0
    for _ in range(PER_MINUTE // 10):
        for process in processes:
            granted += 10 * ((await process(admin.tenant, 10)).wait_seconds is None)
    assert granted == PER_MINUTE
    assert sum(take.times for take in takes) < 2 * PER_MINUTE // 100


async def test_what_is_refused_says_when_to_come_back_and_spends_nothing(database: Database, admin: Actor) -> None:
    clock = Clock()
    process = a_process(asked(database), clock)
    await process(admin.tenant, 5_950)
    refused = await process(admin.tenant, 250)
    assert refused == Allowance(limit=PER_MINUTE, remaining=50, full_in_seconds=60, wait_seconds=2)
    assert (await process(admin.tenant, 50)).wait_seconds is None


async def test_a_tenant_beyond_its_quota_costs_no_round_trips(database: Database, admin: Actor) -> None:
    clock, take = Clock(), asked(database)
    process = a_process(take, clock)
    await process(admin.tenant, PER_MINUTE)
    for _ in range(500):
        assert (await process(admin.tenant, 1)).wait_seconds == 1
    assert take.times == 1
    clock.now += 1
    assert (await process(admin.tenant, 1)).wait_seconds == 1
    assert take.times == 2


async def test_nought_is_no_quota_and_the_dearest_operation_always_fits(database: Database, admin: Actor) -> None:
    assert await quota(database.engine, per_minute=0, cost_max=10_000)(admin.tenant, 10**9) is None
    spent = await quota(database.engine, per_minute=60, cost_max=10_000)(admin.tenant, 10_000)
    assert spent is not None
    assert (spent.wait_seconds, spent.remaining) == (None, 0)

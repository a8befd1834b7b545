"""The bucket that all processes of a tenant take from."""

from __future__ import annotations

import asyncio

from domain.actor import Actor
from persistence.database import Database
from persistence.operator import Operator
from persistence.quotas import Lease, Quotas
from runtime.clock import Mint
from tests.conftest import new_tenant

SLOW = 1e-6
"""Units a second: none come while a test runs."""


def quotas(database: Database, units_per_second: float = SLOW) -> Quotas:
    return Quotas(database.engine, units_max=100, units_per_second=units_per_second)


async def test_a_new_bucket_is_full_and_is_emptied_by_what_is_taken(database: Database, admin: Actor) -> None:
    bucket = quotas(database)
    assert await bucket.take(admin.tenant, wanted=60, needed=1) == Lease(granted=60, left=40)
    assert await bucket.take(admin.tenant, wanted=60, needed=1) == Lease(granted=40, left=0)
    assert await bucket.take(admin.tenant, wanted=60, needed=1) == Lease(granted=0, left=0)


async def test_nothing_is_taken_where_it_would_not_do(database: Database, admin: Actor) -> None:
    bucket = quotas(database)
    await bucket.take(admin.tenant, wanted=60, needed=60)
    assert await bucket.take(admin.tenant, wanted=60, needed=41) == Lease(granted=0, left=40)


async def test_it_fills_with_time_up_to_its_rim(database: Database, admin: Actor) -> None:
    await quotas(database).take(admin.tenant, wanted=100, needed=1)
    await asyncio.sleep(0.05)
    assert await quotas(database, 1e6).take(admin.tenant, wanted=10, needed=10) == Lease(granted=10, left=90)


async def test_takers_at_once_never_take_more_than_there_is(database: Database, admin: Actor) -> None:
    """Also where the bucket does not exist yet."""
    leases = await asyncio.gather(*(quotas(database).take(admin.tenant, wanted=30, needed=1) for _ in range(12)))
    assert sum(lease.granted for lease in leases) == 100


async def test_each_tenant_has_its_own(database: Database, admin: Actor, operator: Operator, mint: Mint) -> None:
    other = await new_tenant(operator, mint)
    bucket = quotas(database)
    await bucket.take(admin.tenant, wanted=100, needed=1)
    assert await bucket.take(other, wanted=100, needed=1) == Lease(granted=100, left=0)

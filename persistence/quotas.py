"""A tenant's bucket of units, which fills with time, and from which processes take some at a time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ids import TenantId
from persistence.database import connected, let_go

# The server's clock: it is the one that all processes share. Nothing is taken where there is less than is needed.
TAKE = """
WITH held AS (
    SELECT least($4::bigint, units + floor(
        extract(epoch FROM greatest(clock_timestamp() - filled_at, interval '0')) * $5::numeric
    ))::bigint AS units
    FROM quota WHERE tenant_id = $1 FOR UPDATE
), taken AS (
    SELECT units, CASE WHEN units >= $3::bigint THEN least(units, $2::bigint) ELSE 0 END AS granted FROM held
)
UPDATE quota SET units = taken.units - taken.granted, filled_at = clock_timestamp()
FROM taken WHERE tenant_id = $1 RETURNING taken.granted, quota.units
"""
BEGIN = "INSERT INTO quota (tenant_id, units, filled_at) VALUES ($1, $2, clock_timestamp()) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Lease:
    """What was taken, and what was left of the bucket then."""

    granted: int
    left: int


class Quotas:
    """`engine`: that of the service's Database. A bucket holds `units_max` and gains `units_per_second`."""

    def __init__(self, engine: AsyncEngine, *, units_max: int, units_per_second: float) -> None:
        self._engine = engine
        self._units_max = units_max
        self._units_per_second = units_per_second

    async def take(self, tenant: TenantId, *, wanted: int, needed: int) -> Lease:
        """As much of what is wanted as there is, or nothing where that is less than what is needed."""
        async with connected(self._engine) as (connection, raw):
            try:
                # What is lost with a crash is a second's spending: nobody waits for the disk.
                await raw.execute(
                    f"BEGIN; SET LOCAL interpact.tenant = '{UUID(int=tenant.int)}'; SET LOCAL synchronous_commit = off"
                )
                arguments = (tenant, wanted, needed, self._units_max, self._units_per_second)
                row = await raw.fetchrow(TAKE, *arguments)
                if row is None:
                    await raw.execute(BEGIN, tenant, self._units_max)
                    row = await raw.fetchrow(TAKE, *arguments)
                await raw.execute("COMMIT")
            except BaseException:
                # Whatever went wrong, nobody gets a connection that is still bound to the tenant.
                await let_go(connection, raw)
                raise
        return Lease(granted=row["granted"], left=row["units"])

"""What is looked up before a tenant is known: keys, tenants with work to do, heads of feeds. Ids only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.ids import KeyId, Position, TenantId
from persistence.database import raw_of
from persistence.operator import Key, to_key

# A transaction of its own under the role that may read the directory tables, and nothing else.
BEGIN = "BEGIN READ ONLY; SET LOCAL ROLE interpact_directory"

# One scan of a table with one short row a tenant.
WITH_WORK = """
SELECT tenant_id FROM feed_head WHERE last_number > judged_number OR due_at <= $1
ORDER BY last_number > judged_number DESC, due_at LIMIT $2
"""


class Directory:
    """`engine`: that of the service's Database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keys(self, ids: Collection[KeyId]) -> Mapping[KeyId, Key]:
        """Revoked and expired ones too: `Key.holds` tells."""
        rows = await self._read("SELECT * FROM api_key WHERE key_id = ANY ($1::uuid[])", list(ids))
        return {row["key_id"]: to_key(row) for row in rows}

    async def tenants_with_work(self, at: datetime, limit: int) -> Sequence[TenantId]:
        return [TenantId(row["tenant_id"]) for row in await self._read(WITH_WORK, at, limit)]

    async def heads(self, tenants: Collection[TenantId]) -> Mapping[TenantId, Position]:
        """The last number of each tenant's feed."""
        rows = await self._read(
            "SELECT tenant_id, last_number FROM feed_head WHERE tenant_id = ANY ($1::uuid[])", list(tenants)
        )
        return {TenantId(row["tenant_id"]): Position(row["last_number"]) for row in rows}

    async def _read(self, sql: str, *arguments: object) -> list[Any]:
        async with self._engine.connect() as connection:
            raw = await raw_of(connection)
            try:
                await raw.execute(BEGIN)
                rows: list[Any] = await raw.fetch(sql, *arguments)
                await raw.execute("COMMIT")
            except BaseException:
                # Whatever went wrong, nobody gets a connection that still has the role.
                raw.terminate()
                await connection.invalidate()
                raise
        return rows

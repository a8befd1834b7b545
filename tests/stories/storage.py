"""What the database holds, as its superuser sees it: past every policy, and past our own code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from runtime.embedded import EmbeddedServer

TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY tablename
"""
DIGEST = """
SELECT count(*), md5(coalesce(string_agg(row, chr(10) ORDER BY row COLLATE "C"), ''))
FROM (SELECT held::text AS row FROM {table} AS held) AS rows
"""
UNJUDGED = """
SELECT (SELECT count(*) FROM mark) + (SELECT count(*) FROM judged_period WHERE due_at <= now())
"""

Digests = dict[str, tuple[int, str]]
"""Of each table the number of its rows, and a digest over all of them."""


class Store:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def digests(self) -> Digests:
        tables = [row["tablename"] for row in await self._connection.fetch(TABLES)]
        assert len(tables) > 20, f"these are not the tables of the service: {tables}"
        # In one snapshot, so that no commit comes between two tables.
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            return {table: tuple(await self._connection.fetchrow(DIGEST.format(table=table))) for table in tables}

    async def unjudged(self) -> int:
        """Marks and periods that a worker would take now."""
        count: int = await self._connection.fetchval(UNJUDGED)
        return count

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._connection.fetch(sql, *arguments)]


@asynccontextmanager
async def store_of(server: EmbeddedServer) -> AsyncIterator[Store]:
    connection = await asyncpg.connect(server.superuser_url, database="interpact")
    try:
        yield Store(connection)
    finally:
        await connection.close()

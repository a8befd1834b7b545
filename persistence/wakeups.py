"""Hints between processes that a tenant's feed got longer. Only hints: who misses one finds out by polling.

They are sent on a connection of their own, after the commit, and many at once as one statement: a notification inside a
writing transaction would make commits wait for each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import asyncpg

from domain.ids import TenantId
from persistence.connecting import connector

CHANNEL = "interpact_feed"
RECONNECT_SECONDS = 1.0
CHECK_SECONDS = 30.0
"""How often a silent connection is asked whether it is there."""

NOTIFY = "SELECT pg_notify('interpact_feed', tenant::text) FROM unnest($1::uuid[]) AS tenant"

_log = logging.getLogger(__name__)


class Wakeups:
    def __init__(self, url: str) -> None:
        self._connect = connector(url, name="interpact wake-ups", settings={"statement_timeout": "10s"})
        self._pending: set[TenantId] = set()
        self._asked = asyncio.Event()

    def notify(self, tenant: TenantId) -> None:
        """Remembers the tenant for the next sending, and returns at once."""
        self._pending.add(tenant)
        self._asked.set()

    async def run(self, heard: Callable[[TenantId], None]) -> None:
        """Sends what is asked for and calls `heard` for what comes, its own hints too. Until cancelled."""
        while True:
            try:
                await self._connected(heard)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                # The third comes of a statement sent in the instant between the server's last words and the end of
                # its connection.
                _log.warning("wake-ups are off, polling goes on: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _connected(self, heard: Callable[[TenantId], None]) -> None:
        connection = await self._connect()
        try:
            await connection.add_listener(CHANNEL, lambda *told: _pass_on(str(told[-1]), heard))
            # Wakes the sender, who then finds out.
            connection.add_termination_listener(lambda _: self._asked.set())
            while True:
                await self._send(connection)
        finally:
            connection.terminate()

    async def _send(self, connection: asyncpg.Connection) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await self._asked.wait()
        self._asked.clear()
        told, self._pending = self._pending, set()
        try:
            await connection.execute(NOTIFY, sorted(told))
        except BaseException:
            self._pending |= told
            self._asked.set()
            raise


def _pass_on(payload: str, heard: Callable[[TenantId], None]) -> None:
    try:
        tenant = TenantId(UUID(payload))
    except ValueError:
        # Anybody who may connect may notify.
        _log.warning("a wake-up names no tenant")
        return
    heard(tenant)

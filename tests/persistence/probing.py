"""Whether row-level security still holds one table: statements that raise on the first row too many or too few.

All rights on the table are given first, inside the transaction, so that nothing but its policies is in the way. It is
one connection of the superuser's that takes on the roles, so that a change of the catalog can be taken back with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

SERVICE, DIRECTORY, OWNER = "interpact_service", "interpact_directory", "interpact_owner"
TENANTLESS = (asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError)
"""What a policy raises where no tenant is bound."""
DENIED = asyncpg.InsufficientPrivilegeError


class Leak(Exception):
    """Somebody saw, or could do, what is not theirs."""


class Loss(Exception):
    """Somebody did not see, or could not do, what is theirs."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Two tenants, each of which has rows in every table."""

    connection: asyncpg.Connection
    home: UUID
    away: UUID

    async def table(self, name: str) -> None:
        await self._spare(name)
        if name == "membership":
            await self._memberships()
        else:
            await self._of_the_tenant(name)
        if name == "feed_head":
            await self._heads()
        if name not in ("membership", "feed_head"):
            await self._nothing_for_the_owner(name)

    async def _spare(self, name: str) -> None:
        """A row of the other tenant's to be written, taken out of its place."""
        await self.connection.execute(
            f"CREATE TEMPORARY TABLE spare AS SELECT * FROM {name} WHERE tenant_id = '{self.away}' LIMIT 1;"
            f"GRANT ALL ON spare TO {SERVICE}, {DIRECTORY}, {OWNER};"
            f"GRANT ALL ON {name} TO {SERVICE}, {DIRECTORY}"
        )
        if await self.connection.fetchval("SELECT count(*) FROM spare") != 1:
            raise Loss(f"{name} has no row to probe with")

    async def _of_the_tenant(self, name: str) -> None:
        async with self._as(SERVICE):
            await self._fails(f"SELECT 1 FROM {name} LIMIT 1", *TENANTLESS)
        async with self._as(SERVICE, self.home):
            await self._sees(name, {self.home})
            await self._touches(f"UPDATE {name} SET tenant_id = tenant_id WHERE tenant_id = '{self.away}'", 0)
            await self._touches(f"DELETE FROM {name} WHERE tenant_id = '{self.away}'", 0)
            await self._fails(f"INSERT INTO {name} SELECT * FROM spare", DENIED)

    async def _nothing_for_the_owner(self, name: str) -> None:
        async with self._as(OWNER):
            await self._fails(f"SELECT 1 FROM {name} LIMIT 1", *TENANTLESS)

    async def _heads(self) -> None:
        """The directory finds the tenants with work; the operator makes a head for each new tenant."""
        async with self._as(DIRECTORY):
            await self._sees("feed_head", {self.home, self.away})
        async with self._as(OWNER):
            await self._sees("feed_head", {self.home, self.away})
            await self._touches("UPDATE feed_head SET last_number = last_number", 2)

    async def _memberships(self) -> None:
        """The service itself sees none; the directory all, of which it makes active ones of invitations."""
        async with self._as(SERVICE, self.home):
            await self._sees("membership", set())
        async with self._as(DIRECTORY):
            await self._sees("membership", {self.home, self.away})
            joined = "UPDATE membership SET state = 'active', joined_at = now() WHERE tenant_id = '{tenant}'"
            await self._touches(f"{joined.format(tenant=self.home)} AND state = 'suspended'", 0)
            await self._fails("UPDATE membership SET state = 'suspended' WHERE state = 'invited'", DENIED)
            await self._touches(f"{joined.format(tenant=self.home)} AND state = 'invited'", 1)
        async with self._as(OWNER):
            await self._sees("membership", {self.home, self.away})
            await self._touches("UPDATE membership SET expires_at = expires_at", 4)

    @asynccontextmanager
    async def _as(self, role: str, tenant: UUID | None = None) -> AsyncIterator[None]:
        await self.connection.execute(f"SET LOCAL interpact.tenant = '{tenant or ''}'; SET LOCAL ROLE {role}")
        try:
            yield
        finally:
            await self.connection.execute("SET LOCAL ROLE NONE")

    async def _sees(self, name: str, tenants: set[UUID]) -> None:
        try:
            async with self.connection.transaction():
                rows = await self.connection.fetch(f"SELECT DISTINCT tenant_id FROM {name}")
        except TENANTLESS as error:
            raise Loss(f"{name} cannot be read: {error}") from error
        found = {row["tenant_id"] for row in rows}
        if found - tenants:
            raise Leak(f"{name} shows rows of {found - tenants}")
        if tenants - found:
            raise Loss(f"{name} hides rows of {tenants - found}")

    async def _touches(self, statement: str, rows: int) -> None:
        """The statement changes so many rows; what it did is taken back."""
        found = -1
        try:
            async with self.connection.transaction():
                found = int((await self.connection.execute(statement)).split()[-1])
                raise _TakenBack
        except _TakenBack:
            pass
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Leak(f"only a constraint was in the way of {statement}") from error
        except DENIED as error:
            raise Loss(f"refused: {statement}") from error
        if found != rows:
            raise (Leak if found > rows else Loss)(f"{found} rows, not {rows}: {statement}")

    async def _fails(self, statement: str, *errors: type[Exception]) -> None:
        try:
            async with self.connection.transaction():
                await self.connection.execute(statement)
        except errors:
            return
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Leak(f"only a constraint was in the way of {statement}") from error
        raise Leak(f"nothing was in the way of {statement}")


class _TakenBack(Exception):
    """Ends a savepoint whose work is not kept."""

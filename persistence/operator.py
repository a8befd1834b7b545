"""Tenants and their keys, as the owner of the tables: for the command line only, never for the service.

What changes anything leaves an entry in the tenant's audit log, in the same transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from domain.audit import AuditEntry, CallerKind, Door, Origin, Subject, SubjectType, act_on
from domain.ids import AuditEntryId, KeyId, PartyId, TenantId
from domain.policy import Action, Role
from domain.ports import Mint
from persistence.audit import ENTRY, entry_arguments
from persistence.conflicts import translating
from persistence.connecting import connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    id: TenantId
    code: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`secret_hash`: SHA-256 of the secret, 32 bytes; the secret itself is kept nowhere."""

    id: KeyId
    tenant: TenantId
    secret_hash: bytes
    role: Role
    party: PartyId | None
    label: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def to_key(row: Any) -> Key:
    return Key(
        id=row["key_id"],
        tenant=row["tenant_id"],
        secret_hash=row["secret_hash"],
        role=Role(row["role"]),
        party=row["party_id"],
        label=row["label"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


REVOKE = "UPDATE api_key SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL RETURNING tenant_id"

FORGET_ADDRESSES = """
UPDATE audit_entry SET address = NULL WHERE tenant_id = $1 AND at < $2 AND address IS NOT NULL
"""


async def bind(connection: asyncpg.Connection, tenant: TenantId) -> None:
    """Row-level security holds the owner too: to touch a tenant's rows the transaction names the tenant."""
    await connection.execute("SELECT set_config('interpact.tenant', $1, true)", str(tenant))


class Operator:
    def __init__(self, owner_url: str, *, mint: Mint, clock: Callable[[], datetime]) -> None:
        self._mint = mint
        self._clock = clock
        self._connect = connector(owner_url, name="interpact operator", settings={"statement_timeout": "30s"})

    async def create_tenant(self, tenant: Tenant) -> None:
        """With the head of its feed. Raises Taken where the code is in use."""
        async with self.transaction() as connection:
            await connection.execute(
                "INSERT INTO tenant (tenant_id, code, name, created_at) VALUES ($1, $2, $3, $4)",
                tenant.id,
                tenant.code,
                tenant.name,
                tenant.created_at,
            )
            await connection.execute("INSERT INTO feed_head (tenant_id) VALUES ($1)", tenant.id)
            await self.audit(connection, tenant.id, "tenant create", [Subject(SubjectType.TENANT, tenant.id)])

    async def tenants(self) -> Sequence[Tenant]:
        async with self.transaction() as connection:
            rows = await connection.fetch("SELECT tenant_id, code, name, created_at FROM tenant ORDER BY code")
        return [
            Tenant(id=row["tenant_id"], code=row["code"], name=row["name"], created_at=row["created_at"])
            for row in rows
        ]

    async def tenant(self, code: str) -> Tenant | None:
        return next((tenant for tenant in await self.tenants() if tenant.code == code), None)

    async def party(self, tenant: TenantId, code: str) -> PartyId | None:
        """The tenant's party of this code."""
        async with self.transaction() as connection:
            await bind(connection, tenant)
            found = await connection.fetchval(
                "SELECT party_id FROM party WHERE tenant_id = $1 AND code = $2", tenant, code
            )
        return None if found is None else PartyId(found)

    async def create_key(self, key: Key) -> None:
        """Raises NotFound for an unknown tenant, or a party that is not the tenant's."""
        async with self.transaction() as connection:
            await connection.execute(
                "INSERT INTO api_key (key_id, tenant_id, secret_hash, role, party_id, label, created_at, expires_at,"
                " revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                key.id,
                key.tenant,
                key.secret_hash,
                key.role.value,
                key.party,
                key.label,
                key.created_at,
                key.expires_at,
                key.revoked_at,
            )
            await self.audit(connection, key.tenant, "key create", [Subject(SubjectType.KEY, key.id)])

    async def keys(self, tenant: TenantId) -> Sequence[Key]:
        async with self.transaction() as connection:
            rows = await connection.fetch("SELECT * FROM api_key WHERE tenant_id = $1 ORDER BY key_id", tenant)
        return [to_key(row) for row in rows]

    async def revoke_key(self, key: KeyId, at: datetime) -> bool:
        """Whether there is such a key; one that was revoked before keeps its instant."""
        async with self.transaction() as connection:
            tenant = await connection.fetchval(REVOKE, key, at)
            if tenant is not None:
                await self.audit(connection, tenant, "key revoke", [Subject(SubjectType.KEY, key)])
                return True
            known: bool = await connection.fetchval("SELECT EXISTS (SELECT 1 FROM api_key WHERE key_id = $1)", key)
        return known

    async def forget_addresses(self, tenant: TenantId, before: datetime) -> int:
        """Erases from where callers called before the instant; of how many entries. The entries stay."""
        async with self.transaction() as connection:
            await bind(connection, tenant)
            done: str = await connection.execute(FORGET_ADDRESSES, tenant, before)
            erased = int(done.removeprefix("UPDATE "))
            if erased:
                subjects = [Subject(SubjectType.TENANT, tenant)]
                await self.audit(connection, tenant, "audit forget-addresses", subjects, Action.ERASE_ADDRESSES)
        return erased

    async def audit(
        self,
        connection: asyncpg.Connection,
        tenant: TenantId,
        operation: str,
        subjects: Sequence[Subject],
        action: Action = Action.MANAGE_ACCESS,
    ) -> None:
        """Keeps what this transaction does to the tenant: the command and ids, never a name, a label or a secret."""
        entry = AuditEntry(
            id=AuditEntryId(self._mint()),
            at=self._clock(),
            caller_kind=CallerKind.OPERATOR,
            caller=None,
            role=None,
            party=None,
            act=act_on(action, operation, subjects),
            origin=Origin(door=Door.COMMAND_LINE),
            posting=None,
        )
        await bind(connection, tenant)
        await connection.fetch(ENTRY, *entry_arguments(tenant, entry))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await self._connect()
        try:
            with translating():
                async with connection.transaction():
                    yield connection
        finally:
            await connection.close()

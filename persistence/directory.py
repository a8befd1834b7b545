"""What is looked up before a tenant is known: keys, people, tenants with work to do, heads of feeds. Ids only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.audit import AuditEntry, CallerKind, Origin, Subject, SubjectType, act_on
from domain.ids import AuditEntryId, KeyId, MembershipId, PersonId, Position, TenantId
from domain.policy import Action
from persistence.audit import ENTRY, entry_arguments
from persistence.connecting import LOOKUP_SECONDS_MAX
from persistence.database import connected, let_go
from persistence.operator import Key, to_key
from persistence.people import MEMBERSHIP, Membership, to_membership

# A transaction of its own under the role that may read the directory tables, and nothing else.
_ALONE = f"SET LOCAL ROLE interpact_directory; SET LOCAL statement_timeout = '{LOOKUP_SECONDS_MAX}s'"
BEGIN = f"BEGIN READ ONLY; {_ALONE}"
BEGIN_JOINING = f"BEGIN; {_ALONE}"

# One scan of a table with one short row a tenant.
WITH_WORK = """
SELECT tenant_id FROM feed_head WHERE last_number > judged_number OR due_at <= $1
ORDER BY last_number > judged_number DESC, due_at LIMIT $2
"""

OF_PERSON = f"{MEMBERSHIP} WHERE p.issuer = $1 AND p.subject = $2 ORDER BY m.tenant_id"

KNOW = """
INSERT INTO person (person_id, issuer, subject, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT person_subject_key DO NOTHING
"""

# Row-level security lets this role do one thing to a membership: make an active one of an invitation.
JOIN = """
UPDATE membership m SET person_id = p.person_id, state = 'active', joined_at = $5
FROM person p
WHERE p.issuer = $3 AND p.subject = $4 AND m.tenant_id = $1 AND m.membership_id = $2 AND m.state = 'invited'
    AND m.expires_at > $5 AND (m.person_id IS NULL OR m.person_id = p.person_id)
RETURNING m.person_id
"""

# The directory's role may not add to a tenant's audit log; the service's own may, in the same transaction.
BACK_TO_THE_SERVICE = "SET LOCAL ROLE NONE; SET LOCAL interpact.tenant = '{tenant}'"


class Directory:
    """`engine`: that of the service's Database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keys(self, ids: Collection[KeyId]) -> Mapping[KeyId, Key]:
        """Revoked and expired ones too: `Key.holds` tells."""
        rows = await self._read("SELECT * FROM api_key WHERE key_id = ANY ($1::uuid[])", list(ids))
        return {row["key_id"]: to_key(row) for row in rows}

    async def tenant(self, code: str) -> TenantId | None:
        rows = await self._read("SELECT tenant_id FROM tenant WHERE code = $1", code)
        return TenantId(rows[0]["tenant_id"]) if rows else None

    async def memberships(self, issuer: str, subject: str) -> Sequence[Membership]:
        """Of one person in all tenants, invitations and suspended ones too."""
        return [to_membership(row) for row in await self._read(OF_PERSON, issuer, subject)]

    async def invitation(self, tenant: TenantId, membership: MembershipId) -> Membership | None:
        """The membership that a code names, whatever has become of the invitation."""
        rows = await self._read(f"{MEMBERSHIP} WHERE m.tenant_id = $1 AND m.membership_id = $2", tenant, membership)
        return to_membership(rows[0]) if rows else None

    async def join(
        self,
        invitation: Membership,
        person: PersonId,
        *,
        issuer: str,
        subject: str,
        at: datetime,
        entry: AuditEntryId,
        origin: Origin | None,
    ) -> PersonId | None:
        """Takes up an invitation; who does, under its own id where it is known already, else under the one given.

        None where it was not to be had: taken up, suspended or gone meanwhile, or its tenant has this person already.
        The tenant's audit log keeps it, under the id `entry`.
        """
        async with connected(self._engine) as (connection, raw):
            try:
                await raw.execute(BEGIN_JOINING)
                await raw.execute(KNOW, person, issuer, subject, at)
                joined: PersonId | None = await raw.fetchval(
                    JOIN, invitation.tenant, invitation.id, issuer, subject, at
                )
                if joined is not None:
                    await raw.execute(BACK_TO_THE_SERVICE.format(tenant=UUID(int=invitation.tenant.int)))
                    await raw.fetch(ENTRY, *_taken_up(invitation, joined, at, entry, origin))
                await raw.execute("ROLLBACK" if joined is None else "COMMIT")
            except asyncpg.UniqueViolationError:
                await raw.execute("ROLLBACK")
                return None
            except BaseException:
                await let_go(connection, raw)
                raise
        return joined

    async def tenants_with_work(self, at: datetime, limit: int) -> Sequence[TenantId]:
        return [TenantId(row["tenant_id"]) for row in await self._read(WITH_WORK, at, limit)]

    async def heads(self, tenants: Collection[TenantId]) -> Mapping[TenantId, Position]:
        """The last number of each tenant's feed."""
        rows = await self._read(
            "SELECT tenant_id, last_number FROM feed_head WHERE tenant_id = ANY ($1::uuid[])", list(tenants)
        )
        return {TenantId(row["tenant_id"]): Position(row["last_number"]) for row in rows}

    async def _read(self, sql: str, *arguments: object) -> list[Any]:
        async with connected(self._engine) as (connection, raw):
            try:
                await raw.execute(BEGIN)
                rows: list[Any] = await raw.fetch(sql, *arguments)
                await raw.execute("COMMIT")
            except BaseException:
                # Whatever went wrong, nobody gets a connection that still has the role.
                await let_go(connection, raw)
                raise
        return rows


def _taken_up(
    invitation: Membership, person: PersonId, at: datetime, entry: AuditEntryId, origin: Origin | None
) -> tuple[object, ...]:
    kept = AuditEntry(
        id=entry,
        at=at,
        caller_kind=CallerKind.PERSON,
        caller=person,
        role=invitation.role,
        party=invitation.party,
        act=act_on(Action.MANAGE_ACCESS, "join", [Subject(SubjectType.MEMBERSHIP, invitation.id)]),
        origin=origin,
        posting=None,
    )
    return entry_arguments(invitation.tenant, kept)

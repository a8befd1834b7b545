"""What a person is in a tenant, and the invitations to become it, as the owner of the tables: for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import asyncpg

from domain.audit import Subject, SubjectType
from domain.errors import WrongState
from domain.ids import MembershipId, PartyId, PersonId, TenantId
from domain.policy import Role
from persistence.operator import Operator


class MembershipState(Enum):
    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`person`, `issuer` and `subject` are None while an invitation by code has not been taken up.

    `code_hash`: SHA-256 of the secret of the invitation's code, 32 bytes; the code itself is kept nowhere.
    `expires_at` is the invitation's end, not that of what became of it.
    """

    id: MembershipId
    tenant: TenantId
    tenant_code: str
    role: Role
    party: PartyId | None
    state: MembershipState
    invited_at: datetime
    expires_at: datetime
    person: PersonId | None = None
    issuer: str | None = None
    subject: str | None = None
    code_hash: bytes | None = None
    joined_at: datetime | None = None

    def invites(self, at: datetime) -> bool:
        return self.state is MembershipState.INVITED and at < self.expires_at


# Read with the tenant's code and whom the person is to the issuer, by the directory and by the owner alike.
MEMBERSHIP = """
SELECT m.*, t.code AS tenant_code, p.issuer, p.subject FROM membership m
JOIN tenant t ON t.tenant_id = m.tenant_id LEFT JOIN person p ON p.person_id = m.person_id
"""

INVITE = """
INSERT INTO membership (tenant_id, membership_id, person_id, role, party_id, state, code_hash, invited_at, expires_at)
VALUES ($1, $2, $3, $4, $5, 'invited', $6, $7, $8)
"""

# Says nothing of a person that is known already, and still returns its id.
PERSON = """
INSERT INTO person (person_id, issuer, subject, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT person_subject_key DO UPDATE SET subject = excluded.subject RETURNING person_id
"""

SUSPEND = """
UPDATE membership SET state = 'suspended' WHERE membership_id = $1 AND state <> 'suspended'
RETURNING tenant_id, person_id
"""

RESTORE = """
UPDATE membership SET state = CASE WHEN joined_at IS NULL THEN 'invited' ELSE 'active' END
WHERE membership_id = $1 AND state = 'suspended' RETURNING tenant_id, person_id
"""

REMOVE = "DELETE FROM membership WHERE membership_id = $1 RETURNING tenant_id, person_id"

# A person that is in no tenant any more is forgotten.
FORGET = "DELETE FROM person WHERE person_id = $1 AND NOT EXISTS (SELECT 1 FROM membership WHERE person_id = $1)"


def to_membership(row: Any) -> Membership:
    return Membership(
        id=row["membership_id"],
        tenant=row["tenant_id"],
        tenant_code=row["tenant_code"],
        role=Role(row["role"]),
        party=row["party_id"],
        state=MembershipState(row["state"]),
        invited_at=row["invited_at"],
        expires_at=row["expires_at"],
        person=row["person_id"],
        issuer=row["issuer"],
        subject=row["subject"],
        code_hash=row["code_hash"],
        joined_at=row["joined_at"],
    )


class People:
    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def invite(self, invitation: Membership) -> None:
        """Of a person, `person` is the id to take where it is not known yet; without one, of whoever has the code.

        Raises Taken for a person that is invited to the tenant, or in it, already.
        """
        async with self._operator.transaction() as connection:
            person = None
            if invitation.person is not None:
                person = await connection.fetchval(
                    PERSON, invitation.person, invitation.issuer, invitation.subject, invitation.invited_at
                )
            await connection.execute(
                INVITE,
                invitation.tenant,
                invitation.id,
                person,
                invitation.role.value,
                invitation.party,
                invitation.code_hash,
                invitation.invited_at,
                invitation.expires_at,
            )
            subjects = subjects_of(invitation.id, person)
            await self._operator.audit(connection, invitation.tenant, "person invite", subjects)

    async def memberships(self, tenant: TenantId) -> Sequence[Membership]:
        async with self._operator.transaction() as connection:
            rows = await connection.fetch(f"{MEMBERSHIP} WHERE m.tenant_id = $1 ORDER BY m.membership_id", tenant)
        return [to_membership(row) for row in rows]

    async def suspend(self, membership: MembershipId) -> bool:
        """Whether there is such a membership."""
        return await self._changed(membership, SUSPEND, "person suspend") or await self._known(membership)

    async def restore(self, membership: MembershipId) -> bool:
        """Whether there is such a membership. Raises WrongState for one that is not suspended."""
        if await self._changed(membership, RESTORE, "person restore"):
            return True
        if await self._known(membership):
            raise WrongState("the membership is not suspended")
        return False

    async def remove(self, membership: MembershipId) -> bool:
        """Whether there was such a membership. Who has no other is forgotten: the id that facts carry names nobody."""
        async with self._operator.transaction() as connection:
            gone = await connection.fetchrow(REMOVE, membership)
            if gone is not None:
                await self._audit(connection, membership, gone, "person remove")
            if gone is not None and gone["person_id"] is not None:
                await connection.execute(FORGET, gone["person_id"])
        return gone is not None

    async def _changed(self, membership: MembershipId, statement: str, operation: str) -> bool:
        """Whether the statement changed anything."""
        async with self._operator.transaction() as connection:
            row = await connection.fetchrow(statement, membership)
            if row is not None:
                await self._audit(connection, membership, row, operation)
        return row is not None

    async def _audit(self, connection: asyncpg.Connection, membership: MembershipId, row: Any, operation: str) -> None:
        subjects = subjects_of(membership, row["person_id"])
        await self._operator.audit(connection, row["tenant_id"], operation, subjects)

    async def _known(self, membership: MembershipId) -> bool:
        async with self._operator.transaction() as connection:
            known: bool = await connection.fetchval(
                "SELECT EXISTS (SELECT 1 FROM membership WHERE membership_id = $1)", membership
            )
        return known


def subjects_of(membership: MembershipId, person: PersonId | None) -> list[Subject]:
    """An invitation by code is nobody's yet."""
    found = [Subject(SubjectType.MEMBERSHIP, membership)]
    return found if person is None else [*found, Subject(SubjectType.PERSON, person)]

"""People in storage: an invitation is taken up once, and policies hold what the service may change of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from domain.audit import Door, Origin
from domain.errors import NotFound, Taken, WrongState
from domain.ids import AuditEntryId, MembershipId, PartyId, PersonId, TenantId
from domain.policy import Role
from persistence.database import Database
from persistence.directory import Directory
from persistence.operator import Operator
from persistence.people import Membership, MembershipState, People
from runtime.clock import Mint
from tests.conftest import MADE_AT, new_tenant
from tests.servers import Urls

ISSUER = "https://login.example"
LATER = MADE_AT + timedelta(hours=1)


@pytest.fixture
def people(operator: Operator) -> People:
    return People(operator)


@pytest.fixture
def directory(database: Database) -> Directory:
    return Directory(database.engine)


@pytest.fixture
async def raw(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """The service's login, with the rights of the directory's role."""
    connection = await asyncpg.connect(urls.service)
    await connection.execute("SET ROLE interpact_directory")
    yield connection
    await connection.close()


def an_invitation(tenant: TenantId, mint: Mint, *, subject: str | None = None, code: bytes | None = None) -> Membership:
    return Membership(
        id=MembershipId(mint()),
        tenant=tenant,
        tenant_code="unused",
        role=Role.ANALYST,
        party=None,
        state=MembershipState.INVITED,
        invited_at=MADE_AT,
        expires_at=MADE_AT + timedelta(days=7),
        person=None if subject is None else PersonId(mint()),
        issuer=None if subject is None else ISSUER,
        subject=subject,
        code_hash=code,
    )


async def joined(directory: Directory, invitation: Membership, subject: str, mint: Mint) -> PersonId | None:
    return await directory.join(
        invitation,
        PersonId(mint()),
        issuer=ISSUER,
        subject=subject,
        at=LATER,
        entry=AuditEntryId(mint()),
        origin=Origin(door=Door.HTTP, address="192.0.2.7", request="r-1"),
    )


async def test_one_person_is_one_in_all_tenants_and_is_listed_in_each(
    people: People, directory: Directory, operator: Operator, mint: Mint
) -> None:
    tenants = [await new_tenant(operator, mint) for _ in range(2)]
    ada = mint().hex
    for tenant in tenants:
        await people.invite(an_invitation(tenant, mint, subject=ada))
    found = await directory.memberships(ISSUER, ada)
    assert {each.tenant for each in found} == set(tenants)
    assert len({each.person for each in found}) == 1
    assert await directory.memberships("https://other.example", ada) == []
    assert [each.subject for each in await people.memberships(tenants[0])] == [ada]


async def test_an_invitation_is_taken_up_once_under_the_id_that_is_known(
    people: People, directory: Directory, tenant: TenantId, mint: Mint
) -> None:
    ada, bob = mint().hex, mint().hex
    invitation = an_invitation(tenant, mint, subject=ada)
    await people.invite(invitation)
    assert await joined(directory, invitation, bob, mint) is None
    assert await joined(directory, invitation, ada, mint) == invitation.person
    assert await joined(directory, invitation, ada, mint) is None
    (member,) = await people.memberships(tenant)
    assert (member.state, member.joined_at) == (MembershipState.ACTIVE, LATER)
    # Who was refused has left no trace.
    assert await directory.memberships(ISSUER, bob) == []


async def test_of_two_who_take_up_a_code_one_has_it(
    people: People, directory: Directory, tenant: TenantId, mint: Mint
) -> None:
    invitation = an_invitation(tenant, mint, code=bytes(32))
    await people.invite(invitation)
    taken = await asyncio.gather(*(joined(directory, invitation, mint().hex, mint) for _ in range(6)))
    assert len([person for person in taken if person is not None]) == 1


async def test_a_person_is_in_a_tenant_once(
    people: People, directory: Directory, tenant: TenantId, mint: Mint, urls: Urls
) -> None:
    ada = mint().hex
    await people.invite(an_invitation(tenant, mint, subject=ada))
    with pytest.raises(Taken, match="already"):
        await people.invite(an_invitation(tenant, mint, subject=ada))
    by_code = an_invitation(tenant, mint, code=bytes(32))
    await people.invite(by_code)
    assert await joined(directory, by_code, ada, mint) is None
    assert len(await people.memberships(tenant)) == 2


async def test_an_expired_or_suspended_invitation_is_not_taken_up(
    people: People, directory: Directory, tenant: TenantId, mint: Mint
) -> None:
    ada = mint().hex
    expired = replace(an_invitation(tenant, mint, subject=ada), expires_at=LATER)
    await people.invite(expired)
    assert await joined(directory, expired, ada, mint) is None
    suspended = an_invitation(tenant, mint, code=bytes(32))
    await people.invite(suspended)
    assert await people.suspend(suspended.id)
    assert await joined(directory, suspended, mint().hex, mint) is None
    assert await people.restore(suspended.id)
    assert await joined(directory, suspended, mint().hex, mint) is not None


async def test_what_is_restored_is_what_it_was(
    people: People, directory: Directory, tenant: TenantId, mint: Mint
) -> None:
    ada = mint().hex
    invitation = an_invitation(tenant, mint, subject=ada)
    await people.invite(invitation)
    await joined(directory, invitation, ada, mint)
    with pytest.raises(WrongState):
        await people.restore(invitation.id)
    await people.suspend(invitation.id)
    await people.restore(invitation.id)
    assert (await people.memberships(tenant))[0].state is MembershipState.ACTIVE
    nowhere = MembershipId(UUID(int=1))
    assert [await people.suspend(nowhere), await people.restore(nowhere), await people.remove(nowhere)] == [False] * 3


async def test_who_is_in_no_tenant_any_more_is_forgotten(
    people: People, operator: Operator, mint: Mint, raw: asyncpg.Connection
) -> None:
    ada = mint().hex
    both = [an_invitation(await new_tenant(operator, mint), mint, subject=ada) for _ in range(2)]
    for each in both:
        await people.invite(each)
    known = []
    for each in both:
        assert await people.remove(each.id)
        known.append(await raw.fetchval("SELECT count(*) FROM person WHERE subject = $1", ada))
    assert known == [1, 0]


async def test_a_party_must_be_the_tenants_own(people: People, tenant: TenantId, mint: Mint) -> None:
    foreign = replace(an_invitation(tenant, mint, code=bytes(32)), role=Role.VENDOR, party=PartyId(mint()))
    with pytest.raises(NotFound):
        await people.invite(foreign)
    with pytest.raises(NotFound):
        await people.invite(an_invitation(TenantId(mint()), mint, code=bytes(32)))


NOT_ALLOWED = [
    "UPDATE membership SET role = 'admin'",
    "UPDATE membership SET tenant_id = gen_random_uuid()",
    "UPDATE membership SET party_id = NULL",
    "UPDATE membership SET code_hash = NULL",
    "UPDATE membership SET expires_at = now()",
    "DELETE FROM membership",
    "INSERT INTO membership (tenant_id) VALUES (gen_random_uuid())",
    "UPDATE person SET subject = 'root'",
    "DELETE FROM person",
]


async def test_the_directorys_role_changes_nothing_but_invitations(
    people: People, directory: Directory, tenant: TenantId, mint: Mint, raw: asyncpg.Connection
) -> None:
    ada = mint().hex
    active, suspended, invited = (an_invitation(tenant, mint, subject=each) for each in (ada, mint().hex, mint().hex))
    for each in (active, suspended, invited):
        await people.invite(each)
    assert await joined(directory, active, ada, mint) is not None
    await people.suspend(suspended.id)
    for statement in NOT_ALLOWED:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await raw.execute(statement)
    before = await people.memberships(tenant)
    for each in (active, suspended):
        done = await raw.execute("UPDATE membership SET state = 'active' WHERE membership_id = $1", each.id)
        assert done == "UPDATE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await raw.execute("UPDATE membership SET state = 'suspended' WHERE membership_id = $1", invited.id)
    assert await people.memberships(tenant) == before

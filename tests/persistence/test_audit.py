"""The audit log in storage: written with the change, only ever added to, read by its conditions through indexes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from domain.actor import Actor
from domain.audit import (
    SUBJECTS_MAX,
    Act,
    AuditEntry,
    CallerKind,
    Door,
    Origin,
    Subject,
    SubjectType,
    act_on,
)
from domain.errors import Taken
from domain.feed import PostingKind
from domain.filters import AuditFilter
from domain.ids import AuditEntryId, KeyId, MembershipId, PartyId, PersonId, PostingId, TenantId
from domain.paging import PageRequest
from domain.party import Party, PartyKind
from domain.policy import Action, Role
from persistence.database import Database
from persistence.directory import Directory
from persistence.operator import Key, Operator
from persistence.people import Membership, MembershipState, People
from persistence.statements import Statement
from runtime.clock import Mint
from tests.conftest import MADE_AT, new_tenant
from tests.servers import Urls

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
ORIGIN = Origin(door=Door.WEBSOCKET, address="2001:db8::7", request="r-1")
CREATED = AuditFilter(operations=frozenset({"createParty"}))
NEWEST_FIRST = PageRequest(descending=True)


def an_act(mint: Mint, subjects: int = 1, operation: str = "createParty") -> Act:
    return act_on(Action.MANAGE_PARTIES, operation, [Subject(SubjectType.PARTY, mint()) for _ in range(subjects)])


async def done(database: Database, actor: Actor, act: Act, at: datetime = NOW) -> None:
    async with database.open_work(actor) as work:
        work.posts(PostingKind.CATALOG, at)
        work.audits(act, at)


async def fails(database: Database, actor: Actor, act: Act, mint: Mint) -> None:
    async with database.open_work(actor) as work:
        work.posts(PostingKind.CATALOG, NOW)
        work.audits(act, NOW)
        for _ in range(2):
            await work.parties.add([Party(id=PartyId(mint()), code="one", name="One", kind=PartyKind.VENDOR)])


async def entries(database: Database, actor: Actor, where: AuditFilter | None = None) -> list[AuditEntry]:
    async with database.open_work(actor) as work:
        found = await work.audit_log.page(NEWEST_FIRST, where or AuditFilter())
        assert await work.audit_log.count(where or AuditFilter()) == len(found.rows)
    return [row.item for row in found.rows]


async def seen(database: Database, tenant: TenantId, mint: Mint) -> list[tuple[str, Act]]:
    """What an auditor of the tenant reads, the first first: caller and act."""
    auditor = Actor(tenant=tenant, caller=KeyId(mint()), role=Role.AUDITOR)
    found = await entries(database, auditor)
    return [(each.caller_kind.value, each.act) for each in reversed(found)]


async def test_an_entry_comes_back_as_it_was_and_carries_the_posting_of_the_rows_it_wrote(
    database: Database, tenant: TenantId, mint: Mint, urls: Urls
) -> None:
    caller, act = PersonId(mint()), an_act(mint, 3)
    actor = Actor(tenant=tenant, caller=caller, role=Role.AUDITOR, kind=CallerKind.PERSON, origin=ORIGIN)
    await done(database, actor, act)
    owner = await asyncpg.connect(urls.superuser)
    posting, recorded_at = await owner.fetchrow("SELECT posting_id, recorded_at FROM feed WHERE tenant_id = $1", tenant)
    await owner.close()
    entry, made = sorted(await entries(database, actor), key=lambda each: each.at)
    assert entry == AuditEntry(
        id=entry.id,
        at=recorded_at,
        caller_kind=CallerKind.PERSON,
        caller=caller,
        role=Role.AUDITOR,
        party=None,
        act=act,
        origin=ORIGIN,
        posting=PostingId(posting),
    )
    assert (made.caller_kind, made.act.operation) == (CallerKind.OPERATOR, "tenant create")
    async with database.open_work(actor) as work:
        assert await work.audit_log.by_ids([entry.id, AuditEntryId(mint())]) == {entry.id: entry}


async def test_an_act_on_many_things_names_some_and_counts_them_all(
    database: Database, admin: Actor, mint: Mint
) -> None:
    act = an_act(mint, SUBJECTS_MAX + 20)
    await done(database, admin, act)
    (entry,) = await entries(database, admin, CREATED)
    assert (len(entry.act.subjects), entry.act.subject_count) == (SUBJECTS_MAX, SUBJECTS_MAX + 20)
    assert entry.act == act


async def test_an_act_that_posts_nothing_is_kept_too_and_one_that_fails_is_not(
    database: Database, admin: Actor, mint: Mint
) -> None:
    kept, lost = an_act(mint), an_act(mint)
    async with database.open_work(admin) as work:
        work.audits(kept, NOW)
    # The code is taken, so the transaction fails after it said what it does.
    with pytest.raises(Taken):
        await fails(database, admin, lost, mint)
    assert [(each.act, each.posting, each.at) for each in await entries(database, admin, CREATED)] == [
        (kept, None, NOW)
    ]


async def test_each_condition_finds_its_own(database: Database, tenant: TenantId, mint: Mint) -> None:
    first = Actor(tenant=tenant, caller=KeyId(mint()), role=Role.ADMIN)
    second = replace(first, caller=KeyId(mint()))
    party, stream = (
        an_act(mint, 2),
        act_on(Action.RECORD_OUTAGES, "recordOutages", [Subject(SubjectType.STREAM, mint())]),
    )
    await done(database, first, party, NOW)
    await done(database, second, stream, NOW + timedelta(hours=1))
    for where, expected in (
        (AuditFilter(actions=frozenset({Action.RECORD_OUTAGES})), [stream]),
        (AuditFilter(operations=frozenset({"createParty", "nothing"})), [party]),
        (AuditFilter(callers=frozenset({second.caller})), [stream]),
        (AuditFilter(subjects=frozenset({party.subjects[1].id})), [party]),
        (AuditFilter(since=NOW, until=NOW + timedelta(hours=1)), [party]),
        (AuditFilter(since=NOW + timedelta(hours=1), until=NOW + timedelta(hours=2)), [stream]),
        (AuditFilter(callers=frozenset({first.caller}), subjects=frozenset({stream.subjects[0].id})), []),
    ):
        assert [entry.act for entry in await entries(database, first, where)] == expected, where


async def test_a_party_sees_what_callers_of_it_or_below_it_did_and_a_tenant_its_own_alone(
    database: Database, admin: Actor, operator: Operator, mint: Mint
) -> None:
    top, below, rival = [
        Party(id=PartyId(mint()), code=f"p{number}", name="Party", kind=PartyKind.VENDOR) for number in range(3)
    ]
    async with database.open_work(admin) as work:
        await work.parties.add([top, rival])
        await work.parties.add([replace(below, parent=top.id)])
    acts = {party: an_act(mint) for party in (None, top.id, below.id, rival.id)}
    for party, act in acts.items():
        role = Role.ADMIN if party is None else Role.VENDOR
        await done(database, Actor(tenant=admin.tenant, caller=KeyId(mint()), role=role, party=party), act)
    for party, expected in ((top.id, [below.id, top.id]), (below.id, [below.id]), (rival.id, [rival.id])):
        auditor = Actor(tenant=admin.tenant, caller=KeyId(mint()), role=Role.AUDITOR, party=party)
        found = await entries(database, auditor)
        assert {entry.act.subjects for entry in found} == {acts[each].subjects for each in expected}
    stranger = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
    assert [entry.act.operation for entry in await entries(database, stranger)] == ["tenant create"]
    hidden = [entry.id for entry in await entries(database, admin)]
    async with database.open_work(stranger) as work:
        assert await work.audit_log.by_ids(hidden) == {}


async def test_the_service_can_neither_change_nor_delete_an_entry(
    database: Database, admin: Actor, mint: Mint, urls: Urls
) -> None:
    await done(database, admin, an_act(mint))
    before = await entries(database, admin)
    service = await asyncpg.connect(urls.service)
    try:
        for statement in (
            "UPDATE audit_entry SET address = NULL",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "UPDATE audit_subject SET ordinal = 2",
            "DELETE FROM audit_subject",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(f"BEGIN; SET LOCAL interpact.tenant = '{admin.tenant}'; {statement}")
            await service.execute("ROLLBACK")
    finally:
        await service.close()
    assert await entries(database, admin) == before


async def test_what_the_operator_does_is_kept_once_for_each_change(
    database: Database, operator: Operator, tenant: TenantId, mint: Mint
) -> None:
    key = Key(
        id=KeyId(mint()),
        tenant=tenant,
        secret_hash=bytes(32),
        role=Role.ADMIN,
        party=None,
        label="the label of a key",
        created_at=MADE_AT,
    )
    await operator.create_key(key)
    assert [await operator.revoke_key(key.id, NOW) for _ in range(2)] == [True, True]
    people, person, membership = People(operator), PersonId(mint()), MembershipId(mint())
    await people.invite(an_invitation(tenant, membership, person, f"ada-{mint().hex}"))
    assert [await people.suspend(membership) for _ in range(2)] == [True, True]
    assert await people.restore(membership)
    assert [await people.remove(membership) for _ in range(2)] == [True, False]
    a_key = [Subject(SubjectType.KEY, key.id)]
    both = [Subject(SubjectType.MEMBERSHIP, membership), Subject(SubjectType.PERSON, person)]
    expected = [
        ("tenant create", [Subject(SubjectType.TENANT, tenant)]),
        ("key create", a_key),
        ("key revoke", a_key),
        *((f"person {each}", both) for each in ("invite", "suspend", "restore", "remove")),
    ]
    assert await seen(database, tenant, mint) == [
        ("operator", act_on(Action.MANAGE_ACCESS, operation, subjects)) for operation, subjects in expected
    ]


async def test_who_takes_an_invitation_up_is_kept_with_the_address_and_who_is_refused_is_not(
    database: Database, operator: Operator, tenant: TenantId, mint: Mint
) -> None:
    membership, person, ada = MembershipId(mint()), PersonId(mint()), f"ada-{mint().hex}"
    invitation = an_invitation(tenant, membership, person, ada)
    await People(operator).invite(invitation)
    directory = Directory(database.engine)

    async def joins(subject: str) -> PersonId | None:
        return await directory.join(
            invitation,
            PersonId(mint()),
            issuer="https://login.example",
            subject=subject,
            at=NOW,
            entry=AuditEntryId(mint()),
            origin=ORIGIN,
        )

    assert [await joins("somebody-else"), await joins(ada), await joins(ada)] == [None, person, None]
    auditor = Actor(tenant=tenant, caller=KeyId(mint()), role=Role.AUDITOR)
    (entry,) = await entries(database, auditor, AuditFilter(operations=frozenset({"join"})))
    assert (entry.caller_kind, entry.caller, entry.role, entry.origin) == (
        CallerKind.PERSON,
        person,
        Role.ANALYST,
        ORIGIN,
    )
    assert entry.act == act_on(Action.MANAGE_ACCESS, "join", [Subject(SubjectType.MEMBERSHIP, membership)])


async def test_addresses_before_an_instant_are_erased_and_that_is_kept(
    database: Database, operator: Operator, admin: Actor, mint: Mint
) -> None:
    told = replace(admin, origin=ORIGIN)
    acts = [an_act(mint) for _ in range(3)]
    for hours, act in enumerate(acts):
        await done(database, told, act, NOW + timedelta(hours=hours))
    other = replace(told, tenant=await new_tenant(operator, mint))
    await done(database, other, acts[0])
    until = NOW + timedelta(hours=2)
    assert [await operator.forget_addresses(admin.tenant, until) for _ in range(2)] == [2, 0]
    found = {entry.act: entry.origin for entry in await entries(database, admin)}
    assert [found[act] for act in acts] == [replace(ORIGIN, address=None)] * 2 + [ORIGIN]
    erasures = await entries(database, admin, AuditFilter(actions=frozenset({Action.ERASE_ADDRESSES})))
    assert [entry.act.operation for entry in erasures] == ["audit forget-addresses"]
    (untouched,) = await entries(database, other, CREATED)
    assert untouched.origin == ORIGIN


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (AuditFilter(), "audit_entry_at"),
        (AuditFilter(since=NOW), "audit_entry_at"),
        (AuditFilter(callers=frozenset({UUID(int=1)})), "audit_entry_caller"),
        (AuditFilter(subjects=frozenset({UUID(int=1)})), "audit_subject_id"),
    ],
)
async def test_each_way_of_looking_has_an_index_under_row_level_security(
    admin: Actor, mint: Mint, urls: Urls, where: AuditFilter, index: str
) -> None:
    assert index in await indexes_of(urls, admin, where, mint)


async def test_what_a_partys_callers_did_has_an_index_too(admin: Actor, mint: Mint, urls: Urls) -> None:
    auditor = replace(admin, role=Role.AUDITOR, party=PartyId(mint()))
    assert "audit_entry_party" in await indexes_of(urls, auditor, AuditFilter(), mint)


async def indexes_of(urls: Urls, actor: Actor, where: AuditFilter, mint: Mint) -> set[str]:
    """Those that the service's own login is given for the statement that asks for a page."""
    await fill(urls, actor.tenant)
    told: list[Statement] = []
    database = Database(urls.service, pool_size=1, mint=mint, watch=told.append)
    async with database.open_work(actor) as work:
        await work.audit_log.page(NEWEST_FIRST, where)
    await database.close()
    (asked,) = (each.text for each in told if "ORDER BY audit_entry.at" in each.text)
    values = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", asked)))
    service = await asyncpg.connect(urls.service)
    try:
        await service.execute("SET plan_cache_mode = force_generic_plan")
        await service.execute(f"BEGIN; SET LOCAL interpact.tenant = '{actor.tenant}'; PREPARE asked AS {asked}")
        plan = "\n".join(row[0] for row in await service.fetch(f"EXPLAIN EXECUTE asked ({values})"))
    finally:
        await service.close()
    assert "Seq Scan on audit" not in plan
    return set(re.findall(r"(?:using|Bitmap Index Scan on) (\w+)", plan))


ENTRIES = """
INSERT INTO audit_entry (tenant_id, entry_id, at, caller_kind, caller_id, party_id, action, operation, subject_count)
SELECT $1, gen_random_uuid(), timestamptz '2024-01-01' + n * interval '1 minute', 'key', gen_random_uuid(),
    gen_random_uuid(), 'record_outages', 'recordOutages', 1
FROM generate_series(1, 5000) n
"""
SUBJECTS = """
INSERT INTO audit_subject SELECT tenant_id, entry_id, 1, 'stream', gen_random_uuid() FROM audit_entry
WHERE tenant_id = $1 AND operation = 'recordOutages'
"""


async def fill(urls: Urls, tenant: TenantId) -> None:
    owner = await asyncpg.connect(urls.superuser)
    try:
        await owner.execute(ENTRIES, tenant)
        await owner.execute(SUBJECTS, tenant)
        await owner.execute("ANALYZE audit_entry, audit_subject")
    finally:
        await owner.close()


def an_invitation(tenant: TenantId, membership: MembershipId, person: PersonId, subject: str) -> Membership:
    return Membership(
        id=membership,
        tenant=tenant,
        tenant_code="unused",
        role=Role.ANALYST,
        party=None,
        state=MembershipState.INVITED,
        invited_at=MADE_AT,
        expires_at=NOW + timedelta(days=7),
        person=person,
        issuer="https://login.example",
        subject=subject,
    )

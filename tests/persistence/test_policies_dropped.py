"""Without any single one of its policies storage would leak, or lose: each is taken away, one by one, and noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from domain.actor import Actor
from domain.ids import KeyId
from domain.policy import Role
from persistence.database import Database
from persistence.operator import Operator
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.persistence.filled import fill
from tests.persistence.probing import Leak, Loss, Probe
from tests.persistence.world import World, populate
from tests.servers import Urls

COUNTED = "row-level security"
SECURED = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
ORDER BY relname
"""
POLICIES = "SELECT * FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname"
MEMBERS = """
INSERT INTO person SELECT gen_random_uuid(), 'https://login.example', number::text, now()
FROM generate_series(1, 4) AS number;
INSERT INTO membership (tenant_id, membership_id, person_id, role, state, invited_at, expires_at)
SELECT CASE WHEN subject IN ('1', '2') THEN '{home}'::uuid ELSE '{away}'::uuid END, gen_random_uuid(), person_id,
    'analyst', CASE WHEN subject IN ('1', '3') THEN 'invited' ELSE 'suspended' END, now(), now()
FROM person
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of the catalog, and the table that it opens or closes."""

    name: str
    table: str
    statement: str


@pytest.fixture
async def probe(database: Database, operator: Operator, mint: Mint, urls: Urls) -> AsyncIterator[Probe]:
    tenants = [await new_tenant(operator, mint) for _ in range(2)]
    for tenant in tenants:
        admin = Actor(tenant=tenant, caller=KeyId(mint()), role=Role.ADMIN)
        await fill(await populate(World(database=database, admin=admin, mint=mint)))
    connection = await asyncpg.connect(urls.superuser)
    home, away = tenants
    await connection.execute(MEMBERS.format(home=home, away=away))
    yield Probe(connection, home, away)
    await connection.close()


def mutants_of(policy: Any) -> Iterator[Mutant]:
    """Dropped; and each of its two conditions, and both, letting everything through."""
    table, name = policy["tablename"], policy["policyname"]
    drop = f"DROP POLICY {name} ON {table}"
    yield Mutant(f"{table}.{name} dropped", table, drop)
    using, check = policy["qual"], policy["with_check"]
    opened = {("true", check), (using, "true"), ("true", "true")} if check is not None else {("true", None)}
    for new_using, new_check in sorted(opened - {(using, check)}, key=repr):
        conditions = f"USING ({new_using})" + (f" WITH CHECK ({new_check})" if new_check is not None else "")
        made = f"CREATE POLICY {name} ON {table} FOR {policy['cmd']} TO {', '.join(policy['roles'])} {conditions}"
        yield Mutant(f"{table}.{name} with {conditions}", table, f"{drop}; {made}")


def mutants_of_table(table: str, policies: list[Any]) -> Iterator[Mutant]:
    yield Mutant(f"{table} without row-level security", table, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    # Where the owner may see all by a policy of its own there is nothing to force it to.
    if not any(each["tablename"] == table and "interpact_owner" in each["roles"] for each in policies):
        yield Mutant(f"{table} not forced", table, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


async def noticed(probe: Probe, mutant: Mutant | None, table: str) -> str | None:
    """What the probe of the table raises under the mutant. Everything is taken back."""
    transaction = probe.connection.transaction()
    await transaction.start()
    try:
        if mutant is not None:
            await probe.connection.execute(mutant.statement)
        await probe.table(table)
    except (Leak, Loss) as error:
        return repr(error)
    finally:
        await transaction.rollback()
    return None


async def test_every_policy_is_noticed_when_it_is_dropped_or_opened(
    probe: Probe, record_property: Callable[[str, object], None]
) -> None:
    tables = [row["relname"] for row in await probe.connection.fetch(SECURED)]
    assert {table: await noticed(probe, None, table) for table in tables} == dict.fromkeys(tables)
    policies = await probe.connection.fetch(POLICIES)
    assert {each["tablename"] for each in policies} == set(tables)
    mutants = [mutant for policy in policies for mutant in mutants_of(policy)]
    mutants += [mutant for table in tables for mutant in mutants_of_table(table, policies)]
    survivors = [each.name for each in mutants if await noticed(probe, each, each.table) is None]
    record_property(COUNTED, (len(policies), len(mutants), len(survivors)))
    assert survivors == []

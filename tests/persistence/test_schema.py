"""The schema itself: every table is held by the tenant, and the service may do no more than it must."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.exc import DBAPIError

from domain.agreement import AgreementKind
from domain.attainment import Phase, Status
from domain.audit import CallerKind, Door
from domain.breach import Severity, Transition
from domain.case import Milestone
from domain.exclusion import ExclusionKind
from domain.feed import PostingKind
from domain.metric import Aggregation, Shape
from domain.objective import Granularity, Importance, LowVolume, Missing, Override
from domain.party import PartyKind
from domain.policy import Role
from domain.ratio import Direction
from persistence import migrate, tables
from persistence.people import MembershipState
from tests import servers
from tests.servers import Urls

DIRECTORY = {"tenant", "api_key", "person"}
"""Read before a tenant is known, and then only as interpact_directory; they hold ids, codes and hashes."""
OF_PEOPLE = {"membership"}
"""Read so too, and the service has no other way to it; row-level security says which change it may make there."""
OF_ALEMBIC = {"alembic_version"}
DIALECT = create_mock_engine("postgresql://", lambda statement: None).dialect
POLICY = "(tenant_id = (current_setting('interpact.tenant'::text))::uuid)"

READ_AND_ADD = {"INSERT", "SELECT"}
GRANTS = {
    **{name: READ_AND_ADD for name in tables.metadata.tables if name not in DIRECTORY | OF_PEOPLE},
    "feed_head": {
        "SELECT",
        "UPDATE(due_at)",
        "UPDATE(judged_number)",
        "UPDATE(last_number)",
        "UPDATE(last_recorded_at)",
    },
    "party": READ_AND_ADD | {"UPDATE(name)"},
    "agreement_version": READ_AND_ADD | {"UPDATE(activated_at)", "UPDATE(activation_posting_id)"},
    "open_outage": READ_AND_ADD | {"DELETE"},
    "open_case": READ_AND_ADD | {"DELETE"},
    "mark": READ_AND_ADD | {"DELETE", "UPDATE(ordinal)"},
    "judged_period": READ_AND_ADD | {"DELETE", "UPDATE(due_at)"},
    "attainment": READ_AND_ADD
    | {"DELETE"}
    | {
        f"UPDATE({name})"
        for name in (
            "coverage_denominator",
            "coverage_numerator",
            "evidence",
            "judged_at",
            "next_at",
            "phase",
            "status",
            "value_denominator",
            "value_numerator",
        )
    },
    "breach": READ_AND_ADD
    | {f"UPDATE({name})" for name in ("ended_at", "opened_at", "risk", "severity", "state", "state_since")},
    "judged_scope": READ_AND_ADD | {"UPDATE(objective_id)"},
    "idempotency_key": READ_AND_ADD | {"UPDATE(result)"},
    "tally_cell": READ_AND_ADD
    | {f"UPDATE({name}_{quarter})" for name in ("points", "good", "total") for quarter in range(4)},
    "sample_cell": READ_AND_ADD
    | {"UPDATE(stale)"}
    | {f"UPDATE({name}_{quarter})" for name in ("points", "sum", "minimum", "maximum") for quarter in range(4)},
    "quota": READ_AND_ADD | {"UPDATE(filled_at)", "UPDATE(units)"},
}
"""All that the service may do with tables. Facts, terms and the feed are only read and added to."""


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.superuser)
    yield connection
    await connection.close()


async def names(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    return {row["relname"] for row in rows}


async def test_the_tables_are_those_that_the_queries_name(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    stored = {
        (row["table_name"], row["column_name"], row["udt_name"]) for row in found if row["table_name"] not in OF_ALEMBIC
    }
    short = {
        "UUID": "uuid",
        "TEXT": "text",
        "TIMESTAMP WITH TIME ZONE": "timestamptz",
        "BIGINT": "int8",
        "INTEGER": "int4",
        "SMALLINT": "int2",
        "NUMERIC": "numeric",
        "BOOLEAN": "bool",
        "JSONB": "jsonb",
        "BYTEA": "bytea",
        "INTERVAL": "interval",
        "DATE": "date",
    }
    named = {
        (table.name, column.name, short[column.type.compile(dialect=DIALECT)])
        for table in tables.metadata.tables.values()
        for column in table.columns
    }
    assert named == stored


async def test_row_level_security_is_forced_on_every_tenant_table(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    forced = {row["relname"] for row in found if row["forced"]}
    assert forced == await names(owner) - DIRECTORY - OF_ALEMBIC


async def test_every_policy_is_the_tenants(owner: asyncpg.Connection) -> None:
    found = await owner.fetch("SELECT tablename, policyname, roles, cmd, qual, with_check FROM pg_policies")
    policies = {
        (row["tablename"], row["policyname"]): (row["roles"], row["cmd"], row["qual"], row["with_check"])
        for row in found
    }
    extra = {
        ("feed_head", "directory"): (["interpact_directory"], "SELECT", "true", None),
        ("feed_head", "operator"): (["interpact_owner"], "ALL", "true", "true"),
        ("membership", "directory"): (["interpact_directory"], "SELECT", "true", None),
        ("membership", "joining"): (
            ["interpact_directory"],
            "UPDATE",
            "(state = 'invited'::text)",
            "(state = 'active'::text)",
        ),
        ("membership", "operator"): (["interpact_owner"], "ALL", "true", "true"),
    }
    expected = {
        (name, "tenant"): (["public"], "ALL", POLICY, POLICY)
        for name in await names(owner) - DIRECTORY - OF_PEOPLE - OF_ALEMBIC
    }
    expected["feed_head", "tenant"] = (["interpact_service"], "ALL", POLICY, POLICY)
    assert policies == expected | extra


async def test_the_tenant_leads_every_key_and_every_index(owner: asyncpg.Connection) -> None:
    """So nothing unique, and no reference, goes around the policies; and the schema could be distributed."""
    indexes = await owner.fetch(
        "SELECT indrelid::regclass::text AS name, attname FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
    )
    references = await owner.fetch(
        "SELECT conrelid::regclass::text AS name, here.attname AS here, there.attname AS there FROM pg_constraint"
        " JOIN pg_attribute here ON here.attrelid = conrelid AND here.attnum = conkey[1]"
        " JOIN pg_attribute there ON there.attrelid = confrelid AND there.attnum = confkey[1] WHERE contype = 'f'"
    )
    assert {row["name"] for row in indexes if row["attname"] != "tenant_id"} == DIRECTORY | OF_PEOPLE | OF_ALEMBIC
    others = {(row["name"], row["here"]) for row in references if (row["here"], row["there"]) != ("tenant_id",) * 2}
    assert others == {("membership", "person_id")}


async def test_the_service_may_do_no_more_than_is_declared(owner: asyncpg.Connection) -> None:
    whole = await owner.fetch(
        "SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = 'interpact_service'"
    )
    columns = await owner.fetch(
        "SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges"
        " WHERE grantee = 'interpact_service'"
    )
    found: dict[str, set[str]] = {}
    for row in whole:
        found.setdefault(row["table_name"], set()).add(row["privilege_type"])
    for row in columns:
        if row["privilege_type"] not in found.get(row["table_name"], set()):
            found.setdefault(row["table_name"], set()).add(f"{row['privilege_type']}({row['column_name']})")
    assert found == GRANTS


async def test_the_directory_role_reads_the_directory_and_takes_invitations_up_and_nothing_else(
    owner: asyncpg.Connection,
) -> None:
    found = await owner.fetch(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'interpact_directory'"
    )
    columns = await owner.fetch(
        "SELECT table_name, column_name FROM information_schema.role_column_grants"
        " WHERE grantee = 'interpact_directory' AND privilege_type = 'UPDATE'"
    )
    read = {(name, "SELECT") for name in DIRECTORY | OF_PEOPLE | {"feed_head"}}
    assert {tuple(row) for row in found} == read | {("person", "INSERT")}
    assert {tuple(row) for row in columns} == {("membership", name) for name in ("person_id", "state", "joined_at")}


async def test_the_service_owns_nothing_and_nothing_lends_it_rights(owner: asyncpg.Connection) -> None:
    owners = await owner.fetch(
        "SELECT DISTINCT relowner::regrole::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    lenders = await owner.fetch(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
        " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    public = await owner.fetch(
        "SELECT table_name FROM information_schema.table_privileges"
        " WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
    )
    assert ({row["name"] for row in owners}, public) == ({"interpact_owner"}, [])
    assert [row["name"] for row in lenders] == LENDERS


async def test_the_service_has_no_way_to_a_month_but_by_the_whole_table(owner: asyncpg.Connection) -> None:
    await owner.execute("SELECT keep_months('tally', '{2024-02-10, 2024-02-20, 2024-03-01}')")
    found = await owner.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced, relacl, relowner::regrole::text AS owner"
        " FROM pg_class WHERE relnamespace = 'months'::regnamespace AND relkind = 'r' ORDER BY 1"
    )
    assert [tuple(row) for row in found] == [
        (name, True, None, "interpact_owner") for name in ("tally_2024_02", "tally_2024_03")
    ]
    policies = await owner.fetch("SELECT * FROM pg_policies WHERE schemaname = 'months'")
    usable = await owner.fetchval("SELECT has_schema_privilege('interpact_service', 'months', 'USAGE')")
    assert (policies, usable) == ([], False)


@pytest.mark.parametrize(
    "call",
    [
        "keep_months('party', '{2024-02-01}')",
        "keep_months('tally', '{1989-12-31}')",
        "keep_months('tally', '{2200-01-01}')",
    ],
)
async def test_months_are_made_of_measurements_within_bounds_and_of_nothing_else(
    owner: asyncpg.Connection, call: str
) -> None:
    with pytest.raises(asyncpg.RaiseError):
        await owner.execute(f"SELECT {call}")


LENDERS = ["keep_months"]
"""Functions that run with their owner's rights, which are more than the service's."""

CHOICES: dict[str, set[str]] = {
    "api_key_role_check": {each.value for each in Role},
    "membership_role_check": {each.value for each in Role},
    "membership_state_check": {each.value for each in MembershipState},
    "party_kind_check": {each.value for each in PartyKind},
    "metric_aggregation_check": {each.value for each in Aggregation},
    "metric_direction_check": {each.value for each in Direction},
    "metric_shape_check": {each.value for each in Shape},
    "metric_slice_direction_check": {each.value for each in Direction},
    "agreement_kind_check": {each.value for each in AgreementKind},
    "objective_direction_check": {each.value for each in Direction},
    "objective_window_check": {"day", "week", "month", "quarter", "year", "contract_year", "rolling"},
    "objective_importance_check": {each.value for each in Importance},
    "objective_granularity_check": {each.value for each in Granularity},
    "objective_missing_check": {each.value for each in Missing},
    "objective_case_milestone_check": {each.value for each in Milestone},
    "objective_low_volume_check": {each.value for each in LowVolume},
    "objective_override_check": {each.value for each in Override},
    "exclusion_kind_check": {each.value for each in ExclusionKind},
    "attainment_phase_check": {each.value for each in Phase},
    "attainment_status_check": {each.value for each in Status},
    "breach_severity_check": {each.value for each in Severity},
    "breach_state_check": {"at_risk", "risk_passed", "open", "confirmed", "withdrawn"},
    "feed_kind_check": {each.value for each in PostingKind} | {"breach", "restated"},
    "feed_transition_check": {each.value for each in Transition},
    "feed_severity_check": {each.value for each in Severity},
    "audit_entry_caller_check": {each.value for each in CallerKind},
    "audit_entry_door_check": {each.value for each in Door},
}


async def test_every_choice_of_the_domain_can_be_stored_and_no_other(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT conname, pg_get_constraintdef(oid) AS text FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    listed = {
        row["conname"]: set(re.findall(r"'([a-z_]+)'::text", row["text"])) for row in found if "= ANY" in row["text"]
    }
    assert listed == CHOICES


@pytest.fixture
def bare(server: Urls) -> Iterator[Urls]:
    """A database in which no migration ran yet."""
    name = f"bare_for_migrations_{os.getpid()}"
    servers.run(
        server.superuser,
        f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)',
        f'CREATE DATABASE "{name}" OWNER interpact_owner',
    )
    yield server.of(name)
    servers.run(server.superuser, f'DROP DATABASE "{name}" WITH (FORCE)')


async def shape(url: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2"
        )
        constraints = await connection.fetch(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '' FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        )
    finally:
        await connection.close()
    return [tuple(row) for row in [*rows, *constraints]]


async def test_migrations_go_up_and_down_and_up_again(bare: Urls) -> None:
    await asyncio.to_thread(migrate.upgrade, bare.owner)
    first = await shape(bare.superuser)
    await asyncio.to_thread(migrate.upgrade, bare.owner)
    assert await shape(bare.superuser) == first
    await asyncio.to_thread(migrate.downgrade, bare.owner)
    assert {row[0] for row in await shape(bare.superuser)} == OF_ALEMBIC
    await asyncio.to_thread(migrate.upgrade, bare.owner)
    assert await shape(bare.superuser) == first


async def test_each_migration_goes_down_by_itself(bare: Urls) -> None:
    for revision in ("0001", "0002", "0003", "0004", "0005", "0006", "0007"):
        await asyncio.to_thread(migrate.upgrade, bare.owner, revision)
    for revision in ("0006", "0005", "0004", "0003", "0002", "0001", "base"):
        await asyncio.to_thread(migrate.downgrade, bare.owner, revision)
    assert {row[0] for row in await shape(bare.superuser)} == OF_ALEMBIC


async def test_a_migration_gives_up_soon_where_it_would_hold_up_others(
    bare: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(migrate.TIMEOUTS, "lock_timeout", "200ms")
    await asyncio.to_thread(migrate.upgrade, bare.owner)
    reader = await asyncpg.connect(bare.owner)
    try:
        async with reader.transaction():
            await reader.execute("LOCK TABLE mark IN ACCESS SHARE MODE")
            with pytest.raises(DBAPIError, match="lock timeout"):
                await asyncio.to_thread(migrate.downgrade, bare.owner)
    finally:
        await reader.close()

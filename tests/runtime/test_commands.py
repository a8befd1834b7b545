"""The commands for operators, each as a process of its own, on a folder of the test's own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from domain.actor import Actor
from domain.audit import Door, Origin
from domain.ids import TenantId
from domain.party import Party, PartyKind
from domain.usecases.catalog import CreateParty, create_party
from persistence.database import Database
from persistence.directory import Directory
from runtime import embedded
from runtime.clock import Mint, system_clock
from runtime.commands.key import operator_at
from runtime.embedded import EmbeddedServer
from runtime.keys import KeyDoor
from runtime.worker import worker_of

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 120
KEY = re.compile(r"^ipk_[a-z2-7]{52}_[a-z2-7]{32}_[0-9a-f]{8}$", re.MULTILINE)
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="
NOWHERE = "postgresql://someone:hidden@127.0.0.1:1/interpact"
ELSEWHERE = "postgresql://another:hidden@127.0.0.1:1/interpact"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run_in(data_dir: Path) -> Run:
    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
        return subprocess.run(
            [sys.executable, "-m", "runtime.cli", *arguments],
            cwd=ROOT,
            env={**kept, "HOME": str(data_dir.parent), "INTERPACT_DATA_DIR": str(data_dir), **environ},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """Held by the test, so that it is not started anew for each command. Its schema is not made yet."""
    with embedded.start(tmp_path_factory.mktemp("operators") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def run(server: EmbeddedServer) -> Run:
    return run_in(server.data_dir)


@pytest.fixture(scope="module")
def acme(run: Run) -> str:
    """The code of a tenant."""
    done = run("tenant", "create", "acme", "Acme & Söhne")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return "acme"


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    opened = Database(server.service_url, pool_size=1, mint=Mint())
    yield opened
    await opened.close()


async def tenant_of(server: EmbeddedServer, code: str) -> TenantId:
    found = await operator_at(server.owner_url).tenant(code)
    assert found is not None
    return found.id


async def a_party(server: EmbeddedServer, database: Database, code: str) -> Party:
    admin = worker_of(await tenant_of(server, "acme"))
    command = CreateParty(code=code, name=code, kind=PartyKind.VENDOR)
    return await create_party(database.open_work, admin, command, at=system_clock(), mint=Mint())


def assert_refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    """One plain line, and a status that tells bad input from a bug."""
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert says in done.stderr


def test_a_tenant_is_made_with_its_administrators_key_on_a_bare_folder(run: Run) -> None:
    done = run("tenant", "create", "first", "First of all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Tenant first is made. Its administrator's key, shown once:\nipk_")
    assert len(KEY.findall(done.stdout)) == 1
    listed = run("key", "list", "first")
    assert re.fullmatch(r"[0-9a-f-]{36}  admin +holds +administrator\n", listed.stdout)


def test_migrating_twice_is_migrating_once(run: Run) -> None:
    for _ in range(2):
        done = run("migrate")
        assert (done.returncode, done.stdout) == (0, "The schema is at head.\n"), done.stderr


async def test_several_who_migrate_at_once_wait_for_each_other(tmp_path: Path) -> None:
    run = run_in(tmp_path / "data")
    done = await asyncio.gather(*(asyncio.to_thread(run, "migrate") for _ in range(3)))
    assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]


async def test_a_database_of_ones_own_is_migrated_and_not_the_embedded_one(server: EmbeddedServer, run: Run) -> None:
    connection = await asyncpg.connect(server.superuser_url)
    try:
        await connection.execute("CREATE DATABASE elsewhere OWNER interpact_owner")
    finally:
        await connection.close()
    url = server.owner_url.replace("/interpact?", "/elsewhere?")
    done = run("migrate", INTERPACT_OWNER_DATABASE_URL=url, INTERPACT_DATA_DIR="/nowhere/at/all")
    assert (done.returncode, done.stdout) == (0, "The schema is at head.\n"), done.stderr
    found = await asyncpg.connect(url)
    try:
        assert await found.fetchval("SELECT count(*) FROM tenant") == 0
    finally:
        await found.close()
    made = run("tenant", "create", "there", "There", INTERPACT_OWNER_DATABASE_URL=url)
    assert made.returncode == 0, made.stderr
    assert_refused(run("key", "list", "there"), "no tenant there")


def test_the_schema_is_printed_without_a_database(run: Run) -> None:
    done = run("schema", DATABASE_URL="nonsense", INTERPACT_DATA_DIR="/nowhere/at/all")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / "graph" / "schema.graphql").read_text()


async def test_a_partys_keys_are_two_while_they_are_rotated(
    run: Run, acme: str, server: EmbeddedServer, database: Database
) -> None:
    party = await a_party(server, database, "cloud")
    texts: list[str] = []
    for label, days in (("old", ("--days", "30")), ("new", ())):
        done = run("key", "create", acme, "vendor", "--party", "cloud", "--label", label, *days)
        assert done.returncode == 0, done.stderr
        texts += KEY.findall(done.stdout)
    listed = run("key", "list", acme).stdout.splitlines()
    old, new = (next(line for line in listed if line.endswith(label)) for label in (" old", " new"))
    assert re.fullmatch(r"[0-9a-f-]{36}  vendor +holds until \d{4}-\d\d-\d\d \d\d:\d\dZ +old", old)
    assert re.fullmatch(r"[0-9a-f-]{36}  vendor +holds +new", new)
    assert not any(text.split("_")[2] in "\n".join(listed) for text in texts)
    door = KeyDoor(Directory(database.engine).keys, system_clock)
    actors = [await door(f"Bearer {text}") for text in texts]
    assert {(actor.party, actor.tenant) for actor in actors} == {(party.id, await tenant_of(server, acme))}
    assert run("key", "revoke", old[:36]).stdout == f"Key {old[:36]} is revoked.\n"
    assert re.search(rf"{old[:36]}  vendor +revoked \d{{4}}-", run("key", "list", acme).stdout)
    again = run("key", "revoke", old[:36])
    assert again.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tenant", "create", "acme", "Again"), "a tenant of this code exists already"),
        (("tenant", "create", "Acme Inc", "Acme"), "a code is 1 to 80 of a-z"),
        (("tenant", "create", "new", "  "), "a name is 1 to 200 printable characters"),
        (("key", "create", "nobody", "analyst"), "no tenant nobody"),
        (("key", "create", "acme", "vendor"), "the role vendor needs a party"),
        (("key", "create", "acme", "vendor", "--party", "nobody"), "no party nobody"),
        (("key", "create", "acme", "analyst", "--label", "\t"), "a name is 1 to 200 printable characters"),
        (("key", "create", "acme", "analyst", "--days", "0"), "a key holds 1 to 3650 days"),
        (("key", "create", "acme", "emperor"), "invalid choice: 'emperor'"),
        (("key", "list", "nobody"), "no tenant nobody"),
        (("key", "revoke", "01a2032e-bb23-735e-9a2a-b12fcb7a8abc"), "no such key"),
        (("key", "revoke", "acme"), "invalid UUID value: 'acme'"),
        (("key",), "the following arguments are required"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_done_is_told_in_a_line_and_changes_nothing(
    run: Run, acme: str, server: EmbeddedServer, arguments: tuple[str, ...], says: str
) -> None:
    before = await _held(server, acme)
    assert_refused(run(*arguments), says)
    assert await _held(server, acme) == before


async def _held(server: EmbeddedServer, code: str) -> object:
    operator = operator_at(server.owner_url)
    return await operator.tenants(), await operator.keys(await tenant_of(server, code))


async def test_a_tenant_wide_role_takes_no_party(
    run: Run, acme: str, server: EmbeddedServer, database: Database
) -> None:
    await a_party(server, database, "other")
    assert_refused(run("key", "create", acme, "admin", "--party", "other"), "takes no party")


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (("migrate",), {"INTERPACT_OWNER_DATABASE_URL": NOWHERE}, "INTERPACT_OWNER_DATABASE_URL: no login there"),
        (
            ("key", "list", "acme"),
            {"DATABASE_URL": ELSEWHERE, "INTERPACT_OWNER_DATABASE_URL": NOWHERE},
            "INTERPACT_OWNER_DATABASE_URL: no login there",
        ),
        (("serve",), {"DATABASE_URL": NOWHERE, "INTERPACT_SECRET": SECRET}, "DATABASE_URL: no login there"),
        (("work",), {"DATABASE_URL": NOWHERE, "INTERPACT_SECRET": SECRET}, "DATABASE_URL: no login there"),
        (("serve",), {"DATABASE_URL": NOWHERE}, "INTERPACT_SECRET is not set"),
        (("key", "list", "acme"), {"DATABASE_URL": NOWHERE}, "INTERPACT_OWNER_DATABASE_URL is not set"),
        (("serve",), {"INTERPACT_PORT": "99999"}, "INTERPACT_PORT is '99999'"),
        (("serve",), {"INTERPACT_DATA_DIR": "/proc/nowhere"}, "INTERPACT_DATA_DIR: the data folder cannot be used"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_address_or_setting_is_told_in_a_line_without_its_password(
    run: Run, arguments: tuple[str, ...], environ: dict[str, str], says: str
) -> None:
    done = run(*arguments, **environ)
    assert_refused(done, says)
    assert "hidden" not in done.stderr


def test_a_login_that_policies_do_not_hold_is_refused(run: Run, server: EmbeddedServer) -> None:
    unsafe = {"DATABASE_URL": server.owner_url, "INTERPACT_SECRET": SECRET}
    assert_refused(run("serve", **unsafe), "DATABASE_URL: the role interpact_owner owns the tables")


def test_a_worker_that_does_not_beat_is_told(run: Run) -> None:
    done = run("work", "--check")
    assert (done.returncode, done.stdout) == (1, "no worker beats\n")


async def test_what_commands_do_is_in_the_audit_log_by_ids_alone(
    run: Run, server: EmbeddedServer, database: Database
) -> None:
    created = run("tenant", "create", "audited", "Ada Lovelace & Co")
    key = run("key", "create", "audited", "analyst", "--label", "ada@example.org")
    key_id = key.stdout.split()[1]
    invited = run("person", "invite", "audited", "analyst")
    membership = invited.stdout.split()[1]
    for command in (("key", "revoke", key_id), *(("person", each, membership) for each in CHANGES), CODELESS):
        done = run(*command)
        assert done.returncode == (2 if command == CODELESS else 0), done.stderr
    actor = worker_of(await tenant_of(server, "audited"))
    told = replace(actor, origin=Origin(door=Door.HTTP, address="192.0.2.44", request="r-1"))
    party = CreateParty(code="one", name="One", kind=PartyKind.VENDOR)
    await create_party(database.open_work, told, party, at=system_clock(), mint=Mint())
    assert "192.0.2.44" in str(await _audited(server, actor))
    forget = ("audit", "forget-addresses", "--before", f"{system_clock():%Y-%m-%dT%H:%M:%S.%fZ}", "--tenant", "audited")
    assert run(*forget).stdout == "Addresses erased: 1. Tenants that had any: 1.\n"
    assert run(*forget).stdout == "Addresses erased: 0. Tenants that had any: 0.\n"
    found = await _audited(server, actor)
    assert [row["operation"] for row in found] == [
        "tenant create",
        "key create",
        "key create",
        "person invite",
        "key revoke",
        *(f"person {each}" for each in CHANGES),
        "createParty",
        "audit forget-addresses",
    ]
    assert {row["subject"] for row in found} >= {key_id, membership}
    by_operator = [row for row in found if row["operation"] != "createParty"]
    assert {(row["caller_kind"], row["caller_id"], row["door"]) for row in by_operator} == {
        ("operator", None, "command_line")
    }
    secrets = [text.split("_")[2] for text in (*KEY.findall(created.stdout + key.stdout), invited.stdout.split()[-1])]
    kept_out = ["Ada", "Lovelace", "ada@example.org", "192.0.2.44", *secrets]
    assert [text for text in kept_out if text in str(found)] == []


CHANGES = ("suspend", "restore", "remove")
CODELESS = ("person", "suspend", "01a2032e-bb23-735e-9a2a-b12fcb7a8abc")
"""A membership that is not there."""


async def _audited(server: EmbeddedServer, actor: Actor) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(server.superuser_url, database="interpact")
    try:
        rows: list[asyncpg.Record] = await connection.fetch(
            "SELECT e.*, s.subject_type, s.subject_id::text AS subject FROM audit_entry e"
            " JOIN audit_subject s USING (tenant_id, entry_id) WHERE e.tenant_id = $1 ORDER BY e.at, e.entry_id",
            actor.tenant,
        )
    finally:
        await connection.close()
    return rows


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--before", "yesterday"), "yesterday"),
        (("--before", "2199-01-01"), "addresses are erased up to an instant that has passed"),
        (("--before", "2024-01-01", "--tenant", "nobody"), "no tenant nobody"),
        ((), "the following arguments are required: --before"),
    ],
    ids=["no instant", "to come", "no tenant", "no --before"],
)
def test_an_erasure_without_a_past_instant_or_of_no_tenant_is_refused(
    run: Run, arguments: tuple[str, ...], says: str
) -> None:
    assert_refused(run("audit", "forget-addresses", *arguments), says)

"""roles.sql on every PostgreSQL that this machine has, from the oldest that is supported on."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from runtime.private import until
from runtime.server_account import account_for, named_for, programs_for, run_as

ROLES = Path(__file__).parents[2] / "runtime" / "roles.sql"
SYSTEM_PROGRAMS = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("1[5-9]/bin/initdb"))


@pytest.fixture(params=[None, *SYSTEM_PROGRAMS], ids=lambda programs: programs.parent.name if programs else "embedded")
def sockets(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The socket folder of a server that trusts everybody, with the empty database `interpact`."""
    account = account_for(Path("/nonexistent"))
    programs = request.param or programs_for(account)
    folder = Path(tempfile.mkdtemp(prefix="roles-"))
    os.chown(folder, account.uid, account.gid)
    with named_for(account, folder) as (name, fds):
        initdb = [f"{programs}/initdb", "-D", f"{name}/c", "--username=postgres", "--auth=trust", "--encoding=UTF8"]
        run_as(account, [*initdb, "--locale=C"], seconds_max=60, fds=fds)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        with (folder / "log").open("w") as log:
            command = ["/bin/sh", "-c", '"$@" &', "sh", f"{programs}/postgres", "-D", f"{name}/c", *settings]
            run_as(account, command, seconds_max=60, fds=fds, output=log.fileno())
    pid_file = folder / "c" / "postmaster.pid"
    try:
        assert until(lambda: pid_file.exists() and "ready" in pid_file.read_text(), seconds_max=30)
        yield folder
    finally:
        if pid_file.exists():
            os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGINT)
            assert until(lambda: not pid_file.exists(), seconds_max=30)
        shutil.rmtree(folder)


async def a_session(sockets: Path, role: str) -> asyncpg.Connection:
    return await asyncpg.connect(host=str(sockets), port=5432, user=role, database="postgres", ssl=False)


async def facts(session: asyncpg.Connection) -> list[tuple[object, ...]]:
    roles = await session.fetch(
        "SELECT rolname::text, rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb "
        "FROM pg_roles WHERE rolname LIKE 'interpact%' ORDER BY rolname"
    )
    others = await session.fetch(
        "SELECT pg_get_userbyid(datdba)::text, has_database_privilege('interpact_service', oid, 'CONNECT'), "
        "has_database_privilege('interpact_directory', oid, 'CONNECT'), "
        "pg_has_role('interpact_service', 'interpact_directory', 'MEMBER'), "
        "pg_has_role('interpact_service', 'interpact_directory', 'USAGE') "
        "FROM pg_database WHERE datname = 'interpact'"
    )
    return [tuple(row) for row in [*roles, *others]]


EXPECTED = [
    ("interpact_directory", False, False, False, False, False, False),
    ("interpact_owner", True, True, False, False, False, False),
    ("interpact_service", True, False, False, False, False, False),
    ("interpact_owner", True, False, True, False),
]


async def test_running_the_roles_again_changes_nothing_and_takes_privileges_back(sockets: Path) -> None:
    session = await a_session(sockets, "postgres")
    await session.execute("CREATE DATABASE interpact")
    await session.execute(ROLES.read_text())
    assert await facts(session) == EXPECTED
    await session.execute("ALTER ROLE interpact_service SUPERUSER BYPASSRLS CREATEDB INHERIT")
    await session.execute(ROLES.read_text())
    assert await facts(session) == EXPECTED
    await session.close()


async def test_a_role_that_may_make_roles_can_run_them_without_being_a_superuser(sockets: Path) -> None:
    session = await a_session(sockets, "postgres")
    await session.execute("CREATE ROLE managed LOGIN CREATEROLE CREATEDB")
    managed = await a_session(sockets, "managed")
    await managed.execute("CREATE DATABASE interpact")
    for _ in range(2):
        await managed.execute(ROLES.read_text())
        assert await facts(session) == EXPECTED
    await managed.close()
    await session.close()


def test_the_roles_are_plain_sql_without_commands_of_psql() -> None:
    assert [line for line in ROLES.read_text().splitlines() if line.startswith("\\")] == []

"""The embedded PostgreSQL with real processes: made, joined, killed and found again."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from runtime.embedded import EmbeddedServerError, start
from runtime.embedded_cluster import Home, make_socket_dir, postmaster, stop_server
from runtime.private import is_free, until
from runtime.server_account import account_for, programs_for

PROJECT = Path(__file__).parents[2]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a server as another user")

STARTER = """
import sys, time
from pathlib import Path
from runtime.embedded import start
server = start(Path(sys.argv[1]))
print(server.service_url, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder that does not exist yet, in a folder with a space in its name. What runs in it is stopped after."""
    folder = tmp_path / "a folder" / "data"
    folder.parent.mkdir()
    yield folder
    if (folder / "postgres" / "cluster").exists():
        stop_server(home_of(folder))


def home_of(data_dir: Path) -> Home:
    return Home(path=data_dir / "postgres")


def postmaster_of(data_dir: Path) -> int:
    found = postmaster(home_of(data_dir))
    assert found is not None
    return found


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def owner_of_process(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def network_sockets_of(pid: int) -> list[str]:
    """Lines of the kernel's tables. Those of the server's user, and where this user is ours, those of the process."""
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "udp", "udp6")]
    user = owner_of_process(pid)
    lines = [line for table in tables for line in table if line.split()[7] == str(user)]
    if user != os.geteuid():
        return lines
    links = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return [line for line in lines if f"socket:[{line.split()[9]}]" in links]


async def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def a_starter(data_dir: Path) -> "subprocess.Popen[str]":
    """Another process that uses the server until its input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data_dir)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def url_told_by(starter: "subprocess.Popen[str]") -> str:
    assert starter.stdout is not None
    return starter.stdout.readline().strip()


def ended(starter: "subprocess.Popen[str]") -> int:
    starter.communicate(timeout=60)
    return starter.returncode


async def test_a_start_makes_the_database_and_roles_without_privileges(data_dir: Path) -> None:
    with start(data_dir) as server:
        roles = await asked(
            server.owner_url,
            "SELECT rolname, rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb "
            "FROM pg_roles WHERE rolname LIKE 'interpact%' ORDER BY rolname",
        )
        assert roles == [
            ("interpact_directory", False, False, False, False, False, False),
            ("interpact_owner", True, True, False, False, False, False),
            ("interpact_service", True, False, False, False, False, False),
        ]
        assert await asked(server.service_url, "SELECT current_user::text, current_database()::text") == [
            ("interpact_service", "interpact")
        ]
        assert await asked(
            server.service_url,
            "SELECT pg_has_role('interpact_directory', 'SET'), pg_has_role('interpact_directory', 'USAGE'), "
            "has_database_privilege('interpact', 'CREATE'), has_schema_privilege('public', 'CREATE')",
        ) == [(True, False, False, False)]
        assert await asked(
            server.owner_url,
            "SELECT pg_get_userbyid(datdba)::text, pg_encoding_to_char(encoding)::text, datlocale "
            "FROM pg_database WHERE datname = 'interpact'",
        ) == [("interpact_owner", "UTF8", "C.UTF-8")]


async def test_what_is_ours_is_private_and_nothing_above_is_changed(data_dir: Path) -> None:
    above = [folder for folder in data_dir.parents if folder.exists()]
    before = [(folder, mode_of(folder), folder.stat().st_uid) for folder in above]
    with start(data_dir) as server:
        home = home_of(data_dir)
        folders = (data_dir, home.path, home.cluster, server.socket_dir)
        assert [mode_of(folder) for folder in folders] == [0o700] * 4
        assert {mode_of(file) for file in home.path.iterdir() if file.is_file()} == {0o600}
        assert mode_of(server.socket_dir / ".s.PGSQL.5432") == 0o700
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432")) < 100
    assert [(folder, mode_of(folder), folder.stat().st_uid) for folder in above] == before


async def test_a_data_folder_that_exists_keeps_its_permissions(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o755)
    with start(data_dir):
        assert mode_of(data_dir) == 0o755
        assert mode_of(data_dir / "postgres") == 0o700


async def test_it_is_durable_in_utc_and_listens_on_no_network_address(data_dir: Path) -> None:
    with start(data_dir) as server:
        names = "fsync", "full_page_writes", "listen_addresses", "TimeZone", "max_connections", "password_encryption"
        settings = [(await asked(server.service_url, f"SHOW {name}"))[0][0] for name in names]
        assert settings == ["on", "on", "", "UTC", "100", "scram-sha-256"]
        assert network_sockets_of(postmaster_of(data_dir)) == []


async def test_nobody_enters_without_the_right_password(data_dir: Path) -> None:
    with start(data_dir) as server:
        for url in (server.superuser_url, server.owner_url, server.service_url):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(url, password="another")
            assert str(make_url(url).password) not in repr(server)


async def test_the_addresses_suit_asyncpg_and_sqlalchemy_whatever_the_environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misleading = {
        "PGHOST": "other.invalid",
        "PGPORT": "1",
        "PGDATA": "/nowhere",
        "PGUSER": "other",
        "PGPASSWORD": "other",
    }
    misleading |= {"PGDATABASE": "other", "PGOPTIONS": "-c fsync=off", "PGTZ": "Asia/Tokyo", "PGSERVICE": "other"}
    for name, value in misleading.items():
        monkeypatch.setenv(name, value)
    with start(data_dir) as server:
        assert await asked(server.owner_url, "SELECT current_user::text") == [("interpact_owner",)]
        engine = create_async_engine(make_url(server.service_url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_user::text"))).scalar_one() == "interpact_service"
            assert (await connection.execute(text("SHOW timezone"))).scalar_one() == "UTC"
        await engine.dispose()


async def test_what_was_committed_survives_a_killed_server(data_dir: Path) -> None:
    server = start(data_dir)
    await asked(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first = postmaster_of(data_dir)
    os.kill(first, signal.SIGKILL)
    with start(data_dir) as again:
        assert postmaster_of(data_dir) != first
        assert await asked(again.owner_url, "SELECT answer FROM kept") == [(42,)]
        assert await asked(server.owner_url, "SELECT answer FROM kept") == [(42,)]
    server.stop()


async def test_remains_that_name_another_programs_process_do_not_stop_a_start(data_dir: Path) -> None:
    start(data_dir).stop()
    remains = home_of(data_dir).cluster / "postmaster.pid"
    remains.write_text(f"{os.getpid()}\n{home_of(data_dir).cluster}\n1\n5432\n/nowhere\n\n")
    with start(data_dir) as server:
        assert await asked(server.service_url, "SELECT 1") == [(1,)]
        assert postmaster_of(data_dir) != os.getpid()


async def test_a_server_whose_starter_was_killed_is_adopted(data_dir: Path) -> None:
    starter = a_starter(data_dir)
    url = url_told_by(starter)
    first = postmaster_of(data_dir)
    starter.kill()
    assert ended(starter) == -signal.SIGKILL
    with start(data_dir) as server:
        assert postmaster_of(data_dir) == first
        assert server.service_url == url
        assert await asked(url, "SELECT 1") == [(1,)]
    assert postmaster(home_of(data_dir)) is None


async def test_a_server_that_does_not_answer_is_started_anew(data_dir: Path) -> None:
    server = start(data_dir)
    first = postmaster_of(data_dir)
    (server.socket_dir / ".s.PGSQL.5432").unlink()
    with start(data_dir) as again:
        assert postmaster_of(data_dir) != first
        assert await asked(again.service_url, "SELECT 1") == [(1,)]
    server.stop()


async def test_the_last_user_stops_the_server(data_dir: Path) -> None:
    one, other = start(data_dir), start(data_dir)
    one.stop()
    one.stop()
    assert await asked(other.service_url, "SELECT 1") == [(1,)]
    other.stop()
    assert postmaster(home_of(data_dir)) is None
    assert is_free(home_of(data_dir).alive)
    assert not other.socket_dir.exists()


async def test_two_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    starters = [a_starter(data_dir), a_starter(data_dir)]
    urls = [url_told_by(starter) for starter in starters]
    assert urls[0] == urls[1]
    assert await asked(urls[0], "SELECT 1") == [(1,)]
    assert [ended(starter) for starter in starters] == [0, 0]
    assert postmaster(home_of(data_dir)) is None


async def test_an_interrupt_of_our_terminal_is_not_for_the_server(data_dir: Path) -> None:
    with start(data_dir):
        pid = postmaster_of(data_dir)
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)


async def test_a_start_that_fails_says_why_and_leaves_nothing_running(data_dir: Path) -> None:
    start(data_dir).stop()
    settings = home_of(data_dir).cluster / "postgresql.conf"
    settings.write_text(settings.read_text() + "\nno_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match='unrecognized configuration parameter "no_such_setting"'):
        start(data_dir)
    assert postmaster(home_of(data_dir)) is None


async def test_a_start_that_was_killed_half_way_leaves_nothing_half_made(data_dir: Path) -> None:
    draft = data_dir / "postgres" / "cluster.draft"
    draft.mkdir(parents=True, mode=0o700)
    (draft / "PG_VERSION").write_text("18\n")
    with start(data_dir) as server:
        assert await asked(server.service_url, "SELECT 1") == [(1,)]
    assert not draft.exists()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("cluster/PG_VERSION", "17\n", "is of PostgreSQL 17, the programs are of 18"),
        ("passwords.json", None, "passwords.json is missing"),
        ("passwords.json", "{", "the data folder cannot be used"),
    ],
)
async def test_a_folder_that_cannot_be_served_is_refused(
    data_dir: Path, file: str, content: str | None, said: str
) -> None:
    start(data_dir).stop()
    path = data_dir / "postgres" / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(EmbeddedServerError, match=said):
        start(data_dir)


async def test_a_data_folder_that_everybody_may_write_to_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o1777)
    with pytest.raises(EmbeddedServerError, match="can be written by every user"):
        start(data_dir)
    assert list(data_dir.iterdir()) == []


@only_root
async def test_a_socket_folder_that_another_user_made_is_refused(data_dir: Path) -> None:
    start(data_dir).stop()
    home = home_of(data_dir)
    folder = make_socket_dir(home, account_for(home.cluster))
    os.chown(folder, 12345, 12345)
    try:
        with pytest.raises(EmbeddedServerError, match="belongs to another user, 12345"):
            start(data_dir)
    finally:
        folder.rmdir()


@only_root
async def test_root_runs_the_server_as_a_user_of_its_own_from_programs_it_cannot_change(data_dir: Path) -> None:
    with start(data_dir) as server:
        pid = postmaster_of(data_dir)
        owner = owner_of_process(pid)
        assert owner != 0
        assert (home_of(data_dir).cluster.stat().st_uid, server.socket_dir.stat().st_uid) == (owner, owner)
        assert (data_dir.stat().st_uid, (data_dir / "postgres").stat().st_uid) == (0, 0)
        program = Path(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0])
        assert program.is_relative_to("/var/cache/interpact")
        assert {path.stat().st_uid for path in (program, *program.parents)} == {0}
        await asked(server.superuser_url, "CREATE TABLE seen (line text)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asked(server.superuser_url, f"COPY seen FROM '{data_dir}/postgres/passwords.json'")


@only_root
async def test_a_plain_user_runs_the_server_itself() -> None:
    """With a Python that this user can reach, which the one that runs the tests need not be."""
    nobody = pwd.getpwnam("nobody")
    packages = Path(asyncpg.__file__).parents[1]
    python = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    folder = Path(tempfile.mkdtemp(prefix="a plain user "))
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    data_dir = folder / "data"
    as_nobody: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    environ = {"PATH": os.defpath, "PYTHONPATH": f"{PROJECT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        probe = [str(python), "-c", "import runtime.embedded"]
        if not python.exists() or subprocess.call(probe, env=environ, stderr=subprocess.DEVNULL, **as_nobody):
            pytest.skip("no Python and checkout that a plain user could reach")
        starter = subprocess.Popen(
            [python, "-c", STARTER, data_dir],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **as_nobody,
        )
        assert await asked(url_told_by(starter), "SELECT 1") == [(1,)]
        assert owner_of_process(postmaster_of(data_dir)) == nobody.pw_uid
        assert ended(starter) == 0
        assert postmaster(home_of(data_dir)) is None
    finally:
        shutil.rmtree(folder)


async def test_it_may_be_started_from_a_thread_too(data_dir: Path) -> None:
    server = await asyncio.to_thread(start, data_dir)
    assert until(lambda: postmaster(home_of(data_dir)) is not None, seconds_max=1)
    await asyncio.to_thread(server.stop)


async def test_the_programs_are_those_of_the_wheel() -> None:
    home = Home(path=Path("/nonexistent"))
    programs = programs_for(account_for(home.cluster))
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("postgres (PostgreSQL) 18.")

"""A PostgreSQL of another major version, from the programs that the system has installed, in a folder of the run.

It is started as the embedded one is: on a socket in a private folder, with a password, as another user where we are
root. Processes that share the folder share the server, and the last one to leave stops it.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import chown
from pathlib import Path
from urllib.parse import quote

import asyncpg

from runtime.embedded_cluster import (
    PORT,
    SUPERUSER,
    Home,
    make_socket_dir,
    running,
    socket_dir_in_use,
    spawn,
    stop_server,
)
from runtime.private import SharedLock, exclusive, is_free, own_folder, until
from runtime.server_account import Account, account_for, named_for, run_as

PASSWORD = "only-for-tests"
INSTALLED = Path("/usr/lib/postgresql")
START_SECONDS_MAX = 60.0


def programs_of(version: str) -> Path | None:
    """Where Debian keeps the programs of a major version; None where they are not installed."""
    programs = INSTALLED / version / "bin"
    return programs if (programs / "postgres").exists() and (programs / "initdb").exists() else None


@contextmanager
def installed(folder: Path, version: str) -> Iterator[str]:
    """The superuser's address of a server of this major version, as long as the block lasts."""
    programs = programs_of(version)
    assert programs is not None, f"PostgreSQL {version} is asked for, and {INSTALLED / version} has no programs of it"
    home = Home(path=own_folder(folder))
    with exclusive(home.lock, seconds_max=START_SECONDS_MAX * 2) as lock:
        if running(home) is None:
            _start(home, programs, lock)
        url = f"postgresql://{SUPERUSER}:{PASSWORD}@/postgres?host={quote(str(socket_dir_in_use(home)))}&port={PORT}"
        use = SharedLock(home.users)
    try:
        asyncio.run(_assert_version(url, version))
        yield url
    finally:
        with exclusive(home.lock, seconds_max=START_SECONDS_MAX * 2):
            use.release()
            if is_free(home.users):
                stop_server(home)


def _start(home: Home, programs: Path, lock: int) -> None:
    account = account_for(home.cluster)
    if not home.cluster.exists():
        _make_cluster(home, account, programs, lock)
    socket_dir = make_socket_dir(home, account)
    spawn(home, account, programs, socket_dir)
    socket = socket_dir / f".s.PGSQL.{PORT}"
    assert until(socket.exists, seconds_max=START_SECONDS_MAX), home.log_tail()


def _make_cluster(home: Home, account: Account, programs: Path, lock: int) -> None:
    """Older versions have no locale provider of their own, so text sorts by the bytes of the C locale: the same."""
    home.cluster.mkdir(mode=0o700)
    with named_for(account, home.cluster) as (folder, fds), tempfile.TemporaryFile() as secret:
        secret.write(PASSWORD.encode() + b"\n")
        secret.flush()
        if not account.is_us:
            chown(home.cluster, account.uid, account.gid)
            chown(secret.fileno(), account.uid, account.gid)
        command = [str(programs / "initdb"), f"--pgdata={folder}", f"--username={SUPERUSER}", "--no-sync"]
        command += [f"--pwfile=/proc/self/fd/{secret.fileno()}", "--auth-local=scram-sha-256", "--auth-host=reject"]
        command += ["--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]
        try:
            run_as(account, command, seconds_max=START_SECONDS_MAX, fds=[*fds, secret.fileno(), lock])
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"initdb failed:\n{error.stdout}{error.stderr}") from error


async def _assert_version(url: str, version: str) -> None:
    connection = None
    async with asyncio.timeout(START_SECONDS_MAX):
        while connection is None:
            try:
                connection = await asyncpg.connect(url)
            except (asyncpg.CannotConnectNowError, OSError):
                await asyncio.sleep(0.05)
    found = connection.get_server_version().major
    await connection.close()
    assert found == int(version)

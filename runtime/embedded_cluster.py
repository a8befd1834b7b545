"""The folder of the embedded PostgreSQL and the process that serves it: make, spawn, find, stop.

The callers hold `Home.lock`, so no two of them do any of this to one folder at a time.
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from runtime.private import TICK_SECONDS, exclusive, is_free, sync_folder, until
from runtime.server_account import Account, named_for, run_as

SUPERUSER = "postgres"
PORT = 5432  # only a part of the socket's name; nothing listens on it
SOCKET_DIR_PREFIX = "interpact-"
SOCKET_BYTES_MAX = 100  # the system allows 107 in a socket's path

INITDB_SECONDS_MAX = 180.0
SPAWN_SECONDS_MAX = 30.0
ORPHAN_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 60.0
LOG_BYTES_MAX = 8 * 1024 * 1024
LOG_TAIL_LINES = 20

# initdb writes these to postgresql.conf, where an operator may change them.
FIRST_SETTINGS = {"max_connections": "100", "shared_buffers": "128MB", "timezone": "UTC", "log_timezone": "UTC"}
# These must hold, so they are on the command line, where ALTER SYSTEM cannot change them.
FIXED_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
}

log = logging.getLogger(__name__)


class EmbeddedServerError(Exception):
    """The server could not be started or stopped; the message says why, with the end of its log where that helps."""


class NotAnswering(EmbeddedServerError):
    """A server that runs, or was just started, does not take our login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """`<data folder>/postgres`; see `runtime.embedded` for what is in it."""

    path: Path

    @property
    def cluster(self) -> Path:
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def passwords(self) -> Path:
        return self.path / "passwords.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def users(self) -> Path:
        return self.path / "users"

    @property
    def alive(self) -> Path:
        return self.path / "alive"

    def log_tail(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        except OSError as error:
            return f"({self.log} cannot be read: {error.strerror})"
        return "\n".join([f"The end of {self.log}:", *lines])


def make_cluster(home: Home, account: Account, programs: Path, *, password: str, lock: int) -> None:
    """Run initdb into a draft that is renamed when it is whole: a start that is killed leaves nothing half-made.

    initdb inherits the lock's descriptor, so the next start waits for one whose starter was killed.
    """
    draft = home.path / "cluster.draft"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    with named_for(account, draft) as (folder, folder_fds), tempfile.TemporaryFile() as secret:
        secret.write(password.encode() + b"\n")
        secret.flush()
        if not account.is_us:
            os.chown(draft, account.uid, account.gid)
            os.fchown(secret.fileno(), account.uid, account.gid)
        command = [str(programs / "initdb"), f"--pgdata={folder}", f"--username={SUPERUSER}"]
        command += [f"--pwfile=/proc/self/fd/{secret.fileno()}", "--auth-local=scram-sha-256", "--auth-host=reject"]
        # Sorting by code point from PostgreSQL's own tables: the same on every machine, whatever locales it has.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [f"--set={name}={value}" for name, value in FIRST_SETTINGS.items()]
        try:
            run_as(account, command, seconds_max=INITDB_SECONDS_MAX, fds=[*folder_fds, secret.fileno(), lock])
        except subprocess.CalledProcessError as error:
            raise EmbeddedServerError(f"initdb failed:\n{error.stdout}{error.stderr}") from error
        except subprocess.TimeoutExpired:
            raise EmbeddedServerError(f"initdb took longer than {INITDB_SECONDS_MAX:.0f} s") from None
    draft.rename(home.cluster)
    sync_folder(home.path)


def spawn(home: Home, account: Account, programs: Path, socket_dir: Path) -> None:
    """Set the server going as nobody's child, in a session of its own: a Ctrl-C in our terminal is not for it.

    It and all its processes inherit the lock `alive`. Returns before it accepts connections.
    """
    if home.log.exists() and home.log.stat().st_size > LOG_BYTES_MAX:
        home.log.replace(home.log.with_suffix(".log.old"))
    settings = FIXED_SETTINGS | {"unix_socket_directories": str(socket_dir)}
    with exclusive(home.alive, seconds_max=ORPHAN_SECONDS_MAX) as alive:
        _clear_remains(home, socket_dir)
        log_file = os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            with named_for(account, home.cluster) as (folder, folder_fds):
                command = ["/bin/sh", "-c", '"$@" &', "sh", str(programs / "postgres"), "-D", folder]
                command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
                run_as(account, command, seconds_max=SPAWN_SECONDS_MAX, fds=[*folder_fds, alive], output=log_file)
        finally:
            os.close(log_file)


def make_socket_dir(home: Home, account: Account) -> Path:
    """A short private folder, the same for every start of this home; one that another user made is refused."""
    digest = hashlib.sha256(os.fsencode(home.path.resolve())).hexdigest()[:12]
    name = f"{SOCKET_DIR_PREFIX}{account.uid}-{digest}"
    folder = _socket_parent(name) / name
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise EmbeddedServerError(
            f"{folder}, for the server's socket, is no folder of ours: {error.strerror}"
        ) from error
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (account.uid, os.geteuid()):
            raise EmbeddedServerError(f"{folder}, for the server's socket, belongs to another user, {found.st_uid}")
        if found.st_uid != account.uid:
            os.fchown(descriptor, account.uid, account.gid)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return folder


def _socket_parent(name: str) -> Path:
    everybodys = Path("/tmp")  # noqa: S108 - sticky, and what we find there is checked
    session = os.environ.get("XDG_RUNTIME_DIR")
    wished = Path("/run") if os.geteuid() == 0 else Path(session or everybodys)
    # The setting is a list with commas and quotes, so plain names only.
    is_plain = re.fullmatch(r"/[\w./+@-]+", str(wished), re.ASCII)
    is_short = len(os.fsencode(wished / name / f".s.PGSQL.{PORT}.lock")) <= SOCKET_BYTES_MAX
    if is_plain and is_short and wished.is_dir() and os.access(wished, os.W_OK | os.X_OK):
        return wished
    return everybodys


def running(home: Home) -> int | None:
    """The process id of the living server, if any.

    Waits for the remaining processes of a killed one to end, and for one that is just coming up to tell its id.
    """
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while True:
        pid = postmaster(home)
        if pid is not None or is_free(home.alive):
            return pid
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"processes of a former server of {home.cluster} still run. {home.log_tail()}")
        time.sleep(TICK_SECONDS)


def postmaster(home: Home) -> int | None:
    """The process that postmaster.pid names, where that is a living PostgreSQL of the cluster's owner in its folder.

    The file may be left from before a crash, and its number may be another program's by now.
    """
    try:
        pid = int(pid_file_lines(home)[0])
        owned = home.cluster.stat()
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except (OSError, ValueError, IndexError):
        return None
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    if facts.get("Name") != "postgres" or facts.get("State", "Z")[0] in "ZX":
        return None
    if facts.get("Uid", "").split("\t")[0] != str(owned.st_uid):
        return None
    try:
        folder = Path(f"/proc/{pid}/cwd").stat()
    except PermissionError:
        return pid  # a container's root may not look there; name and owner must do
    except OSError:
        return None
    return pid if os.path.samestat(folder, owned) else None


def pid_file_lines(home: Home) -> list[str]:
    descriptor = os.open(home.cluster / "postmaster.pid", os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read(8192).splitlines()


def socket_dir_in_use(home: Home) -> Path:
    """The folder of the living server's socket; NotAnswering where there is none."""
    socket_dir = _told_socket_dir(home)
    if socket_dir is None:
        raise NotAnswering("it has not said yet where its socket is")
    if not (socket_dir / f".s.PGSQL.{PORT}").exists():
        raise NotAnswering(f"its socket in {socket_dir} is gone")
    return socket_dir


def _told_socket_dir(home: Home) -> Path | None:
    """As the server wrote it on line 5 of postmaster.pid: its starter may have had another XDG_RUNTIME_DIR than we."""
    with contextlib.suppress(OSError):
        lines = pid_file_lines(home)
        if len(lines) >= 5 and lines[4].startswith("/"):
            return Path(lines[4])
    return None


def _clear_remains(home: Home, socket_dir: Path) -> None:
    """Remove what a killed server left, as its process id may be another program's by now, which would stop the start.

    The caller holds `alive`, so no server that we started lives. One started by hand keeps its file, and the new one
    says so and ends.
    """
    if postmaster(home) is not None:
        return
    for remains in (home.cluster / "postmaster.pid", *socket_dir.glob(".s.PGSQL.*")):
        remains.unlink(missing_ok=True)


def stop_server(home: Home) -> None:
    """Fast shutdown: sessions end, all is written. Where that takes too long, at once, and the next start recovers."""

    def has_ended() -> bool:
        return postmaster(home) is None and is_free(home.alive)

    for kind, seconds_max in ((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, ORPHAN_SECONDS_MAX)):
        pid = running(home)
        if pid is None:
            return
        socket_dir = _told_socket_dir(home)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, kind)
        if until(has_ended, seconds_max=seconds_max):
            if socket_dir is not None and socket_dir.name.startswith(SOCKET_DIR_PREFIX):
                with contextlib.suppress(OSError):
                    socket_dir.rmdir()
            return
        log.warning("The embedded PostgreSQL (process %d) did not end %.0f s after %s.", pid, seconds_max, kind.name)
    raise EmbeddedServerError(f"the embedded PostgreSQL does not stop. {home.log_tail()}")

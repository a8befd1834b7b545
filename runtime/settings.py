"""What the environment tells the service, read and checked once, at start.

An empty variable counts as one that is not set. All problems are told at once, each with the variable's name and what
it should hold; the values of secrets and addresses are not repeated.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from runtime.private import NotPrivate, kept, own_folder

SECRET_BYTES_MIN = 32
LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(Exception):
    """The environment cannot be used; `problems` holds one sentence for each variable that is wrong."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of docs/settings.md. `default` is the text that stands for a variable that is not set."""

    name: str
    default: str = ""
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Variable):
    low: int
    high: int


HOST = Variable(name="INTERPACT_HOST", default="127.0.0.1", expected="an address or host name to listen on")
PORT = Number(
    name="INTERPACT_PORT", default="8080", low=0, high=65535, expected="a port from 1 to 65535, or 0 for any free one"
)
DATA_DIR = Variable(name="INTERPACT_DATA_DIR", expected="a folder of your own")
DATABASE_URL = Variable(name="DATABASE_URL", expected="postgresql://role:password@host:port/database")
OWNER_DATABASE_URL = Variable(
    name="INTERPACT_OWNER_DATABASE_URL",
    expected="postgresql://role:password@host:port/database with another role than DATABASE_URL",
)
SECRET = Variable(name="INTERPACT_SECRET", expected=f"{SECRET_BYTES_MIN} or more random bytes in base64")
LOG_LEVEL = Variable(name="INTERPACT_LOG_LEVEL", default="info", expected="one of " + ", ".join(LOG_LEVELS))
POOL_SIZE = Number(
    name="INTERPACT_POOL_SIZE", default="10", low=1, high=500, expected="a number of connections from 1 to 500"
)
BODY_BYTES_MAX = Number(
    name="INTERPACT_BODY_BYTES_MAX",
    default="1048576",
    low=1024,
    high=104857600,
    expected="a number of bytes from 1024 to 104857600",
)
QUERY_SECONDS_MAX = Number(
    name="INTERPACT_QUERY_SECONDS_MAX", default="15", low=1, high=600, expected="a number of seconds from 1 to 600"
)
MUTATION_SECONDS_MAX = Number(
    name="INTERPACT_MUTATION_SECONDS_MAX", default="60", low=1, high=600, expected="a number of seconds from 1 to 600"
)
DEMO = Number(name="INTERPACT_DEMO", default="0", low=0, high=1, expected="0 or 1")

VARIABLES: tuple[Variable, ...] = (
    HOST,
    PORT,
    DATA_DIR,
    DATABASE_URL,
    OWNER_DATABASE_URL,
    SECRET,
    LOG_LEVEL,
    POOL_SIZE,
    BODY_BYTES_MAX,
    QUERY_SECONDS_MAX,
    MUTATION_SECONDS_MAX,
    DEMO,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`database_url` None means the embedded server, which has URLs of its own; else they begin with `postgresql://`.

    `secret` is None where the embedded server's data folder keeps it; ask `sealing_secret` for either.
    `log_level` is in capitals, as the logging library wants it.
    """

    host: str
    port: int
    data_dir: Path
    database_url: str | None
    owner_database_url: str | None
    secret: bytes | None
    log_level: str
    pool_size: int
    body_bytes_max: int
    query_seconds_max: int
    mutation_seconds_max: int
    demo: bool


def service_settings(environ: Mapping[str, str]) -> Settings:
    """For the service and the worker; raises SettingsError."""
    reader = _Reader(environ)
    settings = reader.settings()
    if reader.has(DATABASE_URL) and not reader.has(SECRET):
        reader.missing(SECRET, "because DATABASE_URL is set")
    if reader.has(OWNER_DATABASE_URL) and not reader.has(DATABASE_URL):
        reader.missing(DATABASE_URL, "because INTERPACT_OWNER_DATABASE_URL is set")
    reader.close()
    return settings


def owner_settings(environ: Mapping[str, str]) -> Settings:
    """For the commands that work as the owner (migrate, tenant, key), which need no secret; raises SettingsError."""
    reader = _Reader(environ)
    settings = reader.settings()
    if reader.has(DATABASE_URL) and not reader.has(OWNER_DATABASE_URL):
        reader.missing(OWNER_DATABASE_URL, "because DATABASE_URL is set, and its role owns nothing")
    reader.close()
    return settings


def sealing_secret(settings: Settings) -> bytes:
    """The secret that seals cursors; with the embedded server it is made once and kept (0600) in the data folder."""
    if settings.secret is not None:
        return settings.secret
    try:
        text = kept(own_folder(settings.data_dir) / "secret", _new_secret)
        secret = _decoded(text)
    except (NotPrivate, OSError) as error:
        raise SettingsError((f"{DATA_DIR.name} cannot keep the secret: {error}",)) from error
    if secret is None:
        raise SettingsError((f"{settings.data_dir / 'secret'} is damaged: expected {SECRET.expected}",))
    return secret


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES_MIN)).decode()


def _decoded(text: str) -> bytes | None:
    """Base64 of either alphabet, with or without the padding; None where it is none, or too short."""
    plain = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) >= SECRET_BYTES_MIN else None


class _Reader:
    """Reads variable after variable and gathers what is wrong; `close` raises it all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def settings(self) -> Settings:
        database_url = self._url(DATABASE_URL)
        owner_database_url = self._url(OWNER_DATABASE_URL)
        if database_url and owner_database_url and _role(database_url) == _role(owner_database_url):
            self._wrong(OWNER_DATABASE_URL, "has the role of DATABASE_URL")
        return Settings(
            host=self._host(),
            port=self._number(PORT),
            data_dir=self._data_dir(),
            database_url=database_url,
            owner_database_url=owner_database_url,
            secret=self._secret(),
            log_level=self._log_level(),
            pool_size=self._number(POOL_SIZE),
            body_bytes_max=self._number(BODY_BYTES_MAX),
            query_seconds_max=self._number(QUERY_SECONDS_MAX),
            mutation_seconds_max=self._number(MUTATION_SECONDS_MAX),
            demo=self._number(DEMO) == 1,
        )

    def has(self, variable: Variable) -> bool:
        return bool(self._environ.get(variable.name, "").strip())

    def missing(self, variable: Variable, reason: str) -> None:
        self._problems.append(f"{variable.name} is not set, but needed {reason}: expected {variable.expected}")

    def close(self) -> None:
        if self._problems:
            raise SettingsError(tuple(self._problems))

    def _wrong(self, variable: Variable, what: str) -> None:
        self._problems.append(f"{variable.name} {what}: expected {variable.expected}")

    def _text(self, variable: Variable) -> str:
        return self._environ.get(variable.name, "").strip() or variable.default

    def _number(self, variable: Number) -> int:
        text = self._text(variable)
        if text.isascii() and text.isdigit() and len(text) <= 12 and variable.low <= int(text) <= variable.high:
            return int(text)
        self._wrong(variable, f"is {text[:40]!r}")
        return int(variable.default)

    def _host(self) -> str:
        text = self._text(HOST)
        if "/" in text or any(character.isspace() for character in text):
            self._wrong(HOST, f"is {text[:40]!r}")
        return text

    def _log_level(self) -> str:
        text = self._text(LOG_LEVEL).lower()
        if text not in LOG_LEVELS:
            self._wrong(LOG_LEVEL, f"is {text[:40]!r}")
        return text.upper()

    def _data_dir(self) -> Path:
        """The variable, else `interpact` in $XDG_DATA_HOME (which must be absolute to count) or in ~/.local/share."""
        given, shared = self._text(DATA_DIR), self._environ.get("XDG_DATA_HOME", "")
        try:
            if given:
                return Path(given).expanduser().absolute()
            if shared.startswith("/"):
                return Path(shared) / "interpact"
            return Path(self._environ.get("HOME") or Path.home()) / ".local/share/interpact"
        except RuntimeError:
            self._wrong(DATA_DIR, "is needed, as this user has no home folder")
            return Path()

    def _secret(self) -> bytes | None:
        if not self.has(SECRET):
            return None
        secret = _decoded(self._text(SECRET))
        if secret is None:
            self._wrong(SECRET, "cannot be read or is too short")
        return secret

    def _url(self, variable: Variable) -> str | None:
        """With `postgresql://` in front, whichever of the usual three names was given."""
        text = self._text(variable)
        if not text:
            return None
        scheme, separator, rest = text.partition("://")
        url = f"postgresql://{rest}"
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not _is_complete(url):
            self._wrong(variable, "is no address of a database with a role")
            return None
        return url


def _is_complete(url: str) -> bool:
    """True where role, server (a host, or a socket's folder as `?host=`) and database are named."""
    try:
        parts = urlsplit(url)
        has_server = bool(parts.hostname) or "host" in parse_qs(parts.query)
        return bool(parts.username) and has_server and len(parts.path) > 1 and parts.port != 0
    except ValueError:
        return False


def _role(url: str) -> str | None:
    return urlsplit(url).username

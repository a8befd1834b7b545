"""What the environment tells the service, read and checked once, at start.

An empty variable counts as one that is not set. All problems are told at once, each with the variable's name and what
it should hold; the values of secrets and addresses are not repeated.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from runtime.issuer import ALGORITHMS, Oidc, refusal_of
from runtime.origin import is_network, is_origin
from runtime.private import NotPrivate, kept, own_folder

SECRET_BYTES_MIN = 32
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "text")


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
SECRET = Variable(
    name="INTERPACT_SECRET",
    expected=f"{SECRET_BYTES_MIN} or more random bytes in base64, or several of these separated by commas",
)
LOG_LEVEL = Variable(name="INTERPACT_LOG_LEVEL", default="info", expected="one of " + ", ".join(LOG_LEVELS))
LOG_FORMAT = Variable(name="INTERPACT_LOG_FORMAT", expected="one of " + ", ".join(LOG_FORMATS))
METRICS = Number(name="INTERPACT_METRICS", default="1", low=0, high=1, expected="0 or 1")
METRICS_LISTEN = Variable(
    name="INTERPACT_METRICS_LISTEN", expected="an address and a port to listen on, as in 127.0.0.1:9464"
)
TRACES = Number(name="INTERPACT_TRACES", default="0", low=0, high=1, expected="0 or 1")
LEAVE_SECONDS = Number(
    name="INTERPACT_LEAVE_SECONDS", default="0", low=0, high=300, expected="a number of seconds from 0 to 300"
)
DRAIN_SECONDS = Number(
    name="INTERPACT_DRAIN_SECONDS", default="10", low=1, high=600, expected="a number of seconds from 1 to 600"
)
POOL_SIZE = Number(
    name="INTERPACT_POOL_SIZE", default="10", low=1, high=500, expected="a number of connections from 1 to 500"
)
POOL_WAIT_SECONDS = Number(
    name="INTERPACT_POOL_WAIT_SECONDS", default="10", low=1, high=60, expected="a number of seconds from 1 to 60"
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
HEARTBEAT_SECONDS = Number(
    name="INTERPACT_HEARTBEAT_SECONDS", default="15", low=1, high=300, expected="a number of seconds from 1 to 300"
)
ORIGINS = Variable(
    name="INTERPACT_ORIGINS", expected="origins such as https://desk.example, in lower case, separated by commas"
)
PROXIES = Variable(
    name="INTERPACT_PROXIES", expected="addresses and networks such as 10.0.0.5 and 10.1.0.0/16, separated by commas"
)
COST_MAX = Number(
    name="INTERPACT_COST_MAX",
    default="10000",
    low=100,
    high=100_000_000,
    expected="a number of units from 100 to 100000000",
)
QUOTA_PER_MINUTE = Number(
    name="INTERPACT_QUOTA_PER_MINUTE",
    default="1200000",
    low=0,
    high=1_000_000_000,
    expected="a number of units from 1 to 1000000000, or 0 for no quota",
)
DOCUMENTS = Variable(name="INTERPACT_DOCUMENTS", expected="a folder with *.graphql files")
DOCUMENTS_ONLY = Number(name="INTERPACT_DOCUMENTS_ONLY", default="0", low=0, high=1, expected="0 or 1")
OIDC_ISSUER = Variable(name="INTERPACT_OIDC_ISSUER", expected="the https address of an OpenID Connect issuer")
OIDC_AUDIENCE = Variable(name="INTERPACT_OIDC_AUDIENCE", expected="the audience that tokens for this service name")
OIDC_ALGORITHMS = Variable(
    name="INTERPACT_OIDC_ALGORITHMS",
    default="RS256,ES256",
    expected=f"some of {', '.join(ALGORITHMS)}, separated by commas",
)
OIDC_LEEWAY_SECONDS = Number(
    name="INTERPACT_OIDC_LEEWAY_SECONDS", default="30", low=0, high=120, expected="a number of seconds from 0 to 120"
)
OIDC_OUTAGE_SECONDS_MAX = Number(
    name="INTERPACT_OIDC_OUTAGE_SECONDS_MAX",
    default="3600",
    low=300,
    high=86400,
    expected="a number of seconds from 300 to 86400",
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
    LOG_FORMAT,
    METRICS,
    METRICS_LISTEN,
    TRACES,
    LEAVE_SECONDS,
    DRAIN_SECONDS,
    POOL_SIZE,
    POOL_WAIT_SECONDS,
    BODY_BYTES_MAX,
    QUERY_SECONDS_MAX,
    MUTATION_SECONDS_MAX,
    HEARTBEAT_SECONDS,
    ORIGINS,
    PROXIES,
    COST_MAX,
    QUOTA_PER_MINUTE,
    DOCUMENTS,
    DOCUMENTS_ONLY,
    OIDC_ISSUER,
    OIDC_AUDIENCE,
    OIDC_ALGORITHMS,
    OIDC_LEEWAY_SECONDS,
    OIDC_OUTAGE_SECONDS_MAX,
    DEMO,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`database_url` None means the embedded server, which has URLs of its own; else they begin with `postgresql://`.

    `secrets` is empty where the embedded server's data folder keeps them; ask `sealing_secrets` for either.
    `log_level` is in capitals, as the logging library wants it; `log_format` is empty where none is chosen.
    """

    host: str
    port: int
    data_dir: Path
    database_url: str | None
    owner_database_url: str | None
    secrets: tuple[bytes, ...]
    log_level: str
    log_format: str
    metrics: bool
    metrics_listen: tuple[str, int] | None
    traces: bool
    leave_seconds: int
    drain_seconds: int
    pool_size: int
    body_bytes_max: int
    query_seconds_max: int
    mutation_seconds_max: int
    demo: bool
    pool_wait_seconds: int = 10
    heartbeat_seconds: int = 15
    origins: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    cost_max: int = 10_000
    quota_per_minute: int = 1_200_000
    documents: Path | None = None
    documents_only: bool = False
    oidc: Oidc | None = None


def service_settings(environ: Mapping[str, str]) -> Settings:
    """For the service and the worker; raises SettingsError."""
    reader = _Reader(environ)
    settings = reader.settings()
    if reader.has(DATABASE_URL) and not reader.has(SECRET):
        reader.missing(SECRET, "because DATABASE_URL is set")
    if settings.documents_only and not reader.has(DOCUMENTS):
        reader.missing(DOCUMENTS, "because INTERPACT_DOCUMENTS_ONLY is 1")
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


def sealing_secrets(settings: Settings) -> tuple[bytes, ...]:
    """Of cursors: the first seals, all open. The embedded server's is made once and kept (0600) in the data folder."""
    if settings.secrets:
        return settings.secrets
    try:
        text = kept(own_folder(settings.data_dir) / "secret", _new_secret)
        found = _all_decoded(text)
    except (NotPrivate, OSError) as error:
        raise SettingsError((f"{DATA_DIR.name} cannot keep the secret: {error}",)) from error
    if not found:
        raise SettingsError((f"{settings.data_dir / 'secret'} is damaged: expected {SECRET.expected}",))
    return found


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES_MIN)).decode()


def _all_decoded(text: str) -> tuple[bytes, ...]:
    """None of them where one is wrong."""
    decoded = [_decoded(each) for each in text.split(",")]
    return () if None in decoded else tuple(each for each in decoded if each is not None)


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
            secrets=self._secrets(),
            log_level=self._log_level(),
            log_format=self._log_format(),
            metrics=self._number(METRICS) == 1,
            metrics_listen=self._metrics_listen(),
            traces=self._number(TRACES) == 1,
            leave_seconds=self._number(LEAVE_SECONDS),
            drain_seconds=self._number(DRAIN_SECONDS),
            pool_size=self._number(POOL_SIZE),
            body_bytes_max=self._number(BODY_BYTES_MAX),
            query_seconds_max=self._number(QUERY_SECONDS_MAX),
            mutation_seconds_max=self._number(MUTATION_SECONDS_MAX),
            demo=self._number(DEMO) == 1,
            pool_wait_seconds=self._number(POOL_WAIT_SECONDS),
            heartbeat_seconds=self._number(HEARTBEAT_SECONDS),
            origins=self._origins(),
            proxies=self._proxies(),
            cost_max=self._number(COST_MAX),
            quota_per_minute=self._number(QUOTA_PER_MINUTE),
            documents=Path(self._text(DOCUMENTS)).expanduser().absolute() if self.has(DOCUMENTS) else None,
            documents_only=self._number(DOCUMENTS_ONLY) == 1,
            oidc=self._oidc(),
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

    def _origins(self) -> frozenset[str]:
        origins = [origin for origin in map(str.strip, self._text(ORIGINS).split(",")) if origin]
        for origin in origins:
            if not is_origin(origin):
                self._wrong(ORIGINS, f"has {origin[:80]!r}")
        return frozenset(origins)

    def _proxies(self) -> tuple[str, ...]:
        proxies = [proxy for proxy in map(str.strip, self._text(PROXIES).split(",")) if proxy]
        for proxy in proxies:
            if not is_network(proxy):
                self._wrong(PROXIES, f"has {proxy[:80]!r}")
        return tuple(proxies)

    def _log_format(self) -> str:
        text = self._text(LOG_FORMAT).lower()
        if text and text not in LOG_FORMATS:
            self._wrong(LOG_FORMAT, f"is {text[:40]!r}")
        return text

    def _metrics_listen(self) -> tuple[str, int] | None:
        """IPv6 addresses stand in brackets, as in a URL."""
        text = self._text(METRICS_LISTEN)
        if not text:
            return None
        host, _, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not bare or (":" in bare) is (bare == host) or not _is_port(port) or re.search(r"[\s/]", bare):
            self._wrong(METRICS_LISTEN, f"is {text[:40]!r}")
            return None
        return bare, int(port)

    def _oidc(self) -> Oidc | None:
        """None where nothing is said of an issuer: then keys are the only way in."""
        issuer, audience = self._text(OIDC_ISSUER), self._text(OIDC_AUDIENCE)
        algorithms = tuple(
            dict.fromkeys(name for name in map(str.strip, self._text(OIDC_ALGORITHMS).split(",")) if name)
        )
        if not algorithms or not set(algorithms) <= set(ALGORITHMS):
            self._wrong(OIDC_ALGORITHMS, "has another algorithm")
        leeway_s, outage_s_max = self._number(OIDC_LEEWAY_SECONDS), self._number(OIDC_OUTAGE_SECONDS_MAX)
        if not issuer and not audience:
            return None
        if not issuer:
            self.missing(OIDC_ISSUER, f"because {OIDC_AUDIENCE.name} is set")
        elif refusal := refusal_of(issuer, demo=self._text(DEMO) == "1"):
            self._wrong(OIDC_ISSUER, refusal)
        if not audience:
            self.missing(OIDC_AUDIENCE, f"because {OIDC_ISSUER.name} is set")
        return Oidc(
            issuer=issuer, audience=audience, algorithms=algorithms, leeway_s=leeway_s, outage_s_max=outage_s_max
        )

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

    def _secrets(self) -> tuple[bytes, ...]:
        if not self.has(SECRET):
            return ()
        secrets = _all_decoded(self._text(SECRET))
        if not secrets:
            self._wrong(SECRET, "cannot be read or is too short")
        return secrets

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


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


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

"""Settings from the environment, and the page that lists them."""

import base64
import re
from pathlib import Path

import pytest

from runtime.settings import VARIABLES, Settings, SettingsError, owner_settings, sealing_secrets, service_settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
SECRET = base64.b64encode(bytes(range(32))).decode()
FORMER_SECRET = base64.urlsafe_b64encode(bytes(range(32, 64))).decode().rstrip("=")
SERVICE = "postgresql://interpact_service:s@db.example:5432/interpact"
OWNER = "postgresql://interpact_owner:o@db.example:5432/interpact"
TOO_SHORT = (
    "INTERPACT_SECRET cannot be read or is too short: expected 32 or more random bytes in base64,"
    " or several of these separated by commas"
)


def problems_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        service_settings({"HOME": "/home/ada"} | environ)
    return caught.value.problems


def test_nothing_needs_to_be_set() -> None:
    assert service_settings({"HOME": "/home/ada"}) == Settings(
        host="127.0.0.1",
        port=8080,
        data_dir=Path("/home/ada/.local/share/interpact"),
        database_url=None,
        owner_database_url=None,
        secrets=(),
        log_level="INFO",
        log_format="",
        metrics=True,
        metrics_listen=None,
        traces=False,
        leave_seconds=0,
        drain_seconds=10,
        pool_size=10,
        body_bytes_max=1048576,
        query_seconds_max=15,
        mutation_seconds_max=60,
        demo=False,
    )


def test_everything_can_be_set() -> None:
    assert service_settings(
        {
            "INTERPACT_HOST": "0.0.0.0",
            "INTERPACT_PORT": "0",
            "INTERPACT_DATA_DIR": "/srv/a folder",
            "DATABASE_URL": SERVICE,
            "INTERPACT_OWNER_DATABASE_URL": OWNER,
            "INTERPACT_SECRET": f"{SECRET}, {FORMER_SECRET}",
            "INTERPACT_LOG_LEVEL": "Warning",
            "INTERPACT_LOG_FORMAT": "JSON",
            "INTERPACT_METRICS": "0",
            "INTERPACT_METRICS_LISTEN": "[::1]:9464",
            "INTERPACT_TRACES": "1",
            "INTERPACT_LEAVE_SECONDS": "5",
            "INTERPACT_DRAIN_SECONDS": "30",
            "INTERPACT_POOL_SIZE": "3",
            "INTERPACT_POOL_WAIT_SECONDS": "2",
            "INTERPACT_BODY_BYTES_MAX": "2048",
            "INTERPACT_QUERY_SECONDS_MAX": "1",
            "INTERPACT_MUTATION_SECONDS_MAX": "600",
            "INTERPACT_HEARTBEAT_SECONDS": "2",
            "INTERPACT_DEMO": "1",
        }
    ) == Settings(
        host="0.0.0.0",
        port=0,
        data_dir=Path("/srv/a folder"),
        database_url=SERVICE,
        owner_database_url=OWNER,
        secrets=(bytes(range(32)), bytes(range(32, 64))),
        log_level="WARNING",
        log_format="json",
        metrics=False,
        metrics_listen=("::1", 9464),
        traces=True,
        leave_seconds=5,
        drain_seconds=30,
        pool_size=3,
        body_bytes_max=2048,
        query_seconds_max=1,
        mutation_seconds_max=600,
        demo=True,
        heartbeat_seconds=2,
        pool_wait_seconds=2,
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    empty = {variable.name: " " for variable in VARIABLES}
    assert service_settings({"HOME": "/home/ada"} | empty) == service_settings({"HOME": "/home/ada"})


@pytest.mark.parametrize(
    ("environ", "data_dir"),
    [
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "/data/interpact"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "relative"}, "/home/ada/.local/share/interpact"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data", "INTERPACT_DATA_DIR": "/own"}, "/own"),
    ],
)
def test_the_data_folder_is_the_one_named_or_that_of_the_desktop(environ: dict[str, str], data_dir: str) -> None:
    assert service_settings(environ).data_dir == Path(data_dir)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_an_address_begins_with_postgresql_whichever_of_its_names_is_given(scheme: str) -> None:
    given = SERVICE.replace("postgresql", scheme)
    assert service_settings({"DATABASE_URL": given, "INTERPACT_SECRET": SECRET}).database_url == SERVICE


def test_an_address_may_name_a_sockets_folder() -> None:
    url = "postgresql://interpact_service:s@/interpact?host=/run/db&port=5432"
    assert service_settings({"DATABASE_URL": url, "INTERPACT_SECRET": SECRET}).database_url == url


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"INTERPACT_PORT": "65536"},
            "INTERPACT_PORT is '65536': expected a port from 1 to 65535, or 0 for any free one",
        ),
        ({"INTERPACT_PORT": "-1"}, "INTERPACT_PORT is '-1': expected a port from 1 to 65535, or 0 for any free one"),
        ({"INTERPACT_PORT": "٣"}, "INTERPACT_PORT is '٣': expected a port from 1 to 65535, or 0 for any free one"),
        ({"INTERPACT_POOL_SIZE": "0"}, "INTERPACT_POOL_SIZE is '0': expected a number of connections from 1 to 500"),
        (
            {"INTERPACT_BODY_BYTES_MAX": "1e6"},
            "INTERPACT_BODY_BYTES_MAX is '1e6': expected a number of bytes from 1024 to 104857600",
        ),
        (
            {"INTERPACT_QUERY_SECONDS_MAX": "1.5"},
            "INTERPACT_QUERY_SECONDS_MAX is '1.5': expected a number of seconds from 1 to 600",
        ),
        ({"INTERPACT_DEMO": "yes"}, "INTERPACT_DEMO is 'yes': expected 0 or 1"),
        ({"INTERPACT_LOG_FORMAT": "xml"}, "INTERPACT_LOG_FORMAT is 'xml': expected one of json, text"),
        (
            {"INTERPACT_METRICS_LISTEN": "::1:9464"},
            "INTERPACT_METRICS_LISTEN is '::1:9464': expected an address and a port to listen on, as in 127.0.0.1:9464",
        ),
        (
            {"INTERPACT_METRICS_LISTEN": "9464"},
            "INTERPACT_METRICS_LISTEN is '9464': expected an address and a port to listen on, as in 127.0.0.1:9464",
        ),
        (
            {"INTERPACT_LOG_LEVEL": "loud"},
            "INTERPACT_LOG_LEVEL is 'loud': expected one of debug, info, warning, error",
        ),
        (
            {"INTERPACT_HOST": "http://here"},
            "INTERPACT_HOST is 'http://here': expected an address or host name to listen on",
        ),
        (
            {"INTERPACT_SECRET": "c2hvcnQ="},
            TOO_SHORT,
        ),
        (
            {"INTERPACT_SECRET": f"{SECRET},c2hvcnQ="},
            TOO_SHORT,
        ),
        (
            {"INTERPACT_SECRET": "!" * 60},
            TOO_SHORT,
        ),
        (
            {"DATABASE_URL": SERVICE},
            (
                "INTERPACT_SECRET is not set, but needed because DATABASE_URL is set: "
                "expected 32 or more random bytes in base64, or several of these separated by commas"
            ),
        ),
        (
            {"INTERPACT_OWNER_DATABASE_URL": OWNER},
            (
                "DATABASE_URL is not set, but needed because INTERPACT_OWNER_DATABASE_URL is set: "
                "expected postgresql://role:password@host:port/database"
            ),
        ),
        (
            {"DATABASE_URL": SERVICE, "INTERPACT_OWNER_DATABASE_URL": SERVICE, "INTERPACT_SECRET": SECRET},
            (
                "INTERPACT_OWNER_DATABASE_URL has the role of DATABASE_URL: "
                "expected postgresql://role:password@host:port/database with another role than DATABASE_URL"
            ),
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_should_hold(environ: dict[str, str], problem: str) -> None:
    assert problems_of(environ) == (problem,)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://interpact_service:pass-word@db.example/interpact",
        "interpact_service:pass-word@db.example/interpact",
        "postgresql://db.example/pass-word",
        "postgresql://interpact_service:pass-word@db.example",
        "postgresql://interpact_service:pass-word@/interpact",
        "postgresql://interpact_service:pass-word@db.example:port/interpact",
    ],
)
def test_a_wrong_address_is_refused_and_not_repeated(url: str) -> None:
    problems = problems_of({"DATABASE_URL": url, "INTERPACT_SECRET": SECRET})
    assert problems == (
        "DATABASE_URL is no address of a database with a role: expected postgresql://role:password@host:port/database",
    )
    assert "pass-word" not in str(problems)


def test_all_problems_are_told_at_once() -> None:
    told = problems_of({"INTERPACT_PORT": "x", "DATABASE_URL": "x", "INTERPACT_DEMO": "x"})
    assert [problem.split()[0] for problem in told] == [
        "DATABASE_URL",
        "INTERPACT_PORT",
        "INTERPACT_DEMO",
        "INTERPACT_SECRET",
    ]


def test_the_commands_of_the_owner_need_its_address_but_no_secret() -> None:
    assert owner_settings({"INTERPACT_OWNER_DATABASE_URL": OWNER}).owner_database_url == OWNER
    assert owner_settings({"HOME": "/home/ada"}).owner_database_url is None
    with pytest.raises(SettingsError) as caught:
        owner_settings({"DATABASE_URL": SERVICE})
    assert [problem.split()[0] for problem in caught.value.problems] == ["INTERPACT_OWNER_DATABASE_URL"]


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = service_settings({"INTERPACT_DATA_DIR": str(tmp_path / "a folder" / "data")})
    secrets = sealing_secrets(settings)
    assert [len(secret) for secret in secrets] == [32]
    assert sealing_secrets(settings) == secrets
    assert (settings.data_dir / "secret").stat().st_mode & 0o777 == 0o600
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_the_kept_secret_may_be_led_in_by_a_new_one(tmp_path: Path) -> None:
    settings = service_settings({"INTERPACT_DATA_DIR": str(tmp_path)})
    (kept,) = sealing_secrets(settings)
    (tmp_path / "secret").write_text(f"{SECRET},{(tmp_path / 'secret').read_text()}")
    assert sealing_secrets(settings) == (bytes(range(32)), kept)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    settings = service_settings({"INTERPACT_DATA_DIR": str(tmp_path)})
    sealing_secrets(settings)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(SettingsError, match="must be yours with mode 0600"):
        sealing_secrets(settings)


def test_a_damaged_secret_is_told(tmp_path: Path) -> None:
    settings = service_settings({"INTERPACT_DATA_DIR": str(tmp_path)})
    sealing_secrets(settings)
    (tmp_path / "secret").write_text("short")
    with pytest.raises(
        SettingsError,
        match="is damaged: expected 32 or more random bytes in base64, or several of these separated by commas",
    ):
        sealing_secrets(settings)


def test_the_page_lists_every_setting_as_the_code_has_it() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (?:`(.*?)`)? ?\| (.*?) \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == [(variable.name, variable.default, variable.expected) for variable in VARIABLES]


def test_origins_are_listed_as_browsers_write_them() -> None:
    environ = {"HOME": "/home/ada", "INTERPACT_ORIGINS": "https://desk.example, http://localhost:5173,"}
    assert service_settings(environ).origins == {"https://desk.example", "http://localhost:5173"}


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example",
        "desk.example",
        "https://desk.example/",
        "https://Desk.example",
        "null",
        "ftp://x",
        "http://",
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused(origin: str) -> None:
    (problem,) = problems_of({"INTERPACT_ORIGINS": f"https://desk.example,{origin}"})
    assert problem.startswith(f"INTERPACT_ORIGINS has {origin!r}: expected origins")


def test_proxies_are_addresses_and_networks() -> None:
    environ = {"HOME": "/home/ada", "INTERPACT_PROXIES": "10.0.0.5, 10.1.0.0/16, ::1,"}
    assert service_settings(environ).proxies == ("10.0.0.5", "10.1.0.0/16", "::1")


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "10.0.0.5:8080", "10.1.0.1/16"])
def test_a_proxy_that_no_connection_comes_from_is_refused(proxy: str) -> None:
    (problem,) = problems_of({"INTERPACT_PROXIES": f"10.0.0.5,{proxy}"})
    assert problem.startswith(f"INTERPACT_PROXIES has {proxy!r}: expected addresses and networks")


def test_only_trusted_documents_needs_some() -> None:
    (problem,) = problems_of({"INTERPACT_DOCUMENTS_ONLY": "1"})
    assert problem.startswith("INTERPACT_DOCUMENTS is not set, but needed because INTERPACT_DOCUMENTS_ONLY is 1")

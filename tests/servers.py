"""A PostgreSQL for tests, with databases copied from one that was migrated once in the run.

It is the embedded one; or that of INTERPACT_TEST_SUPERUSER_URL; or, with INTERPACT_TEST_POSTGRES=15, one of that major
version from the programs that Debian installs. Those two get our roles with the password below.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from persistence import migrate
from runtime import embedded
from runtime.private import exclusive
from tests.installed_server import PASSWORD, installed

ELSEWHERE = os.environ.get("INTERPACT_TEST_SUPERUSER_URL")
VERSION = os.environ.get("INTERPACT_TEST_POSTGRES")
TEMPLATE = "interpact_template"
LOCK_SECONDS_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Urls:
    """One database, as each role that tests use."""

    superuser: str
    owner: str
    service: str

    def of(self, database: str) -> Urls:
        return Urls(
            *(
                urlsplit(url)._replace(path=f"/{database}").geturl()
                for url in (self.superuser, self.owner, self.service)
            )
        )


@contextmanager
def server(folder: Path) -> Iterator[Urls]:
    """The server of the test run, whose processes share the folder; its template database is migrated."""
    if ELSEWHERE is not None:
        urls = _elsewhere(ELSEWHERE)
        with exclusive(folder / "template.lock", seconds_max=LOCK_SECONDS_MAX):
            _prepared(urls, folder / f"template-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}")
        yield urls
        return
    if VERSION is not None:
        with installed(folder / f"server-{VERSION}", VERSION) as superuser:
            with exclusive(folder / "template.lock", seconds_max=LOCK_SECONDS_MAX):
                urls = _elsewhere(superuser)
                _prepared(urls, folder / "template")
            yield urls
        return
    with embedded.start(folder / "server") as running:
        urls = Urls(running.superuser_url, running.owner_url, running.service_url)
        with exclusive(folder / "template.lock", seconds_max=LOCK_SECONDS_MAX):
            _prepared(urls, folder / "template")
        yield urls


@contextmanager
def database(urls: Urls, name: str) -> Iterator[Urls]:
    """A database of this name, copied from the template, for the length of the block."""
    run(urls.superuser, f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} OWNER {embedded.OWNER}')
    try:
        yield urls.of(name)
    finally:
        run(urls.superuser, f'DROP DATABASE "{name}" WITH (FORCE)')


def run(url: str, *statements: str) -> None:
    async def carry_out() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(carry_out())


def _prepared(urls: Urls, done: Path) -> None:
    if done.exists():
        return
    run(
        urls.superuser,
        f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)",
        f"CREATE DATABASE {TEMPLATE} OWNER {embedded.OWNER}",
    )
    migrate.upgrade(urls.of(TEMPLATE).owner)
    done.touch()


def _elsewhere(superuser: str) -> Urls:
    parts = urlsplit(superuser)
    place = parts.netloc.rpartition("@")[2]
    roles = (Path(embedded.__file__).with_name("roles.sql")).read_text(encoding="utf-8")
    names = (embedded.OWNER, embedded.SERVICE)
    run(superuser, "SELECT pg_advisory_lock(1)", roles, *(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'" for name in names))
    owner, service = (parts._replace(netloc=f"{name}:{PASSWORD}@{place}").geturl() for name in names)
    return Urls(superuser, owner, service)

"""Where the benchmarks run: an embedded server of their own in a folder that goes away, a fresh database for each."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from persistence import migrate
from runtime import embedded
from runtime.embedded import EmbeddedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One database with our schema and nothing in it."""

    service_url: str
    owner_url: str
    superuser_url: str

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator[asyncpg.Connection]:
        """For the other side of a comparison, and for looking on; what we measure never uses it."""
        connection = await asyncpg.connect(self.superuser_url, server_settings={"jit": "off"})
        try:
            yield connection
        finally:
            await connection.close()


class Ground:
    """The server's database `interpact` stays empty: it is what the others are copied from."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[Place]:
        await self._run(f'CREATE DATABASE "{name}" TEMPLATE {embedded.DATABASE} OWNER {embedded.OWNER}')
        try:
            yield Place(
                service_url=_at(self._server.service_url, name),
                owner_url=_at(self._server.owner_url, name),
                superuser_url=_at(self._server.superuser_url, name),
            )
        finally:
            await self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.superuser_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def open_ground() -> AsyncIterator[Ground]:
    """The folder is made where TMPDIR says: there it should be on the kind of disk that is to be measured.

    Start and stop block, so that a Ctrl-C finds the server either not there yet or there to be stopped.
    """
    with tempfile.TemporaryDirectory(prefix="interpact-bench-") as folder, embedded.start(Path(folder)) as server:
        await asyncio.to_thread(migrate.upgrade, server.owner_url)
        yield Ground(server)


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()

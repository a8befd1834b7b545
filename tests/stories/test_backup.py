"""docs/backup.md, run as it stands: a base backup, the log after it, and a restore to an instant between postings."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from runtime import embedded
from runtime.embedded import EmbeddedServer
from runtime.server_account import account_for, programs_for
from tests.stories import processes
from tests.stories.documents import BREACH_EVENTS
from tests.stories.shop import an_outage_of_the_day, midnight, opened
from tests.stories.storage import Digests, store_of
from tests.stories.talking import subscribed

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"
MAKE_SLOT, FETCH, BASE, RESTORE = re.findall(
    r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
SETTLE_S_MAX = 60


def shell(server: EmbeddedServer, backups: Path) -> dict[str, str]:
    """What the page says is set."""
    parts = urlsplit(server.superuser_url)
    (host,), (port,) = (parse_qs(parts.query)[name] for name in ("host", "port"))
    programs = programs_for(account_for(server.data_dir / "postgres" / "cluster"))
    assert parts.username
    assert parts.password
    return {
        "PATH": f"{programs}:{os.defpath}",
        "PGHOST": host,
        "PGPORT": port,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "BACKUPS": str(backups),
    }


async def started(block: str, environment: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        "/bin/sh", "-euc", block, env=dict(environment), stdout=PIPE, stderr=STDOUT
    )


async def run(block: str, environment: Mapping[str, str]) -> None:
    process = await started(block, environment)
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said.decode()


@asynccontextmanager
async def fetched(environment: Mapping[str, str]) -> AsyncIterator[None]:
    """The log is fetched while the block runs, and all of it has come when it ends."""
    await run(MAKE_SLOT, environment)
    process = await started(FETCH, environment)
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


async def settled(server: EmbeddedServer) -> Digests:
    """What is stored once no work is left, but for the tables that are not logged, which a restore leaves empty."""
    async with store_of(server) as store, asyncio.timeout(SETTLE_S_MAX):
        while await store.unjudged():
            await asyncio.sleep(0.1)
        unlogged = await store.rows("SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'")
        return {
            table: digest
            for table, digest in (await store.digests()).items()
            if table not in {row["relname"] for row in unlogged}
        }


async def instant(server: EmbeddedServer) -> str:
    async with store_of(server) as store:
        (row,) = await store.rows("SELECT clock_timestamp()::text AS at")
    return str(row["at"])


async def flushed(server: EmbeddedServer) -> None:
    """Returns when the log has been fetched as far as it goes now."""
    async with store_of(server) as store, asyncio.timeout(SETTLE_S_MAX):
        (row,) = await store.rows("SELECT pg_current_wal_flush_lsn()::text AS here")
        behind = "SELECT count(*) AS many FROM pg_stat_replication WHERE flush_lsn >= $1::text::pg_lsn"
        while not (await store.rows(behind, row["here"]))[0]["many"]:
            await asyncio.sleep(0.1)


def new_home(old: Path, data_dir: Path) -> Path:
    """A data folder with the passwords of the old one and without its secret; where its cluster belongs."""
    home = data_dir / "postgres"
    home.mkdir(parents=True, mode=0o700)
    data_dir.chmod(0o700)
    shutil.copy2(old / "postgres" / "passwords.json", home / "passwords.json")
    return home / "cluster"


def given_to_its_user(cluster: Path, like: Path) -> None:
    owner = like.stat()
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    cluster.chmod(0o700)


async def test_a_restore_to_an_instant_finds_every_row_as_it_was(http: httpx.AsyncClient, tmp_path: Path) -> None:
    data_dir, backups, log = tmp_path / "data", tmp_path / "backups", tmp_path / "log"
    server = await asyncio.to_thread(embedded.start, data_dir)
    try:
        environment = shell(server, backups)
        async with processes.serving(data_dir, log=log) as served, fetched(environment):
            shop = await opened(data_dir, http, served)
            async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
                await shop.post(an_outage_of_the_day(2))
                await run(BASE, environment)
                await shop.post(an_outage_of_the_day(3), an_outage_of_the_day(4))
                before = await settled(server)
                when = await instant(server)
                await shop.post(an_outage_of_the_day(5))
                after = await settled(server)
                cursors = [(await subscriber.event())["cursor"] for _ in range(5)]
            await flushed(server)
        assert after != before
        cluster = new_home(data_dir, tmp_path / "new")
        await run(RESTORE, environment | {"RESTORED": str(cluster), "WHEN": when})
        given_to_its_user(cluster, data_dir / "postgres" / "cluster")
    finally:
        await asyncio.to_thread(server.stop)

    restored = await asyncio.to_thread(embedded.start, tmp_path / "new")
    try:
        assert await settled(restored) == before
        async with processes.serving(tmp_path / "new", log=log) as served:
            client = replace(shop.vendor, graphql=served.graphql)
            async with subscribed(served.address, shop.admin.key, BREACH_EVENTS, after=cursors[-1]) as subscriber:
                (error,) = (await subscriber.hear())["payload"]
                assert error["extensions"]["code"] == "CURSOR_INVALID"
            async with subscribed(served.address, shop.admin.key, BREACH_EVENTS) as subscriber:
                assert (await subscriber.event())["__typename"] == "Heartbeat"
                again = replace(shop, address=served.address, vendor=client)
                await again.post(an_outage_of_the_day(5))
                event = await subscriber.event()
        assert event["period"]["start"] == midnight(5).strftime("%Y-%m-%dT%H:%M:%SZ")
    finally:
        await asyncio.to_thread(restored.stop)

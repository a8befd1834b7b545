"""What a client is told, and what the server still does, when time is up, the client is gone, or storage is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from domain.policy import Role
from tests.stories import processes
from tests.stories.conftest import House
from tests.stories.documents import CREATE_PARTY, mutation
from tests.stories.talking import Client, Subscriber, let_in
from tests.stories.tenants import a_key, a_tenant

PARTIES = "{ parties(first: 1) { totalCount } }"
CREATE = mutation(CREATE_PARTY)
ONE_SECOND = {"INTERPACT_MUTATION_SECONDS_MAX": "1", "INTERPACT_QUERY_SECONDS_MAX": "1"}
GRAPHQL_JSON = {"accept": "application/graphql-response+json"}
TOLD_OF_TIME = {"code": "DEADLINE_EXCEEDED", "limitSeconds": 1}

# The head of a feed is locked by whoever closes a transaction of its tenant; the parties' table by a migration.
HEADS = "SELECT 1 FROM feed_head FOR UPDATE"
TABLE = "LOCK TABLE party IN ACCESS EXCLUSIVE MODE"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = 'interpact_service' AND state = 'active' AND wait_event_type = 'Lock'
"""


AWAY = "the database cannot be reached just now: try again soon"


@pytest.fixture(scope="module")
async def key(house: House) -> str:
    owner_url = house.server.owner_url
    text, _ = await a_key(owner_url, await a_tenant(owner_url), Role.ADMIN)
    return text


@asynccontextmanager
async def locked(house: House, sql: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody holds a lock while the block runs; with another connection to look on."""
    url = house.server.superuser_url
    holder, watcher = [await asyncpg.connect(url, database="interpact") for _ in range(2)]
    try:
        async with holder.transaction():
            await holder.execute(sql)
            yield watcher
    finally:
        await holder.close()
        await watcher.close()


async def until_waiting(watcher: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(10):
        while await watcher.fetchval(WAITING) != count:
            await asyncio.sleep(0.01)


def a_party(code: str) -> dict[str, Any]:
    return {"input": {"code": code, "name": code, "kind": "VENDOR"}}


def extensions(response: httpx.Response) -> Mapping[str, Any]:
    (error,) = response.json()["errors"]
    assert "data" not in response.json()
    told: Mapping[str, Any] = error["extensions"]
    return told


async def asked(client: Client, query: str, **variables: object) -> httpx.Response:
    """With the newer media type, whose status tells more."""
    return await client.http.post(
        client.graphql,
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {client.key}", **GRAPHQL_JSON},
    )


@pytest.mark.parametrize(
    ("lock", "query", "variables"),
    [(HEADS, CREATE, a_party("late")), (TABLE, CREATE, a_party("late")), (TABLE, PARTIES, {})],
    ids=["a mutation that waits at its end", "a mutation", "a query"],
)
async def test_when_its_time_is_up_the_client_is_told_and_the_server_does_nothing_more(
    house: House, http: httpx.AsyncClient, key: str, tmp_path: Path, lock: str, query: str, variables: dict[str, Any]
) -> None:
    async with processes.serving(house.data_dir, "--no-worker", more=ONE_SECOND, log=tmp_path / "log") as served:
        client = Client(http=http, graphql=served.graphql, key=key)
        async with locked(house, lock) as watcher:
            answer = await asked(client, query, **variables)
            assert (answer.status_code, extensions(answer)) == (504, TOLD_OF_TIME)
            assert await watcher.fetchval(WAITING) == 0
        found = await client.ask("{ parties(first: 100) { nodes { code } } }")
        assert {"code": "late"} not in found["parties"]["nodes"]


async def gone_over_http(served: processes.Running, http: httpx.AsyncClient, key: str, watcher: Any) -> None:
    begun = asyncio.create_task(Client(http=http, graphql=served.graphql, key=key).post(CREATE, **a_party("gone")))
    await until_waiting(watcher, 1)
    begun.cancel()
    await asyncio.wait([begun])


async def gone_from_a_stream(served: processes.Running, http: httpx.AsyncClient, key: str, watcher: Any) -> None:
    headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
    body = {"query": CREATE, "variables": a_party("gone")}
    async with http.stream("POST", served.graphql, json=body, headers=headers) as response:
        assert response.status_code == 200
        await until_waiting(watcher, 1)


async def gone_from_a_socket(served: processes.Running, _http: httpx.AsyncClient, key: str, watcher: Any) -> None:
    async with let_in(served.address, key) as client:
        await client.say({"id": "1", "type": "subscribe", "payload": {"query": CREATE, "variables": a_party("gone")}})
        await until_waiting(watcher, 1)


async def completed_on_a_socket(served: processes.Running, _http: httpx.AsyncClient, key: str, watcher: Any) -> None:
    async with let_in(served.address, key) as client:
        await client.say({"id": "1", "type": "subscribe", "payload": {"query": CREATE, "variables": a_party("gone")}})
        await until_waiting(watcher, 1)
        await client.say({"id": "1", "type": "complete"})
        await until_waiting(watcher, 0)


@pytest.mark.parametrize("goes", [gone_over_http, gone_from_a_stream, gone_from_a_socket, completed_on_a_socket])
@pytest.mark.parametrize("lock", [HEADS, TABLE], ids=["at its end", "in the middle"])
async def test_when_the_client_is_gone_its_statement_is_ended_at_once(
    house: House, doors: processes.Running, http: httpx.AsyncClient, key: str, lock: str, goes: Any
) -> None:
    async with locked(house, lock) as watcher:
        await goes(doors, http, key, watcher)
        async with asyncio.timeout(1):
            await until_waiting(watcher, 0)
    found = await Client(http=http, graphql=doors.graphql, key=key).ask("{ parties(first: 100) { nodes { code } } }")
    assert {"code": "gone"} not in found["parties"]["nodes"]


async def test_when_no_connection_is_free_who_comes_is_told_to_come_again(
    house: House, http: httpx.AsyncClient, key: str, tmp_path: Path
) -> None:
    small = {"INTERPACT_POOL_SIZE": "1", "INTERPACT_POOL_WAIT_SECONDS": "1"}
    async with processes.serving(house.data_dir, "--no-worker", more=small, log=tmp_path / "log") as served:
        client = Client(http=http, graphql=served.graphql, key=key)
        async with let_in(served.address, key) as socket, locked(house, TABLE) as watcher:
            holds = asyncio.create_task(client.ask(PARTIES))
            await until_waiting(watcher, 1)
            await socket.say({"id": "1", "type": "subscribe", "payload": {"query": PARTIES}})
            answer = await asked(client, PARTIES)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert extensions(answer) == {"code": "OVERLOADED"}
            assert await code_on(socket) == "OVERLOADED"
        assert "errors" not in await holds
        assert (await asked(client, PARTIES)).status_code == 200
        log = (tmp_path / "log").read_text()
    assert "no connection became free in time" in log
    assert "Internal error" not in log


async def not_let_in(served: processes.Running, key: str) -> tuple[int | None, str | None]:
    """How a new socket is closed."""
    url = served.graphql.replace("http", "ws", 1)
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        client = Subscriber(connection)
        await client.say({"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}})
        return await client.closed()


async def code_on(socket: Subscriber) -> str:
    message = await socket.hear()
    assert (message["id"], message["type"]) == ("1", "error")
    (error,) = message["payload"]
    code: str = error["extensions"]["code"]
    return code


async def test_when_the_database_is_away_who_comes_is_told_to_come_again_and_it_goes_on_after(
    house: House, http: httpx.AsyncClient, key: str, tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="interpact-") as folder:
        way = Path(folder) / "way"
        environ = {"DATABASE_URL": by_way_of(way, house), "INTERPACT_SECRET": "c2VjcmV0" * 8}
        async with processes.serving(house.data_dir, "--no-worker", more=environ, log=tmp_path / "log") as served:
            client = Client(http=http, graphql=served.graphql, key=key)
            async with let_in(served.address, key) as socket:
                way.unlink()
                await cut_off(house)
                answer = await asked(client, PARTIES)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert extensions(answer) == {"code": "UNAVAILABLE"}
                await socket.say({"id": "1", "type": "subscribe", "payload": {"query": PARTIES}})
                assert await code_on(socket) == "UNAVAILABLE"
                assert await not_let_in(served, key) == (1013, AWAY)
                assert (await http.get(f"{served.address}/readyz")).json() == {
                    "status": "not ready",
                    "reason": AWAY,
                }
                by_way_of(way, house)
                assert "errors" not in await client.said(PARTIES)
                await socket.say({"id": "2", "type": "subscribe", "payload": {"query": PARTIES}})
                assert (await socket.hear())["type"] == "next"


def by_way_of(way: Path, house: House) -> str:
    """An address of the embedded server through a link, so that it can be taken away."""
    parts = urlsplit(house.server.service_url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    way.symlink_to(options["host"])
    return parts._replace(query=urlencode({**options, "host": str(way)})).geturl()


async def cut_off(house: House) -> None:
    """Ends all connections of the service; who has another address than this process' opens new ones."""
    superuser = await asyncpg.connect(house.server.superuser_url, database="interpact")
    try:
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'interpact_service'"
        )
    finally:
        await superuser.close()

"""The WebSocket door, through a real server and client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from domain.actor import Actor
from domain.policy import Role
from graph.limits import Limits
from tests.graph.service import ADMIN, Service, a_service

INIT = {"type": "connection_init", "payload": {"authorization": "Bearer good"}}
TICKS = "subscription ($count: Int!, $seconds: Float! = 0) { ticks(count: $count, seconds: $seconds) { number } }"


class Client:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, message: object) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else orjson.dumps(message).decode())

    async def subscribe(self, text: str, operation_id: str = "1", **variables: object) -> None:
        payload = {"query": text, "variables": variables}
        await self.say({"id": operation_id, "type": "subscribe", "payload": payload})

    async def hear(self) -> Any:
        async with asyncio.timeout(5):
            return orjson.loads(await self.connection.recv())

    async def closed(self) -> tuple[int | None, str | None]:
        """The close code and reason, whatever came before."""
        async with asyncio.timeout(5):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def a_client(
    service: Service, protocols: tuple[str, ...] = ("graphql-transport-ws",), **options: Any
) -> AsyncIterator[Client]:
    subprotocols = [Subprotocol(protocol) for protocol in protocols]
    async with connect(service.websocket, subprotocols=subprotocols or None, **options) as connection:
        yield Client(connection)


@asynccontextmanager
async def let_in(service: Service, **options: Any) -> AsyncIterator[Client]:
    async with a_client(service, **options) as client:
        await client.say(INIT)
        assert await client.hear() == {"type": "connection_ack"}
        yield client


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def happened(service: Service, note: str) -> None:
    await asyncio.to_thread(service.journal.wait_for, note)


async def test_a_subscription_is_answered_event_by_event(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe(TICKS, count=2)
        heard = [await client.hear() for _ in range(3)]
    assert heard == [
        {"id": "1", "type": "next", "payload": {"data": {"ticks": {"number": 0}}}},
        {"id": "1", "type": "next", "payload": {"data": {"ticks": {"number": 1}}}},
        {"id": "1", "type": "complete"},
    ]


async def test_queries_and_mutations_run_too_and_an_id_may_be_used_again(service: Service) -> None:
    async with let_in(service) as client:
        for text, data in (
            ("{ hello }", {"hello": "hello world"}),
            ('mutation { rename(name: "x") }', {"rename": "x"}),
        ):
            await client.subscribe(text)
            heard = await client.hear()
            assert (heard["id"], heard["type"], heard["payload"]["data"]) == ("1", "next", data)
            assert await client.hear() == {"id": "1", "type": "complete"}


async def test_each_operation_and_each_event_has_a_context_of_its_own(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe("subscription { ticks(count: 2) { context } }")
        heard = [await client.hear() for _ in range(3)]
        await client.subscribe("{ hello }", "2")
        await client.hear()
    first, second = (message["payload"]["data"]["ticks"]["context"] for message in heard[:2])
    assert first != second
    source, *events, query = service.journal.contexts
    assert source.deadline == float("inf")
    assert all(context.deadline < float("inf") for context in (*events, query))
    assert {context.request_id for context in events} == {source.request_id} != {query.request_id}


async def test_a_document_is_prepared_once_for_both_doors(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe(TICKS, "1", count=0)
        await client.hear()
        hits = service.documents.counts.hits
        await client.subscribe(TICKS, "2", count=0)
        await client.hear()
    assert service.documents.counts.hits == hits + 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { ticks(count: 1) { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ thing { " + "a " * 6 + "} }", "SAME_KEY_REPEATED"),
        ("subscription ($n: Int!) { ticks(count: $n) { number } }", "BAD_USER_INPUT"),
        ("{ " + "x" * 15_000 + " }", "DOCUMENT_TOO_LONG"),
    ],
)
async def test_a_refused_operation_ends_with_an_error_and_the_socket_lives(
    service: Service, text: str, code: str
) -> None:
    async with let_in(service) as client:
        await client.subscribe(text)
        heard = await client.hear()
        assert (heard["id"], heard["type"], heard["payload"][0]["extensions"]["code"]) == ("1", "error", code)
        await client.subscribe("{ hello }")
        assert (await client.hear())["type"] == "next"


async def test_what_a_source_raises_ends_its_subscription_masked_or_told(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async with let_in(service) as client:
        await client.subscribe("subscription { breaks { number } }")
        assert (await client.hear())["type"] == "next"
        broken = await client.hear()
        await client.subscribe("subscription { expires { number } }")
        assert (await client.hear())["type"] == "next"
        expired = await client.hear()
    (error,) = broken["payload"]
    assert (broken["type"], error["message"], error["extensions"]["code"]) == ("error", "Internal error", "INTERNAL")
    assert error["extensions"]["requestId"] in caplog.text
    assert expired["payload"] == [{"message": "no cursor z", "extensions": {"code": "NOT_FOUND"}}]


async def test_complete_stops_an_operation_and_runs_its_finally(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe(TICKS, count=10, seconds=30)
        await happened(service, "ticks begun")
        await client.say({"id": "1", "type": "complete"})
        await happened(service, "ticks ended")
        await client.subscribe("{ slow }")
        await happened(service, "slow begun")
        await client.say({"id": "1", "type": "complete"})
        await happened(service, "slow cancelled")
        await client.subscribe("{ hello }")
        assert (await client.hear())["payload"]["data"] == {"hello": "hello world"}


async def test_complete_is_heard_while_a_source_never_waits(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe("subscription { blobs(chars: 1) }")
        await client.hear()
        await client.say({"id": "1", "type": "complete"})
        await happened(service, "blobs ended")
        client.connection.transport.abort()


async def test_a_client_that_goes_away_ends_its_operations(service: Service) -> None:
    async with let_in(service) as client:
        await client.subscribe(TICKS, count=10, seconds=30)
        await happened(service, "ticks begun")
        client.connection.transport.abort()
    await happened(service, "ticks ended")


async def test_a_query_and_an_event_have_the_deadline_of_a_query() -> None:
    with a_service(Limits(query_seconds_max=0.1)) as service:
        async with let_in(service) as client:
            for text in ("{ slow }", "subscription { ticks(count: 1) { slow(seconds: 30) } }"):
                await client.subscribe(text)
                heard = await client.hear()
                assert (heard["type"], heard["payload"][0]["extensions"]) == (
                    "error",
                    {"code": "DEADLINE_EXCEEDED", "limitSeconds": 0.1},
                )


async def test_a_socket_runs_so_many_operations_at_once_and_no_more() -> None:
    with a_service(Limits(socket_operations_max=2)) as service:
        async with let_in(service) as client:
            for operation_id in ("1", "2", "3"):
                await client.subscribe(TICKS, operation_id, count=1, seconds=30)
            heard = await client.hear()
            assert (heard["id"], heard["type"]) == ("3", "error")
            assert heard["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS", "limit": 2}
            await client.say({"id": "1", "type": "complete"})
            await happened(service, "ticks ended")
            await client.subscribe("{ hello }", "4")
            assert (await client.hear())["id"] == "4"


@pytest.mark.parametrize("protocols", [("graphql-ws",), ()])
async def test_the_legacy_protocol_and_none_are_refused_with_a_reason(
    service: Service, protocols: tuple[str, ...]
) -> None:
    async with a_client(service, protocols) as client:
        assert client.connection.subprotocol is None
        assert await client.closed() == (4406, "Subprotocol not acceptable: use graphql-transport-ws")


async def test_a_client_that_offers_both_protocols_gets_ours(service: Service) -> None:
    async with let_in(service, protocols=("graphql-ws", "graphql-transport-ws")) as client:
        assert client.connection.subprotocol == "graphql-transport-ws"


async def test_the_key_may_come_in_the_handshake(service: Service) -> None:
    async with a_client(service, additional_headers={"authorization": "Bearer good"}) as client:
        await client.say({"type": "connection_init"})
        assert await client.hear() == {"type": "connection_ack"}


SUBSCRIBE = {
    "id": "1",
    "type": "subscribe",
    "payload": {"query": "subscription { ticks(count: 9, seconds: 9) { number } }"},
}

BREACHES_BEFORE_INIT: list[tuple[str, object, int]] = [
    ("subscribe comes first", SUBSCRIBE, 4401),
    ("no key", {"type": "connection_init"}, 4401),
    ("an unknown key", {"type": "connection_init", "payload": {"Authorization": "Bearer bad"}}, 4403),
    ("a key that is no string", {"type": "connection_init", "payload": {"authorization": 1}}, 4400),
    ("a payload that is no object", {"type": "connection_init", "payload": []}, 4400),
    ("authentication that breaks", {"type": "connection_init", "payload": {"authorization": "Bearer broken"}}, 1011),
]

BREACHES: list[tuple[str, object, int]] = [
    ("an array", [], 4400),
    ("null", None, 4400),
    ("a number", 1, 4400),
    ("a string", '"x"', 4400),
    ("no JSON", "{", 4400),
    ("an empty frame", "", 4400),
    ("a binary frame", b'{"type": "ping"}', 4400),
    ("bad UTF-8", None, 1007),
    ("no type", {}, 4400),
    ("an unknown type", {"type": "start", "id": "1"}, 4400),
    ("a type of the server's", {"type": "next", "id": "1", "payload": {}}, 4400),
    ("a type that is a list", {"type": []}, 4400),
    ("subscribe without id", {**SUBSCRIBE, "id": None}, 4400),
    ("an empty id", {**SUBSCRIBE, "id": ""}, 4400),
    ("an id that is a number", {**SUBSCRIBE, "id": 1}, 4400),
    ("subscribe without payload", {"id": "1", "type": "subscribe"}, 4400),
    ("subscribe without query", {**SUBSCRIBE, "payload": {}}, 4400),
    ("a query that is null", {**SUBSCRIBE, "payload": {"query": None}}, 4400),
    ("variables that are a list", {**SUBSCRIBE, "payload": {"query": "{ hello }", "variables": []}}, 4400),
    ("complete without id", {"type": "complete"}, 4400),
    ("a ping whose payload is no object", {"type": "ping", "payload": "x"}, 4400),
    ("a second init", INIT, 4429),
    ("a message that is too large", {"type": "ping", "payload": {"x": "x" * 131_072}}, 1009),
]


@pytest.mark.parametrize(
    ("claim", "message", "code"), BREACHES_BEFORE_INIT, ids=[row[0] for row in BREACHES_BEFORE_INIT]
)
async def test_a_breach_before_the_init_closes_the_socket(
    service: Service, claim: str, message: object, code: int
) -> None:
    async with a_client(service) as client:
        await client.say(message)
        assert (await client.closed())[0] == code, claim
    assert service.journal.notes == []


@pytest.mark.parametrize(("claim", "message", "code"), BREACHES, ids=[row[0] for row in BREACHES])
async def test_a_breach_of_the_protocol_closes_the_socket_and_ends_its_operations(
    service: Service, claim: str, message: object, code: int
) -> None:
    async with let_in(service) as client:
        await client.say({**SUBSCRIBE, "id": "0"})
        await happened(service, "ticks begun")
        if claim == "bad UTF-8":
            await client.connection.send(b"\xff", text=True)
        else:
            await client.say(message)
        assert (await client.closed())[0] == code, claim
    await happened(service, "ticks ended")


async def test_an_id_in_use_is_refused_with_4409(service: Service) -> None:
    async with let_in(service) as client:
        await client.say(SUBSCRIBE)
        await client.say(SUBSCRIBE)
        assert await client.closed() == (4409, "Subscriber for 1 already exists")


async def test_our_own_limit_on_messages_holds_where_the_server_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.graph.service.server_options", lambda _limits: {})
    with a_service() as service:
        async with let_in(service) as client:
            await client.say({"type": "ping", "payload": {"x": "x" * 131_072}})
            assert await client.closed() == (1009, "A message has at most 131072 bytes")


async def test_a_socket_that_never_says_init_is_closed_with_4408() -> None:
    with a_service(Limits(socket_init_seconds_max=0.2)) as service:
        async with a_client(service) as client:
            await client.say({"type": "ping"})
            assert await client.hear() == {"type": "pong"}
            assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_pings_are_answered_with_their_payload_and_sent_to_keep_the_socket_alive() -> None:
    with a_service(Limits(socket_ping_seconds=0.2)) as service:
        async with let_in(service) as client:
            await client.say({"type": "ping", "payload": {"x": 1}})
            assert await client.hear() == {"type": "pong", "payload": {"x": 1}}
            assert await client.hear() == {"type": "ping"}
            await client.say({"type": "pong"})
            assert await client.hear() == {"type": "ping"}


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        (None, "no valid credentials"),
        (
            Actor(tenant=ADMIN.tenant, caller=ADMIN.caller, role=Role.ANALYST),
            "The rights of these credentials have changed: connect again",
        ),
    ],
    ids=["revoked", "other rights"],
)
async def test_a_stream_ends_when_its_key_is_revoked_or_has_other_rights(actor: Actor | None, reason: str) -> None:
    with a_service(Limits(socket_recheck_seconds=0.1)) as service:
        async with let_in(service) as client:
            await client.say(SUBSCRIBE)
            await happened(service, "ticks begun")
            await until(lambda: service.journal.checks >= 3)
            assert service.journal.notes == ["ticks begun"]
            if actor:
                service.journal.tokens["good"] = actor
            else:
                del service.journal.tokens["good"]
            assert await client.closed() == (4403, reason)
        await happened(service, "ticks ended")


async def test_a_check_that_breaks_is_tried_again_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with a_service(Limits(socket_recheck_seconds=0.1)) as service:
        async with let_in(service) as client:
            service.journal.broken = True
            checks = service.journal.checks
            await until(lambda: service.journal.checks >= checks + 3)
            service.journal.broken = False
            await client.subscribe("{ hello }")
            assert (await client.hear())["type"] == "next"
    assert "credentials could not be checked" in caplog.text


async def test_a_slow_reader_stops_its_source_and_is_closed_at_last() -> None:
    """What waits for it is what the sockets' buffers hold and one message, however long the source would go on."""
    with a_service(Limits(socket_send_seconds_max=0.5)) as service:
        async with let_in(service, max_queue=1, ping_interval=None) as client:
            client.connection.transport.pause_reading()
            await client.subscribe("subscription { blobs(chars: 1000000) }")
            await happened(service, "blobs ended")
            assert service.journal.notes.count("blob") < 50
            client.connection.transport.abort()


async def test_a_socket_is_closed_with_1012_when_the_service_stops() -> None:
    with a_service() as service:
        async with let_in(service) as client:
            await client.say(SUBSCRIBE)
            await happened(service, "ticks begun")
            service.server.should_exit = True
            assert (await client.closed())[0] == 1012
        await happened(service, "ticks ended")

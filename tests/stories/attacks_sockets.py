"""WebSockets that say what the protocol does not know, too much of it, or nothing; and peers that take their time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.stories.attacking import (
    BINARY,
    FINAL,
    JSON,
    PING,
    TEXT,
    Attack,
    Seen,
    Socket,
    Target,
    a_socket,
    framed,
    handshake,
    head,
    let_in,
    salted,
    spoken,
)

FOLLOW = "subscription { breachEvents { cursor } }"
INIT = {"type": "connection_init"}
Talk = Callable[[Socket], Awaitable[None]]


def _talked(name: str, talk: Talk, ends: str, says: str = "", *, greeted: bool = True, runs: bool = False) -> Attack:
    """What is said on a socket, after it was let in, or before."""

    async def act(target: Target) -> Seen:
        async with let_in(target) if greeted else a_socket(target) as socket:
            # Who is cut off while still speaking is told why all the same.
            with suppress(OSError):
                await talk(socket)
            return await socket.ended()

    return Attack(name=name, act=act, ends=ends, says=says, runs=runs)


def _said(name: str, *messages: object, ends: str, says: str = "", greeted: bool = True) -> Attack:
    async def talk(socket: Socket) -> None:
        for message in messages:
            await socket.say(message)

    return _talked(name, talk, ends, says, greeted=greeted)


def _raw(name: str, *frames: bytes, ends: str, says: str = "", greeted: bool = True) -> Attack:
    async def talk(socket: Socket) -> None:
        for frame in frames:
            socket.writer.write(frame)
            await socket.writer.drain()

    return _talked(name, talk, ends, says, greeted=greeted)


async def _21_operations(socket: Socket) -> None:
    await _subscribed(socket, 21)


async def _one_id_twice(socket: Socket) -> None:
    await socket.subscribe("1", FOLLOW)
    await socket.subscribe("1", FOLLOW)


async def _subscribe_first(socket: Socket) -> None:
    await socket.subscribe("1", FOLLOW)


async def _nul_in_a_tenant(socket: Socket) -> None:
    await socket.say(INIT | {"payload": socket.target.bearer | {"interpact-tenant": "a\x00b"}})


async def _dear_query(socket: Socket) -> None:
    await socket.subscribe("1", "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(100)) + " }")


async def _pings(socket: Socket) -> None:
    """The protocol's own, all in one breath; then something that ends the socket, to see that all were read."""
    socket.writer.write(framed(PING | FINAL, b"x" * 100) * 1_000)
    await socket.say([])


async def _told_pings(socket: Socket) -> None:
    """Those of the protocol above; each is answered with its payload."""
    socket.writer.write(framed(TEXT | FINAL, b'{"type":"ping","payload":{"a":1}}') * 200)
    await socket.say([])


async def _mayflies(socket: Socket) -> None:
    """Subscriptions that are ended as soon as they are asked for."""
    await _subscribed(socket, 20)
    for number in range(20):
        await socket.say({"id": str(number), "type": "complete"})
    await socket.say([])


async def _subscribed(socket: Socket, count: int) -> None:
    document = salted(socket.target, FOLLOW)
    for number in range(count):
        await socket.say({"id": str(number), "type": "subscribe", "payload": {"query": document}})


def _refused_handshake(name: str, ends: str, says: str = "", **headers: str) -> Attack:
    async def act(target: Target) -> Seen:
        return await spoken(target, handshake(target.address, **headers))

    return Attack(name=name, act=act, ends=ends, says=says)


SOCKETS = [
    _said("an array for a message", [], ends="closed 4400", says="must be an object"),
    _said("null for a message", None, ends="closed 4400", says="must be an object"),
    _said("a number for a message", 1, ends="closed 4400", says="must be an object"),
    _said("a string for a message", "ping", ends="closed 4400", says="must be an object"),
    _raw("a binary message", framed(BINARY | FINAL, b'{"type":"ping"}'), ends="closed 4400", says="not binary"),
    _raw("a message of no UTF-8", framed(TEXT | FINAL, b"\xff"), ends="closed 1007"),
    _raw("a message nested 40,000 deep", framed(TEXT | FINAL, b"[" * 40_000), ends="closed 4400", says="must be JSON"),
    _raw("a message of 200 kB", framed(TEXT | FINAL, b" " * 200_000), ends="closed 1009"),
    _raw("a message that claims a terabyte", framed(TEXT | FINAL, b"", length=2**40), ends="closed 1009"),
    _raw(
        "a message in parts of 200 kB in all",
        framed(TEXT, b" " * 100_000),
        framed(0x0, b" " * 100_000),
        ends="closed 1009",
    ),
    _raw(
        "a message in 2,000 empty parts",
        framed(TEXT, b"[") + framed(0x0) * 2_000,
        ends="closed 1009",
        says="at most 1000 fragments",
    ),
    _raw("a frame without a mask", b"\x81\x02{}", ends="closed 1002"),
    _raw("a frame of an unknown kind", framed(0x3 | FINAL), ends="closed 1002"),
    _raw("a ping in parts", framed(PING, b"x"), ends="closed 1002"),
    _raw("an unfinished frame, deflated", framed(TEXT | FINAL | 0x40, b"\x00" * 50), ends="closed 1002"),
    _talked("1,000 pings in one breath", _pings, "closed 4400"),
    _talked("200 told pings in one breath", _told_pings, "closed 4400"),
    _talked(
        "a subscription before the greeting",
        _subscribe_first,
        "closed 4401",
        "connection_init comes first",
        greeted=False,
    ),
    _said("two greetings", INIT, ends="closed 4429", says="Too many initialisation requests"),
    _said("a greeting without a key", INIT, ends="closed 4401", says="send an API key", greeted=False),
    _said(
        "a greeting with a key of 100 kB",
        INIT | {"payload": {"authorization": "Bearer " + "x" * 100_000}},
        ends="closed 4403",
        greeted=False,
    ),
    _talked("a NUL in a tenant's code", _nul_in_a_tenant, "closed 4403", "not one that holds", greeted=False),
    _said(
        "a greeting that says who twice",
        INIT | {"payload": {"authorization": "Bearer x", "Authorization": "Bearer y"}},
        ends="closed 4400",
        says="once",
        greeted=False,
    ),
    _talked("one id for two subscriptions", _one_id_twice, "closed 4409", "Subscriber for 1 already exists", runs=True),
    _said(
        "an id of 100 kB",
        {"id": "x" * 100_000, "type": "subscribe", "payload": {"query": "{"}},
        ends="GRAPHQL_PARSE_FAILED",
    ),
    _talked("21 operations at once", _21_operations, "TOO_MANY_OPERATIONS", "at most 20 operations at once", runs=True),
    _talked("a dear query on a socket", _dear_query, "TOO_MANY_ALIASES", "at most 30 are allowed"),
    _talked("20 subscriptions that end at once", _mayflies, "closed 4400", runs=True),
    _refused_handshake("a socket for another page", "403 text/plain", origin="https://evil.example"),
    _refused_handshake("a socket for a page of no origin", "403 text/plain", origin="null"),
    _refused_handshake("a handshake of 9 kB", "431 HEAD_TOO_LARGE", "at most 8192 bytes", cookie="x" * 9_000),
    _refused_handshake("a handshake of 100 kB", "431 HEAD_TOO_LARGE", "at most 65536 bytes", cookie="x" * 100_000),
    _refused_handshake("a handshake of an old version", "400 text/plain", sec_websocket_version="8"),
]


def _dribbled(name: str, start: Callable[[Target], bytes], ends: str, says: str) -> Attack:
    """A byte a second, for longer than anybody would wait."""

    async def act(target: Target) -> Seen:
        return await spoken(target, start(target), *[b"x"] * 18, pause_s=1)

    return Attack(name=name, act=act, ends=ends, says=says)


async def _silent(target: Target) -> Seen:
    return await spoken(target)


async def _never_greets(target: Target) -> Seen:
    async with a_socket(target) as socket:
        return await socket.ended()


async def _only_pings(target: Target) -> Seen:
    """It keeps its socket alive by the protocol's pings, and never says who it is."""
    async with a_socket(target) as socket:
        ended = asyncio.create_task(socket.ended())
        while not ended.done():
            with suppress(OSError):
                await socket.frame(PING | FINAL, b"x")
            await asyncio.wait({ended}, timeout=1)
        return await ended


SLOW = [
    _dribbled(
        "a head that dribbles in", lambda target: head(target, JSON)[:-2] + b"x: ", "408 HEAD_TIMEOUT", "10 seconds"
    ),
    _dribbled(
        "a body that dribbles in",
        lambda target: head(target, JSON | {"content-length": "1000"}) + b" ",
        "408 BODY_TIMEOUT",
        "10 seconds",
    ),
    _dribbled(
        "a chunk that dribbles in",
        lambda target: head(target, JSON | {"transfer-encoding": "chunked"}) + b"fff\r\n",
        "408 BODY_TIMEOUT",
        "10 seconds",
    ),
    Attack(name="a connection that says nothing", act=_silent, ends="cut off"),
    Attack(name="a socket that never greets", act=_never_greets, ends="closed 4408", says="timeout"),
    Attack(name="a socket that only pings", act=_only_pings, ends="closed 4408", says="timeout"),
]
"""They take as long as the limits let them, about ten seconds, so they are made all at once."""

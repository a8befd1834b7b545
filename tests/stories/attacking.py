"""How an attack is driven: bytes over TCP, sockets spoken to frame by frame, and what came of it told in a few words.

Nothing here goes through a client library that would mend what an attacker sends.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.runtime.issuing import Issuer

REPLY_S_MAX = 20.0
"""Longer than any limit of the service that an attack waits for."""
JSON = {"content-type": "application/json"}
CHUNK = 65_536

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
FINAL = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service, one tenant's key for it, another tenant's code, and the issuer whose tokens it takes."""

    host: str
    port: int
    key: str
    other_tenant: str
    issuer: Issuer
    numbers: Iterator[int] = field(default_factory=itertools.count)
    """Each document gets one as a comment, so that none is found among those that were validated before."""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, slots=True)
class Seen:
    """How an attack ended for who made it, and the whole of what was said."""

    ended: str
    said: str


Act = Callable[[Target], Awaitable[Seen]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`runs`: it is a query that anybody with a key may ask, so it is answered; what matters is what it costs."""

    name: str
    act: Act
    ends: str
    says: str = ""
    runs: bool = False

    def __str__(self) -> str:
        return self.name


def head(
    target: Target, headers: Mapping[str, str], *, method: str = "POST", path: str = "/graphql", keyed: bool = True
) -> bytes:
    """Up to the empty line. What the headers hold is sent as it is, line breaks too."""
    whole = {"host": target.address, **(target.bearer if keyed else {}), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in whole.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def request(
    target: Target, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST", keyed: bool = True
) -> bytes:
    sized = {**(JSON if headers is None else headers), "content-length": str(len(body))}
    return head(target, sized, method=method, keyed=keyed) + body


def salted(target: Target, document: str) -> str:
    return f"{document} #{next(target.numbers)}"


def asking(target: Target, document: str, variables: object = None) -> bytes:
    return json.dumps({"query": salted(target, document), "variables": variables}, separators=(",", ":")).encode()


async def spoken(target: Target, *pieces: bytes, pause_s: float = 0) -> Seen:
    """Write the pieces with a pause between them, and read one answer meanwhile."""
    reader, writer = await asyncio.open_connection(target.host, target.port)
    writing = asyncio.create_task(_written(writer, pieces, pause_s))
    try:
        async with asyncio.timeout(REPLY_S_MAX):
            return await _reply(reader)
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _written(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause_s: float) -> None:
    # Who is refused may be cut off in the middle of a sentence.
    with suppress(OSError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)


async def _reply(reader: asyncio.StreamReader) -> Seen:
    try:
        start = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, OSError):
        return Seen("cut off", "")
    status, *lines = start.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if "text/event-stream" in headers.get("content-type", ""):
        body = await reader.readuntil(b"\n\n")
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    return Seen(f"{status.split()[1]} {_kind(headers, body)}".strip(), start + body.decode())


def _kind(headers: Mapping[str, str], body: bytes) -> str:
    """The code of the first error, or else what the answer is."""
    media = headers.get("content-type", "").partition(";")[0]
    if "json" not in media:
        return media
    answer = json.loads(body)
    if "errors" not in answer:
        return "data"
    code: str = answer["errors"][0]["extensions"]["code"]
    return code if "data" not in answer else f"data and {code}"


class Socket:
    """A WebSocket of which we write each frame ourselves."""

    def __init__(self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.target = target
        self.reader = reader
        self.writer = writer

    async def frame(self, opcode: int, payload: bytes = b"") -> None:
        self.writer.write(framed(opcode, payload))
        await self.writer.drain()

    async def say(self, message: object) -> None:
        await self.frame(TEXT | FINAL, json.dumps(message).encode())

    async def subscribe(self, name: str, document: str, variables: object = None) -> None:
        payload = {"query": salted(self.target, document), "variables": variables}
        await self.say({"id": name, "type": "subscribe", "payload": payload})

    async def heard(self) -> tuple[int, bytes]:
        """The next frame, its opcode and payload."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
        return first & 0x0F, await self.reader.readexactly(length)

    async def ended(self) -> Seen:
        """How it is closed, or which error ends an operation; data and acknowledgements are passed over."""
        try:
            async with asyncio.timeout(REPLY_S_MAX):
                while True:
                    opcode, payload = await self.heard()
                    if opcode == CLOSE:
                        return Seen(f"closed {int.from_bytes(payload[:2])}", payload[2:].decode())
                    message = json.loads(payload) if opcode == TEXT else {}
                    if message.get("type") == "error":
                        return Seen(message["payload"][0]["extensions"]["code"], payload.decode())
        except (asyncio.IncompleteReadError, OSError):
            return Seen("cut off", "")

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            _, payload = await self.heard()
            message: dict[str, Any] = json.loads(payload)
            if message["type"] == kind:
                return message


def framed(opcode: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """A frame from a client: masked, with zeros. `length`: what it claims to hold, where it lies."""
    size = len(payload) if length is None else length
    if size < 126:
        start = bytes([opcode, 0x80 | size])
    elif size < 65_536:
        start = bytes([opcode, 0x80 | 126]) + size.to_bytes(2)
    else:
        start = bytes([opcode, 0x80 | 127]) + size.to_bytes(8)
    return start + bytes(4) + payload


def handshake(host: str, **headers: str) -> bytes:
    whole = {
        "host": host,
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
        "sec-websocket-protocol": "graphql-transport-ws",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = ["GET /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in whole.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


@asynccontextmanager
async def a_socket(target: Target) -> AsyncIterator[Socket]:
    """Upgraded, and nothing said yet."""
    reader, writer = await asyncio.open_connection(target.host, target.port)
    try:
        writer.write(handshake(target.address))
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer, answer
        yield Socket(target, reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def let_in(target: Target) -> AsyncIterator[Socket]:
    async with a_socket(target) as socket:
        await socket.say({"type": "connection_init", "payload": target.bearer})
        await socket.until("connection_ack")
        yield socket

"""Many subscribers over graphql-transport-ws at next to no cost: frames are counted, and hardly looked at."""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson

from bench.serving import Address

EVENT = b'"__typename":"BreachEvent"'
TEXT, PING, PONG = 0x81, 0x89, 0x8A
"""The first byte of a frame that is a whole message."""
FOLLOWING_AT_ONCE = 50
SECONDS_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    address: Address
    key: str
    document: str


class Followers:
    """So many sockets, one subscription each. Nothing is kept of what they hear."""

    def __init__(self) -> None:
        self.sockets: list[_Socket] = []
        self._received: list[float] = []
        self._all = asyncio.Event()
        self._closed = False

    async def follow(self, subscription: Subscription, count: int) -> None:
        """Returns once each has had its first item, so that from then on it misses nothing."""
        loop = asyncio.get_running_loop()
        at = subscription.address
        for begun in range(0, count, FOLLOWING_AT_ONCE):
            these = range(begun, min(begun + FOLLOWING_AT_ONCE, count))
            made = [await loop.create_connection(lambda: _Socket(subscription, self), at.host, at.port) for _ in these]
            self.sockets += [socket for _, socket in made]
            async with asyncio.timeout(SECONDS_MAX):
                await asyncio.gather(*(socket.greeted for _, socket in made))

    def told(self, now: float) -> None:
        self._received.append(now)
        if len(self._received) == len(self.sockets):
            self._all.set()

    async def everybody(self) -> tuple[float, float]:
        """When the first one had the event, and when the last one had it, by `perf_counter`."""
        async with asyncio.timeout(SECONDS_MAX):
            await self._all.wait()
        first, last = self._received[0], self._received[-1]
        self._received.clear()
        self._all.clear()
        return first, last

    def lost(self, socket: _Socket) -> None:
        if not self._closed:
            raise RuntimeError(f"one of {len(self.sockets)} sockets was closed: {socket.last!r}")

    def close(self) -> None:
        self._closed = True
        for socket in self.sockets:
            socket.close()


class _Socket(asyncio.Protocol):
    def __init__(self, subscription: Subscription, followers: Followers) -> None:
        self._subscription = subscription
        self._followers = followers
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upgraded = False
        self._data = b""
        self.last = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        at = self._subscription.address
        nonce = base64.b64encode(secrets.token_bytes(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nhost: {at.host}:{at.port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-key: {nonce}\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """A socket that ends before its time is missed at once, not when everybody is waited for."""
        self._followers.lost(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._upgraded:
            head, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self._upgraded, self._data = True, rest
            greeting = {"authorization": f"Bearer {self._subscription.key}"}
            self._say({"type": "connection_init", "payload": greeting})
        while (frame := self._frame()) is not None:
            self._hear(frame)

    def _frame(self) -> bytes | None:
        """The next whole message; servers mask nothing, and ours and theirs send each message in one frame."""
        data = self._data
        if len(data) < 2:
            return None
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4]), 4
        assert length != 127, "no event is that long"
        if len(data) < start + length:
            return None
        self._data = data[start + length :]
        payload = data[start : start + length]
        self.last = payload
        if data[0] == PING:
            self._send(PONG, payload)
        return payload if data[0] == TEXT else b""

    def _hear(self, frame: bytes) -> None:
        if EVENT in frame:
            self._followers.told(perf_counter())
        elif b'"ping"' in frame:
            self._say({"type": "pong"})
        elif b'"connection_ack"' in frame:
            self._say({"id": "1", "type": "subscribe", "payload": {"query": self._subscription.document}})
        elif b'"next"' in frame and not self.greeted.done():
            assert b'"errors"' not in frame, frame
            self.greeted.set_result(None)

    def _say(self, message: dict[str, object]) -> None:
        self._send(TEXT, orjson.dumps(message))

    def _send(self, opcode: int, payload: bytes) -> None:
        """Under a mask of zeros."""
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
        self._transport.write(bytes([opcode]) + length + bytes(4) + payload)

    def close(self) -> None:
        self._transport.close()

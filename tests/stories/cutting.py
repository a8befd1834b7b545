"""A wire between a client and the service that the test can cut, as a lost network does: no close, no goodbye."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# An abrupt end: what is still under way is thrown away, and both sides are told by a reset.
RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Wire:
    """`address` is what the client is told. While the wire is cut, who connects waits and is not let through."""

    address: str = ""
    mended: asyncio.Event = field(default_factory=asyncio.Event)
    tried_again: asyncio.Event = field(default_factory=asyncio.Event)
    ends: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        self.mended.clear()
        assert self.ends, "there is a connection to be cut"
        for end in self.ends:
            raw = end.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()

    def mend(self) -> None:
        self.mended.set()


@asynccontextmanager
async def a_wire(to: str) -> AsyncIterator[Wire]:
    """Leads to the service at `http://host:port`."""
    host, _, port = to.removeprefix("http://").rpartition(":")
    wire = Wire()
    wire.mend()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not wire.mended.is_set():
            wire.tried_again.set()
            await wire.mended.wait()
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        ends = {writer, far_writer}
        wire.ends |= ends
        try:
            await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        finally:
            wire.ends -= ends
            for end in ends:
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    server = await asyncio.start_server(through, "127.0.0.1", 0)
    wire.address = "http://{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield wire
    finally:
        server.close()
        for end in list(wire.ends):
            end.transport.abort()
        await server.wait_closed()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()

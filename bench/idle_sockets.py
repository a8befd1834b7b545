"""What a silent WebSocket costs: the memory of a service that has let in 10,000 of them, beside a bare server."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import resource
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench.ground import Ground, Place
from bench.processor import milliseconds
from bench.results import Result
from domain.policy import Role
from tests.stories.attacking import FINAL, TEXT, framed, handshake
from tests.stories.besieging import besieged
from tests.stories.tenants import a_key, a_tenant

SOCKETS = 10_000
TENANTS = 4
"""Each has its share: one may have 5,000 sockets at once in one process."""
SOURCES = 4
"""Addresses of this machine that they come from, so that no pair of addresses runs out of ports."""
AT_ONCE = 200
FILES = SOCKETS + 1_000
SILENT_SECONDS = 35
"""Longer than the times after which a silent socket is pinged, and its key is looked at again."""
GREETED_SECONDS_MAX = 60
PING, PONG = 0x9, 0xA
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grown:
    """KiB a socket, and the share of a core in percent that they take while they are silent."""

    rss: float
    pss: float
    core: float


async def measure(ground: Ground) -> Sequence[Result]:
    _allow_files()
    async with ground.place("idle_sockets") as place:
        ours = await _ours(place)
    async with _bare_server() as (pid, port):
        theirs = await _grown(pid, "127.0.0.1", port, [])
    note = (
        f"growth of the serving process by {SOCKETS:,} WebSockets, for each of them (Rss of /proc/…/smaps_rollup; Pss: "
        f"{ours.pss:.1f} and {theirs.pss:.1f}), {SILENT_SECONDS} s after the last was let in; ours: "
        f"graphql-transport-ws, let in by keys of {TENANTS} tenants, one server process (interpact serve --no-worker); "
        "theirs: uvicorn with the same protocol, and an application that accepts and waits; one run"
    )
    busy = (
        f"share of one core that the serving process takes for {SOCKETS:,} silent sockets, over {SILENT_SECONDS} s: "
        "ours pings each every 15 s and looks at its key every 30 s; both have the pings of uvicorn, every 20 s"
    )
    return [
        Result(name="idle_socket_memory", ours=ours.rss, theirs=theirs.rss, unit="KiB", note=note),
        Result(name="idle_sockets_core", ours=ours.core, theirs=theirs.core, unit="%", note=busy),
    ]


async def _ours(place: Place) -> _Grown:
    with tempfile.TemporaryDirectory(prefix="interpact-bench-") as folder:
        more = {
            "DATABASE_URL": place.service_url,
            "INTERPACT_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
            "INTERPACT_LOG_LEVEL": "warning",
        }
        data_dir, log = Path(folder) / "data", Path(folder) / "log"
        async with besieged(data_dir, place.owner_url, log=log, more=more) as siege:
            keys = [
                (await a_key(place.owner_url, await a_tenant(place.owner_url), Role.ANALYST))[0] for _ in range(TENANTS)
            ]
            target = siege.target
            return await _grown(siege.process.process.pid, target.host, target.port, keys)


async def _grown(pid: int, host: str, port: int, keys: Sequence[str]) -> _Grown:
    """By all sockets, each greeted with one of the keys; without keys, with nothing."""
    before = _memory(pid)
    sockets: list[_Idle] = []
    try:
        for start in range(0, SOCKETS, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, SOCKETS))
            sockets += await asyncio.gather(*(_opened(number, host, port, keys) for number in numbers))
        begun = milliseconds(pid)
        await asyncio.sleep(SILENT_SECONDS)
        busy = milliseconds(pid) - begun
        after = _memory(pid)
        lost = sum(idle.is_lost for idle in sockets)
        assert not lost, f"{lost} of {SOCKETS} sockets did not live"
    finally:
        for idle in sockets:
            idle.transport.abort()
    return _Grown(
        rss=(after["Rss"] - before["Rss"]) / SOCKETS,
        pss=(after["Pss"] - before["Pss"]) / SOCKETS,
        core=busy / (SILENT_SECONDS * 10),
    )


async def _opened(number: int, host: str, port: int, keys: Sequence[str]) -> _Idle:
    key = keys[number % len(keys)] if keys else None
    source = f"127.0.0.{2 + number % SOURCES}"
    loop = asyncio.get_running_loop()
    _, idle = await loop.create_connection(lambda: _Idle(f"{host}:{port}", key), host, port, local_addr=(source, 0))
    async with asyncio.timeout(GREETED_SECONDS_MAX):
        await idle.greeted
    return idle


class _Idle(asyncio.Protocol):
    """A client that greets, answers the protocol's pings, and says nothing else. A stream for each is too dear."""

    def __init__(self, host: str, key: str | None) -> None:
        self._host = host
        self._key = key
        self._received = b""
        self._is_upgraded = False
        self.is_lost = False
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own kind of transport is not declared as one.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(handshake(self._host))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self.greeted.done():
            self.greeted.set_exception(exc or ConnectionError("closed before it was let in"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_upgraded and b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            assert b" 101 " in head, head
            self._is_upgraded = True
            self._greet()
        while self._is_upgraded and len(self._received) > 1 and len(self._received) >= 2 + self._received[1]:
            # No frame here is longer than 125 bytes, so its length is one byte.
            opcode, length = self._received[0] & 0x0F, self._received[1]
            payload, self._received = self._received[2 : 2 + length], self._received[2 + length :]
            if opcode == PING:
                self.transport.write(framed(PONG | FINAL, payload))
            elif b"connection_ack" in payload:
                self.greeted.set_result(None)

    def _greet(self) -> None:
        if self._key is None:
            self.greeted.set_result(None)
            return
        greeting = {"type": "connection_init", "payload": {"authorization": f"Bearer {self._key}"}}
        self.transport.write(framed(TEXT | FINAL, json.dumps(greeting).encode()))


@asynccontextmanager
async def _bare_server() -> AsyncIterator[tuple[int, int]]:
    """Its process and its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bare_sockets"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.pid, int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


def _memory(pid: int) -> Mapping[str, int]:
    """KiB by name, as proc_pid_smaps(5) has them."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(kib) for name, kib in re.findall(r"^(\w+): +(\d+) kB$", told, re.MULTILINE)}


def _allow_files() -> None:
    """For this process and those that it starts: each socket is a file on both sides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= FILES:
        return
    if hard < FILES:
        raise RuntimeError(f"a process may open {hard} files here, and {FILES} are needed: ulimit -Hn {FILES}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))

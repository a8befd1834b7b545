"""`interpact serve` in a process of its own, as an operator starts it: uvicorn, uvloop, a worker beside the doors."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from bench.ground import Place

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @property
    def websocket(self) -> str:
        return f"ws://{self.host}:{self.port}/graphql"


@asynccontextmanager
async def serving(place: Place, settings: Mapping[str, str] = MappingProxyType({})) -> AsyncIterator[Address]:
    """`settings` go over those that every benchmark needs."""
    needed = {
        "DATABASE_URL": place.service_url,
        "INTERPACT_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
        "INTERPACT_HOST": "127.0.0.1",
        "INTERPACT_PORT": "0",
        "INTERPACT_LOG_LEVEL": "warning",
    }
    plain = {name: value for name, value in os.environ.items() if not name.startswith("INTERPACT_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.cli", "serve"),
        cwd=ROOT,
        env={**plain, **needed, **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await announced(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def announced(process: asyncio.subprocess.Process) -> Address:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS_MAX):
        line = (await process.stdout.readline()).decode()
    words = line.split()
    if len(words) != 2 or words[0] != "Serving":
        raise RuntimeError(f"the service did not start, it said {line!r}")
    parts = urlsplit(words[1])
    assert parts.hostname is not None
    assert parts.port is not None
    return Address(parts.hostname, parts.port)

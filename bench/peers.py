"""The servers of others: programs in bench/clients, each run by Node in a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.serving import Address, announced

CLIENTS = Path(__file__).with_name("clients")


@asynccontextmanager
async def peer(program: str, environment: Mapping[str, str]) -> AsyncIterator[Address]:
    node = shutil.which("node")
    if node is None or not (CLIENTS / "node_modules").is_dir():
        raise RuntimeError("this is measured beside a Node program: install Node 20 or newer, then run `make bench`")
    process = await asyncio.create_subprocess_exec(
        *(node, program),
        cwd=CLIENTS,
        env={**os.environ, "NODE_ENV": "production", **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await announced(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()

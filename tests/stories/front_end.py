"""A front end's client: Node with `graphql-ws` from npm, as docs/graphql.md shows it."""

from __future__ import annotations

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.stories.processes import ROOT

CLIENTS = ROOT / "tests" / "clients"
FOLLOW = CLIENTS / "follow.mjs"
HEAR_S_MAX = 30.0

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "graphql-ws").is_dir(),
    reason="needs node, and the packages that `make test` installs with npm",
)


class Follower:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._notes: list[str] = []

    async def event(self) -> dict[str, Any]:
        """The next event that it prints."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), HEAR_S_MAX)
        assert line, f"it ended: {await self._rest()}"
        event: dict[str, Any] = json.loads(line)
        return event

    async def noted(self, note: str) -> None:
        """Waits until it says so on its standard error."""
        assert self._process.stderr is not None
        async with asyncio.timeout(HEAR_S_MAX):
            while note not in self._notes:
                line = await self._process.stderr.readline()
                assert line, f"it ended without {note!r}: {self._notes}"
                self._notes.append(line.decode().strip())

    async def failed(self) -> tuple[int, Any]:
        """Its exit status and what it could not do."""
        async with asyncio.timeout(HEAR_S_MAX):
            said = await self._rest()
            return await self._process.wait(), json.loads(said.splitlines()[-1])

    async def _rest(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def a_follower(address: str, key: str, *cursor: str) -> AsyncIterator[Follower]:
    process = await asyncio.create_subprocess_exec(
        "node", str(FOLLOW), address, key, *cursor, cwd=CLIENTS, stdout=PIPE, stderr=PIPE
    )
    try:
        yield Follower(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()

"""Processes of the service as people start them, each with a folder of its own for its data and its log."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_S_MAX = 60.0
STOP_S_MAX = 30.0
COMMAND_S_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@dataclass(slots=True, kw_only=True)
class Running:
    """A process of the service; `address` is that of its doors, where it has some."""

    process: Process
    log: Path
    address: str = ""

    @property
    def graphql(self) -> str:
        return f"{self.address}/graphql"

    async def kill(self) -> None:
        """As by kill -9: it says nothing and tidies nothing."""
        self.process.kill()
        await asyncio.wait_for(self.process.wait(), STOP_S_MAX)

    async def stop(self) -> int:
        """As by Ctrl-C; the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), STOP_S_MAX)


def environment(data_dir: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing of ours leaks in: an empty home, no database but the embedded one, a free port."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TMPDIR"}}
    return {
        **kept,
        "HOME": str(data_dir.parent),
        "INTERPACT_DATA_DIR": str(data_dir),
        "INTERPACT_PORT": "0",
        # Stories ask for whole lists with all that they lead to, which a service lets nobody do by itself.
        "INTERPACT_COST_MAX": "1000000",
        "INTERPACT_QUOTA_PER_MINUTE": "0",
        "PYTHONUNBUFFERED": "1",
        **(more or {}),
    }


async def interpact(data_dir: Path, *arguments: str, more: Mapping[str, str] | None = None, given: str = "") -> Ended:
    """Runs a command of ours to its end."""
    process = await asyncio.create_subprocess_exec(
        *_command(arguments), cwd=ROOT, env=environment(data_dir, more), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(given.encode()), COMMAND_S_MAX)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(status=process.returncode, out=out.decode(), err=err.decode())


@asynccontextmanager
async def serving(
    data_dir: Path, *arguments: str, more: Mapping[str, str] | None = None, log: Path
) -> AsyncIterator[Running]:
    """`interpact serve` until the block ends; it has to end well unless the block killed it."""
    async with _started(data_dir, ["serve", *arguments], more, log) as running:
        said = await _said(running, "Serving ")
        running.address = said.removeprefix("Serving ").removesuffix("/graphql")
        yield running


@asynccontextmanager
async def working(data_dir: Path, *, more: Mapping[str, str] | None = None, log: Path) -> AsyncIterator[Running]:
    """`interpact work` until the block ends."""
    async with _started(data_dir, ["work"], more, log) as running:
        yield running


@asynccontextmanager
async def _started(
    data_dir: Path, arguments: list[str], more: Mapping[str, str] | None, log: Path
) -> AsyncIterator[Running]:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *_command(arguments), cwd=ROOT, env=environment(data_dir, more), stdout=PIPE, stderr=errors
        )
    running = Running(process=process, log=log)
    try:
        yield running
        status = await running.stop()
        assert status in (0, -signal.SIGKILL), f"it ended with {status}:\n{log.read_text()[-4000:]}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _said(running: Running, beginning: str) -> str:
    """The first line of its output, which must begin so."""
    stdout = running.process.stdout
    assert stdout is not None
    line = (await asyncio.wait_for(stdout.readline(), START_S_MAX)).decode().strip()
    assert line.startswith(beginning), f"it said {line!r}:\n{running.log.read_text()[-4000:]}"
    return line


def _command(arguments: tuple[str, ...] | list[str]) -> list[str]:
    return [sys.executable, "-m", "runtime.cli", *arguments]

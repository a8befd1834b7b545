"""How far the loading is: a bar on a terminal, a few lines elsewhere. On standard error, so the output stays clean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

LINE_S = 5.0
"""How often a line tells where there is no terminal."""


class Advance(Protocol):
    def __call__(self, steps: int = 1, where: str = "") -> None: ...


class Progress:
    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def of(self, task: str, total: int) -> Iterator[Advance]:
        if self._console.is_terminal:
            with self._bar(task, total) as advance:
                yield advance
        else:
            yield self._lines(task, total)

    @contextmanager
    def _bar(self, task: str, total: int) -> Iterator[Advance]:
        columns = (
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[where]}"),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=self._console, transient=True) as bars:
            shown = bars.add_task(task, total=total, where="")

            def advance(steps: int = 1, where: str = "") -> None:
                bars.update(shown, advance=steps, where=where)

            yield advance

    def _lines(self, task: str, total: int) -> Advance:
        done, next_at = 0, time.monotonic() + LINE_S

        def advance(steps: int = 1, where: str = "") -> None:
            nonlocal done, next_at
            done += steps
            if done >= total or time.monotonic() >= next_at:
                next_at = time.monotonic() + LINE_S
                place = f", at {where}" if where else ""
                self._console.print(f"{task}: {done} of {total}{place}", highlight=False)

        return advance

"""`python -m bench [NAME…]`: measures, prints a table, writes bench/results.json; status 1 where a limit is missed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import (
    attacks,
    breach_latency,
    fanout,
    idle_sockets,
    ingest_graphql,
    ingest_use_case,
    judging,
    noisy_neighbour,
    projection,
    reading,
    restating,
    volume,
)
from bench.ground import Ground, open_ground
from bench.limits import LIMITS
from bench.results import Result
from runtime.cli import INTERRUPTED
from runtime.stopping import until_stopped

RESULTS = Path(__file__).with_name("results.json")

BENCHMARKS: Mapping[str, Callable[[Ground], Awaitable[Sequence[Result]]]] = {
    "ingest_use_case_vs_copy": ingest_use_case.measure,
    "ingest_graphql_vs_copy": ingest_graphql.measure,
    "breach_latency_vs_commit": breach_latency.measure,
    "judge_24_months_vs_1": judging.measure,
    "judge_vs_sql_aggregate": volume.measure_aggregate,
    "restate_year": restating.measure,
    "noisy_neighbour_p99": noisy_neighbour.measure,
    "reads_vs_postgraphile": reading.measure,
    "fanout_vs_graphql_ws": fanout.measure,
    "attack_cpu": attacks.measure,
    "idle_socket_memory": idle_sockets.measure,
    "projection_brier": projection.measure,
}

FULL: Mapping[str, Callable[[Ground], Awaitable[Sequence[Result]]]] = {"judge_50m_vs_1m": volume.measure_history}
"""Those that take long, and so run only where they are named."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Interpact against its limits.")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"of {', '.join(BENCHMARKS)}, which are all run by default, and {', '.join(FULL)}",
    )
    chosen = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in {**BENCHMARKS, **FULL}]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join({**BENCHMARKS, **FULL})}")
    console = Console(stderr=True)
    results: list[Result] = []
    measured: list[str] = []
    uvloop.run(until_stopped(_measure(chosen, results, measured, console)))
    if measured != chosen:
        return INTERRUPTED
    RESULTS.write_text(json.dumps([_row(result) for result in results], indent=2) + "\n")
    _show(results)
    return 0 if all(_holds(result) for result in results) else 1


async def _measure(names: Sequence[str], results: list[Result], measured: list[str], console: Console) -> None:
    async with open_ground() as ground:
        for name in names:
            with console.status(name):
                results += await {**BENCHMARKS, **FULL}[name](ground)
                measured.append(name)


def _row(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "ours": round(result.ours, 3),
        "theirs": round(result.theirs, 3),
        "ratio": round(result.ratio, 3),
        "unit": result.unit,
        "note": result.note,
    }


def _holds(result: Result) -> bool:
    limit = LIMITS.get(result.name)
    return limit is None or limit.holds(result)


def _show(results: Sequence[Result]) -> None:
    table = Table(
        box=None, pad_edge=False, padding=(0, 1, 0, 0), title=f"{os.cpu_count()} cores; ratio: ours over theirs"
    )
    table.add_column("name", no_wrap=True)
    for figure in ("ours", "theirs", "ratio"):
        table.add_column(figure, justify="right", no_wrap=True)
    for word in ("unit", "limit", ""):
        table.add_column(word, no_wrap=True)
    console = Console()
    for result in results:
        limit = LIMITS.get(result.name)
        held = "[green]held[/]" if _holds(result) else "[bold red]missed[/]"
        figures = (f"{figure:,.1f}" if figure < 1_000 else f"{figure:,.0f}" for figure in (result.ours, result.theirs))
        words = ("", "") if limit is None else (str(limit), held)
        table.add_row(result.name, *figures, f"{result.ratio:.3f}", result.unit, *words)
    console.print(table)
    for result in results:
        console.print(f"[bold]{result.name}[/]: {result.note}.", highlight=False)


if __name__ == "__main__":
    sys.exit(main())

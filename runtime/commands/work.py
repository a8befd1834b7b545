"""`interpact work`: a worker without doors. It beats a heart into a file, which `--check` reads."""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress
from pathlib import Path

import uvloop

from runtime import listening, logs
from runtime.clock import system_clock
from runtime.observed import MetricsApp
from runtime.private import own_folder
from runtime.service import addresses, running
from runtime.settings import METRICS_LISTEN, Settings, service_settings
from runtime.stopping import until_stopped

BEAT_AGE_S_MAX = 30


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="exit 0 where a worker on this machine is alive, else 1")


def run(arguments: argparse.Namespace) -> int:
    settings = service_settings(os.environ)
    if arguments.check:
        return _check(settings)
    logs.begin(settings.log_level, settings.log_format)
    uvloop.run(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    beat = own_folder(settings.data_dir) / "worker.beat"

    async def beats() -> None:
        beat.touch()

    async with (
        addresses(settings) as where,
        running(where.service_url, pool_size=settings.pool_size, clock=system_clock) as process,
        listening.beside(MetricsApp(process.metrics), settings.metrics_listen, METRICS_LISTEN),
    ):
        await until_stopped(process.worker.run(beats))
    with suppress(FileNotFoundError):
        beat.unlink()


def _check(settings: Settings) -> int:
    age = _age_s(settings.data_dir / "worker.beat")
    if age is None or age > BEAT_AGE_S_MAX:
        print("no worker beats" if age is None else f"the last beat is {age:.0f} s old")
        return 1
    return 0


def _age_s(beat: Path) -> float | None:
    try:
        return max(0.0, time.time() - beat.stat().st_mtime)
    except FileNotFoundError:
        return None

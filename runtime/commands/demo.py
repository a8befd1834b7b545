"""`interpact demo`: a tenant with real outages of three vendors, judged as they became known, then served."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from domain.errors import WrongState
from persistence.operator import Operator
from runtime.clock import SettableClock, system_clock
from runtime.commands.serve import make_current, serve, with_a_worker
from runtime.demo.loading import Loaded, load
from runtime.demo.plan import begins
from runtime.demo.progress import Progress
from runtime.demo.records import Record, read_records
from runtime.demo.telling import WIDTH, report
from runtime.demo.telling_json import as_json
from runtime.demo.welcome import first_query, welcome
from runtime.private import LockTimeout, exclusive, own_folder
from runtime.service import Addresses, addresses, running
from runtime.settings import OWNER_DATABASE_URL, Settings, SettingsError, service_settings
from runtime.stopping import until_stopped

RECORDS = Path(__file__).parents[2] / "examples/data/vendor-outages-2024-2025.csv"
LOCK_S_MAX = 2.0
INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--outages", metavar="FILE", type=Path, default=RECORDS, help="outage records, in CSV or NDJSON"
    )
    parser.add_argument("--no-serve", action="store_true", help="end after telling what came of the records")
    parser.add_argument(
        "--json", action="store_true", help="tell it as one JSON object, with all verdicts and evidence"
    )


def run(arguments: argparse.Namespace) -> int:
    records = read_records(arguments.outages)
    settings = replace(service_settings(os.environ), demo=True)
    if settings.database_url is not None and settings.owner_database_url is None:
        raise SettingsError((f"{OWNER_DATABASE_URL.name} is not set, but needed because the demo makes a tenant",))
    told: list[Loaded] = []
    uvloop.run(until_stopped(_demo(arguments, settings, records, told)))
    return 0 if told else INTERRUPTED


async def _demo(
    arguments: argparse.Namespace, settings: Settings, records: Sequence[Record], told: list[Loaded]
) -> None:
    """`told` gets what was told, once it is."""

    def tell(loaded: Loaded, address: str) -> None:
        _tell(loaded, address, as_object=arguments.json, served=not arguments.no_serve)
        told.append(loaded)

    async with addresses(settings) as where:
        await make_current(settings, where)
        loaded = await _loaded(arguments, settings, where, records)
        if arguments.no_serve:
            tell(loaded, f"http://{settings.host}:{settings.port}")
            return
        async with running(where.service_url, pool_size=settings.pool_size, clock=system_clock) as process:
            work = serve(process, settings, announce=lambda address: tell(loaded, address))
            await with_a_worker(process, work)


async def _loaded(
    arguments: argparse.Namespace, settings: Settings, where: Addresses, records: Sequence[Record]
) -> Loaded:
    assert where.owner_url is not None, "the embedded server has an owner, and of another one it was asked for"
    clock = SettableClock(begins(records))
    with _alone(settings):
        async with running(where.service_url, pool_size=settings.pool_size, clock=clock) as process:
            return await load(
                process,
                clock,
                Operator(where.owner_url),
                records,
                file=arguments.outages.name,
                progress=Progress(Console(stderr=True)),
            )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Two replays into one tenant would move two clocks."""
    try:
        with exclusive(own_folder(settings.data_dir) / "demo.lock", seconds_max=LOCK_S_MAX):
            yield
    except LockTimeout as error:
        raise WrongState("another `interpact demo` is loading into this data folder: wait for it to end") from error


def _tell(loaded: Loaded, address: str, *, as_object: bool, served: bool) -> None:
    if as_object:
        keys = {"manager": loaded.keys.manager, loaded.keys.vendor_code: loaded.keys.vendor}
        whole = {
            **as_json(loaded.account),
            "address": f"{address}/graphql",
            "keys": keys,
            "firstQuery": first_query(loaded, address),
        }
        print(json.dumps(whole, ensure_ascii=False, separators=(",", ":")), flush=True)
        return
    console = Console(highlight=False, soft_wrap=False, width=WIDTH)
    console.print(report(loaded.account))
    console.print()
    console.print(welcome(loaded, address, served=served), soft_wrap=True)

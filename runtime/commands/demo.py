"""`interpact demo`: a tenant with real outages of three vendors, judged as they became known, then served."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import uvloop
from rich.console import Console
from rich.text import Text

from domain.errors import WrongState
from runtime import logs
from runtime.clock import SettableClock, system_clock
from runtime.commands.key import operator_at
from runtime.commands.serve import serve, with_a_worker
from runtime.demo.issuer import DemoIssuer, how_to_sign_in, issuing
from runtime.demo.loading import Loaded, load
from runtime.demo.people import SUBJECTS, VENDOR, enrol
from runtime.demo.plan import begins
from runtime.demo.progress import Progress
from runtime.demo.records import Record, read_records
from runtime.demo.telling import WIDTH, report
from runtime.demo.telling_json import as_json
from runtime.demo.welcome import first_query, welcome
from runtime.private import LockTimeout, exclusive, own_folder
from runtime.service import Addresses, Running, addresses, running
from runtime.settings import OWNER_DATABASE_URL, Settings, SettingsError, service_settings
from runtime.stopping import until_stopped

RECORDS = Path(__file__).parents[2] / "examples/data/vendor-outages-2024-2025.csv"
LOCK_S_MAX = 2.0
REPLAY_LOOK = timedelta(days=1)
"""Two years pass in a minute: a risk is looked at with every record, and besides once a day, not every 5 minutes."""
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
    # Below that a line would cut the progress bar.
    logs.begin("WARNING", settings.log_format)
    if settings.database_url is not None and settings.owner_database_url is None:
        raise SettingsError((f"{OWNER_DATABASE_URL.name} is not set, but needed because the demo makes a tenant",))
    told: list[Loaded] = []
    uvloop.run(until_stopped(_demo(arguments, settings, records, told)))
    return 0 if told else INTERRUPTED


async def _demo(
    arguments: argparse.Namespace, settings: Settings, records: Sequence[Record], told: list[Loaded]
) -> None:
    """`told` gets what was told, once it is."""

    def tell(loaded: Loaded, address: str, issuer: DemoIssuer | None = None) -> None:
        _tell(loaded, address, issuer, as_object=arguments.json, served=not arguments.no_serve)
        told.append(loaded)

    async with addresses(settings) as where:
        loaded = await _loaded(arguments, settings, where, records)
        if arguments.no_serve:
            tell(loaded, f"http://{settings.host}:{settings.port}")
            return
        async with (
            running(
                where.service_url,
                pool_size=settings.pool_size,
                clock=system_clock,
                pool_wait_s=settings.pool_wait_seconds,
                heartbeat_s=settings.heartbeat_seconds,
            ) as process,
            _issuing(settings, where, loaded, process) as issuer,
        ):
            complete = settings if issuer is None else replace(settings, oidc=issuer.oidc)
            work = serve(process, complete, announce=lambda address: tell(loaded, address, issuer))
            await with_a_worker(process, work)


@asynccontextmanager
async def _issuing(
    settings: Settings, where: Addresses, loaded: Loaded, process: Running
) -> AsyncIterator[DemoIssuer | None]:
    """An issuer with people of the demo, unless the settings name another."""
    if settings.oidc is not None:
        yield None
        return
    assert where.owner_url is not None, "as in loading"
    async with issuing(SUBJECTS, system_clock) as issuer:
        await enrol(
            operator_at(where.owner_url),
            tenant=loaded.account.tenant,
            vendor=loaded.keys.vendor_code,
            issuer=issuer.address,
            clock=system_clock,
            mint=process.mint,
        )
        yield issuer


async def _loaded(
    arguments: argparse.Namespace, settings: Settings, where: Addresses, records: Sequence[Record]
) -> Loaded:
    assert where.owner_url is not None, "the embedded server has an owner, and of another one it was asked for"
    clock = SettableClock(begins(records))
    with _alone(settings):
        async with running(where.service_url, pool_size=settings.pool_size, clock=clock, look=REPLAY_LOOK) as process:
            return await load(
                process,
                clock,
                operator_at(where.owner_url),
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


def _tell(loaded: Loaded, address: str, issuer: DemoIssuer | None, *, as_object: bool, served: bool) -> None:
    if as_object:
        keys = {"manager": loaded.keys.manager, loaded.keys.vendor_code: loaded.keys.vendor}
        whole = {
            **as_json(loaded.account),
            "address": f"{address}/graphql",
            "keys": keys,
            "firstQuery": first_query(loaded, address),
        }
        if issuer is not None:
            whole["issuer"] = {"address": issuer.address, "people": sorted(SUBJECTS)}
        print(json.dumps(whole, ensure_ascii=False, separators=(",", ":")), flush=True)
        return
    console = Console(highlight=False, soft_wrap=False, width=WIDTH)
    console.print(report(loaded.account))
    console.print()
    console.print(welcome(loaded, address, served=served), soft_wrap=True)
    if issuer is not None:
        people = ", ".join(SUBJECTS)
        console.print(f"People sign in at an issuer of the demo's own, as one of {people}:", soft_wrap=True)
        console.print(Text(how_to_sign_in(issuer, address, VENDOR)), soft_wrap=True)

"""`interpact serve`: the doors, and a worker beside them unless it runs elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop

from graph.app import create_app, server_options
from graph.application import Application
from graph.cursors import Seal
from graph.desk import make_context
from graph.limits import Limits
from graph.schema import schema
from persistence import migrate
from runtime.clock import system_clock
from runtime.keys import KeyDoor
from runtime.service import Addresses, Running, addresses, running
from runtime.settings import Settings, SettingsError, sealing_secret, service_settings
from runtime.stopping import until_stopped

DRAIN_S = 10
"""How long a shutdown waits for operations under way."""

Announce = Callable[[str], None]
"""Told the address once connections are accepted."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-worker", action="store_true", help="judge nothing here; `interpact work` does it")


def run(arguments: argparse.Namespace) -> int:
    settings = service_settings(os.environ)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvloop.run(_serve(settings, with_worker=not arguments.no_worker))
    return 0


async def _serve(settings: Settings, *, with_worker: bool) -> None:
    async with addresses(settings) as where:
        await make_current(settings, where)
        async with running(where.service_url, pool_size=settings.pool_size, clock=system_clock) as process:
            work = serve(process, settings, announce=lambda address: print(f"Serving {address}/graphql", flush=True))
            if not with_worker:
                await until_stopped(work)
                return
            await until_stopped(with_a_worker(process, work))


async def make_current(settings: Settings, where: Addresses) -> None:
    """The embedded server's schema is brought up to date by whoever starts it; another's by `interpact migrate`."""
    if settings.database_url is None and where.owner_url is not None:
        await asyncio.to_thread(migrate.upgrade, where.owner_url)


async def with_a_worker(process: Running, work: Coroutine[None, None, None]) -> None:
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(process.worker.run())
        try:
            await work
        finally:
            worker.cancel()


async def serve(process: Running, settings: Settings, *, announce: Announce) -> None:
    """Serves until cancelled; then takes no more, and waits up to DRAIN_S for what is under way."""
    limits = Limits(
        body_bytes_max=settings.body_bytes_max,
        query_seconds_max=settings.query_seconds_max,
        mutation_seconds_max=settings.mutation_seconds_max,
    )
    application = Application(
        open_work=process.open_work,
        clock=process.clock,
        mint=process.mint,
        seal=Seal(sealing_secret(settings)),
        awaken=process.hub.awaken,
    )

    async def ready() -> None:
        await process.directory.heads([])

    app = create_app(
        schema,
        authenticate=KeyDoor(process.directory.keys, system_clock),
        make_context=make_context(application, limits),
        limits=limits,
        readiness=ready,
    )

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN_S,
        **server_options(limits),
    )
    with _listening(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        server = _Server(config, lambda: announce(f"http://{host}:{port}"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            server.should_exit = True
            await task
            raise


class _Server(uvicorn.Server):
    """Tells when it accepts, and leaves signals to `until_stopped`, so that all around it ends in good order too."""

    def __init__(self, config: uvicorn.Config, accepting: Callable[[], None]) -> None:
        super().__init__(config)
        self._accepting = accepting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._accepting()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket. An address in use is told plainly."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SettingsError((f"INTERPACT_PORT: cannot listen on {host}:{port}: {error.strerror}",)) from error
        yield listener

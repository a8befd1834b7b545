"""`interpact serve`: the doors, and a worker beside them unless it runs elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
from collections.abc import Callable, Coroutine

import uvloop

from graph.app import create_app, server_options
from graph.application import Application
from graph.cursors import Seal
from graph.desk import make_context
from graph.limits import Limits
from graph.schema import schema
from runtime import listening, logs
from runtime.clock import system_clock
from runtime.door import door_of
from runtime.leaving import Departure
from runtime.observed import MetricsApp, Observed
from runtime.proposed_holidays import proposed_holidays
from runtime.quota import quota
from runtime.service import Running, addresses, running, traced
from runtime.settings import METRICS_LISTEN, PORT, Settings, sealing_secrets, service_settings
from runtime.stopping import until_stopped
from runtime.trusted import trusted_documents
from runtime.watching import Tracing

_log = logging.getLogger(__name__)

Announce = Callable[[str], None]
"""Told the address once connections are accepted."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-worker", action="store_true", help="judge nothing here; `interpact work` does it")


def run(arguments: argparse.Namespace) -> int:
    settings = service_settings(os.environ)
    logs.begin(settings.log_level, settings.log_format)
    uvloop.run(_serve(settings, with_worker=not arguments.no_worker))
    return 0


async def _serve(settings: Settings, *, with_worker: bool) -> None:
    with traced(settings) as tracing:
        await _serve_traced(settings, tracing, with_worker=with_worker)


async def _serve_traced(settings: Settings, tracing: Tracing | None, *, with_worker: bool) -> None:
    async with (
        addresses(settings) as where,
        running(
            where.service_url,
            pool_size=settings.pool_size,
            clock=system_clock,
            pool_wait_s=settings.pool_wait_seconds,
            heartbeat_s=settings.heartbeat_seconds,
            tracing=tracing,
        ) as process,
    ):
        work = serve(process, settings, announce=lambda address: print(f"Serving {address}/graphql", flush=True))
        await until_stopped(with_a_worker(process, work) if with_worker else work)


async def with_a_worker(process: Running, work: Coroutine[None, None, None]) -> None:
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(process.worker.run())
        try:
            await work
        finally:
            worker.cancel()


async def serve(process: Running, settings: Settings, *, announce: Announce) -> None:
    """Serves until cancelled; then hands its clients over, and waits for what is under way (`Departure`)."""
    limits = Limits(
        body_bytes_max=settings.body_bytes_max,
        cost_max=settings.cost_max,
        query_seconds_max=settings.query_seconds_max,
        mutation_seconds_max=settings.mutation_seconds_max,
        socket_ping_seconds=settings.heartbeat_seconds,
    )
    application = Application(
        open_work=process.open_work,
        clock=process.clock,
        mint=process.mint,
        seal=Seal(*sealing_secrets(settings)),
        awaken=process.hub.awaken,
        propose_holidays=proposed_holidays,
        heartbeat_seconds=settings.heartbeat_seconds,
    )

    departure = Departure(leave_s=settings.leave_seconds, drain_s=settings.drain_seconds)

    async def ready() -> None:
        departure.check()
        await process.directory.heads([])

    app = create_app(
        schema,
        authenticate=door_of(process.directory, settings, clock=system_clock, mint=process.mint),
        make_context=make_context(application, limits),
        limits=limits,
        readiness=ready,
        origins=settings.origins,
        spend=quota(process.database.engine, per_minute=settings.quota_per_minute, cost_max=limits.cost_max),
        trusted=trusted_documents(settings, schema, limits),
        watch=process.watcher.operation,
        leaving=departure.turn,
    )
    observed = Observed(app, process.metrics, metrics_here=settings.metrics)
    async with listening.beside(MetricsApp(process.metrics), settings.metrics_listen, METRICS_LISTEN):
        await _until_cancelled(observed, departure, settings, limits, announce)


async def _until_cancelled(
    app: Observed, departure: Departure, settings: Settings, limits: Limits, announce: Announce
) -> None:
    with listening.listening(settings.host, settings.port, PORT) as listener:
        host, port = listener.getsockname()[:2]
        options = server_options(limits)
        # What is here now stays: the collector need not walk through all of it whenever a request brings many values.
        gc.collect()
        gc.freeze()
        server = listening.server(app, lambda: announce(f"http://{host}:{port}"), options, settings.proxies)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            _log.info("stopping", extra={"facts": {"streams": app.streams_open}})
            left = await departure.leave(stop_accepting=server.stop_accepting, streams_ended=app.until_still())
            server.config.timeout_graceful_shutdown = max(1, round(left))
            server.should_exit = True
            await task
            _log.info("stopped")
            raise

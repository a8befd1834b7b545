"""What the process counts, for Prometheus. docs/runbook.md lists it; a test compares the two.

No label names a tenant, a person or an address: a label with many values costs a series each, here and in every
Prometheus, and what one tenant does is nobody else's business. Logs name the tenant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPERATION_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
STATEMENT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 15, 60)


class Metrics:
    """One for the process. Counting costs well under a microsecond or two; nothing is computed until it is read."""

    def __init__(self) -> None:
        # When a series began is of use to nobody here, and doubles the text.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.operations = Histogram(
            "interpact_operation_seconds",
            "Queries and mutations, by how they ended and how long they took",
            ["kind", "outcome"],
            buckets=OPERATION_SECONDS,
            registry=registry,
        )
        self.subscriptions = Counter(
            "interpact_subscriptions", "Subscriptions that ended, by how", ["outcome"], registry=registry
        )
        self.subscriptions_open = Gauge("interpact_subscriptions_open", "Subscriptions under way", registry=registry)
        self.events = Counter("interpact_events_sent", "Answers of subscriptions, heartbeats too", registry=registry)
        self.facts = Counter(
            "interpact_facts",
            "Lines posted, by mutation and what came of them",
            ["mutation", "outcome"],
            registry=registry,
        )
        self.responses = Counter(
            "interpact_http_responses", "HTTP answers by route and status", ["route", "status"], registry=registry
        )
        self.sockets_open = Gauge("interpact_sockets_open", "WebSockets open", registry=registry)
        self.sockets_closed = Counter(
            "interpact_sockets_closed",
            "WebSockets that ended, by close code; 1006: without one",
            ["code"],
            registry=registry,
        )
        self._count_work(registry)

    def _count_work(self, registry: CollectorRegistry) -> None:
        self.passes = Histogram(
            "interpact_worker_pass_seconds",
            "Passes over one tenant's due work, by how they ended",
            ["outcome"],
            buckets=OPERATION_SECONDS,
            registry=registry,
        )
        self.judged = Counter("interpact_periods_judged", "Periods that this process judged", registry=registry)
        self.waiting = Waiting()
        registry.register(self.waiting)
        self.polls = Counter(
            "interpact_feed_polls", "Looks at the heads of followed feeds", ["outcome"], registry=registry
        )
        self.moved = Counter(
            "interpact_feed_moves", "Feeds of which a poll found that they had moved on", registry=registry
        )
        self.statements = Histogram(
            "interpact_statement_seconds", "SQL statements", buckets=STATEMENT_SECONDS, registry=registry
        )
        self.database_errors = Counter(
            "interpact_database_errors",
            "SQL statements that failed, by the first two characters of the SQLSTATE, or `connection`",
            ["class"],
            registry=registry,
        )

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A number that is asked for whenever the metrics are read."""
        Gauge(name, documentation, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class Waiting(Collector):
    """How many tenants wait for this process' worker, and how long the one that waits longest has."""

    def __init__(self) -> None:
        self._since: dict[object, float] = {}

    def found(self, tenants: Iterable[object]) -> None:
        """These have work now, by the worker's own look; who is not among them waits no more."""
        now = time.monotonic()
        self._since = {tenant: self._since.get(tenant, now) for tenant in tenants}

    def settled(self, tenant: object) -> None:
        self._since.pop(tenant, None)

    def collect(self) -> Iterable[Metric]:
        oldest = min(self._since.values(), default=None)
        yield GaugeMetricFamily(
            "interpact_worker_tenants_waiting", "Tenants with due work that the worker has seen", len(self._since)
        )
        yield GaugeMetricFamily(
            "interpact_worker_lag_seconds",
            "How long the tenant that waits longest has waited for the worker",
            0.0 if oldest is None else time.monotonic() - oldest,
        )

"""Traces by OpenTelemetry: a span for each operation, and one in it for each SQL statement. Imported only where wanted.

Its packages are not among those that the service needs (docs/decisions/0011-operations.md). Where spans go, and what
share of them is kept, is said by OpenTelemetry's own variables. No span carries a variable of an operation or a value
of a statement, and none is made for a field: a hook in every resolver would cost more than most resolvers do.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from graph.watching import Begun
from persistence.statements import Statement

SERVICE = "interpact"
NAME_CHARS_MAX = 100
TEXT_CHARS_MAX = 2_000

_FAILED = frozenset({"failed", "deadline"})
_VERB = re.compile(r"\s*(?:--[^\n]*\n\s*)*([A-Za-z]+)")
_LITERAL = re.compile(r"'(?:[^']|'')*'")


class Spans:
    """A `runtime.watching.Tracing`. `exporter`: where spans go; by OTLP over HTTP unless a test says otherwise."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE)

    @contextmanager
    def operation(self, begun: Begun) -> Iterator[Callable[[str], None]]:
        """A subscription has none: it lasts for hours, and a span is sent when it ends."""
        if begun.kind == "subscription":
            yield lambda _outcome: None
            return
        name = (begun.name or "")[:NAME_CHARS_MAX]
        actor = begun.context.actor
        attributes = {
            "graphql.operation.type": begun.kind,
            "graphql.operation.name": name,
            "interpact.request_id": begun.context.request_id,
            "interpact.tenant": str(actor.tenant),
            "interpact.role": actor.role.value,
        }
        # The name alone would make as many kinds of spans as clients have ideas.
        with self._tracer.start_as_current_span(
            begun.kind,
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            def ended(outcome: str) -> None:
                span.set_attribute("interpact.outcome", outcome)
                if outcome in _FAILED:
                    span.set_status(Status(StatusCode.ERROR))

            yield ended

    def statement(self, statement: Statement) -> None:
        """A statement is told when it has ended, so its span is made after the fact. Outside a span there is none."""
        if not trace.get_current_span().get_span_context().is_valid:
            return
        ended = time.time_ns()
        verb = _VERB.match(statement.text)
        span = self._tracer.start_span(
            verb[1].upper() if verb else "SQL",
            kind=SpanKind.CLIENT,
            attributes={
                "db.system.name": "postgresql",
                "db.query.text": _LITERAL.sub("?", statement.text)[:TEXT_CHARS_MAX],
            },
            start_time=ended - round(statement.seconds * 1e9),
        )
        if statement.failed is not None:
            span.set_attribute("db.response.status_code", statement.failed)
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def close(self) -> None:
        """Sends what has not been sent. Blocks."""
        self._provider.shutdown()

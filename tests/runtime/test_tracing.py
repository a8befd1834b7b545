"""Spans: one for each operation, in it one for each statement, without what was asked or found."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from domain.actor import Actor
from graph.application import Application
from graph.context import Context, Request
from graph.cursors import Seal
from graph.desk import make_context
from graph.documents import Documents
from graph.limits import Limits
from graph.schema import schema
from runtime.clock import system_clock
from runtime.proposed_holidays import proposed_holidays
from runtime.service import Running, running, traced
from runtime.settings import SettingsError, service_settings
from runtime.tracing import Spans
from tests.servers import Urls

CREATE = "mutation ($input: CreatePartyInput!) { createParty(input: $input) { party { id } userErrors { code } } }"


class Traced:
    """The schema over a database, with the spans that were made of what it was asked."""

    def __init__(self, process: Running, spans: Spans, exporter: InMemorySpanExporter, actor: Actor) -> None:
        self._spans = spans
        self._exporter = exporter
        self._actor = actor
        self.documents = Documents(schema, Limits(), process.watcher.operation)
        application = Application(
            open_work=process.open_work,
            clock=process.clock,
            mint=process.mint,
            seal=Seal(bytes(32)),
            awaken=process.hub.awaken,
            propose_holidays=proposed_holidays,
        )
        self._make = make_context(application, Limits())

    def context(self, seconds: float = math.inf) -> Context:
        return self._make(self._actor, "r1", asyncio.get_running_loop().time() + seconds)

    async def ask(self, text: str, **variables: object) -> dict[str, object]:
        return await self.documents.operation(Request(text=text, variables=variables)).answer(self.context())

    async def made(self) -> tuple[ReadableSpan, ...]:
        # Statements are told in the loop's next round.
        await asyncio.sleep(0.01)
        self._spans.close()
        return self._exporter.get_finished_spans()


@asynccontextmanager
async def tracing(urls: Urls, actor: Actor) -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    spans = Spans(exporter)
    async with running(urls.service, pool_size=2, clock=system_clock, tracing=spans) as process:
        yield Traced(process, spans, exporter, actor)


def parts(span: ReadableSpan) -> tuple[int, int | None]:
    assert span.context is not None
    return span.context.span_id, None if span.parent is None else span.parent.span_id


async def test_an_operation_is_one_span_with_one_for_each_statement(urls: Urls, admin: Actor) -> None:
    async with tracing(urls, admin) as traced:
        answer = await traced.ask(CREATE, input={"code": "secret-party", "name": "Ada", "kind": "VENDOR"})
        assert "errors" not in answer, answer
        spans = await traced.made()
    (operation,) = [span for span in spans if span.parent is None]
    assert operation.name == "mutation"
    assert dict(operation.attributes or {}) == {
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "",
        "interpact.request_id": "r1",
        "interpact.tenant": str(admin.tenant),
        "interpact.role": "admin",
        "interpact.outcome": "ok",
    }
    statements = [span for span in spans if span.parent is not None]
    assert {parts(span)[1] for span in statements} == {parts(operation)[0]}
    # Both ways into the database: transactions go to the driver, the insert is composed.
    assert [span.name for span in statements].count("BEGIN") == 1
    assert {"BEGIN", "INSERT", "COMMIT"} <= {span.name for span in statements}
    texts = " ".join(str((span.attributes or {})["db.query.text"]) for span in statements)
    assert "INSERT INTO party" in texts
    assert [word for word in ("secret-party", "Ada", str(admin.tenant)) if word in texts] == []


async def test_an_operation_that_runs_out_of_time_is_marked(urls: Urls, admin: Actor) -> None:
    async with tracing(urls, admin) as traced:
        operation = traced.documents.operation(Request(text="{ parties(first: 1) { nodes { id } } }"))
        with pytest.raises(Exception, match="took longer"):
            await operation.answer(traced.context(seconds=-1))
        spans = await traced.made()
    (failed,) = [span for span in spans if span.parent is None]
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["interpact.outcome"] == "deadline"
    assert failed.events == ()


async def test_outside_an_operation_no_statement_makes_a_span(urls: Urls, admin: Actor) -> None:
    exporter = InMemorySpanExporter()
    spans = Spans(exporter)
    async with running(urls.service, pool_size=2, clock=system_clock, tracing=spans) as process:
        await process.worker.settle_tenant(admin.tenant)
        await asyncio.sleep(0.01)
    spans.close()
    assert exporter.get_finished_spans() == ()


def test_nothing_of_it_is_imported_unless_it_is_wanted() -> None:
    with traced(service_settings({"HOME": "/nowhere"})) as nothing:
        assert nothing is None
    code = "import sys, runtime.commands.serve; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[]"


def test_what_lacks_for_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "runtime.tracing", None)
    settings = service_settings({"HOME": "/nowhere", "INTERPACT_TRACES": "1"})
    with pytest.raises(SettingsError, match="INTERPACT_TRACES is 1, and needs the packages of requirements/tracing"):
        traced(settings).__enter__()

"""The doors as others' programs see them: the audit of GraphQL over HTTP, and the client of GraphQL over SSE."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.graph.service import Service

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
AUDITS = 61
SECONDS_MAX = 60

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / "graphql-http").is_dir(),
    reason="node or its packages are not installed: `make test` installs them where npm is",
)


def told(program: str, service: Service, *arguments: str) -> list[Any]:
    command = ["node", program, service.graphql, "Bearer good", *arguments]
    done = subprocess.run(command, check=False, cwd=CLIENTS, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@needs_node
def test_the_audit_of_graphql_over_http_finds_nothing(service: Service) -> None:
    results = told("audit.mjs", service)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS


@needs_node
def test_the_client_of_graphql_over_sse_follows_to_the_end(service: Service) -> None:
    assert told("events.mjs", service, "subscription { ticks(count: 2) { number } }") == [
        {"data": {"ticks": {"number": 0}}},
        {"data": {"ticks": {"number": 1}}},
        "complete",
    ]


@needs_node
def test_it_is_told_why_an_operation_is_refused(service: Service) -> None:
    refused, last = told("events.mjs", service, "subscription { nothing }")
    assert (refused["errors"][0]["extensions"]["code"], last) == ("GRAPHQL_VALIDATION_FAILED", "complete")

"""The list of metrics, and what the gauges of waiting work say."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
FORBIDDEN = {"tenant", "role", "party", "key", "request_id", "address", "operation"}


def test_the_runbook_lists_every_metric_with_its_labels() -> None:
    metrics = Metrics()
    for name in ("interpact_pool_connections_in_use", "interpact_pool_connections_max"):
        metrics.gauge(name, "as service.py has it", lambda: 0)
    families = text_string_to_metric_families(metrics.text().decode())
    named = {f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in families}
    rows = re.findall(r"^\| `(interpact_\w+)` \|\s*(.*?)\s*\| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in rows} == {name for name in named if name.startswith("interpact_")}
    assert not {label for _, labels in rows for label in re.findall(r"\w+", labels)} & FORBIDDEN


def test_lag_is_that_of_the_tenant_that_waits_longest() -> None:
    waiting = Metrics().waiting

    def told() -> list[float]:
        return [sample.value for family in waiting.collect() for sample in family.samples]

    assert told() == [0, 0]
    waiting.found(["a", "b"])
    first = told()
    waiting.found(["b", "c"])
    waiting.settled("c")
    again = told()
    assert (first[0], again[0]) == (2, 1)
    assert again[1] >= first[1] > 0

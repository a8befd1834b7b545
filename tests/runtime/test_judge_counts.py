"""Slices, percentiles and shares of few cases, judged from files and told as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.fact_rows import FactRow, SampleRow, TallyRow
from runtime.facts_file import BadLines
from runtime.gathering import gather
from runtime.judgement_json import as_json
from runtime.judgement_table import as_table
from runtime.judging import judge
from runtime.terms_file import read_terms

START = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = """
agreement: {code: uc-1, kind: uc, provider: acme, starts: 2026-01-01, ends: 2026-01-03}
services: [{code: api}]
metrics:
  - {code: requests, aggregation: mean_of_slices, slice: PT1H}
  - {code: hours, aggregation: good_slices, shape: sample, slice: PT1H, slice_target: 200, slice_direction: at_most}
  - {code: delay, aggregation: percentile, percentile: 95, direction: at_most, scale: 0, unit: ms}
  - {code: orders, aggregation: ratio_of_sums}
objectives:
  - {code: requests, metric: requests, expected: 99, window: {every: day}}
  - {code: hours, metric: hours, expected: 50, window: {every: day}}
  - {code: delay, metric: delay, expected: 210, window: {every: day}}
  - {code: orders, metric: orders, expected: 90, window: {every: day}, low_volume: one_miss, minimum_coverage: 2}
"""


def a_tally(line: int, metric: str, after: timedelta, good: int, total: int) -> FactRow:
    start = START + after
    return TallyRow(
        line=line,
        service="api",
        metric=metric,
        source="default",
        started_at=start,
        ended_at=start + timedelta(minutes=1),
        good=good,
        total=total,
    )


def a_sample(line: int, metric: str, after: timedelta, value: str) -> FactRow:
    return SampleRow(line=line, service="api", metric=metric, source="default", at=START + after, value=Decimal(value))


ROWS = (
    a_tally(1, "requests", timedelta(hours=3), 1, 2),
    a_tally(2, "orders", timedelta(hours=3), 3, 4),
    a_tally(3, "orders", timedelta(hours=4), 2, 2),
    *(a_sample(10 + place, "delay", timedelta(minutes=place), str(place * 10)) for place in range(21)),
    a_sample(40, "hours", timedelta(hours=1), "200"),
    a_sample(41, "hours", timedelta(hours=2), "201"),
    a_sample(42, "delay", timedelta(days=1), "2005"),
)


@pytest.fixture
def told(tmp_path: Path) -> Mapping[str, Any]:
    """By objective, the first day's verdict and the second's, which still runs."""
    path = tmp_path / "terms.yaml"
    path.write_text(TERMS, encoding="utf-8")
    terms, bad = read_terms(path), BadLines("facts")
    judgement = judge(terms, gather(terms, ROWS, bad), at=START + timedelta(hours=36))
    bad.refuse()
    assert as_table(judgement).row_count == 8
    by_objective: dict[str, list[Any]] = {}
    for verdict in json.loads(as_json(judgement, "missed"))["verdicts"]:
        by_objective.setdefault(verdict["objective"], []).append(verdict)
    return by_objective


def test_a_mean_of_slices_is_told_with_its_slices(told: Mapping[str, Any]) -> None:
    [first, second] = told["requests"]
    assert (first["status"], first["value"]["shown"], first["coverage"]["shown"]) == ("missed", "97.916666", "4.166666")
    assert first["evidence"] == {
        "kind": "slices",
        "allowedUs": 86_400_000_000,
        "excludedUs": 0,
        "sliceUs": 3_600_000_000,
        "slices": 24,
        "slicesTotal": 24,
        "reported": 1,
        "idle": 0,
        "good": None,
        "counted": 24,
        "bad": "0.500000000000",
        "budgetUs": 864_000_000,
        "points": 1,
    }
    assert (second["status"], second["value"], second["evidence"]["slices"]) == ("pending", None, 12)


def test_good_slices_of_samples_are_told(told: Mapping[str, Any]) -> None:
    first = told["hours"][0]
    assert (first["status"], first["value"]["shown"], first["evidence"]["good"]) == ("met", "50.000000", 1)


def test_a_percentile_is_exact_at_the_end_and_between_bounds_before(told: Mapping[str, Any]) -> None:
    [first, second] = told["delay"]
    assert (first["status"], first["value"]["shown"]) == ("met", "190.000000")
    assert second["status"] == "pending"
    assert second["evidence"] == {
        "kind": "percentile",
        "allowedUs": 43_200_000_000,
        "excludedUs": 0,
        "percentile": "95",
        "points": 1,
        "low": 2000,
        "high": 2015,
        "undecided": False,
        "scale": 0,
    }


def test_a_share_of_few_cases_tells_its_strength_and_the_miss_that_it_tolerates(told: Mapping[str, Any]) -> None:
    [first, second] = told["orders"]
    assert (first["status"], first["value"]["shown"], first["missTolerated"]) == ("met", "83.333333", True)
    assert first["confidence"] == {"low": "0.436497174974", "high": "0.969946630589"}
    assert (second["confidence"], second["missTolerated"]) == (None, False)

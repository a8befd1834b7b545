"""Law 6 for what was known: it costs by the span's own facts, whether much or nothing was known of them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from domain.instants import EARLIEST
from persistence import history_sql
from tests.persistence.test_costs import (
    AT,
    LAST,
    MONTHS,
    Aged,
    explained,
    pages,
    questions,
    scans,
)
from tests.persistence.test_costs import aged as aged  # noqa: PLC0414 - a fixture by its name
from tests.persistence.test_costs import service as service  # noqa: PLC0414 - a fixture by its name

ALL, NONE = 10**9, 0
FACTS = (
    "outage logs",
    "tally totals",
    "sample totals",
    "slices of tallies",
    "slices of samples",
    "histograms",
    "ranks",
    "state logs",
    "case logs",
    "exclusions",
)


def known_questions(aged: Aged, position: int) -> dict[str, tuple[str, tuple[object, ...]]]:
    """Totals are of facts alone: no span is left for cells."""
    asked = questions(aged)
    found: dict[str, tuple[str, tuple[object, ...]]] = {}
    for name in FACTS:
        sql, arguments, _ = asked[name]
        if name in ("tally totals", "sample totals"):
            places, streams, _, starts, ends, *_, rules, grids = arguments
            arguments = (places, streams, [], [], [], [0], starts, ends, rules, grids)
        derived = history_sql.as_known(sql)
        cut = (position, AT) if derived.takes_instant else (position,)
        found[name] = derived.sql, (*arguments, *cut)
    side, span = aged.world.vendor, LAST
    reports = ([side.outages.id], [span.start], [span.end], position)
    day = [span.start], [span.start + timedelta(days=1)]
    # More than the day has: a page that ends before may be read by either of two plans.
    page = ([side.tallies.id], *day, EARLIEST, side.tallies.id, 1_000)
    found["reports"] = history_sql.REPORTED, reports
    found["page of tallies"] = history_sql.as_known(history_sql.TALLIES).sql, (*page, position)
    found["position"] = history_sql.POSITION, (AT,)
    return found


EVERY = (*FACTS, "reports", "page of tallies", "position")


# Where nothing of a stream of states was known, the last one before the span is looked for in all that came later.
@pytest.mark.parametrize(
    ("name", "position"),
    [(name, each) for name in EVERY for each in (ALL, NONE) if (name, each) != ("state logs", NONE)],
)
async def test_two_years_of_history_cost_what_was_known_no_more_pages_than_a_month(
    aged: dict[int, Aged],
    service: asyncpg.Connection,
    name: str,
    position: int,
) -> None:
    read = {}
    for months, tenant in aged.items():
        sql, arguments = known_questions(tenant, position)[name]
        read[months] = pages(await explained(service, tenant.tenant, sql, *arguments))
    assert 0 < read[MONTHS] <= read[1] * 1.1 + 8, read


@pytest.mark.parametrize("name", FACTS)
async def test_postings_are_looked_up_by_their_key_one_for_each_fact_that_is_read(
    aged: dict[int, Aged],
    service: asyncpg.Connection,
    name: str,
) -> None:
    sql, arguments = known_questions(aged[MONTHS], ALL)[name]
    found = list(scans(await explained(service, aged[MONTHS].tenant, sql, *arguments)))
    conditions = [scan.get("Index Cond", "") for scan in found if scan["Relation Name"] == "feed"]
    assert conditions
    assert all("tenant_id" in condition and "posting_id" in condition for condition in conditions), conditions

"""Law 6: what a question reads depends on what it asks for, not on the tenant's history; hot queries use their index.

Plans are those of the service's own role, under row-level security.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from domain.actor import Actor
from domain.case import Case, CaseRevision
from domain.columns import SampleColumns, StateColumns
from domain.exclusion import Exclusion, ExclusionKind
from domain.feed import PostingKind
from domain.ids import ExclusionId, KeyId
from domain.mark import JudgedPeriod
from domain.policy import Role
from domain.ports import Work
from domain.spans import Span
from domain.stream import Stream
from persistence import (
    cases,
    closing,
    exclusions,
    marks,
    measurement_sql,
    outages,
    periods,
    slice_sql,
    states,
    total_sql,
)
from persistence.database import Database
from runtime.clock import Mint
from runtime.commands.key import operator_at
from tests.conftest import new_tenant
from tests.persistence.world import NOW, World, an_outage, month, populate, recorded, tallies
from tests.servers import Urls

MONTHS = 24
LAST = month(MONTHS)
AT = LAST.end
OUTAGES_A_MONTH = 60
HOURS_A_MONTH = 600
Plan = Mapping[str, Any]


CROWDED = (
    "exclusion",
    "exclusion_segment",
    "feed",
    "judged_period",
    "judged_scope",
    "open_case",
    "open_outage",
    "stream_report",
)
CROWD = """
INSERT INTO {table}
SELECT (json_populate_record(kept, json_build_object('tenant_id', gen_random_uuid()))).*
FROM {table} kept CROSS JOIN generate_series(1, 5000 / (SELECT count(*) FROM {table})::int)
"""
"""Rows of other tenants, so many that reading the table whole does not pay."""


class Aged:
    """A tenant with so many months of facts, the last of them the same for all."""

    def __init__(
        self, world: World, latency: Stream, probes: Stream, tickets: Stream, judged: Sequence[JudgedPeriod]
    ) -> None:
        self.world = world
        self.tenant = world.admin.tenant
        self.latency = latency
        self.probes, self.tickets = probes, tickets
        self.judged = judged


@pytest.fixture(scope="module")
async def aged(urls: Urls, mint: Mint) -> AsyncIterator[dict[int, Aged]]:
    """By months of history: 1 and 24, in one database."""
    database, operator = Database(urls.service, pool_size=2, mint=mint), operator_at(urls.owner)
    found = {}
    for months in (1, MONTHS):
        admin = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
        found[months] = await live_through(await populate(World(database=database, admin=admin, mint=mint)), months)
    superuser = await asyncpg.connect(urls.superuser)
    await superuser.execute("SET session_replication_role = replica")
    for table in CROWDED:
        await superuser.execute(CROWD.format(table=table))
    await superuser.execute("VACUUM (ANALYZE)")
    await superuser.close()
    yield found
    await database.close()


async def live_through(world: World, months: int) -> Aged:
    side = world.vendor
    numbers = range(MONTHS - months + 1, MONTHS + 1)
    judged = [each for objective in side.objectives for each in world.judged(objective.id, side.service.id, *numbers)]
    async with world.open() as work:
        wanted = [world.stream(metric, side.service) for metric in (world.latency, world.probes, world.tickets)]
        latency, probes, tickets = await work.streams.obtain(wanted)
        await work.periods.lay_down(judged)
        work.posts(PostingKind.TERMS, NOW)
    for number in numbers:
        await live_month(world, latency, probes, tickets, month(number).start)
    async with world.open() as work:
        await work.outages.add([recorded(side.outages, an_outage("lasting", LAST.start, None))])
        still = Case(external_id="open", opened_at=LAST.start)
        await work.cases.add([CaseRevision(stream=tickets.id, external_id="open", revision=1, case=still)])
        claim = await work.marks.claim(AT, 10_000)
        await work.marks.settle({each.period.id: None for each in claim.periods})
    return Aged(world, latency, probes, tickets, judged)


async def live_month_of_states_and_cases(
    work: Work, probes: Stream, tickets: Stream, hours: Sequence[datetime]
) -> None:
    """A state every hour, one of ten down; a case every ten hours, each open for three days."""
    told = [
        Case(external_id=f"{opened:%Y-%m-%d-%H}", opened_at=opened, resolved_at=opened + timedelta(days=3))
        for opened in hours[::10]
    ]
    said = ["up" if number % 10 else "down" for number in range(len(hours))]
    await work.states.add([StateColumns(stream=probes.id, instants=hours, states=said)])
    await work.cases.add(
        [CaseRevision(stream=tickets.id, external_id=each.external_id, revision=1, case=each) for each in told]
    )


async def live_month(world: World, latency: Stream, probes: Stream, tickets: Stream, start: datetime) -> None:
    side = world.vendor
    hours = [start + number * timedelta(hours=1) for number in range(HOURS_A_MONTH)]
    async with world.open() as work:
        await work.measurements.add_tallies([tallies(side.tallies, start, HOURS_A_MONTH)])
        await work.measurements.add_samples(
            [SampleColumns(stream=latency.id, instants=hours, values=[1] * len(hours), originals=[None] * len(hours))]
        )
        await work.outages.add(
            [
                recorded(side.outages, an_outage(f"{begins:%Y-%m-%d-%H}", begins, begins + timedelta(minutes=10)))
                for begins in hours[::10]
            ]
        )
        await work.outages.report({side.outages.id: start + timedelta(days=28)})
        await live_month_of_states_and_cases(work, probes, tickets, hours)
        await work.exclusions.add(
            [
                Exclusion(
                    id=ExclusionId(world.mint()),
                    kind=ExclusionKind.MAINTENANCE,
                    span=Span(begins, begins + timedelta(hours=1)),
                    service=side.service.id,
                )
                for begins in hours[::100]
            ]
        )
        work.posts(PostingKind.FACTS, start)


@pytest.fixture
async def service(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.service, server_settings={"jit": "off"})
    yield connection
    await connection.close()


async def explained(connection: asyncpg.Connection, tenant: object, sql: str, *arguments: object) -> Plan:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL interpact.tenant = '{tenant}'")
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", tenant, *arguments)
    finally:
        await transaction.rollback()
    plan: Plan = json.loads(found)[0]["Plan"]
    return plan


def pages(plan: Plan) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def scans(plan: Plan) -> Iterator[Plan]:
    """Of each table that is read, or would be if a month of it were asked for; a bitmap's condition is in its index."""
    if "Relation Name" in plan:
        bitmaps = [below["Index Cond"] for below in plan.get("Plans", ()) if "Index Cond" in below]
        yield {"Index Cond": " ".join(bitmaps), **plan}
    for below in plan.get("Plans", ()):
        yield from scans(below)


def questions(aged: Aged) -> dict[str, tuple[str, tuple[object, ...], dict[str, str]]]:
    """Each hot query, what it is asked of the last month, and by table the columns that lead to its rows."""
    side, span = aged.world.vendor, LAST
    one = [span.start], [span.end]
    # A table of a month is read whole for the whole of it, where nobody else has facts in it.
    day = [span.start], [span.start + timedelta(days=1)]
    ragged = [span.end], [span.end + timedelta(minutes=7)]
    return {
        "outage logs": (
            outages.LOGS,
            ([side.outages.id], *one),
            {
                "outage": "tenant_id stream_id external_id",
                "outage_segment": "tenant_id stream_id month",
                "stream_report": "tenant_id stream_id",
            },
        ),
        "latest outages": (
            outages.LATEST_OF,
            ([side.outages.id], [f"{LAST.start:%Y-%m-%d-%H}"]),
            {"outage": "tenant_id stream_id external_id"},
        ),
        "tally totals": (
            total_sql.TALLY_TOTALS,
            ([0], [side.tallies.id], [0], *one, [0], *ragged, [0], [timedelta(hours=1)]),
            {"tally": "tenant_id stream_id starts_at", "tally_cell": "tenant_id stream_id starts_at"},
        ),
        "sample totals": (
            total_sql.SAMPLE_TOTALS,
            ([0], [aged.latency.id], [0], *one, [0], *ragged, [0], [timedelta(hours=1)]),
            {"sample": "tenant_id stream_id at", "sample_cell": "tenant_id stream_id starts_at"},
        ),
        "slices of tallies": (
            slice_sql.TALLY_SLICES,
            ([0], [side.tallies.id], [0], *day, [0], [timedelta(minutes=5)], [None], [None], [True]),
            {"tally": "tenant_id stream_id starts_at"},
        ),
        "slices of samples": (
            slice_sql.SAMPLE_SLICES,
            ([0], [aged.latency.id], [0], *day, [0], [timedelta(hours=1)], [Decimal(1)], [Decimal(1)], [True]),
            {"sample": "tenant_id stream_id at"},
        ),
        "histograms": (
            slice_sql.HISTOGRAMS,
            ([0], [aged.latency.id], [0], *day, [0], [timedelta(minutes=15)]),
            {"sample": "tenant_id stream_id at"},
        ),
        "ranks": (
            slice_sql.RANKED,
            ([0], [aged.latency.id], [0], *day, [0], [timedelta(minutes=15)], [Decimal(19)], [Decimal(20)]),
            {"sample": "tenant_id stream_id at"},
        ),
        "state logs": (
            states.LOGS,
            ([aged.probes.id], *one, [timedelta(hours=2)]),
            {"state_change": "tenant_id stream_id"},
        ),
        "case logs": (
            cases.LOGS,
            ([aged.tickets.id], *one),
            {
                "service_case": "tenant_id stream_id external_id",
                "service_case_segment": "tenant_id stream_id month",
                "open_case": "tenant_id stream_id",
            },
        ),
        "latest tallies": (
            measurement_sql.LATEST_TALLIES,
            ([side.tallies.id], [LAST.start]),
            {"tally": "tenant_id stream_id starts_at"},
        ),
        "exclusions": (
            exclusions.CONCERNING,
            ([side.service.id], [side.agreement.id], *one),
            {"exclusion_segment": "tenant_id scope_id month", "exclusion": "tenant_id exclusion_id"},
        ),
        "periods of marks": (
            marks.EXPAND,
            ([side.outages.id], [None], [None], [LAST.start], [LAST.start + timedelta(hours=1)], AT),
            {"judged_period": "tenant_id objective_id service_id starts_at"},
        ),
        "periods to lock": (
            marks.LOCK,
            ([aged.judged[-1].period.id],),
            {"judged_period": "tenant_id period_id"},
        ),
        "last ends": (
            periods.LAST_ENDS,
            ([each.id for each in side.objectives],),
            {"judged_period": "tenant_id objective_id service_id"},
        ),
    }


MONTH = re.compile(r"_\d{4}_\d{2}$")
"""Measurements lie in a table for each month."""
NAMES = [
    "outage logs",
    "latest outages",
    "tally totals",
    "sample totals",
    "slices of tallies",
    "slices of samples",
    "histograms",
    "ranks",
    "state logs",
    "case logs",
    "latest tallies",
    "exclusions",
    "periods of marks",
    "periods to lock",
    "last ends",
]


@pytest.mark.parametrize("name", NAMES)
async def test_two_years_of_history_cost_no_more_pages_than_a_month(
    aged: dict[int, Aged], service: asyncpg.Connection, name: str
) -> None:
    read = {}
    for months, tenant in aged.items():
        sql, arguments, _ = questions(tenant)[name]
        read[months] = pages(await explained(service, tenant.tenant, sql, *arguments))
    assert 0 < read[MONTHS] <= read[1] * 1.1 + 4, read


@pytest.mark.parametrize("name", NAMES)
async def test_hot_queries_reach_their_rows_by_the_whole_key(
    aged: dict[int, Aged], service: asyncpg.Connection, name: str
) -> None:
    sql, arguments, keys = questions(aged[MONTHS])[name]
    found = list(scans(await explained(service, aged[MONTHS].tenant, sql, *arguments)))
    for table, columns in keys.items():
        conditions = [scan.get("Index Cond", "") for scan in found if MONTH.sub("", scan["Relation Name"]) == table]
        assert conditions, (table, [scan["Relation Name"] for scan in found])
        for condition in conditions:
            assert all(column in condition for column in columns.split()), (table, condition)


async def test_the_feed_is_read_from_the_position_on(aged: dict[int, Aged], service: asyncpg.Connection) -> None:
    sql = "SELECT number FROM feed WHERE tenant_id = $1 AND kind = 'breach' AND number > $2 ORDER BY number LIMIT 100"
    found = list(scans(await explained(service, aged[MONTHS].tenant, sql, 10)))
    assert [(scan["Relation Name"], "number" in scan.get("Index Cond", "")) for scan in found] == [("feed", True)]


async def test_posting_costs_the_same_however_long_the_feed_is(
    aged: dict[int, Aged], service: asyncpg.Connection
) -> None:
    read = {
        months: pages(await explained(service, tenant.tenant, closing.NUMBER, 1, NOW, None))
        for months, tenant in aged.items()
    }
    assert read[MONTHS] <= read[1] + 2, read

"""Law 6: what a question reads depends on what it asks for, not on the tenant's history; hot queries use their index.

Plans are those of the service's own role, under row-level security.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from domain.actor import Actor, Role
from domain.columns import SampleColumns
from domain.exclusion import Exclusion, ExclusionKind
from domain.feed import PostingKind
from domain.ids import ExclusionId, KeyId
from domain.mark import JudgedPeriod
from domain.spans import Span
from domain.stream import Stream
from persistence import closing, exclusions, marks, measurement_sql, outages, periods
from persistence.database import Database
from persistence.operator import Operator
from runtime.clock import Mint
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

    def __init__(self, world: World, latency: Stream, judged: Sequence[JudgedPeriod]) -> None:
        self.world = world
        self.tenant = world.admin.tenant
        self.latency = latency
        self.judged = judged


@pytest.fixture(scope="module")
async def aged(urls: Urls, mint: Mint) -> AsyncIterator[dict[int, Aged]]:
    """By months of history: 1 and 24, in one database."""
    database, operator = Database(urls.service, pool_size=2, mint=mint), Operator(urls.owner)
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
        [latency] = await work.streams.obtain([world.stream(world.latency, side.service)])
        await work.periods.lay_down(judged)
        work.posts(PostingKind.TERMS, NOW)
    for number in numbers:
        await live_month(world, latency, month(number).start)
    async with world.open() as work:
        await work.outages.add([recorded(side.outages, an_outage("lasting", LAST.start, None))])
        claim = await work.marks.claim(AT, 10_000)
        await work.marks.settle({each.period.id: None for each in claim.periods})
    return Aged(world, latency, judged)


async def live_month(world: World, latency: Stream, start: datetime) -> None:
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
    if "Relation Name" in plan:
        yield plan
    for below in plan.get("Plans", ()):
        yield from scans(below)


def questions(aged: Aged) -> dict[str, tuple[str, tuple[object, ...], dict[str, str]]]:
    """Each hot query, what it is asked of the last month, and by table the columns that lead to its rows."""
    side, span = aged.world.vendor, LAST
    one = [span.start], [span.end]
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
            measurement_sql.TALLY_TOTALS,
            ([0], [side.tallies.id], [0], *one),
            {"tally": "tenant_id stream_id starts_at"},
        ),
        "sample totals": (
            measurement_sql.SAMPLE_TOTALS,
            ([0], [aged.latency.id], [0], *one),
            {"sample": "tenant_id stream_id at"},
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


NAMES = [
    "outage logs",
    "latest outages",
    "tally totals",
    "sample totals",
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
        conditions = [scan.get("Index Cond", "") for scan in found if scan["Relation Name"] == table]
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

"""What was recorded before the service told what was known: the migration finds the months of what was once open."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg

from domain.case import Case, CaseRevision
from domain.feed import PostingKind
from domain.metric import Aggregation
from persistence import migrate
from persistence.database import Database
from runtime.clock import Mint
from tests.persistence.world import JANUARY, NOW, World, an_outage, recorded
from tests.servers import Urls

HOUR = timedelta(hours=1)
MONTHS = "SELECT month FROM {table} WHERE tenant_id = $1 AND external_id = $2 ORDER BY month"


async def test_outages_and_cases_that_were_once_open_are_found_in_the_months_in_which_they_were(
    world: World, database: Database, urls: Urls, mint: Mint
) -> None:
    metric = world.metric("cases", Aggregation.CASES_WITHIN)
    opened = Case(external_id="c", opened_at=JANUARY + HOUR)
    async with world.open() as work:
        await work.metrics.add([metric])
        [stream] = await work.streams.obtain([world.stream(metric, world.vendor.service)])
        await work.outages.add([recorded(world.vendor.outages, an_outage("o", JANUARY + HOUR, None))])
        await work.cases.add([CaseRevision(stream=stream.id, external_id="c", revision=1, case=opened)])
        work.posts(PostingKind.FACTS, NOW)
    async with world.open() as work:
        ended = an_outage("o", JANUARY + HOUR, JANUARY + 2 * HOUR)
        await work.outages.add([recorded(world.vendor.outages, ended, revision=2)])
        await work.cases.add([CaseRevision(stream=stream.id, external_id="c", revision=2, case=None)])
        work.posts(PostingKind.FACTS, NOW)
    tables = {"outage_segment": "o", "service_case_segment": "c"}
    connection = await asyncpg.connect(urls.superuser)
    tenant = world.admin.tenant
    kept = {table: await connection.fetch(MONTHS.format(table=table), tenant, name) for table, name in tables.items()}
    expected = [date(2024, month, 1) for month in (1, 2, 3)]
    assert {table: [row["month"] for row in rows] for table, rows in kept.items()} == dict.fromkeys(tables, expected)
    for table in tables:
        await connection.execute(f"DELETE FROM {table} WHERE month > '2024-01-01'")
    await database.close()
    await asyncio.to_thread(migrate.downgrade, urls.owner, "0013")
    await asyncio.to_thread(migrate.upgrade, urls.owner)
    for table, name in tables.items():
        assert await connection.fetch(MONTHS.format(table=table), tenant, name) == kept[table]
    await connection.close()

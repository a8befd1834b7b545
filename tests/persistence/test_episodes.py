"""What following episodes reads: the evaluations between two that passed, however long the history is (law 6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from domain.agreement import Period
from domain.attainment import Attainment, CountEvidence, Phase, Status
from domain.calendars import RollingWindow
from domain.episode import Evaluation, Judged
from domain.ids import PeriodId
from domain.mark import JudgedPeriod
from domain.spans import Span
from persistence import episodes
from tests.persistence.test_costs import CROWD, explained, pages
from tests.persistence.world import JANUARY, World
from tests.servers import Urls

DAY = timedelta(days=1)
EVIDENCE = CountEvidence(allowed_us=1, excluded_us=0, good=1, total=1, points=1)


@pytest.fixture
async def service(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(urls.service, server_settings={"jit": "off"})
    yield connection
    await connection.close()


async def evaluated(world: World, statuses: list[Status]) -> tuple[Judged, list[Evaluation]]:
    """A rolling objective of two days with these verdicts, one for each day from January on."""
    side = world.vendor
    objective = replace(world.objective(world.availability), window=RollingWindow(days=2, zone="UTC"))
    agreement = world.agreement(
        f"rolled-{len(statuses)}",
        world.version(objective),
        provider=side.party.id,
        customer=None,
        service=side.service.id,
    )
    spans = [Span(JANUARY + number * DAY, JANUARY + (number + 2) * DAY) for number in range(len(statuses))]
    periods = [Period(id=PeriodId(world.mint()), span=span) for span in spans]
    async with world.open() as work:
        await work.agreements.add(agreement)
        await work.periods.lay_down(
            [JudgedPeriod(objective=objective.id, service=side.service.id, period=each) for each in periods]
        )
        await work.attainments.save(
            [
                Attainment(
                    objective=objective.id,
                    version=agreement.versions[0].id,
                    agreement=agreement.id,
                    service=side.service.id,
                    period=period,
                    judged_at=period.span.end,
                    phase=Phase.FINAL,
                    status=status,
                    value=None,
                    coverage=None,
                    evidence=EVIDENCE,
                    next_at=None,
                )
                for period, status in zip(periods, statuses, strict=True)
            ]
        )
    found = [
        Evaluation(period=period.id, span=period.span, status=status, phase=Phase.FINAL)
        for period, status in zip(periods, statuses, strict=True)
    ]
    return Judged(objective=objective.id, service=side.service.id), found


async def test_evaluations_are_those_between_the_nearest_that_passed(world: World) -> None:
    met, missed, held = Status.MET, Status.MISSED, Status.HELD
    judged, found = await evaluated(world, [missed, met, held, missed, missed, held, met, missed])
    async with world.open() as work:
        await work.episodes.hold([judged])
        changed = found[4].span.start
        assert await work.episodes.evaluations({judged: (changed, changed)}) == {judged: found[2:7]}
        last = found[7].span.start
        assert await work.episodes.evaluations({judged: (last, last)}) == {judged: found[7:]}
        first = found[0].span.start
        assert await work.episodes.evaluations({judged: (first, changed)}) == {judged: found[:7]}
        assert await work.episodes.evaluations({}) == {}


async def test_two_years_of_evaluations_cost_no_more_pages_than_a_month(
    world: World, service: asyncpg.Connection, urls: Urls
) -> None:
    read: dict[int, int] = {}
    made = {days: await evaluated(world, [Status.MET] * days) for days in (30, 730)}
    superuser = await asyncpg.connect(urls.superuser)
    # Many other tenants have verdicts too, so that reading the tables whole does not pay.
    await superuser.execute("SET session_replication_role = replica")
    for table in ("judged_period", "attainment"):
        for _ in range(4):
            await superuser.execute(CROWD.format(table=table))
    await superuser.execute("VACUUM (ANALYZE) judged_period, attainment")
    await superuser.close()
    for days, (judged, found) in made.items():
        at = found[-1].span.start
        plan = await explained(
            service, world.admin.tenant, episodes.AROUND, [judged.service], [judged.objective], [at], [at]
        )
        read[days] = pages(plan)
    assert 0 < read[730] <= read[30] * 1.1 + 8, read

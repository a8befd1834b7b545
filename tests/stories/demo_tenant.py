"""The demo's tenant, ready to be played as a test wants it: whole, broken off, or all at once."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from domain.attainment import TimeEvidence
from domain.fact import OUTAGES_MAX
from domain.stream import StreamKey
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report
from runtime.clock import Mint, SettableClock
from runtime.commands.key import operator_at
from runtime.demo.account import Account, Verdict, account_of
from runtime.demo.catalog import Builder, Catalog, build_catalog
from runtime.demo.naming import Names, names_of
from runtime.demo.plan import Plan, Posting, Step, begins, first_instant, plan_of
from runtime.demo.records import Record, read_records
from runtime.demo.replay import Stage, actors_of, counts_of, steward_of
from runtime.demo.story import RecordName
from runtime.service import Running, running
from tests.conftest import new_tenant
from tests.servers import Urls

LATER = datetime(2026, 6, 1, tzinfo=UTC)
"""An instant at which all of the shared records are long past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A tenant with the catalog of a file's records, before the replay."""

    stage: Stage
    plan: Plan
    records: Sequence[Record]
    names: Names
    catalog: Catalog

    async def account(self) -> Account:
        return await account_of(
            self.stage.running.open_work,
            steward_of(self.stage.tenant),
            tenant="a-tenant",
            file="records.csv",
            records=self.records,
            names=self.names,
            catalog=self.catalog,
            plan=self.plan,
            counts=await counts_of(self.stage, self.plan),
        )


def written(folder: Path, text: str) -> Path:
    path = folder / "records.csv"
    path.write_text(text, encoding="utf-8")
    return path


@asynccontextmanager
async def at_the_beginning(urls: Urls, records: Sequence[Record]) -> AsyncIterator[tuple[Running, SettableClock]]:
    clock = SettableClock(begins(records))
    async with running(urls.service, pool_size=4, clock=clock) as process:
        yield process, clock


@asynccontextmanager
async def a_replay(urls: Urls, path: Path) -> AsyncIterator[Ready]:
    """Ready to be played; apart from `load`, so that a test may break it off or play it otherwise."""
    records = read_records(path)
    names = names_of({record.name for record in records})
    async with at_the_beginning(urls, records) as (process, clock):
        tenant = await new_tenant(operator_at(urls.owner), Mint())
        builder = Builder(
            open_work=process.open_work,
            steward=steward_of(tenant),
            at=begins(records),
            mint=process.mint,
            advanced=lambda: None,
        )
        catalog = await build_catalog(builder, names, first_instant(records))
        services = {code: service.id for code, service in catalog.services.items()}
        plan = plan_of(records, names, services, now=LATER)
        actors = actors_of(tenant, catalog.parties, names.vendors.values())
        stage = Stage(running=process, clock=clock, tenant=tenant, actors=actors)

        yield Ready(stage=stage, plan=plan, records=records, names=names, catalog=catalog)


def at_once(ready: Ready) -> Ready:
    """All is posted at the end of the replay, in few large calls, and judged once."""
    outages: dict[str | None, list[PostedOutage]] = defaultdict(list)
    reports: dict[str | None, dict[StreamKey, Report]] = defaultdict(dict)
    postings: list[Posting] = []
    for posting in ready.plan.postings:
        if isinstance(posting.command, RecordOutages):
            outages[posting.actor] += posting.command.outages
            # The last report of a stream reaches furthest.
            reports[posting.actor] |= {report.stream: report for report in posting.command.reports}
        else:
            postings.append(posting)
    for actor, posted in outages.items():
        for begin in range(0, len(posted), OUTAGES_MAX):
            part = RecordOutages(outages=tuple(posted[begin : begin + OUTAGES_MAX]))
            postings.append(Posting(key=f"outages/{actor}/{begin}", actor=actor, command=part))
        told = RecordOutages(reports=tuple(reports[actor].values()))
        postings.append(Posting(key=f"reports/{actor}", actor=actor, command=told))
    step = Step(at=ready.plan.ends, postings=tuple(postings))
    return replace(ready, plan=Plan(begins=ready.plan.begins, steps=(step,), lasting=False))


def unmoved(steps: int, at: datetime) -> None:
    """Nobody watches."""


def rows_by_code(text: str, names: Names) -> dict[str, list[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = {code: [] for code in names.services.values()}
    for row in csv.DictReader(text.splitlines()):
        found[names.services[RecordName(row["vendor"], row["service"])]].append(row)
    return found


def vendors_verdicts(account: Account) -> list[Verdict]:
    """Of components, by the vendors' own contracts: the mask knows no structures."""
    return [verdict for verdict in account.finished if verdict.agreement.code.startswith("uc/")]


def seconds_of(verdict: Verdict) -> tuple[int, int]:
    evidence = verdict.attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    assert evidence.down_us % 1_000_000 == evidence.allowed_us % 1_000_000 == 0
    assert evidence.missing_us == 0
    return evidence.down_us // 1_000_000, evidence.allowed_us // 1_000_000


def cut_inside_a_step(plan: Plan, steps: int) -> Plan:
    """The first steps, of which the last posts only the first half of its own."""
    *kept, last = plan.steps[:steps]
    half = last.postings[: len(last.postings) // 2]
    assert half
    return replace(plan, steps=(*kept, replace(last, postings=half)))

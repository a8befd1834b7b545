"""The demo: any file of records, replayed, judged, told and served; held to the mask of one cell per second."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from graphql import parse, validate
from rich.console import Console

from domain.attainment import Phase, TimeEvidence
from domain.ids import ServiceId
from domain.text import checked_code
from graph.schema import schema
from runtime.cli import main
from runtime.clock import SettableClock
from runtime.commands.key import operator_at
from runtime.demo.account import Account
from runtime.demo.loading import load
from runtime.demo.naming import Names, names_of
from runtime.demo.plan import plan_of
from runtime.demo.progress import Progress
from runtime.demo.records import read_records
from runtime.demo.replay import Moved, Stage, replay
from runtime.demo.story import UNDER_CONTRACT, RecordName
from runtime.demo.telling import WIDTH, report
from runtime.demo.telling_json import as_json
from runtime.demo.welcome import FIRST_QUERY
from runtime.service import running
from tests import real_outages
from tests.domain.reference import mask_seconds
from tests.servers import Urls
from tests.stories import processes
from tests.stories.conftest import House
from tests.stories.demo_tenant import (
    a_replay,
    at_once,
    at_the_beginning,
    cut_inside_a_step,
    rows_by_code,
    seconds_of,
    unmoved,
    vendors_verdicts,
    written,
)

PAIRS_MIN = 200
BUSY_PAIRS_MIN = 50
JSON_BYTES_MAX = 4 << 20

SMALL = """\
vendor,service,incident_id,started_at,ended_at,impact
GitHub,Actions,a1,2024-01-09T13:02:00Z,2024-01-09T14:40:30Z,critical
GitHub,Actions,a1,2024-01-09T13:02:00Z,2024-01-09T14:40:30Z,critical
GitHub,Actions,a1,2024-01-09T14:20:00Z,2024-01-09T15:00:00Z,major
GitHub,Actions,a1,2024-01-09T13:02:00Z,2024-01-09T15:30:00Z,minor
GitHub,Actions,a2,2024-03-31T20:00:00Z,2024-04-01T09:00:01Z,major
GitHub,Packages,p1,2024-02-10T00:00:00Z,2024-02-10T06:00:00Z,major
GitHub,Packages,p2,2024-02-10T06:00:00Z,2024-02-10T07:00:00Z,minor
GitHub,Codespaces,c1,2024-02-01T10:00:00Z,2024-02-03T10:00:00Z,maintenance
GitHub,Codespaces,c1,2024-02-01T10:00:00Z,2024-02-03T10:00:00Z,maintenance
GitHub,Codespaces,c2,2024-02-03T08:00:00Z,2024-02-03T12:00:00Z,critical
GitHub,Copilot,x1,2024-02-03T08:00:00Z,2024-02-03T12:00:00Z,critical
Google Cloud,Google Compute Engine,e1,2024-01-15T00:00:00Z,2024-01-15T00:00:59Z,critical
Google Cloud,Google Compute Engine,e2,2024-02-15T00:00:00Z,2024-02-15T00:01:00Z,critical
Google Cloud,Google Cloud Storage,s1,2024-02-20T00:00:00Z,2024-02-20T03:00:00Z,major
Cloudflare,R2,r1,2024-02-20T01:00:00Z,2024-02-20T02:00:07Z,major
Cloudflare,Network,n1,2024-02-29T23:59:59Z,2024-03-01T08:00:01Z,critical
Cloudflare,Network,n2,2024-01-20T08:00:00Z,2024-01-27T08:00:00Z,none
Nimbus 雲,計算,y1,2024-02-21T01:00:00Z,2024-02-21T02:00:00Z,critical
Nimbus 雲,Compute & Store,y2,2024-02-21T01:00:00Z,2024-02-21T02:00:00Z,maintenance
Nimbus 雲,Compute / Store,y3,2024-02-21T01:00:00Z,2024-02-21T02:00:00Z,major
"""
LASTING = """\
vendor,service,incident_id,started_at,ended_at,impact
GitHub,Actions,a1,2024-01-09T13:00:00Z,,major
GitHub,Issues,i1,2024-01-20T08:00:00Z,,maintenance
GitHub,Pages,g1,2024-02-01T00:00:00Z,2024-02-01T00:10:00Z,minor
"""
GCE_TOO_SHORT = ("google-cloud/google-compute-engine", "2024-01")
"""An outage of 59 s, where those of a minute or more count."""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return written(tmp_path, SMALL)


async def test_200_and_more_stored_verdicts_on_the_real_records_equal_the_mask(urls: Urls) -> None:
    """All is recorded first and judged once: law 5 says that this comes to the same (and the next test shows it)."""
    async with a_replay(urls, real_outages.FILE) as found:
        ready = at_once(found)
        await replay(ready.stage, ready.plan, unmoved)
        account = await ready.account()
        rows = rows_by_code(real_outages.FILE.read_text(encoding="utf-8"), ready.names)
    pairs = vendors_verdicts(account)
    told = [(each.service.code, each.attainment.period.span, seconds_of(each)) for each in pairs]
    masked = [(code, span, mask_seconds(rows[code], span.start, span.end)) for code, span, _ in told]
    assert told == masked
    assert len(pairs) >= PAIRS_MIN
    assert sum(down > 0 for _, _, (down, _) in told) >= BUSY_PAIRS_MIN
    assert {each.attainment.phase for each in pairs} == {Phase.FINAL}
    assert (account.records, account.counts.recorded, account.counts.exclusions) == (2195, 2178, 17)
    assert account.not_under_contract == sum(
        len(found)
        for component, found in real_outages.rows_by_component().items()
        if RecordName(*component) not in UNDER_CONTRACT
    )


async def test_recording_all_and_judging_once_comes_to_the_verdicts_of_the_replay(urls: Urls, small: Path) -> None:
    async with a_replay(urls, small) as ready:
        await replay(ready.stage, ready.plan, unmoved)
        step_by_step = await ready.account()
    async with a_replay(urls, small) as found:
        ready = at_once(found)
        await replay(ready.stage, ready.plan, unmoved)
        in_one = await ready.account()

    def told(account: Account) -> list[tuple[object, ...]]:
        return [
            (
                each.agreement.code,
                each.objective.code,
                each.service.code,
                each.attainment.period.span,
                each.attainment.status,
                each.attainment.value,
                None if not isinstance(each.attainment.evidence, TimeEvidence) else seconds_of(each),
                each.breach is None,
            )
            for each in account.finished
        ]

    assert told(step_by_step) == told(in_one)


class BrokenOff(Exception):
    pass


async def test_a_replay_that_was_broken_off_comes_to_the_same_account(urls: Urls, small: Path) -> None:
    async with a_replay(urls, small) as ready:
        await replay(ready.stage, ready.plan, unmoved)
        whole = as_json(await ready.account())
    async with a_replay(urls, small) as ready:
        for steps in (0, 20):
            with pytest.raises(BrokenOff):
                await replay(ready.stage, ready.plan, broken_off_after(steps))
        await replay(ready.stage, cut_inside_a_step(ready.plan, 30), unmoved)
        clock = SettableClock(ready.plan.begins)
        async with running(urls.service, pool_size=4, clock=clock) as process:
            again = Stage(running=process, clock=clock, tenant=ready.stage.tenant, actors=ready.stage.actors)
            await replay(again, ready.plan, unmoved)
        assert as_json(await ready.account()) == whole


async def test_a_loading_that_was_killed_is_taken_up_where_it_stopped(house: House, urls: Urls, tmp_path: Path) -> None:
    path = written(tmp_path, SMALL + "GitHub,Pages,k1,2024-03-05T00:00:00Z,2024-03-05T05:00:00Z,critical\n")
    command = [sys.executable, "-m", "runtime.cli", "demo", "--no-serve", "--json", "--outages", str(path)]
    killed = await asyncio.create_subprocess_exec(
        *command,
        cwd=processes.ROOT,
        env=processes.environment(house.data_dir),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert killed.stderr is not None
    catalog_is_there = await asyncio.wait_for(killed.stderr.readline(), processes.START_S_MAX)
    killed.kill()
    await killed.wait()
    assert catalog_is_there.startswith(b"parties, services, agreements")
    ended = await processes.interpact(house.data_dir, *command[3:])
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    async with a_replay(urls, path) as ready:
        await replay(ready.stage, ready.plan, unmoved)
        whole = json.loads(json.dumps(as_json(await ready.account())))
    assert {name: told[name] for name in ("records", "finished", "running", "breaches")} == {
        name: whole[name] for name in ("records", "finished", "running", "breaches")
    }


def broken_off_after(steps: int) -> Moved:
    left = steps

    def moved(taken: int, at: datetime) -> None:
        nonlocal left
        left -= taken
        if left < 0:
            raise BrokenOff(at)

    return moved


async def test_a_record_without_an_end_breaches_at_the_instant_at_which_the_budget_is_used_up(
    urls: Urls, tmp_path: Path
) -> None:
    async with a_replay(urls, written(tmp_path, LASTING)) as ready:
        await replay(ready.stage, ready.plan, unmoved)
        account = await ready.account()
    [actions] = [
        each
        for each in vendors_verdicts(account)
        if each.service.code == "github/actions" and each.attainment.period.span.start.year == 2024
    ]
    span = actions.attainment.period.span
    # A quarter of 2,183 hours (an hour is lost in March) allows a thousandth of them, and then one microsecond more.
    budget = timedelta(microseconds=(span.end - span.start) // timedelta(microseconds=1) // 1000 + 1)
    assert actions.breach is not None
    assert actions.breach.opened_at == datetime(2024, 1, 9, 13, tzinfo=UTC) + budget
    masked = mask_seconds(rows_by_code(LASTING, ready.names)["github/actions"], span.start, span.end)
    assert seconds_of(actions) == masked
    issues = next(each for each in vendors_verdicts(account) if each.service.code == "github/issues")
    span = issues.attainment.period.span
    assert seconds_of(issues) == mask_seconds(rows_by_code(LASTING, ready.names)["github/issues"], span.start, span.end)


async def test_the_command_tells_the_same_twice_and_every_record_is_accounted_for(house: House, small: Path) -> None:
    arguments = ("demo", "--no-serve", "--json", "--outages", str(small))
    first = await processes.interpact(house.data_dir, *arguments)
    second = await processes.interpact(house.data_dir, *arguments)
    assert (first.status, second.status) == (0, 0), first.err + second.err
    told, again = json.loads(first.out), json.loads(second.out)
    keys, others = told.pop("keys"), again.pop("keys")
    assert set(keys) == set(others) == {"manager", "cloudflare"}
    assert not set(keys.values()) & set(others.values())
    del told["firstQuery"], again["firstQuery"]
    assert told == again
    assert told["records"] == {
        "file": "records.csv",
        "read": 20,
        "recorded": 16,
        "duplicates": 2,
        "exclusions": 2,
        "notUnderContract": 5,
        "first": "2024-01-09T13:02:00Z",
        "last": "2024-04-01T09:00:00.999999Z",
    }
    assert [(each["component"], each["records"]) for each in told["notUnderContract"]] == [
        ("Copilot", 1),
        ("Google Cloud Storage", 1),
        ("計算", 1),
        ("Compute & Store", 1),
        ("Compute / Store", 1),
    ]
    held_to_the_mask(told["finished"], names_of({record.name for record in read_records(small)}))


def held_to_the_mask(finished: Sequence[Mapping[str, Any]], names: Names) -> None:
    rows = rows_by_code(SMALL, names)
    judged = [each for each in finished if each["agreement"].startswith("uc/")]
    assert len(judged) == 9 * 2 + 9 * 6, "two quarters of GitHub's nine features, six months of the nine others"
    for each in judged:
        period, evidence = each["period"], each["evidence"]
        start, end = datetime.fromisoformat(period["start"]), datetime.fromisoformat(period["end"])
        down, allowed = mask_seconds(rows[each["service"]], start, end)
        if (each["service"], period["label"]) == GCE_TOO_SHORT:
            assert (down, evidence["shortUs"]) == (59, 59_000_000)
            down = 0
        assert (evidence["downUs"], evidence["allowedUs"]) == (down * 1_000_000, allowed * 1_000_000), each
        assert (each["phase"], period["reportOnly"]) == ("final", False)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "GitHub,Actions,1,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,partial",
            ":2: impact: the impact partial is none",
        ),
        ("GitHub,Actions,1,2010-01-01T00:00:00Z,2024-01-01T01:00:00Z,major", ":2: ended_at: an outage lasts at most"),
        ("GitHub,Actions,1,2024-01-01T00:00:00,2024-01-01T01:00:00Z,major", ":2: started_at: "),
        ("GitHub,Actions,1,2024-01-01T00:00:00Z", ":2: the header has 6 columns"),
        ("", ":1: the file has no records"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told_before_anything_is_kept(
    tmp_path: Path, line: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, SMALL.splitlines()[0] + "\n" + (line + "\n" if line else ""))
    data_dir = tmp_path / "data"
    monkeypatch.setenv("INTERPACT_DATA_DIR", str(data_dir))
    assert main(["demo", "--no-serve", "--outages", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(str(path) + told)
    assert not data_dir.exists()


def test_the_replay_does_not_go_beyond_now_and_is_the_same_up_to_there(small: Path) -> None:
    records = read_records(small)
    names = names_of({record.name for record in records})
    services = {code: ServiceId(UUID(int=number)) for number, code in enumerate(names.services.values())}
    known = max(record.recorded_at for record in records)
    early, late = (plan_of(records, names, services, now=known + timedelta(days=days)) for days in (10, 1000))
    before = plan_of(records, names, services, now=known - timedelta(days=10))
    assert early.ends == known + timedelta(days=10)
    assert late.ends == datetime(2024, 7, 6, 7, tzinfo=UTC), "the last quarter's end and five days of grace"
    assert before.ends == known
    for shorter in (early, before):
        assert late.steps[: len(shorter.steps) - 1] == shorter.steps[:-1]


def test_whatever_vendors_and_components_are_called_each_gets_a_code_of_its_own() -> None:
    odd = ["雲", "C++ & Co.", "c co", "-", "x" * 200, "fernwater", "GitHub", "github"]
    found = names_of([RecordName(vendor, service) for vendor in odd for service in [*odd, "shop platform"]])
    for codes in (found.vendors, found.services):
        assert len(set(codes.values())) == len(codes)
        for code in codes.values():
            assert checked_code(code) == code
    assert found.services[RecordName("GitHub", "Actions")] == "github/actions"


async def test_people_read_the_account_in_100_columns(urls: Urls, small: Path) -> None:
    records = read_records(small)
    async with at_the_beginning(urls, records) as (process, clock):
        loaded = await load(
            process, clock, operator_at(urls.owner), records, file=small.name, progress=Progress(Console(quiet=True))
        )
    console = Console(width=WIDTH, file=StringIO())
    console.print(report(loaded.account))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= WIDTH
    [actions] = [line.split() for line in lines if line.startswith("Actions ")]
    assert actions == ["Actions", "2024-Q2", "99.908412", "%", "99.9", "%", "met", "7201", "0", "100", "%"]
    breached = [line.split()[:3] for line in lines if line.startswith("uc/") and "2024-" in line]
    assert ["uc/cloudflare", "Network", "2024-03"] in breached


def test_the_first_query_fits_the_schema() -> None:
    assert validate(schema._schema, parse(FIRST_QUERY)) == []


async def test_it_is_served_with_its_keys_until_it_is_stopped(
    house: House, small: Path, http: httpx.AsyncClient
) -> None:
    command = [sys.executable, "-m", "runtime.cli", "demo", "--json", "--outages", str(small)]
    demo = await asyncio.create_subprocess_exec(
        *command,
        cwd=processes.ROOT,
        env=processes.environment(house.data_dir),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=JSON_BYTES_MAX,
    )
    try:
        assert demo.stdout is not None
        told = json.loads(await asyncio.wait_for(demo.stdout.readline(), processes.START_S_MAX))
        answer = await http.post(
            told["address"],
            json={"query": told["firstQuery"]["query"]},
            headers={"Authorization": f"Bearer {told['keys']['manager']}"},
        )
        assert answer.json()["data"]["breaches"]["totalCount"] == len(told["breaches"])
        demo.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(demo.wait(), processes.STOP_S_MAX) == 0
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()

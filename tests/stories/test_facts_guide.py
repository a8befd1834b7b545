"""docs/facts.md, run as it stands: each command in it is given to a shell, and must get the answer printed below it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from asyncio.subprocess import PIPE
from dataclasses import dataclass

import pytest

from domain.case import CASE_LENGTH_MAX, CASES_MAX, PAUSES_MAX
from domain.fact import OUTAGES_MAX, POINTS_MAX, SERIES_MAX
from domain.instants import EARLIEST, LATEST
from domain.metric import Aggregation, Shape
from domain.party import PartyKind
from domain.policy import Role
from domain.usecases.record_outages import OUTAGE_LENGTH_MAX
from graph.limits import MIB, Limits
from tests.stories import processes
from tests.stories.conftest import House, NewWorkshop
from tests.stories.storage import Store
from tests.stories.tenants import a_key

GUIDE = (processes.ROOT / "docs" / "facts.md").read_text()
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS_MAX = 30

needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs bash and curl"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A command and what the guide says that it prints."""

    command: str
    answer: object


def examples() -> list[Example]:
    blocks = [(found["kind"], found["text"]) for found in BLOCK.finditer(GUIDE)]
    assert blocks[0] == ("sh", "export INTERPACT=http://127.0.0.1:8080 KEY=ipk_…\n")
    commands, answers = blocks[1::2], blocks[2::2]
    assert {kind for kind, _ in commands} == {"sh"}
    assert {kind for kind, _ in answers} == {"json"}
    pairs = zip(commands, answers, strict=True)
    return [Example(command, json.loads(answer)) for (_, command), (_, answer) in pairs]


@needs_curl
async def test_every_example_answers_what_the_guide_says(
    doors: processes.Running, house: House, a_workshop: NewWorkshop, store: Store
) -> None:
    workshop = await a_workshop()
    await workshop.party("acme-cloud", PartyKind.VENDOR)
    await workshop.service("checkout", provider="acme-cloud")
    await workshop.metric("availability")
    await workshop.metric("good-requests", Aggregation.RATIO_OF_SUMS)
    await workshop.metric("latency", Aggregation.MEAN)
    await workshop.metric("probes", shape=Shape.STATE)
    await workshop.metric("priority-2", Aggregation.CASES_WITHIN)
    vendor = workshop.parties["acme-cloud"].id
    key, _ = await a_key(house.server.owner_url, workshop.tenant, Role.VENDOR, vendor)
    for example in examples():
        said = json.loads(await _run(example.command, {"INTERPACT": doors.address, "KEY": key}))
        # What the call cost is told beside the answer; the guide leaves it out.
        said.pop("extensions", None)
        assert said == example.answer, example.command
    kept = await store.rows(
        "SELECT external_id, max(revision) AS revision FROM outage WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1",
        workshop.tenant,
    )
    assert [(row["external_id"], row["revision"]) for row in kept] == [("INC-1", 2), ("INC-2", 2), ("INC-3", 1)]


async def _run(command: str, environ: dict[str, str]) -> str:
    plain = processes.environment(processes.ROOT, environ)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", command, env=plain, stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    assert process.returncode == 0, (command, err.decode())
    return out.decode()


def test_the_guide_tells_the_limits_as_they_are() -> None:
    rows = {
        "outages, and reports, in a call": f"{OUTAGES_MAX:,} each",
        "cases in a call; pauses of one": f"{CASES_MAX:,}; {PAUSES_MAX}",
        "points, or states, in a call, over all its series": f"{POINTS_MAX:,}",
        "series in a call; a stream occurs once": f"{SERIES_MAX}",
        "a body": f"{Limits().body_bytes_max // MIB} MiB",
        "an outage": f"{OUTAGE_LENGTH_MAX.days:,} days",
        "a case from its opening to its resolution": f"{CASE_LENGTH_MAX.days:,} days",
        "instants": f"from {EARLIEST:%Y} to {LATEST:%Y}",
    }
    for what, most in rows.items():
        assert f"| {what} | {most} |" in GUIDE

"""What each attack of tests/stories/attacks.py costs the service in processor time, beside an honest query."""

from __future__ import annotations

import asyncio
import base64
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.ground import Ground
from bench.processor import milliseconds
from bench.results import Result
from tests.stories.attacking import Attack, Seen, Target, asking, request, spoken
from tests.stories.attacks import ATTACKS, SLOW
from tests.stories.besieging import besieged

TIMES = 30
"""Of each attack. A tick of the processor's clock is 10 ms, so a figure is right to a third of one."""
WARM_UPS = 2
TOLD = 6
HONEST = "an honest query"


async def measure(ground: Ground) -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="interpact-bench-") as folder:
        async with ground.place("attacks") as place:
            data_dir, log = Path(folder) / "data", Path(folder) / "log"
            more = {
                "DATABASE_URL": place.service_url,
                "INTERPACT_SECRET": base64.b64encode(secrets.token_bytes(32)).decode(),
                "INTERPACT_LOG_LEVEL": "warning",
            }
            async with besieged(data_dir, place.owner_url, log=log, more=more) as siege:
                figures = await _figures(siege.target, siege.process.process.pid)
    honest = figures.pop(HONEST)
    return [_result(figures, honest)]


def _result(figures: Mapping[str, float], honest: float) -> Result:
    dearest = sorted(figures.items(), key=lambda figure: -figure[1])[:TOLD]
    listed = ", ".join(f"{name} {figure:.1f}" for name, figure in dearest)
    note = (
        "user and system time of the serving process (/proc/…/stat) for one attack, the mean of "
        f"{TIMES} in a row, after {WARM_UPS} more; the dearest of {len(figures)}, which are: {listed}; those that take "
        "their time are made all at once; beside a query for one object by a key; one server process (interpact serve "
        "--no-worker), the attacker in the process of the benchmark; the time of PostgreSQL is not in it"
    )
    return Result(name="attack_cpu", ours=dearest[0][1], theirs=honest, unit="ms", note=note)


async def _figures(target: Target, pid: int) -> dict[str, float]:
    honest = Attack(name=HONEST, act=_ask, ends="200 data", runs=True)
    figures: dict[str, float] = {}
    for attack in [honest, *ATTACKS]:
        await _warm_up(attack, target)
        figures[attack.name] = await _cost(pid, partial(_in_a_row, attack, target))
    for attack in SLOW:
        figures[attack.name] = await _cost(pid, partial(_at_once, attack, target))
    return figures


async def _warm_up(attack: Attack, target: Target) -> None:
    for _ in range(WARM_UPS):
        await _made(attack, target)


async def _ask(target: Target) -> Seen:
    return await spoken(target, request(target, asking(target, "{ viewer { role } }")))


async def _cost(pid: int, make: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds for each of those that it makes."""
    before = milliseconds(pid)
    await make()
    return (milliseconds(pid) - before) / TIMES


async def _in_a_row(attack: Attack, target: Target) -> None:
    for _ in range(TIMES):
        await _made(attack, target)


async def _at_once(attack: Attack, target: Target) -> None:
    await asyncio.gather(*(_made(attack, target) for _ in range(TIMES)))


async def _made(attack: Attack, target: Target) -> None:
    seen = await attack.act(target)
    # What ends otherwise was another attack than the one whose cost is told.
    assert seen.ended == attack.ends, f"{attack.name}: {seen}"

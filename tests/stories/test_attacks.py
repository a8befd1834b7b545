"""Each attack of the table ends as it should, says why, and runs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.stories.attacking import JSON, Attack, request, spoken
from tests.stories.attacks import ATTACKS, SLOW
from tests.stories.besieging import Besieged, besieged
from tests.stories.conftest import House
from tests.stories.storage import Store

LEAKS = ("Did you mean", "Traceback", "stacktrace", '"tracing"', "site-packages", ".py", '"code":"INTERNAL"')
"""What no answer may hold, whatever it is the answer to."""
VIEWER = b'{"query": "{ viewer { role } }"}'


@pytest.fixture(scope="module")
async def siege(house: House) -> AsyncIterator[Besieged]:
    async with besieged(house.data_dir, house.server.owner_url, log=house.log) as found:
        yield found


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_an_attack_ends_as_it_should_and_runs_nothing(
    siege: Besieged, store: Store, http: httpx.AsyncClient, attack: Attack
) -> None:
    held, ran = await store.digests(), await siege.operations(http)
    seen = await attack.act(siege.target)
    assert seen.ended == attack.ends, seen.said[:2_000]
    assert attack.says in seen.said
    assert [leak for leak in LEAKS if leak in seen.said] == []
    assert await store.digests() == held
    assert attack.runs or await siege.operations(http) == ran


async def test_who_takes_their_time_is_let_go(siege: Besieged, store: Store, http: httpx.AsyncClient) -> None:
    held, ran = await store.digests(), await siege.operations(http)
    seen = await asyncio.gather(*(attack.act(siege.target) for attack in SLOW))
    assert [each.ended for each in seen] == [attack.ends for attack in SLOW]
    assert [attack.name for attack, each in zip(SLOW, seen, strict=True) if attack.says not in each.said] == []
    assert (await store.digests(), await siege.operations(http)) == (held, ran)


async def test_the_right_key_and_the_right_token_are_let_in(siege: Besieged) -> None:
    """What the attacks change is all that keeps them out."""
    target = siege.target
    by_key = await spoken(target, request(target, VIEWER))
    token = {"authorization": f"Bearer {target.issuer.token(sub=siege.member)}", "interpact-tenant": siege.tenant_code}
    by_token = await spoken(target, request(target, VIEWER, JSON | token, keyed=False))
    assert (by_key.ended, by_token.ended) == ("200 data", "200 data")
    assert ('"role":"ADMIN"' in by_key.said, '"role":"ANALYST"' in by_token.said) == (True, True)


async def test_the_service_ended_nothing_in_an_error_of_its_own(siege: Besieged) -> None:
    """Looked at last: what was logged since its start."""
    log: Path = siege.process.log
    assert [line for line in log.read_text().splitlines() if '"level":"error"' in line] == []


def test_each_attack_has_a_name_of_its_own() -> None:
    names = [attack.name for attack in [*ATTACKS, *SLOW]]
    assert len(set(names)) == len(names) > 120

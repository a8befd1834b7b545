"""breachEvents: heartbeats, cursors, filters, and what a subscriber may hear."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.actor import Actor
from domain.ids import KeyId
from domain.policy import Role
from graph.errors import RequestError
from persistence.database import Database
from persistence.operator import Operator
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_stream, acting_for, furnish

EVENTS = """
subscription($after: String, $filter: BreachEventFilter) {
  breachEvents(after: $after, filter: $filter) {
    __typename cursor
    ... on BreachEvent { serviceCode transition agreement { code } }
    ... on Heartbeat { at }
  }
}
"""
BEAT_SECONDS = 0.2


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START, heartbeat_seconds=BEAT_SECONDS)


async def break_down(asker: Asker, vendor: str, hour: int) -> None:
    """A quarter of an hour without service is more than a percent of a day."""
    asker.clock.now = START + timedelta(hours=26)
    start = START + timedelta(hours=hour)
    outage = {
        "stream": a_stream("uptime", vendor),
        "externalId": f"at {hour}",
        "impact": "critical",
        "startedAt": start.isoformat(),
        "endedAt": (start + timedelta(minutes=15)).isoformat(),
    }
    report = {"stream": a_stream("uptime", vendor), "through": asker.clock().isoformat()}
    await asker.do("recordOutages", outages=[outage], reports=[report])
    await asker.judge()


async def heard(asker: Asker, count: int, **variables: object) -> list[dict[str, Any]]:
    async with asyncio.timeout(10), asker.following(EVENTS, **variables) as answers:
        return [(await anext(answers))["data"]["breachEvents"] for _ in range(count)]


async def test_a_silent_stream_beats_at_once_and_then_once_an_interval(asker: Asker) -> None:
    await furnish(asker)
    loop = asyncio.get_running_loop()
    times: list[float] = []
    async with asker.following(EVENTS) as answers:
        for _ in range(3):
            beat = (await anext(answers))["data"]["breachEvents"]
            assert (beat["__typename"], beat["at"]) == ("Heartbeat", "2026-01-01T00:00:00Z")
            times.append(loop.time())
    assert [times[1] - times[0] >= BEAT_SECONDS, times[2] - times[1] >= BEAT_SECONDS] == [True, True]


async def test_heartbeats_carry_the_cursor_past_what_others_see(asker: Asker) -> None:
    made = await furnish(asker)
    acme = acting_for(asker, Role.VENDOR, made.parties["acme"])
    async with acme.following(EVENTS) as answers:
        first = (await anext(answers))["data"]["breachEvents"]
        await break_down(asker, "rival", 6)
        second = (await anext(answers))["data"]["breachEvents"]
    assert [first["__typename"], second["__typename"]] == ["Heartbeat", "Heartbeat"]
    assert first["cursor"] != second["cursor"]
    await break_down(asker, "acme", 7)
    for cursor in (first["cursor"], second["cursor"]):
        (event,) = await heard(acme, 1, after=cursor)
        assert (event["serviceCode"], event["agreement"]) == ("acme-api", {"code": "uc-acme"})


async def test_each_party_hears_its_own_and_the_tenant_hears_all(asker: Asker) -> None:
    made = await furnish(asker)
    parties = {vendor: acting_for(asker, Role.VENDOR, made.parties[vendor]) for vendor in ("acme", "rival")}
    starts = {vendor: (await heard(party, 1))[0]["cursor"] for vendor, party in parties.items()}
    (start,) = await heard(asker, 1)
    await break_down(asker, "acme", 6)
    await break_down(asker, "rival", 6)
    events = await heard(asker, 2, after=start["cursor"])
    assert [event["serviceCode"] for event in events] == ["acme-api", "rival-api"]
    for vendor, party in parties.items():
        event, beat = await heard(party, 2, after=starts[vendor])
        assert (event["serviceCode"], beat["__typename"]) == (f"{vendor}-api", "Heartbeat")


async def test_a_filter_lets_through_what_fits(asker: Asker) -> None:
    made = await furnish(asker)
    (start,) = await heard(asker, 1)
    await break_down(asker, "acme", 6)
    await break_down(asker, "rival", 6)
    for wanted in (
        {"services": [made.services["rival-api"]]},
        {"agreements": [made.agreements["uc-rival"]]},
    ):
        (event,) = await heard(asker, 1, after=start["cursor"], filter=wanted)
        assert event["serviceCode"] == "rival-api"
    (beat,) = await heard(asker, 1, after=start["cursor"], filter={"transitions": ["CONFIRMED"]})
    assert beat["__typename"] == "Heartbeat"


async def refused(asker: Asker, **variables: object) -> str:
    with pytest.raises(RequestError) as error:
        await heard(asker, 1, **variables)
    cause: Any = error.value.errors[0].original_error
    code: str = cause.code
    return code


async def test_a_cursor_is_good_for_its_own_tenant_and_party_alone(
    asker: Asker, database: Database, operator: Operator, mint: Mint
) -> None:
    made = await furnish(asker)
    (start,) = await heard(asker, 1)
    stranger = Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)
    for other in (asker.by(stranger), acting_for(asker, Role.VENDOR, made.parties["acme"])):
        assert await refused(other, after=start["cursor"]) == "CURSOR_INVALID"
    assert await refused(asker, after="nonsense") == "CURSOR_INVALID"
    page = await asker.ask("{ parties(first: 1) { pageInfo { endCursor } } }")
    assert await refused(asker, after=page["parties"]["pageInfo"]["endCursor"]) == "CURSOR_INVALID"
    assert await refused(asker, filter={"services": ["nonsense"]}) == "INVALID"


async def test_a_cursor_beyond_the_feed_is_an_error_and_no_gap(asker: Asker) -> None:
    await furnish(asker)
    seal, scope = asker.application.seal, (str(asker.actor.tenant), "")
    beyond = seal.seal("breachEvents", scope, b"1000000")
    async with asker.following(EVENTS, after=beyond) as answers:
        with pytest.raises(Exception, match="does not hold this cursor") as error:
            await anext(answers)
    assert type(getattr(error.value, "original_error", error.value)).__name__ == "CursorExpired"


async def test_a_subscriber_that_leaves_leaves_nothing_behind(asker: Asker, database: Database) -> None:
    made: Furnished = await furnish(asker)
    assert made.services
    async with asker.following(EVENTS) as answers:
        await anext(answers)
        waiting = asyncio.ensure_future(anext(answers))
        await asyncio.sleep(BEAT_SECONDS / 4)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    opened = len(asker.opened)
    await asyncio.sleep(BEAT_SECONDS)
    assert len(asker.opened) == opened
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]

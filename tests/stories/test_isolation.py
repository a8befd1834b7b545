"""What rivals get as things happen: each hears of its own breaches alone, and no key of one answers for another.

What they get when they ask is held by the matrix (tests/stories/matrix).
"""

from __future__ import annotations

from typing import Any

import pytest

from domain.feed import BreachChange, BreachFilter
from domain.ids import Position
from domain.policy import Role
from runtime.service import Running
from tests.stories import processes
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.documents import BREACH_EVENTS, RECORD_OUTAGES, mutation
from tests.stories.rivals import (
    FOREIGN,
    LEFT,
    LEFT_BUYER,
    NAMES,
    RIGHT,
    RIGHT_BUYER,
    SHARED,
    Intruder,
    Rivals,
    record_facts,
    rivals,
)
from tests.stories.talking import Subscriber, subscribed
from tests.stories.tenants import a_key
from tests.stories.workshop import Workshop

START, END = "2024-05-01T00:00:00Z", "2024-05-01T01:00:00Z"


@pytest.fixture(scope="module")
async def scene(house: House, inside: Running, a_workshop: NewWorkshop) -> Rivals:
    return await rivals(a_workshop, inside.worker.settle, house.server.owner_url)


def intruder(scene: Rivals, name: str) -> Intruder:
    return next(each for each in scene.intruders if each.name == name)


def names_in(text: str) -> set[str]:
    return {name for name in NAMES if name in text}


async def test_a_subscription_tells_a_party_its_own_breaches_alone(
    scene: Rivals, inside: Running, doors: processes.Running
) -> None:
    vendor, customer, stranger = (intruder(scene, name) for name in ("vendor", "customer", "stranger"))
    async with (
        subscribed(doors.address, scene.admin, BREACH_EVENTS) as admin,
        subscribed(doors.address, vendor.key, BREACH_EVENTS) as of_vendor,
        subscribed(doors.address, customer.key, BREACH_EVENTS) as of_customer,
        subscribed(doors.address, stranger.key, BREACH_EVENTS) as of_stranger,
    ):
        for subscriber in (admin, of_vendor, of_customer, of_stranger):
            assert (await subscriber.event())["__typename"] == "Heartbeat"
        # The rival's outage comes first, and breaks what rests on it; the vendor's own, on another day, comes last.
        for party, day in ((RIGHT, 1), (LEFT, 2)):
            await record_facts(scene.house, party, scene.begins, day=day)
            await inside.worker.settle_tenant(scene.house.tenant)
        await record_facts(scene.foreign, FOREIGN, scene.begins, day=1)
        await inside.worker.settle_tenant(scene.foreign.tenant)
        told = await _told_since(inside, scene.house)
        assert {event.agreement_code for event in told} == {
            *(f"{vendor_name}-uc" for vendor_name in (LEFT, RIGHT)),
            f"{LEFT}-suite-uc",
            *(f"{buyer}-sla" for buyer in (LEFT_BUYER, RIGHT_BUYER)),
        }
        for subscriber, names in ((admin, NAMES), (of_vendor, {LEFT}), (of_customer, {LEFT_BUYER})):
            own = [event for event in told if names_in(event.agreement_code) & names]
            heard = [await _breach(subscriber) for _ in own]
            assert [(each["agreementCode"], each["objectiveCode"], each["transition"]) for each in heard] == [
                (event.agreement_code, event.objective_code, event.transition.name) for event in own
            ]
        assert (await _breach(of_stranger))["agreementCode"] == f"{FOREIGN}-uc"


async def _breach(subscriber: Subscriber) -> dict[str, Any]:
    """The next event of a breach. Verdicts that late facts restate are told as well."""
    while True:
        event = await subscriber.event()
        if event["__typename"] == "BreachEvent":
            return event


async def _told_since(inside: Running, house: Workshop) -> list[BreachChange]:
    """The breaches of the tenant's second and third day, in the order of the feed."""
    async with inside.open_work(house.admin) as work:
        found = await work.feed.breaches_after(Position(0), BreachFilter(), 1000)
    begins = min(event.change.period.start for event in found.events)
    return [event.change for event in found.events if event.change.period.start > begins]


async def test_an_idempotency_key_is_a_partys_own(scene: Rivals, client_of: ClientOf, house: House) -> None:
    """A rival's key tells nothing of what the rival did under it."""
    tenants = scene.house
    right, _ = await a_key(house.server.owner_url, tenants.tenant, Role.VENDOR, tenants.parties[RIGHT].id)
    done = []
    for party, key in ((RIGHT, right), (LEFT, intruder(scene, "vendor").key)):
        stream = {"metric": f"{SHARED}-up", "service": f"{party}-hosting", "vendor": party}
        outage = {"stream": stream, "externalId": "once", "impact": "minor", "startedAt": START, "endedAt": END}
        done.append(
            await client_of(key).do(mutation(RECORD_OUTAGES), outages=[outage], idempotencyKey="the-same-for-both")
        )
    assert [payload["recordedCount"] for payload in done] == [1, 1]

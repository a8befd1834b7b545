"""One event to a thousand subscribers, beside a graphql-ws server that tells as many the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter

from bench.following import Followers, Subscription
from bench.ground import Ground
from bench.peers import peer
from bench.posting import Client, request
from bench.results import Result, interleaved
from bench.serving import serving
from bench.tenants import Measured, a_key, a_tenant
from bench.waiting import until_judged
from domain.breach import Severity, Transition
from domain.feed import BreachChange, PostingKind
from domain.ids import AgreementId, BreachId, ObjectiveId, PeriodId, ServiceId
from domain.policy import Role
from domain.ratio import Ratio
from domain.spans import Span
from runtime.clock import system_clock
from runtime.service import Running, running

SUBSCRIBERS = 1_000
EVENTS = 15
WARM_UPS = 2
FOLLOW = """
subscription Follow {
  breachEvents { __typename cursor ... on BreachEvent {
    transition severity serviceCode agreementCode objectiveCode value target recordedAt
  } }
}
"""
THEIR_ITEM = {
    "__typename": "BreachEvent",
    "cursor": "Mzc1OTk0NzQ3ODQ0NTU2MjQ4NDQ5NTYzNDI0",
    "transition": "OPENED",
    "severity": "MINIMUM",
    "serviceCode": "service-00",
    "agreementCode": "contract",
    "objectiveCode": "availability",
    "value": "99.5",
    "target": "100",
    "recordedAt": "2026-01-01T00:00:00.000000Z",
}


async def measure(ground: Ground) -> Sequence[Result]:
    at = system_clock()
    async with (
        ground.place("fanout") as place,
        running(place.service_url, pool_size=1, clock=system_clock) as process,
    ):
        measured = await a_tenant(place, process, services=1, promised="100", since=at, at=at)
        key = await a_key(place, process, measured, Role.ANALYST)
        async with serving(place) as address, peer("fanout.mjs", {}) as theirs, Client(theirs) as teller:
            await until_judged(place)
            publish = request(theirs, "", "", {"item": THEIR_ITEM})

            async def told() -> None:
                await teller.post(publish)

            async def happened() -> None:
                await _breach(process, measured)

            async with (
                _followers(Subscription(address=address, key=key, document=FOLLOW)) as ours,
                _followers(Subscription(address=theirs, key=key, document=FOLLOW)) as other,
            ):
                spread: list[float] = []
                sides = await interleaved(
                    lambda: _until_last(happened, ours, spread),
                    lambda: _until_last(told, other, []),
                    runs=EVENTS,
                    warm_ups=WARM_UPS,
                )
    mine, others = sides.medians()
    note = (
        f"from the trigger to the last of {SUBSCRIBERS:,} subscribers over graphql-transport-ws, one socket each, all "
        "sockets in one client process; ours: the commit of a breach event by another process, then the wake-up, the "
        "feed and one interpact serve with its worker; theirs: a POST to one Node process with graphql-ws on ws, which "
        f"hands the same item to an async iterator of each; the same selection; median of {EVENTS} interleaved events; "
        f"ours from the first subscriber to the last one: {sorted(spread)[len(spread) // 2]:,.0f} ms"
    )
    return [Result(name="fanout_vs_graphql_ws", ours=mine, theirs=others, unit="ms", note=note)]


@asynccontextmanager
async def _followers(subscription: Subscription) -> AsyncIterator[Followers]:
    followers = Followers()
    try:
        await followers.follow(subscription, SUBSCRIBERS)
        yield followers
    finally:
        followers.close()


async def _until_last(trigger: Callable[[], Awaitable[None]], followers: Followers, spread: list[float]) -> float:
    """Milliseconds."""
    begun = perf_counter()
    triggered = asyncio.ensure_future(trigger())
    first, last = await followers.everybody()
    await triggered
    spread.append((last - first) * 1_000)
    return (last - begun) * 1_000


async def _breach(process: Running, measured: Measured) -> None:
    """As the worker's judgement appends it, without the judgement."""
    at: datetime = system_clock()
    change = BreachChange(
        transition=Transition.OPENED,
        breach=BreachId(process.mint()),
        objective=ObjectiveId(process.mint()),
        objective_code="availability",
        agreement=AgreementId(process.mint()),
        agreement_code="contract",
        service=ServiceId(process.mint()),
        service_code=measured.services[0],
        provider=measured.vendor,
        customer=None,
        attainment=PeriodId(process.mint()),
        period=Span(at.replace(day=1, hour=0, minute=0, second=0, microsecond=0), at),
        severity=Severity.MINIMUM,
        value=Ratio(995, 1000),
        target=Ratio(1, 1),
        shown_value="99.5",
        shown_target="100",
    )
    async with process.open_work(measured.admin) as work:
        await work.feed.append([change])
        work.posts(PostingKind.CATALOG, at)

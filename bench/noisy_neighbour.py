"""What a tenant waits while another one, on the same process, asks for ten times its quota."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from statistics import mean

import asyncpg
import orjson

from bench.beside import beside
from bench.ground import Ground, Place
from bench.open_loop import Sent, Stream
from bench.posting import Client, request
from bench.results import Result, Sides, percentile
from bench.serving import Address, serving
from bench.shop import some_agreements, some_metrics
from bench.tallies import BEGINNING
from bench.tenants import OUTAGES, TALLIES, VENDOR, Measured, a_key, a_tenant
from bench.waiting import until_judged
from domain.ids import TenantId
from domain.policy import Role
from graph.ids import encode
from runtime.clock import system_clock
from runtime.service import Running, running
from runtime.settings import QUOTA_PER_MINUTE

QUOTA = int(QUOTA_PER_MINUTE.default)
TIMES_ITS_QUOTA = 10
QUIET_A_SECOND = 20
QUIET_CONNECTIONS = 8
NOISY_CONNECTIONS = 16
STEP = timedelta(minutes=5)
PHASES = 6
PHASE_SECONDS = 4
SERVICES = 100
OBJECTIVES = 10
METRICS = 100
POINTS = 500

ONE = "query One($id: ID!) { node(id: $id) { id ... on Metric { code name unit scale } } }"
SOME = "{ services(first: 20) { nodes { id code name provider { code name } } } }"
OUTAGE = """
mutation Outage($input: RecordOutagesInput!) {
  recordOutages(input: $input) { recordedCount userErrors { code message path } }
}
"""
POINTS_OF_A_DAY = """
mutation Points($input: RecordMeasurementsInput!) {
  recordMeasurements(input: $input) { recordedCount userErrors { code message path } }
}
"""
NESTED = """
{ agreements(first: 100) { nodes {
  id code name provider { code }
  versionInForce { number objectives { id code name unit direction expected importance missing } }
} } }
"""
_METRICS = "metrics(first: 100) { nodes { id code name aggregation shape direction unit scale grid methodology } }"
WIDES = 20
WIDE = f"{{ {' '.join(f'm{number}: {_METRICS}' for number in range(WIDES))} }}"
WIDE_OBJECTS = WIDES * METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tenant:
    measured: Measured
    key: str
    metric: str
    """The id of one of its metrics, as clients know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """One phase of noise. `phase` makes what is posted in it new."""

    address: Address
    key: str
    metric: str
    phase: int
    a_second: float


async def measure(ground: Ground) -> Sequence[Result]:
    async with ground.place("noisy_neighbour") as place, place.superuser() as superuser:
        async with running(place.service_url, pool_size=1, clock=system_clock) as process:
            quiet, noisy = [await _a_tenant(place, process, code) for code in ("quiet", "noisy")]
        async with serving(place) as address, beside(_noise) as noise:
            await until_judged(place)
            cost = await _mean_cost(address, noisy)
            a_second = TIMES_ITS_QUOTA * QUOTA / 60 / cost
            order = _Order(address=address, key=noisy.key, metric=noisy.metric, phase=0, a_second=a_second)
            modest = Stream(address, _modest(quiet, address), a_second=QUIET_A_SECOND, connections=QUIET_CONNECTIONS)
            phases = _Phases(superuser, noisy.measured.tenant, noise, order, modest)
            await phases.warm_up()
            spent = await phases.taken(spent=True)
            full = await phases.taken(spent=False)
    return [
        _result("noisy_neighbour_p99", spent, cost, "nothing left of its quota when a phase begins"),
        _result("noisy_neighbour_p99_burst", full, cost, "a whole minute's quota left when a phase begins"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """`ours`: the quiet tenant's milliseconds beside the noisy one, `theirs`: alone; what the noisy one was told."""

    sides: Sides
    statuses: Counter[int]
    given_up: int
    seconds: float


class _Phases:
    """Each phase beside noise stands between two that are quiet."""

    def __init__(
        self,
        superuser: asyncpg.Connection,
        noisy: TenantId,
        noise: Callable[[_Order], Awaitable[Sent]],
        order: _Order,
        modest: Stream,
    ) -> None:
        self._superuser = superuser
        self._noisy = noisy
        self._noise = noise
        self._order = order
        self._modest = modest
        self._phase = 0

    async def warm_up(self) -> None:
        await self._alone()
        await self._beside_noise(spent=True)

    async def taken(self, *, spent: bool) -> _Taken:
        sides = Sides([], [])
        statuses: Counter[int] = Counter()
        given_up = 0
        for _ in range(PHASES):
            sides.theirs.extend(await self._alone())
            seconds, sent = await self._beside_noise(spent=spent)
            sides.ours.extend(seconds)
            statuses += sent.statuses
            given_up += sent.given_up
        return _Taken(sides=sides, statuses=statuses, given_up=given_up, seconds=PHASES * PHASE_SECONDS)

    async def _alone(self) -> list[float]:
        return _milliseconds(await self._modest.run(PHASE_SECONDS))

    async def _beside_noise(self, *, spent: bool) -> tuple[list[float], Sent]:
        """As after minutes of noise (its bucket is empty), or as it begins (it holds a minute's worth)."""
        self._phase += 1
        await self._superuser.execute(
            "UPDATE quota SET units = $2, filled_at = clock_timestamp() WHERE tenant_id = $1",
            *(self._noisy, 0 if spent else QUOTA),
        )
        async with asyncio.TaskGroup() as group:
            noise = group.create_task(_awaited(self._noise(replace(self._order, phase=self._phase))))
            modest = await self._modest.run(PHASE_SECONDS)
        return _milliseconds(modest), noise.result()


async def _awaited(sent: Awaitable[Sent]) -> Sent:
    return await sent


def _milliseconds(sent: Sent) -> list[float]:
    assert set(sent.statuses) == {200}, f"the quiet tenant is never refused, but {sent.statuses}"
    return [seconds * 1_000 for seconds in sent.seconds]


def _result(name: str, taken: _Taken, cost: float, bucket: str) -> Result:
    answered, refused = taken.statuses[200], taken.statuses[429]
    note = (
        f"p99 of {len(taken.sides.ours):,} requests of one tenant ({QUIET_A_SECOND} a second, open loop, one in five a "
        f"post), beside another that offers {TIMES_ITS_QUOTA} times its quota: {QUOTA:,} units a minute (the default), "
        f"{TIMES_ITS_QUOTA * QUOTA / 60 / cost:,.0f} requests a second of {cost:,.0f} units in the mean over "
        f"{NOISY_CONNECTIONS} connections, reads up to {WIDE_OBJECTS:,} objects, posts and documents never seen before"
        f"; {bucket}; it had {answered:,} answers and {refused:,} refusals in {taken.seconds:,.0f} s, and gave up "
        f"{taken.given_up:,}; theirs: the same requests alone, {PHASES} phases of {PHASE_SECONDS} s each in turns"
    )
    ours, theirs = percentile(taken.sides.ours, 99), percentile(taken.sides.theirs, 99)
    return Result(name=name, ours=ours, theirs=theirs, unit="ms", note=note)


async def _a_tenant(place: Place, process: Running, code: str) -> _Tenant:
    at = system_clock()
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    measured = await a_tenant(place, process, services=SERVICES, promised="99.9", since=month, at=at, code=code)
    metrics = await some_metrics(process, measured, METRICS, at=at)
    await some_agreements(process, measured, metrics[0].id, objectives=OBJECTIVES, since=month, at=at)
    key = await a_key(place, process, measured, Role.ADMIN)
    return _Tenant(measured=measured, key=key, metric=encode("Metric", metrics[0].id))


def _modest(tenant: _Tenant, address: Address) -> Iterator[bytes]:
    """Of five requests four read and one posts."""
    for number in count():
        if number % 5 == 4:
            yield _outage(address, tenant.key, f"quiet-{number}")
        elif number % 2:
            yield request(address, tenant.key, ONE, {"id": tenant.metric})
        else:
            yield request(address, tenant.key, SOME, {})


async def _noise(order: _Order) -> Sent:
    stream = Stream(
        order.address,
        _mixed(order.address, order.key, order.metric, order.phase),
        a_second=order.a_second,
        connections=NOISY_CONNECTIONS,
    )
    return await stream.run(PHASE_SECONDS)


def _mixed(address: Address, key: str, metric: str, phase: int) -> Iterator[bytes]:
    """In rounds of 20 requests: dear reads, cheap ones, posts, and documents that were never seen before."""
    for number in count():
        name = f"noisy-{phase}-{number}"
        match number % 20:
            case 0:
                yield request(address, key, NESTED, {})
            case 10:
                yield request(address, key, WIDE, {})
            case 3 | 8 | 13 | 18:
                yield _points(address, key, phase, number)
            case 5 | 15:
                yield _outage(address, key, name)
            case 1 | 6 | 11 | 16:
                yield request(address, key, f"# {name}\n{SOME}", {})
            case _:
                yield request(address, key, ONE, {"id": metric})


async def _mean_cost(address: Address, tenant: _Tenant) -> float:
    """As the service itself tells it."""
    async with Client(address) as client:
        mixed = _mixed(address, tenant.key, tenant.metric, 0)
        answers = [await client.ask(next(mixed)) for _ in range(20)]
    told = [orjson.loads(body) for _, body in answers]
    assert all("errors" not in each for each in told), told
    return float(mean(each["extensions"]["cost"]["requested"] for each in told))


def _outage(address: Address, key: str, external_id: str) -> bytes:
    outage = {
        "stream": {"metric": OUTAGES, "service": "service-00", "vendor": VENDOR},
        "externalId": external_id,
        "impact": "critical",
        "startedAt": _written(BEGINNING),
        "endedAt": _written(BEGINNING + timedelta(minutes=1)),
    }
    return request(address, key, OUTAGE, {"input": {"outages": [outage]}})


def _points(address: Address, key: str, phase: int, number: int) -> bytes:
    """Of a stream that comes again after a hundred requests, further on each time."""
    first = BEGINNING + timedelta(days=60 * phase) + STEP * POINTS * (number // SERVICES)
    starts = [first + STEP * each for each in range(POINTS)]
    tallies = {
        "stream": {"metric": TALLIES, "service": f"service-{number % SERVICES:02}", "vendor": VENDOR},
        "starts": [_written(start) for start in starts],
        "ends": [_written(start + STEP) for start in starts],
        "good": [99] * POINTS,
        "total": [100] * POINTS,
    }
    return request(address, key, POINTS_OF_A_DAY, {"input": {"tallies": [tallies]}})


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"

"""Reads, beside PostGraphile 4 over the very same rows in the same database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bench.ground import Ground
from bench.peers import peer
from bench.posting import Client, request
from bench.results import Result, interleaved
from bench.serving import Address, serving
from bench.shop import some_agreements, some_metrics
from bench.tenants import a_key, a_tenant
from bench.waiting import until_judged
from domain.policy import Role
from graph.ids import encode
from runtime.clock import system_clock
from runtime.service import running

METRICS = 1_000
PAGE = 100
SERVICES = 100
OBJECTIVES = 10
SECONDS = 1.0
"""Of one run: what is begun in it is finished and counted."""
RUNS = 7
CLIENTS = (1, 8)
NO_QUOTA = {"INTERPACT_QUOTA_PER_MINUTE": "0"}

OUR_SCALARS = "id code name aggregation shape direction unit scale grid methodology"
THEIR_SCALARS = "metricId code name aggregation direction unit scale methodology weights tenantId"

OUR_ONE = f"query One($id: ID!) {{ node(id: $id) {{ ... on Metric {{ {OUR_SCALARS} }} }} }}"
THEIR_ONE = f"""
query One($tenant: UUID!, $id: UUID!) {{
  found: metricByTenantIdAndMetricId(tenantId: $tenant, metricId: $id) {{ {THEIR_SCALARS} }}
}}
"""
OUR_PAGE = f"""
query Page($after: String) {{
  found: metrics(first: {PAGE}, after: $after) {{ nodes {{ {OUR_SCALARS} }} pageInfo {{ hasNextPage endCursor }} }}
}}
"""
THEIR_PAGE = f"""
query Page($tenant: UUID!, $after: Cursor) {{
  found: allMetrics(first: {PAGE}, after: $after, orderBy: CODE_ASC, condition: {{tenantId: $tenant}}) {{
    nodes {{ {THEIR_SCALARS} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
OUR_NESTED = f"""
{{ found: agreements(first: {SERVICES}) {{ nodes {{
  id code name kind startsAt versionInForce {{ number objectives {{ id code name direction importance missing }} }}
}} }} }}
"""
THEIR_NESTED = f"""
query Nested($tenant: UUID!) {{
  found: allAgreements(first: {SERVICES}, orderBy: CODE_ASC, condition: {{tenantId: $tenant}}) {{ nodes {{
    agreementId code name kind startsAt agreementVersionsByTenantIdAndAgreementId(first: 1) {{ nodes {{
      number objectivesByTenantIdAndVersionId {{ nodes {{ objectiveId code name direction importance missing }} }}
    }} }}
  }} }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """`given`: variables that each of its requests has; `key` is empty where it asks for none."""

    address: Address
    key: str
    given: dict[str, object]

    def request(self, document: str, **variables: object) -> bytes:
        return request(self.address, self.key, document, {**self.given, **variables})


Read = Callable[[Client], Awaitable[None]]
"""One thing that is read, by however many requests it takes."""


async def measure(ground: Ground) -> Sequence[Result]:
    at = system_clock()
    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    async with ground.place("reading") as place:
        async with running(place.service_url, pool_size=1, clock=system_clock) as process:
            measured = await a_tenant(place, process, services=SERVICES, promised="99.9", since=month, at=at)
            metrics = await some_metrics(process, measured, METRICS, at=at)
            await some_agreements(process, measured, metrics[0].id, objectives=OBJECTIVES, since=month, at=at)
            key = await a_key(place, process, measured, Role.ANALYST)
        async with place.superuser() as superuser:
            await superuser.execute("VACUUM ANALYZE")
        async with (
            serving(place, NO_QUOTA) as address,
            peer("postgraphile.mjs", {"DATABASE_URL": place.superuser_url}) as theirs,
        ):
            await until_judged(place)
            us = _Server(address=address, key=key, given={})
            them = _Server(address=theirs, key="", given={"tenant": str(measured.tenant)})
            one = metrics[METRICS // 2].id
            # The tenant's own two metrics are in the list too.
            pairs = {
                "read_one_vs_postgraphile": (
                    _one(us.request(OUR_ONE, id=encode("Metric", one)), "node"),
                    _one(them.request(THEIR_ONE, id=str(one)), "found"),
                    "one object of 10 scalars by its id",
                ),
                "read_list_vs_postgraphile": (
                    _list(us, OUR_PAGE, METRICS + 2),
                    _list(them, THEIR_PAGE, METRICS + 2),
                    f"a list of {METRICS + 2:,} rows of 10 scalars, in pages of {PAGE} by their cursors",
                ),
                "read_nested_vs_postgraphile": (
                    _nested(us.request(OUR_NESTED), _our_objectives),
                    _nested(them.request(THEIR_NESTED), _their_objectives),
                    f"{SERVICES} agreements with {OBJECTIVES} objectives each in their version in force",
                ),
            }
            return [
                await _compared(name, us, them, pair, clients) for name, pair in pairs.items() for clients in CLIENTS
            ]


async def _compared(name: str, us: _Server, them: _Server, pair: tuple[Read, Read, str], clients: int) -> Result:
    ours, theirs, what = pair
    sides = await interleaved(
        lambda: _a_second(us.address, ours, clients), lambda: _a_second(them.address, theirs, clients), runs=RUNS
    )
    note = (
        f"{what}: how many a second, {clients} clients with a kept connection each, in one process; one server process "
        "(interpact serve, its worker in it, no quota) with a key for each request and a transaction for each read "
        "under row-level security; PostGraphile 4 in one Node process as a superuser without a key or row-level "
        "security, the tenant given as a condition, 10 connections each; both send the text of the document; "
        f"median of {RUNS} interleaved runs of {SECONDS:g} s"
    )
    mine, other = sides.medians()
    return Result(name=_named(name, clients), ours=mine, theirs=other, unit="reads/s", note=note)


def _named(name: str, clients: int) -> str:
    return name if clients == max(CLIENTS) else f"{name}_{clients}_client"


async def _a_second(address: Address, read: Read, clients: int) -> float:
    async with AsyncExitStack() as stack:
        kept = [await stack.enter_async_context(Client(address)) for _ in range(clients)]
        begun = perf_counter()
        done = await asyncio.gather(*(_repeated(client, read, begun + SECONDS) for client in kept))
        return sum(done) / (perf_counter() - begun)


async def _repeated(client: Client, read: Read, until: float) -> int:
    done = 0
    while perf_counter() < until:
        await read(client)
        done += 1
    return done


def _one(whole: bytes, name: str) -> Read:
    async def read(client: Client) -> None:
        found = (await client.post(whole))[name]
        assert len(found) == 10, found

    return read


def _list(server: _Server, document: str, rows: int) -> Read:
    """Cursors are opaque, and the same each time: requests are made once for each page."""
    requests: dict[str | None, bytes] = {}

    async def read(client: Client) -> None:
        after: str | None = None
        seen = 0
        more = True
        while more:
            if after not in requests:
                requests[after] = server.request(document, after=after)
            found = (await client.post(requests[after]))["found"]
            seen += len(found["nodes"])
            after, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
        assert seen == rows, seen

    return read


def _nested(whole: bytes, objectives: Callable[[dict[str, Any]], int]) -> Read:
    async def read(client: Client) -> None:
        found = (await client.post(whole))["found"]["nodes"]
        assert [objectives(each) for each in found] == [OBJECTIVES] * SERVICES

    return read


def _our_objectives(agreement: dict[str, Any]) -> int:
    return len(agreement["versionInForce"]["objectives"])


def _their_objectives(agreement: dict[str, Any]) -> int:
    (version,) = agreement["agreementVersionsByTenantIdAndAgreementId"]["nodes"]
    return len(version["objectivesByTenantIdAndVersionId"]["nodes"])

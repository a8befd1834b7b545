"""A shop with two vendors, made by commands and mutations as its people would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.stories import processes
from tests.stories.documents import (
    ACTIVATE,
    CREATE_METRIC,
    CREATE_PARTY,
    CREATE_SERVICE,
    DRAFT,
    RECORD_OUTAGES,
    mutation,
)
from tests.stories.talking import Client

VENDOR, RIVAL, TEAM = "cloud-vendor", "rival-vendor", "shop-team"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An outage as a vendor posts it."""

    service: str
    external_id: str
    started_at: datetime
    ended_at: datetime
    vendor: str = VENDOR

    def line(self) -> dict[str, object]:
        return {
            "stream": {"metric": "availability", "service": self.service, "vendor": self.vendor},
            "externalId": self.external_id,
            "impact": "critical",
            "startedAt": self.started_at.isoformat(),
            "endedAt": self.ended_at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A tenant with two vendors: a year's promise of `checkout`, a day's of `search`, and a rival's of `mail`."""

    address: str
    admin: Client
    vendor: Client
    rival: Client

    async def post(self, *outages: Told) -> None:
        poster = self.rival if outages[0].vendor == RIVAL else self.vendor
        done = await poster.do(mutation(RECORD_OUTAGES), outages=[outage.line() for outage in outages])
        assert (done["recordedCount"], done["duplicateCount"]) == (len(outages), 0)


def now() -> datetime:
    return datetime.now(UTC)


TODAY = now().replace(hour=0, minute=0, second=0, microsecond=0)
"""Of the whole run, also where midnight falls into it."""


def midnight(days_ago: int) -> datetime:
    return TODAY - timedelta(days=days_ago)


def an_outage_of_the_day(days_ago: int) -> Told:
    """Five minutes: more than a day allows at 99.9 %."""
    start = midnight(days_ago) + timedelta(hours=9)
    name = f"day-{days_ago}"
    return Told(service="search", external_id=name, started_at=start, ended_at=start + timedelta(minutes=5))


NewShop = Callable[[processes.Running], Awaitable[Shop]]


async def opened(data_dir: Path, http: httpx.AsyncClient, served: processes.Running) -> Shop:
    code = f"shop-{now().timestamp()}"
    created = await processes.interpact(data_dir, "tenant", "create", code, "A shop")
    admin = Client(http=http, graphql=served.graphql, key=key_in(created))
    await _furnish(admin)
    keys = await asyncio.gather(
        *(processes.interpact(data_dir, "key", "create", code, "vendor", "--party", party) for party in (VENDOR, RIVAL))
    )
    vendor, rival = [Client(http=http, graphql=served.graphql, key=key_in(each)) for each in keys]
    return Shop(address=served.address, admin=admin, vendor=vendor, rival=rival)


def key_in(ended: processes.Ended) -> str:
    assert ended.status == 0, ended.err
    found = re.search(r"ipk_\w+", ended.out)
    assert found, ended.out
    return found[0]


async def _furnish(admin: Client) -> None:
    parties: dict[str, str] = {}
    for code, kind in ((VENDOR, "VENDOR"), (RIVAL, "VENDOR"), (TEAM, "INTERNAL")):
        done = await admin.do(mutation(CREATE_PARTY), code=code, name=code, kind=kind)
        parties[code] = done["party"]["id"]
    done = await admin.do(mutation(CREATE_METRIC), code="availability", name="Up", aggregation="AVAILABILITY")
    metric = done["metric"]["id"]
    year = {"contractYear": {"zone": "UTC"}}
    day = {"calendar": {"every": "DAY", "zone": "UTC"}}
    promises = (
        ("cloud-terms", VENDOR, "checkout", year, "99.99"),
        ("search-terms", VENDOR, "search", day, "99.9"),
        ("rival-terms", RIVAL, "mail", day, "99.9"),
    )
    for code, vendor, name, window, expected in promises:
        done = await admin.do(
            mutation(CREATE_SERVICE), code=name, name=name, provider=parties[vendor], consumers=[parties[TEAM]]
        )
        objective = {"code": "up", "name": "Up", "metric": metric, "expected": expected, "window": window}
        begins = midnight(30).isoformat()
        drafted = await admin.do(
            mutation(DRAFT),
            code=code,
            name=code,
            kind="UC",
            provider=parties[vendor],
            customer=parties[TEAM],
            service=done["service"]["id"],
            startsAt=begins,
            effectiveFrom=begins,
            grace="PT2000H",
            objectives=[{**objective, "missing": "GOOD"}],
        )
        await admin.do(mutation(ACTIVATE), agreement=drafted["agreement"]["id"])


def told(event: dict[str, Any]) -> tuple[str, ...]:
    """What happened, and to which promise."""
    return tuple(event[name] for name in ("transition", "severity", "agreementCode", "objectiveCode", "serviceCode"))

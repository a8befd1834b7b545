"""A service of its own to be attacked: a key and an issuer's tokens open it, and it has the limits of any other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from domain.ids import MembershipId, PersonId, TenantId
from domain.policy import Role
from persistence.people import Membership, MembershipState, People
from runtime.clock import system_clock
from runtime.commands.key import operator_at
from tests.runtime.issuing import AUDIENCE, Issuer, an_issuer
from tests.stories import processes
from tests.stories.attacking import Target
from tests.stories.tenants import a_key, a_tenant, mint

COST_MAX = "10000"
"""What an operation may cost where nobody has set it, which the stories' processes have."""
_RAN = re.compile(
    r'^interpact_(?:operation_seconds_count|subscriptions_total|subscriptions_open)\b(?!.*outcome="refused").* (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Besieged:
    target: Target
    tenant_code: str
    member: str
    """The subject of somebody whom the service lets in by a token."""
    process: processes.Running

    async def operations(self, http: httpx.AsyncClient) -> float:
        """How many it has run, or runs, since it started."""
        told = await http.get(f"{self.process.address}/metrics")
        return sum(float(count) for count in _RAN.findall(told.text))


@asynccontextmanager
async def besieged(
    data_dir: Path, owner_url: str, *, log: Path, more: Mapping[str, str] | None = None
) -> AsyncIterator[Besieged]:
    with an_issuer() as issuer:
        settings = {
            "INTERPACT_DEMO": "1",
            "INTERPACT_OIDC_ISSUER": issuer.address,
            "INTERPACT_OIDC_AUDIENCE": AUDIENCE,
            "INTERPACT_COST_MAX": COST_MAX,
            **(more or {}),
        }
        tenant, other = await a_tenant(owner_url), await a_tenant(owner_url)
        key, _ = await a_key(owner_url, tenant, Role.ADMIN)
        await _invited(owner_url, tenant, issuer, "ada")
        async with processes.serving(data_dir, "--no-worker", more=settings, log=log) as process:
            address = urlsplit(process.address)
            assert address.hostname is not None
            assert address.port is not None
            target = Target(host=address.hostname, port=address.port, key=key, other_tenant=_code(other), issuer=issuer)
            yield Besieged(target=target, tenant_code=_code(tenant), member="ada", process=process)


async def _invited(owner_url: str, tenant: TenantId, issuer: Issuer, subject: str) -> None:
    now = system_clock()
    membership = Membership(
        id=MembershipId(mint()),
        tenant=tenant,
        tenant_code=_code(tenant),
        role=Role.ANALYST,
        party=None,
        state=MembershipState.INVITED,
        invited_at=now,
        expires_at=now + timedelta(days=1),
        person=PersonId(mint()),
        issuer=issuer.address,
        subject=subject,
        code_hash=None,
    )
    await People(operator_at(owner_url)).invite(membership)


def _code(tenant: TenantId) -> str:
    return f"tenant-{UUID(int=tenant.int)}"

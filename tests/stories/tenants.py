"""Tenants and keys, made in this process as the commands make them (those are told of in tests/runtime)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.ids import KeyId, PartyId, TenantId
from domain.policy import Role
from persistence.operator import Tenant
from runtime.clock import Mint, system_clock
from runtime.commands.key import issued, operator_at

mint = Mint()


async def a_tenant(owner_url: str) -> TenantId:
    tenant = TenantId(mint())
    await operator_at(owner_url).create_tenant(
        Tenant(id=tenant, code=f"tenant-{UUID(int=tenant.int)}", name="A tenant", created_at=system_clock())
    )
    return tenant


async def a_key(
    owner_url: str,
    tenant: TenantId,
    role: Role,
    party: PartyId | None = None,
    *,
    expires_at: datetime | None = None,
) -> tuple[str, KeyId]:
    """Its text and its id."""
    text, key = issued(tenant, KeyId(mint()), role=role, party=party, label="a story's", expires_at=expires_at)
    await operator_at(owner_url).create_key(key)
    return text, key.id


async def revoke(owner_url: str, key: KeyId) -> None:
    assert await operator_at(owner_url).revoke_key(key, system_clock())

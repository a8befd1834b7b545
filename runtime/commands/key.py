"""`interpact key create|list|revoke`: API keys of a tenant, each with a role and, where it acts for one, a party."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import datetime, timedelta
from uuid import UUID

from domain.errors import Invalid, NotFound
from domain.ids import KeyId, PartyId, TenantId
from domain.policy import PARTY_BOUND, TENANT_WIDE, Role
from domain.text import checked_name
from persistence.operator import Key, Operator
from runtime.clock import Mint, system_clock
from runtime.keys import new_key
from runtime.service import owner_address
from runtime.settings import owner_settings

DAYS_MAX = 3650


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key; its text is shown once")
    create.add_argument("tenant", help="the tenant's code")
    create.add_argument("role", choices=[role.value for role in Role])
    create.add_argument("--party", help="the code of the party that the key acts for")
    create.add_argument("--label", default="key", help="what it is for")
    create.add_argument("--days", type=int, help=f"how long it holds, 1 to {DAYS_MAX} days; for good by default")
    listed = actions.add_parser("list", help="list the keys of a tenant, never their secrets")
    listed.add_argument("tenant", help="the tenant's code")
    revoke = actions.add_parser("revoke", help="end a key at once")
    revoke.add_argument("key", type=UUID, help="the key's id, as `key list` shows it")


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "create":
            print(asyncio.run(_create(arguments)))
        case "list":
            print(asyncio.run(_list(arguments.tenant)))
        case _:
            print(asyncio.run(_revoke(KeyId(arguments.key))))
    return 0


def issued(
    tenant: TenantId,
    key: KeyId,
    *,
    role: Role,
    party: PartyId | None,
    label: str,
    expires_at: datetime | None = None,
) -> tuple[str, Key]:
    """A new key: its text, to be shown once, and what is kept. Raises Invalid where role and party do not fit."""
    require_fit(role, party)
    text, secret_hash = new_key(tenant, key)
    kept = Key(
        id=key,
        tenant=tenant,
        secret_hash=secret_hash,
        role=role,
        party=party,
        label=checked_name(label, "label"),
        created_at=system_clock(),
        expires_at=expires_at,
    )
    return text, kept


def require_fit(role: Role, party: PartyId | None) -> None:
    """Raises Invalid where role and party do not fit."""
    if role in PARTY_BOUND and party is None:
        raise Invalid(f"the role {role.value} needs a party", path=("party",))
    if role in TENANT_WIDE and party is not None:
        raise Invalid(f"the role {role.value} is for the whole tenant and takes no party", path=("party",))


async def _create(arguments: argparse.Namespace) -> str:
    expires_at: datetime | None = None
    if arguments.days is not None:
        if not 1 <= arguments.days <= DAYS_MAX:
            raise Invalid(f"a key holds 1 to {DAYS_MAX} days", path=("days",))
        expires_at = system_clock() + timedelta(days=arguments.days)
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        tenant = await tenant_of(operator, arguments.tenant)
        party = None if arguments.party is None else await party_of(operator, tenant, arguments.party)
        text, key = issued(
            tenant,
            KeyId(Mint()()),
            role=Role(arguments.role),
            party=party,
            label=arguments.label,
            expires_at=expires_at,
        )
        await operator.create_key(key)
    return f"Key {key.id} is made. Its text, shown once:\n{text}"


async def _list(code: str) -> str:
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        keys = await operator.keys(await tenant_of(operator, code))
    lines = [f"{key.id}  {key.role.value:<22} {_state(key):<32} {key.label}" for key in keys]
    return "\n".join(lines) if lines else f"Tenant {code} has no keys."


async def _revoke(key: KeyId) -> str:
    async with owner_address(owner_settings(os.environ)) as owner_url:
        if not await operator_at(owner_url).revoke_key(key, system_clock()):
            raise NotFound("key", key)
    return f"Key {key} is revoked."


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}Z"
    if key.expires_at is not None:
        word = "holds until" if key.holds(system_clock()) else "expired"
        return f"{word} {key.expires_at:%Y-%m-%d %H:%M}Z"
    return "holds"


def operator_at(owner_url: str) -> Operator:
    return Operator(owner_url, mint=Mint(), clock=system_clock)


async def tenant_of(operator: Operator, code: str) -> TenantId:
    found = await operator.tenant(code)
    if found is None:
        raise NotFound("tenant", code)
    return found.id


async def party_of(operator: Operator, tenant: TenantId, code: str) -> PartyId:
    found = await operator.party(tenant, code)
    if found is None:
        raise NotFound("party", code, path=("party",))
    return found

"""`interpact tenant create CODE NAME`: makes a tenant, with a first key for its administrator."""

from __future__ import annotations

import argparse
import asyncio
import os

from domain.ids import KeyId, TenantId
from domain.policy import Role
from domain.text import checked_code, checked_name
from persistence.operator import Tenant
from runtime.clock import Mint, system_clock
from runtime.commands.key import issued, operator_at
from runtime.service import owner_address
from runtime.settings import owner_settings


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a tenant and a first key for its administrator")
    create.add_argument("code", help="how commands name it: a-z, 0-9 and ._/-")
    create.add_argument("name", help="how people call it")


def run(arguments: argparse.Namespace) -> int:
    print(asyncio.run(_create(checked_code(arguments.code), checked_name(arguments.name))))
    return 0


async def _create(code: str, name: str) -> str:
    mint = Mint()
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        tenant = Tenant(id=TenantId(mint()), code=code, name=name, created_at=system_clock())
        await operator.create_tenant(tenant)
        text, key = issued(tenant.id, KeyId(mint()), role=Role.ADMIN, party=None, label="administrator")
        await operator.create_key(key)
    return f"Tenant {code} is made. Its administrator's key, shown once:\n{text}"

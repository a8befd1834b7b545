"""`interpact audit forget-addresses`: erases callers' addresses from the audit log; the entries stay."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import datetime

from domain.errors import Invalid
from runtime.clock import system_clock
from runtime.commands.key import operator_at, tenant_of
from runtime.service import owner_address
from runtime.settings import owner_settings
from runtime.written import NotWritten, instant_or_day


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    forget = actions.add_parser("forget-addresses", help="erase the addresses in entries before an instant, for good")
    forget.add_argument("--before", required=True, help="the instant, as in 2025-01-31T00:00:00Z, or a day in UTC")
    forget.add_argument("--tenant", help="the tenant's code; without it, all tenants")


def run(arguments: argparse.Namespace) -> int:
    print(asyncio.run(_forget(_past(arguments.before), arguments.tenant)))
    return 0


async def _forget(before: datetime, code: str | None) -> str:
    """One transaction for each tenant: run again, it goes on where it was stopped."""
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        if code is not None:
            tenants = [await tenant_of(operator, code)]
        else:
            tenants = [tenant.id for tenant in await operator.tenants()]
        erased = [await operator.forget_addresses(tenant, before) for tenant in tenants]
    return f"Addresses erased: {sum(erased)}. Tenants that had any: {sum(map(bool, erased))}."


def _past(text: str) -> datetime:
    try:
        before = instant_or_day(text, "UTC")
    except NotWritten as wrong:
        raise Invalid(str(wrong), path=("before",)) from wrong
    if before > system_clock():
        raise Invalid("addresses are erased up to an instant that has passed", path=("before",))
    return before

"""`interpact feed trim`: lets old events go, of one tenant or of all."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import datetime

from domain.errors import Invalid
from persistence.retention import trim
from runtime.clock import system_clock
from runtime.commands.key import operator_at, tenant_of
from runtime.service import owner_address
from runtime.settings import owner_settings
from runtime.written import NotWritten, instant_or_day, shown_instant


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    trimmed = actions.add_parser(
        "trim", help="delete events that were recorded before an instant; facts and verdicts stay"
    )
    trimmed.add_argument("--before", required=True, help="the instant, as in 2025-01-31T00:00:00Z, or a day in UTC")
    trimmed.add_argument("--tenant", help="the tenant's code; without it, all tenants")


def run(arguments: argparse.Namespace) -> int:
    print(asyncio.run(_trim(_past(arguments.before), arguments.tenant)))
    return 0


async def _trim(before: datetime, code: str | None) -> str:
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        if code is None:
            tenants = {tenant.code: tenant.id for tenant in await operator.tenants()}
        else:
            tenants = {code: await tenant_of(operator, code)}
        trimmed = {name: await trim(operator, tenant, before=before) for name, tenant in tenants.items()}
    lines = [
        f"Tenant {name}: {each.events} events from before {shown_instant(before)} are deleted."
        for name, each in trimmed.items()
    ]
    return "\n".join(lines) if lines else "There are no tenants."


def _past(text: str) -> datetime:
    try:
        before = instant_or_day(text, "UTC")
    except NotWritten as wrong:
        raise Invalid(str(wrong), path=("before",)) from wrong
    if before > system_clock():
        raise Invalid("events are deleted up to an instant that has passed", path=("before",))
    return before

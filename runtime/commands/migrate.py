"""`interpact migrate`: brings the schema to this version, as the owner of the tables."""

from __future__ import annotations

import argparse
import asyncio
import os

from persistence import migrate
from runtime import logs
from runtime.service import owner_address
from runtime.settings import Settings, owner_settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--down-to", metavar="REVISION", help="take changes back, down to the revision (`base`: all)")


def run(arguments: argparse.Namespace) -> int:
    settings = owner_settings(os.environ)
    logs.begin(settings.log_level, settings.log_format)
    asyncio.run(_migrate(settings, arguments.down_to))
    return 0


async def _migrate(settings: Settings, down_to: str | None) -> None:
    async with owner_address(settings) as owner_url:
        if down_to is None:
            await asyncio.to_thread(migrate.upgrade, owner_url)
        else:
            await asyncio.to_thread(migrate.downgrade, owner_url, down_to)
    print(f"The schema is at {down_to or 'head'}.")

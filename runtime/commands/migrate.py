"""`interpact migrate`: brings the schema to this version, as the owner of the tables."""

from __future__ import annotations

import argparse
import asyncio
import os

from persistence import migrate
from runtime.service import addresses
from runtime.settings import owner_settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--down-to", metavar="REVISION", help="take changes back, down to the revision (`base`: all)")


def run(arguments: argparse.Namespace) -> int:
    asyncio.run(_migrate(arguments.down_to))
    return 0


async def _migrate(down_to: str | None) -> None:
    async with addresses(owner_settings(os.environ)) as where:
        assert where.owner_url is not None, "owner_settings asks for the owner's address"
        if down_to is None:
            await asyncio.to_thread(migrate.upgrade, where.owner_url)
        else:
            await asyncio.to_thread(migrate.downgrade, where.owner_url, down_to)
    print(f"The schema is at {down_to or 'head'}.")

from __future__ import annotations

import pytest

from domain.actor import Actor
from persistence.database import Database
from runtime.clock import Mint
from tests.persistence.world import World, populate


@pytest.fixture
async def world(database: Database, admin: Actor, mint: Mint) -> World:
    return await populate(World(database=database, admin=admin, mint=mint))

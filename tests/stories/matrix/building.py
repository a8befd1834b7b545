"""How the scene is set: both tenants are furnished, everybody begins to follow, and then things happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg

from persistence.database import Database
from runtime.clock import Mint
from runtime.commands.key import operator_at
from tests.conftest import new_tenant
from tests.graph.asking import Clock, an_asker
from tests.servers import Urls
from tests.stories import walking
from tests.stories.matrix.expected import READ_BY
from tests.stories.matrix.following import DOCUMENT, FEED
from tests.stories.matrix.furnishing import AWAY, HOME, Household
from tests.stories.matrix.oracle import Tenant, Who, tenant_of
from tests.stories.matrix.reading import ASCENDING
from tests.stories.matrix.scene import Operation, Scene, everybody
from tests.stories.tenants import a_key
from tests.stories.workshop import Workshop

NOW = datetime(2026, 3, 10, tzinfo=UTC)
BEGINS = NOW - timedelta(days=3)
POOL_SIZE = 8
AT_THE_DOORS = [who for number, who in enumerate(everybody()) if number % 4 == 0 or who.mark == AWAY]
"""Who has a key, to be used over HTTP and WebSocket."""


@asynccontextmanager
async def built(urls: Urls) -> AsyncIterator[Scene]:
    mint = Mint()
    database = Database(urls.service, pool_size=POOL_SIZE, mint=mint)
    superuser = await asyncpg.connect(urls.superuser)
    try:
        houses = {}
        for mark in (HOME, AWAY):
            tenant = await new_tenant(operator_at(urls.owner), mint)
            workshop = Workshop(open_work=database.open_work, tenant=tenant, clock=Clock(NOW), mint=mint)
            houses[mark] = Household(workshop, mark, BEGINS)
            await houses[mark].furnish()
        # A silent subscription tells its cursor at once.
        asker = an_asker(database, houses[HOME].workshop.admin, mint, NOW, heartbeat_seconds=0)
        before = Scene(houses=houses, tenants=await _tenants(superuser, houses), asker=asker)
        cursors = {FEED: {who: await _head(before, who) for who in everybody() if who.has("follow breaches")}}
        for house in houses.values():
            await house.live()
        keys = {who: await _key(before, urls, who) for who in AT_THE_DOORS}
        tenants = await _tenants(superuser, houses)
        scene = Scene(houses=houses, tenants=tenants, asker=asker, cursors=cursors, keys=keys)
        for name, type_name in walking.connections().items():
            text = f"{{ {name}(first: 1, {ASCENDING}) {{ pageInfo {{ endCursor }} }} }}"
            held = {who: await _cursor(scene, who, name, text) for who in everybody() if who.has(READ_BY[type_name])}
            scene.cursors[name] = {who: cursor for who, cursor in held.items() if cursor is not None}
        yield scene
    finally:
        await superuser.close()
        await database.close()


async def _tenants(superuser: asyncpg.Connection, houses: dict[str, Household]) -> dict[str, Tenant]:
    return {mark: await tenant_of(superuser, mark, house.workshop.tenant) for mark, house in houses.items()}


async def _key(scene: Scene, urls: Urls, who: Who) -> str:
    actor = scene.actor(who)
    key, _ = await a_key(urls.owner, actor.tenant, actor.role, actor.party)
    return key


async def _head(scene: Scene, who: Who) -> str:
    operation = Operation(who=who, text=DOCUMENT % "", variables={}, check=lambda _answer: None, follows=True)
    cursor: str = (await scene.answer(operation))["cursor"]
    return cursor


async def _cursor(scene: Scene, who: Who, name: str, text: str) -> str | None:
    operation = Operation(who=who, text=text, variables={}, check=lambda _answer: None)
    cursor: str | None = (await scene.answer(operation))["data"][name]["pageInfo"]["endCursor"]
    return cursor

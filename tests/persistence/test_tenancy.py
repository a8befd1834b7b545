"""A tenant never sees, counts or changes another's; no tenant bound is an error; an unsafe login is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text

from domain.actor import Actor
from domain.errors import NotFound, TenantMissing
from domain.ids import KeyId, TenantId
from domain.mark import Mark
from domain.policy import Role
from domain.spans import Span
from persistence import tables
from persistence.conflicts import translated
from persistence.database import Database, UnsafeLogin
from persistence.operator import Operator
from runtime.clock import Mint
from tests.conftest import new_tenant
from tests.persistence.filled import fill
from tests.persistence.world import JANUARY, NOW, World, an_outage, populate, recorded, tallies
from tests.servers import Urls

TENANT_TABLES = sorted(set(tables.metadata.tables) - {"tenant", "api_key", "person", "membership"})
HEADLESS = [name for name in TENANT_TABLES if name != "feed_head"]


@pytest.fixture
async def service(urls: Urls) -> AsyncIterator[asyncpg.Connection]:
    """The service's login, with no tenant bound."""
    connection = await asyncpg.connect(urls.service)
    yield connection
    await connection.close()


@pytest.fixture
async def stranger(operator: Operator, mint: Mint) -> Actor:
    return Actor(tenant=await new_tenant(operator, mint), caller=KeyId(mint()), role=Role.ADMIN)


async def test_no_tenant_bound_is_an_error_and_never_an_empty_answer(world: World, service: asyncpg.Connection) -> None:
    await fill(world)
    for table in TENANT_TABLES:
        with pytest.raises((asyncpg.UndefinedObjectError, asyncpg.InvalidTextRepresentationError)) as refused:
            await service.fetch(f"SELECT * FROM {table} WHERE tenant_id = $1", world.admin.tenant)
        assert isinstance(translated(refused.value), TenantMissing)
        async with service.transaction():
            await service.execute(f"SET LOCAL interpact.tenant = '{world.admin.tenant}'")
            assert await service.fetchval(f"SELECT count(*) FROM {table}") > 0, table


async def test_anothers_rows_are_neither_seen_nor_counted(
    world: World, stranger: Actor, service: asyncpg.Connection
) -> None:
    await fill(world)
    async with service.transaction():
        await service.execute(f"SET LOCAL interpact.tenant = '{stranger.tenant}'")
        for table in TENANT_TABLES:
            named = await service.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", world.admin.tenant)
            tenants = await service.fetch(f"SELECT DISTINCT tenant_id FROM {table}")
            assert (named, {row["tenant_id"] for row in tenants} - {stranger.tenant}) == (0, set()), table


async def test_nothing_can_be_written_into_another_tenant(
    world: World, stranger: Actor, service: asyncpg.Connection, urls: Urls
) -> None:
    await fill(world)
    superuser = await asyncpg.connect(urls.superuser)
    for table in HEADLESS:
        await superuser.execute(
            f"CREATE TABLE copied AS SELECT * FROM {table} WHERE tenant_id = '{world.admin.tenant}' LIMIT 1;"
            "GRANT SELECT ON copied TO interpact_service"
        )
        async with service.transaction():
            await service.execute(f"SET LOCAL interpact.tenant = '{stranger.tenant}'")
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                async with service.transaction():
                    await service.execute(f"INSERT INTO {table} SELECT * FROM copied")
        await superuser.execute("DROP TABLE copied")
    await superuser.close()


CHANGES = (
    "UPDATE feed_head SET last_number = 0",
    "UPDATE party SET name = ''",
    "UPDATE agreement_version SET activated_at = now(), activation_posting_id = version_id",
    "UPDATE judged_period SET due_at = now()",
    "UPDATE attainment SET status = 'met'",
    "UPDATE breach SET state = 'withdrawn'",
    "UPDATE idempotency_key SET result = NULL",
    "UPDATE mark SET ordinal = 0",
    "DELETE FROM mark",
    "DELETE FROM open_outage",
    "DELETE FROM judged_period",
    "DELETE FROM attainment",
)


async def test_nothing_of_another_tenant_can_be_changed(
    world: World, stranger: Actor, service: asyncpg.Connection
) -> None:
    await fill(world)
    async with service.transaction():
        await service.execute(f"SET LOCAL interpact.tenant = '{stranger.tenant}'")
        commands = [await service.execute(f"{each} WHERE tenant_id = '{world.admin.tenant}'") for each in CHANGES]
    assert {command.split()[-1] for command in commands} == {"0"}


FORBIDDEN = [
    *(f"UPDATE {table} SET tenant_id = tenant_id" for table in TENANT_TABLES),
    *(
        f"DELETE FROM {table}"
        for table in ("outage", "tally", "sample", "exclusion", "stream_report", "feed", "breach")
    ),
    *(
        f"DELETE FROM {table}"
        for table in ("party", "service", "agreement", "agreement_version", "objective", "stream")
    ),
    *(f"TRUNCATE {table}" for table in TENANT_TABLES),
    "UPDATE outage SET ends_at = now()",
    "UPDATE tally SET good = 1",
    "UPDATE feed SET number = 1",
    "UPDATE agreement_version SET grace = '0'",
    "SELECT * FROM api_key",
    "SELECT * FROM tenant",
    "SELECT * FROM person",
    "SELECT * FROM membership",
    "UPDATE membership SET state = 'active'",
    "INSERT INTO feed_head (tenant_id) VALUES (gen_random_uuid())",
]


async def test_facts_terms_and_the_feed_cannot_be_changed_even_at_home(
    tenant: TenantId, service: asyncpg.Connection
) -> None:
    async with service.transaction():
        await service.execute(f"SET LOCAL interpact.tenant = '{tenant}'")
        for statement in FORBIDDEN:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
                async with service.transaction():
                    await service.execute(statement)


async def test_the_ports_find_nothing_of_another_tenant(world: World, stranger: Actor) -> None:
    await fill(world)
    side = world.vendor
    async with world.open(stranger) as work:
        assert await work.parties.by_ids([side.party.id]) == {}
        assert await work.services.with_components([side.service.id]) == {}
        assert await work.agreements.of_provider(side.party.id) == ()
        assert await work.streams.by_ids([side.outages.id]) == {}
        assert await work.outages.latest([(side.outages.id, "ended")]) == {}
        assert await work.periods.last_ends([each.id for each in side.objectives]) == {}
        assert await work.feed.head() == 0
        claim = await work.marks.claim(NOW, 10)
        assert (list(claim.periods), claim.marks, claim.more) == ([], 0, False)


async def test_ids_of_another_tenant_cannot_be_referred_to(world: World, stranger: Actor, mint: Mint) -> None:
    own = await populate(World(database=world.database, admin=stranger, mint=mint))
    with pytest.raises(NotFound):
        async with own.open() as work:
            await work.services.add([own.service("s", world.vendor.party.id)])
    with pytest.raises(NotFound):
        async with own.open() as work:
            await work.streams.obtain([own.stream(own.availability, world.vendor.service)])
    with pytest.raises(NotFound):
        async with own.open() as work:
            await work.outages.add([recorded(world.vendor.outages, an_outage("x", JANUARY, None))])
    with pytest.raises(NotFound):
        async with own.open() as work:
            await work.marks.add([Mark(service=world.vendor.service.id, span=Span(JANUARY, NOW))])


async def test_points_cannot_be_put_on_a_stream_of_another_tenant(world: World, stranger: Actor) -> None:
    """The tables of points have no foreign key; the marks that go in with them do."""
    with pytest.raises(NotFound):
        async with world.open(stranger) as work:
            await work.measurements.add_tallies([tallies(world.vendor.tallies, JANUARY, 3)])


async def test_the_service_refuses_a_login_that_nothing_holds(urls: Urls, mint: Mint) -> None:
    for url, why in ((urls.superuser, "is a superuser"), (urls.owner, "owns the tables")):
        database = Database(url, pool_size=1, mint=mint)
        with pytest.raises(UnsafeLogin, match=why):
            await database.verify()
        await database.close()
    bypassing = await asyncpg.connect(urls.superuser)
    await bypassing.execute("CREATE ROLE interpact_test_bypassing LOGIN BYPASSRLS PASSWORD 'only-for-tests'")
    try:
        url = urls.service.replace("interpact_service", "interpact_test_bypassing")
        url = url.replace(url.split("://")[1].split("@")[0].split(":")[1], "only-for-tests")
        database = Database(url, pool_size=1, mint=mint)
        with pytest.raises(UnsafeLogin, match="bypasses row-level security"):
            await database.verify()
        await database.close()
    finally:
        await bypassing.execute("DROP ROLE interpact_test_bypassing")
        await bypassing.close()


async def test_the_service_accepts_its_own_login(database: Database) -> None:
    await database.verify()


async def test_the_directory_role_ends_with_its_transaction(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "interpact_service"

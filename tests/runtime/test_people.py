"""People, from the invitation to the socket: real tokens, a real door, real storage; and the commands for them."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from domain.ids import KeyId, MembershipId, PersonId, TenantId
from domain.policy import Role
from graph.app import create_app, server_options
from graph.application import Application
from graph.cursors import Seal
from graph.desk import make_context
from graph.limits import Limits
from graph.schema import schema
from persistence.operator import Operator, Tenant
from persistence.people import Membership, MembershipState, People
from runtime import listening
from runtime.clock import Mint, system_clock
from runtime.commands.key import issued, operator_at
from runtime.demo.issuer import issuing
from runtime.demo.people import AUDITOR, SUBJECTS
from runtime.door import SEND, door_of
from runtime.invitations import new_code
from runtime.people import REFUSED
from runtime.proposed_holidays import proposed_holidays
from runtime.service import running
from runtime.settings import PORT, service_settings
from tests.runtime.issuing import Issuer, an_issuer
from tests.servers import Urls
from tests.stories.talking import Subscriber

ROOT = Path(__file__).parents[2]
WHO = "{ viewer { role tenantId } }"
LIMITS = Limits(socket_recheck_seconds=0.2)
mint = Mint()


@dataclass(frozen=True, slots=True)
class World:
    """A service that believes the issuer, and the owner's hand on its people."""

    issuer: Issuer
    http: httpx.AsyncClient
    operator: Operator
    people: People
    address: str

    async def ask(self, token: str, tenant: str | None = None, query: str = WHO) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", **({} if tenant is None else {"Interpact-Tenant": tenant})}
        return await self.http.post("/graphql", json={"query": query}, headers=headers)

    async def role(self, token: str, tenant: str | None = None) -> str:
        response = await self.ask(token, tenant)
        assert response.status_code == 200, response.text
        role: str = response.json()["data"]["viewer"]["role"]
        return role

    async def refusal(self, token: str, tenant: str | None = None) -> str:
        response = await self.ask(token, tenant)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        (error,) = response.json()["errors"]
        message: str = error["message"]
        return message

    async def tenant(self) -> Tenant:
        made = Tenant(id=TenantId(mint()), code=f"t-{mint().hex}", name="A tenant", created_at=system_clock())
        await self.operator.create_tenant(made)
        return made

    async def invited(self, tenant: Tenant, subject: str | None, role: Role = Role.ANALYST, days: float = 7) -> str:
        """The code, where it is no invitation of one subject; of one, the membership's id."""
        membership, now = MembershipId(mint()), system_clock()
        code, code_hash = new_code(tenant.id, membership)
        await self.people.invite(
            Membership(
                id=membership,
                tenant=tenant.id,
                tenant_code=tenant.code,
                role=role,
                party=None,
                state=MembershipState.INVITED,
                invited_at=now - timedelta(days=10),
                expires_at=now + timedelta(days=days),
                person=None if subject is None else PersonId(mint()),
                issuer=self.issuer.address,
                subject=subject,
                code_hash=code_hash if subject is None else None,
            )
        )
        return code if subject is None else str(membership)

    async def member(self, tenant: Tenant, subject: str, role: Role = Role.ANALYST) -> MembershipId:
        """Invited, and taken up."""
        membership = await self.invited(tenant, subject, role)
        assert await self.role(self.issuer.token(sub=subject), tenant.code) == role.name
        return MembershipId(UUID(membership))

    @asynccontextmanager
    async def socket(self, token: str, tenant: str, **payload: object) -> AsyncIterator[Subscriber]:
        async with connect(
            f"{self.address.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
        ) as connection:
            subscriber = Subscriber(connection)
            credentials = {"authorization": f"Bearer {token}", "interpact-tenant": tenant, **payload}
            await subscriber.say({"type": "connection_init", "payload": credentials})
            yield subscriber


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with an_issuer() as found:
        yield found


@pytest.fixture(scope="module")
async def world(urls: Urls, issuer: Issuer) -> AsyncIterator[World]:
    settings = replace(service_settings({"HOME": "/nowhere"}), oidc=issuer.oidc, demo=True)
    async with running(urls.service, pool_size=8, clock=system_clock) as process:
        application = Application(
            open_work=process.open_work,
            clock=process.clock,
            mint=process.mint,
            seal=Seal(bytes(32)),
            awaken=process.hub.awaken,
            propose_holidays=proposed_holidays,
        )

        async def ready() -> None:
            return

        app = create_app(
            schema,
            authenticate=door_of(process.directory, settings, clock=system_clock, mint=process.mint),
            make_context=make_context(application, LIMITS),
            limits=LIMITS,
            readiness=ready,
        )
        with listening.listening("127.0.0.1", 0, PORT) as listener:
            accepts = asyncio.Event()
            server = listening.server(app, accepts.set, server_options(LIMITS))
            task = asyncio.create_task(server.serve(sockets=[listener]))
            await accepts.wait()
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            operator = operator_at(urls.owner)
            async with httpx.AsyncClient(base_url=address, timeout=30) as http:
                yield World(issuer, http, operator, People(operator), address)
            server.should_exit = True
            await task


def someone() -> str:
    return f"someone-{mint().hex}"


async def test_a_person_with_one_tenant_need_not_name_it(world: World) -> None:
    tenant, ada = await world.tenant(), someone()
    await world.invited(tenant, ada)
    assert await world.role(world.issuer.token(sub=ada)) == "ANALYST"
    (member,) = await world.people.memberships(tenant.id)
    assert (member.state, member.subject) == (MembershipState.ACTIVE, ada)


async def test_a_person_with_several_tenants_names_one_for_each_request(world: World) -> None:
    one, other, third, ada = await world.tenant(), await world.tenant(), await world.tenant(), someone()
    await world.member(one, ada, Role.ANALYST)
    await world.member(other, ada, Role.AUDITOR)
    token = world.issuer.token(sub=ada)
    assert [await world.role(token, each.code) for each in (one, other)] == ["ANALYST", "AUDITOR"]
    for tenant in (None, third.code, "no-such-tenant", one.code.upper(), "", "x" * 5000, "ipi_", str(one.id)):
        assert await world.refusal(token, tenant) == REFUSED
    assert (await world.people.memberships(one.id))[0].person == (await world.people.memberships(other.id))[0].person


async def test_an_invitation_from_elsewhere_changes_nothing_until_it_is_taken_up(world: World) -> None:
    home, elsewhere, ada = await world.tenant(), await world.tenant(), someone()
    await world.member(home, ada, Role.ANALYST)
    await world.invited(elsewhere, ada, Role.AUDITOR)
    token = world.issuer.token(sub=ada)
    assert await world.role(token) == "ANALYST"
    assert await world.role(token, elsewhere.code) == "AUDITOR"
    assert await world.refusal(token) == REFUSED


async def test_a_suspension_never_sends_a_request_into_another_tenant(world: World) -> None:
    one, other, ada = await world.tenant(), await world.tenant(), someone()
    membership = await world.member(one, ada)
    await world.invited(other, ada)
    await world.people.suspend(membership)
    token = world.issuer.token(sub=ada)
    assert await world.refusal(token) == REFUSED
    await world.people.restore(membership)
    assert await world.role(token) == "ANALYST"


async def test_every_refusal_of_a_token_says_the_same(world: World) -> None:
    tenant, suspended, removed, late, ill_fitting = await world.tenant(), someone(), someone(), someone(), someone()
    await world.people.suspend(await world.member(tenant, suspended))
    await world.people.remove(await world.member(tenant, removed))
    await world.invited(tenant, late, days=-1)
    await world.invited(tenant, ill_fitting, Role.VENDOR)
    tokens = [world.issuer.token(sub=each) for each in (suspended, removed, late, ill_fitting, someone())]
    tokens += [world.issuer.token(sub=suspended, aud="other"), world.issuer.token(exp=1), "x", "eyJ.a.b", "ipi_x"]
    assert {await world.refusal(each, tenant.code) for each in tokens} == {REFUSED}
    assert {await world.refusal(each) for each in tokens} == {REFUSED}


async def test_no_credential_is_told_how_to_send_one(world: World) -> None:
    response = await world.http.post("/graphql", json={"query": WHO})
    assert (response.status_code, response.json()["errors"][0]["message"]) == (401, SEND)


async def test_a_code_is_taken_up_by_one_person_and_by_no_other(world: World) -> None:
    tenant, ada, bob = await world.tenant(), someone(), someone()
    code = await world.invited(tenant, None, Role.AUDITOR)
    mistyped = code[:20] + ("a" if code[20] != "a" else "b") + code[21:]
    another = new_code(tenant.id, (await world.people.memberships(tenant.id))[0].id)[0]
    token = world.issuer.token(sub=ada)
    for wrong in (mistyped, another, tenant.code):
        assert await world.refusal(token, wrong) == REFUSED
    assert [await world.role(token, code), await world.role(token, code)] == ["AUDITOR"] * 2
    assert await world.refusal(world.issuer.token(sub=bob), code) == REFUSED
    assert await world.role(token, tenant.code) == "AUDITOR"


async def test_of_many_who_show_a_code_at_once_one_gets_in(world: World) -> None:
    tenant = await world.tenant()
    code = await world.invited(tenant, None)
    answers = await asyncio.gather(*(world.ask(world.issuer.token(sub=someone()), code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]
    assert len(await world.people.memberships(tenant.id)) == 1


async def test_a_code_that_expired_or_is_for_somebody_in_already_is_refused(world: World) -> None:
    tenant, ada = await world.tenant(), someone()
    expired = await world.invited(tenant, None, days=-1)
    await world.member(tenant, ada)
    second = await world.invited(tenant, None, Role.ADMIN)
    for code in (expired, second):
        assert await world.refusal(world.issuer.token(sub=ada), code) == REFUSED
    assert await world.role(world.issuer.token(sub=ada), tenant.code) == "ANALYST"


async def test_a_key_names_its_own_tenant_or_none(world: World) -> None:
    tenant, other = await world.tenant(), await world.tenant()
    text, key = issued(tenant.id, KeyId(mint()), role=Role.ADMIN, party=None, label="a key")
    await world.operator.create_key(key)
    assert [await world.role(text), await world.role(text, tenant.code)] == ["ADMIN"] * 2
    for named in (other.code, "no-such-tenant"):
        assert await world.refusal(text, named) == "the key is not one that holds"


async def test_a_suspended_person_leaves_a_live_socket(world: World) -> None:
    tenant, other, ada = await world.tenant(), await world.tenant(), someone()
    membership = await world.member(tenant, ada)
    await world.member(other, ada, Role.AUDITOR)
    token = world.issuer.token(sub=ada)
    async with world.socket(token, tenant.code) as gone, world.socket(token, other.code) as stays:
        assert (await gone.hear(), await stays.hear()) == ({"type": "connection_ack"},) * 2
        await world.people.suspend(membership)
        assert await gone.closed() == (4403, REFUSED)
        await stays.say({"id": "1", "type": "subscribe", "payload": {"query": WHO}})
        assert (await stays.hear())["payload"]["data"]["viewer"]["role"] == "AUDITOR"


async def test_a_token_that_expires_ends_its_socket(world: World) -> None:
    tenant, ada = await world.tenant(), someone()
    await world.member(tenant, ada)
    soon = int(system_clock().timestamp()) - 28
    async with world.socket(world.issuer.token(sub=ada, exp=soon), tenant.code) as socket:
        assert await socket.hear() == {"type": "connection_ack"}
        assert await socket.closed() == (4403, REFUSED)


async def test_a_socket_is_refused_as_a_request_is(world: World) -> None:
    async with world.socket(world.issuer.token(sub=someone()), "no-such-tenant") as socket:
        assert await socket.closed() == (4403, REFUSED)
    async with world.socket(world.issuer.token(), "x", **{"Interpact-Tenant": 1}) as socket:
        assert await socket.closed() == (4400, "Say `interpact-tenant` once in the payload of connection_init")


async def test_a_stream_of_events_ends_for_who_is_removed(world: World) -> None:
    tenant, ada = await world.tenant(), someone()
    membership = await world.member(tenant, ada)
    headers = {
        "authorization": f"Bearer {world.issuer.token(sub=ada)}",
        "interpact-tenant": tenant.code,
        "accept": "text/event-stream",
    }
    query = "subscription { breachEvents { __typename } }"
    async with world.http.stream("POST", "/graphql", json={"query": query}, headers=headers) as response:
        assert response.status_code == 200
        await world.people.remove(membership)
        told = "".join([part async for part in response.aiter_text()])
    assert '"code":"UNAUTHENTICATED"' in told
    assert told.endswith("event: complete\ndata:\n\n")


async def test_while_nobody_can_be_told_the_answer_is_to_try_again(world: World, urls: Urls) -> None:
    with an_issuer() as gone:
        token = gone.token()
    settings = replace(service_settings({"HOME": "/nowhere"}), oidc=gone.oidc, demo=True)
    async with running(urls.service, pool_size=2, clock=system_clock) as process:
        authenticate = door_of(process.directory, settings, clock=system_clock, mint=mint)
        app = create_app(schema, authenticate=authenticate, make_context=_never, limits=LIMITS, readiness=_ready)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            answer = await http.post("/graphql", json={"query": WHO}, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["errors"][0]["extensions"]["code"] == "IDENTITY_UNAVAILABLE"


def _never(*_: object) -> Any:
    raise AssertionError("nobody was let in")


async def _ready() -> None:
    return


async def test_the_demos_issuer_gives_tokens_to_this_machine_and_to_no_web_page() -> None:
    async with issuing(SUBJECTS, system_clock) as demo, httpx.AsyncClient() as http:
        given = await http.post(f"{demo.address}/token", content=AUDITOR)
        assert given.json()["token_type"] == "Bearer"
        assert (await http.post(f"{demo.address}/token", content="root")).status_code == 400
        assert (await http.post(f"{demo.address}/token", content="x" * 5000)).status_code == 413
        for name, value in (("origin", "https://evil.example"), ("host", "evil.example")):
            refused = await http.post(f"{demo.address}/token", content=AUDITOR, headers={name: value})
            assert (refused.status_code, refused.json()) == (403, {"error": "access_denied"})
        (key,) = (await http.get(f"{demo.address}/jwks")).json()["keys"]
        assert "d" not in key


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(urls: Urls, issuer: Issuer, tmp_path: Path) -> Run:
    def run_(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "INTERPACT_OWNER_DATABASE_URL": urls.owner,
            "INTERPACT_OIDC_ISSUER": issuer.address,
            "INTERPACT_OIDC_AUDIENCE": issuer.oidc.audience,
            "INTERPACT_DEMO": "1",
        }
        command = [sys.executable, "-m", "runtime.cli", "person", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)

    return run_


async def test_the_commands_invite_list_suspend_restore_and_remove(world: World, run: Run, urls: Urls) -> None:
    tenant, ada = await world.tenant(), someone()
    said = await asyncio.to_thread(run, "invite", tenant.code, "analyst", "--subject", ada)
    assert (said.returncode, said.stderr) == (0, "")
    membership = said.stdout.split()[1]
    token = world.issuer.token(sub=ada)
    assert "invited until" in (await asyncio.to_thread(run, "list", tenant.code)).stdout
    assert await world.role(token, tenant.code) == "ANALYST"
    listed = (await asyncio.to_thread(run, "list", tenant.code)).stdout
    assert re.match(rf"{membership}  analyst +active since \S+ \S+ +{ada} as person ", listed)
    await asyncio.to_thread(run, "suspend", membership)
    assert await world.refusal(token, tenant.code) == REFUSED
    await asyncio.to_thread(run, "restore", membership)
    assert await world.role(token, tenant.code) == "ANALYST"
    said = await asyncio.to_thread(run, "remove", membership)
    assert said.stdout == f"Membership {membership} is removed.\n"
    assert await world.refusal(token, tenant.code) == REFUSED
    connection = await asyncpg.connect(urls.superuser)
    assert await connection.fetchval("SELECT count(*) FROM person WHERE subject = $1", ada) == 0
    await connection.close()


async def test_a_code_is_shown_once_and_kept_nowhere(world: World, run: Run, urls: Urls) -> None:
    tenant = await world.tenant()
    said = await asyncio.to_thread(run, "invite", tenant.code, "auditor", "--days", "1")
    code = said.stdout.splitlines()[-1]
    assert await world.role(world.issuer.token(sub=someone()), code) == "AUDITOR"
    connection = await asyncpg.connect(urls.superuser)
    rows = await connection.fetch("SELECT membership::text FROM membership UNION ALL SELECT person::text FROM person")
    await connection.close()
    assert code.split("_")[2] not in str(rows)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["invite", "no-such", "analyst"], "no tenant no-such"),
        (["list", "no-such"], "no tenant no-such"),
        (["invite", "{tenant}", "vendor"], "the role vendor needs a party"),
        (["invite", "{tenant}", "vendor", "--party", "no-such"], "no party no-such"),
        (["invite", "{tenant}", "analyst", "--days", "61"], "an invitation holds 1 to 60 days"),
        (["invite", "{tenant}", "analyst", "--subject", ""], "a subject is 1 to 255 printable characters"),
        (["suspend", str(UUID(int=1))], "no such membership"),
        (["restore", "{member}"], "the membership is not suspended"),
        (
            ["invite", "{tenant}", "analyst", "--subject", "{ada}"],
            "the person is invited to this tenant, or in it, already",
        ),
    ],
)
async def test_a_wrong_command_is_told_plainly(world: World, run: Run, arguments: list[str], told: str) -> None:
    tenant, ada = await world.tenant(), someone()
    member = await world.member(tenant, ada)
    given = [each.format(tenant=tenant.code, member=member, ada=ada) for each in arguments]
    done = await asyncio.to_thread(run, *given)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{told}\n")

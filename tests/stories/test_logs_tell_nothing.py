"""A day of a service at debug level, with people, keys and mistakes: no line of its log tells a secret or a person."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from runtime.keys import as_text
from tests.runtime.issuing import AUDIENCE, Issuer, an_issuer, rsa
from tests.stories import processes
from tests.stories.conftest import House
from tests.stories.documents import BREACH_EVENTS
from tests.stories.shop import key_in, now
from tests.stories.talking import Client, let_in, subscribed
from tests.stories.test_audit import OUTAGE, Doer, everything

SUBJECT, NAME, MAIL = "oauth|ada-of-the-idp", "Ada Lovelace", "ada@people.example"
ADDRESS = "203.0.113.77"
SPOKEN = "the-words-that-were-posted"
KEYED = "an-idempotency-key-0815"
FORWARDED = {"x-forwarded-for": ADDRESS}
RECORD = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { userErrors { message } } }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ada:
    """A person who is invited by a code, and comes with tokens of an issuer."""

    issuer: Issuer
    tenant: str
    code: str
    graphql: str
    http: httpx.AsyncClient

    def token(self, **changed: Any) -> str:
        return self.issuer.token(sub=SUBJECT, name=NAME, email=MAIL, **changed)

    async def asks(self, token: str, tenant: str) -> int:
        headers = {"authorization": f"Bearer {token}", "interpact-tenant": tenant, **FORWARDED}
        body = {"query": "{ viewer { role } parties { nodes { name } } }"}
        return (await self.http.post(self.graphql, json=body, headers=headers)).status_code


async def test_no_line_tells_a_secret_a_name_an_address_or_what_was_posted(
    house: House, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with an_issuer() as issuer:
        more = {
            "INTERPACT_LOG_FORMAT": "json",
            "INTERPACT_LOG_LEVEL": "debug",
            "INTERPACT_PROXIES": "127.0.0.1",
            "INTERPACT_DEMO": "1",
            "INTERPACT_OIDC_ISSUER": issuer.address,
            "INTERPACT_OIDC_AUDIENCE": AUDIENCE,
        }
        tenant = f"quiet-{now().timestamp()}"
        made = await processes.interpact(house.data_dir, "tenant", "create", tenant, f"The house of {NAME}")
        invited = await processes.interpact(house.data_dir, "person", "invite", tenant, "auditor")
        code = invited.out.split()[-1]
        async with processes.serving(house.data_dir, more=more, log=log) as served:
            admin = Client(http=http, graphql=served.graphql, key=key_in(made))
            ada = Ada(issuer=issuer, tenant=tenant, code=code, graphql=served.graphql, http=http)
            tokens = await _a_person_comes(ada)
            cursor = await _an_integration_works(admin, served)
            await _and_makes_mistakes(admin, served)
    lines = log.read_text().splitlines()
    assert {json.loads(line)["level"] for line in lines} >= {"debug", "info"}
    assert len(lines) > 30
    secrets = [admin.key, admin.key.split("_")[2], code, code.split("_")[2], cursor]
    secrets += [part for token in tokens for part in (token, *token.split("."))]
    people = [SUBJECT, "ada-of-the", NAME, "Lovelace", MAIL, ADDRESS]
    posted = [SPOKEN, KEYED, "o1", as_text(SPOKEN.encode())]
    text = "\n".join(lines)
    assert [each for each in (*secrets, *people) if each in text] == []
    assert [each for each in posted if re.search(rf"\b{each}\b", text)] == []
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w+", text) == []
    assert [line for line in lines if "127.0.0.1" in line.replace(issuer.address, "")] == []


async def _a_person_comes(ada: Ada) -> list[str]:
    """Takes the invitation up, and tries what does not hold; the tokens that were sent."""
    good, expired, foreign = ada.token(), ada.token(exp=int(now().timestamp()) - 3600), ada.token(key=rsa("rsa-9"))
    found = [await ada.asks(good, ada.tenant), await ada.asks(good, ada.code), await ada.asks(good, ada.tenant)]
    assert found == [401, 200, 200]
    mistyped = ada.code[:-1] + ("0" if ada.code[-1] != "0" else "1")
    refused = [(good, mistyped), (expired, ada.tenant), (foreign, ada.tenant)]
    assert [await ada.asks(token, named) for token, named in refused] == [401] * 3
    return [good, expired, foreign]


async def _an_integration_works(admin: Client, served: processes.Running) -> str:
    """Every mutation once, and a socket on which events are heard; the cursor of one."""
    doer = Doer(admin)
    await everything(doer)
    await doer.does("createParty", None, code="a-person", name=f"{NAME} {MAIL}", kind="CUSTOMER", idempotencyKey=KEYED)
    again = {"code": "other", "name": SPOKEN, "kind": "CUSTOMER", "idempotencyKey": KEYED}
    document = "mutation ($input: CreatePartyInput!) { createParty(input: $input) { userErrors { code } } }"
    assert (await admin.ask(document, input=again))["createParty"]["userErrors"] == [{"code": "IDEMPOTENCY_CONFLICT"}]
    async with subscribed(served.address, admin.key, BREACH_EVENTS) as subscriber:
        cursor: str = (await subscriber.event())["cursor"]
    return cursor


async def _and_makes_mistakes(admin: Client, served: processes.Running) -> None:
    wrong = {**OUTAGE, "externalId": SPOKEN, "impact": SPOKEN}
    assert (await admin.ask(RECORD, input={"outages": [wrong]}))["recordOutages"]["userErrors"]
    unparsed = {**OUTAGE, "startedAt": SPOKEN}
    assert (await admin.said(RECORD, input={"outages": [unparsed]}))["errors"]
    assert (await admin.said(f'{{ node(id: "{SPOKEN}") {{ id }} }}'))["errors"]
    assert (await admin.said(f'query {{ nothing(secret: "{SPOKEN}") }}'))["errors"]
    headers = {"authorization": f"Bearer {admin.key}", "content-type": "application/json", **FORWARDED}
    broken = await admin.http.post(admin.graphql, content=f'{{"query": "{SPOKEN}', headers=headers)
    asked = await admin.http.get(f"{admin.graphql}?query={SPOKEN}&key={admin.key}", headers=headers)
    lost = await admin.http.get(f"{served.address}/{SPOKEN}?key={admin.key}", headers=headers)
    unknown = await admin.http.post(admin.graphql, json={}, headers={"authorization": f"Bearer {admin.key[:-1]}0"})
    assert {broken.status_code, asked.status_code, lost.status_code, unknown.status_code} <= {200, 400, 401, 404}
    async with let_in(served.address, admin.key) as socket:
        payload = {"query": RECORD, "variables": {"input": {"outages": [wrong]}}}
        await socket.say({"id": "1", "type": "subscribe", "payload": payload})
        assert (await socket.hear())["type"] == "next"
        await socket.say({"type": SPOKEN})
        await socket.closed()

"""Bad input of every kind: each gets a clear error with a code and a path, or a line, and leaves nothing half-written.

One test over one table; its rows are in bad_facts.py, bad_terms.py, bad_requests.py and bad_files.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from domain.metric import Aggregation, Shape
from domain.party import PartyKind
from domain.policy import Role
from domain.structure import Component
from graph.ids import encode
from runtime.service import Running
from tests.stories import bad_facts, bad_files, bad_requests, bad_states_and_cases, bad_terms, processes
from tests.stories.bad_files import Run
from tests.stories.bad_input import AT, END, Asked, Names, document, stream
from tests.stories.bad_requests import Greeted, Sent
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.documents import RECORD_MEASUREMENTS, RECORD_OUTAGES, mutation
from tests.stories.storage import Store
from tests.stories.tenants import a_key, mint, revoke
from tests.stories.workshop import a_promise

Row: TypeAlias = Asked | Sent | Greeted | Run
ROWS: list[Row] = [
    *bad_facts.ROWS,
    *bad_states_and_cases.ROWS,
    *bad_terms.ROWS,
    *bad_requests.DOCUMENTS,
    *bad_requests.BODIES,
    *bad_requests.KEYS,
    *bad_requests.SOCKETS,
    *bad_files.ROWS,
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where bad input is sent to, with what is there already. `keys`: by role, and those that no longer hold."""

    doors: processes.Running
    http: httpx.AsyncClient
    client_of: ClientOf
    keys: Mapping[str, str]
    names: Names
    data_dir: Path


@pytest.fixture(scope="module")
async def scene(
    house: House,
    inside: Running,
    a_workshop: NewWorkshop,
    client_of: ClientOf,
    doors: processes.Running,
    http: httpx.AsyncClient,
) -> Scene:
    here, elsewhere = await a_workshop(), await a_workshop()
    for workshop in (here, elsewhere):
        await workshop.party("vendor", PartyKind.VENDOR)
        await workshop.service("leaf", provider="vendor")
    await here.party("buyer", PartyKind.CUSTOMER)
    up = await here.metric("up")
    await here.metric("good", Aggregation.RATIO_OF_SUMS)
    await here.metric("delay", Aggregation.MEAN)
    await here.metric("probes", shape=Shape.STATE)
    await here.metric("tickets", Aggregation.CASES_WITHIN)
    leaf = Component(here.services["leaf"].id)
    await here.service("whole", provider="vendor", structure=leaf)
    begins = datetime(2024, 5, 1, tzinfo=UTC)
    await here.agreement(
        "terms",
        a_promise("up", up, "99.9"),
        provider="vendor",
        service="leaf",
        starts_at=begins,
        ends_at=begins + timedelta(days=2),
    )
    await inside.worker.settle_tenant(here.tenant)
    keys = await _keys(house.server.owner_url, here.tenant, here.parties)
    vendor = client_of(keys["vendor"])
    outage = {"stream": stream(), "externalId": "known", "impact": "critical", "startedAt": AT, "endedAt": END}
    await vendor.do(mutation(RECORD_OUTAGES), outages=[outage], idempotencyKey="used")
    tally = {
        "stream": stream(metric="good"),
        "starts": [END],
        "ends": ["2024-05-01T01:15:00Z"],
        "good": [2],
        "total": [2],
    }
    await vendor.do(mutation(RECORD_MEASUREMENTS), tallies=[tally])
    known_state = {"stream": stream(metric="probes"), "instants": [END], "states": ["up"]}
    await vendor.do(document("recordStates"), series=[known_state])
    known_case = {"stream": stream(metric="tickets"), "externalId": "known", "openedAt": AT}
    await vendor.do(document("recordCases"), cases=[known_case])
    names = Names(
        vendor=encode("Party", here.parties["vendor"].id),
        leaf=encode("Service", here.services["leaf"].id),
        whole=encode("Service", here.services["whole"].id),
        up=encode("Metric", up.id),
        terms=encode("Agreement", here.agreements["terms"].id),
        foreign_party=encode("Party", elsewhere.parties["vendor"].id),
        foreign_service=encode("Service", elsewhere.services["leaf"].id),
        unknown_service=encode("Service", mint()),
    )
    return Scene(doors=doors, http=http, client_of=client_of, keys=keys, names=names, data_dir=house.data_dir)


async def _keys(owner_url: str, tenant: Any, parties: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, party in (
        (Role.ADMIN, None),
        (Role.VENDOR, "vendor"),
        (Role.CUSTOMER, "buyer"),
        (Role.ANALYST, None),
        (Role.AUDITOR, None),
        (Role.INGEST, None),
    ):
        found[role.value], _ = await a_key(owner_url, tenant, role, None if party is None else parties[party].id)
    found["revoked"], revoked = await a_key(owner_url, tenant, Role.ADMIN)
    await revoke(owner_url, revoked)
    ended = datetime.now(UTC) - timedelta(seconds=1)
    found["expired"], _ = await a_key(owner_url, tenant, Role.ADMIN, expires_at=ended)
    return found


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_bad_input_is_told_plainly_and_leaves_nothing_behind(
    scene: Scene, store: Store, row: Row, tmp_path: Path
) -> None:
    before = await store.digests()
    match row:
        case Asked():
            await _asked(scene, row)
        case Sent():
            await _sent(scene, row)
        case Greeted():
            await _greeted(scene, row)
        case Run():
            await _run(scene, row, tmp_path)
    assert await store.digests() == before


def test_each_row_has_a_name_of_its_own() -> None:
    names = [str(row) for row in ROWS]
    assert len(set(names)) == len(names) > 130


async def _asked(scene: Scene, row: Asked) -> None:
    answer = await scene.client_of(scene.keys[row.key]).said(row.document, **row.given(scene.names))
    if row.at_the_top:
        assert not any((answer.get("data") or {}).values()), answer
        (error,) = answer["errors"]
        code, path = error["extensions"]["code"], error["extensions"].get("inputPath", ())
    else:
        assert "errors" not in answer, answer["errors"]
        (payload,) = answer["data"].values()
        (error,) = payload["userErrors"]
        code, path = error["code"], error["path"]
    assert (code, ".".join(map(str, path))) == (row.code, row.path), error
    assert row.says in error["message"]


async def _sent(scene: Scene, row: Sent) -> None:
    headers = dict(row.headers)
    if row.key is not None:
        headers["authorization"] = row.authorization(scene.keys[row.key])
    response = await scene.http.request(
        row.method, f"{scene.doors.address}{row.path}", content=row.body, headers=headers
    )
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (row.status, row.code), error
    assert row.says in error["message"]
    assert "data" not in response.json()


async def _greeted(scene: Scene, row: Greeted) -> None:
    protocols = [Subprotocol(row.protocol)] if row.protocol else None
    url = f"{scene.doors.address.replace('http', 'ws', 1)}/graphql"
    async with connect(url, subprotocols=protocols) as socket:
        if row.first is not None:
            await socket.send(row.first if isinstance(row.first, str | bytes) else _with_key(row.first, scene.keys))
        await socket.wait_closed()
        assert socket.close_code == row.code
        assert row.says in (socket.close_reason or "")


def _with_key(message: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    payload = message.get("payload")
    if payload is None:
        return orjson.dumps(message).decode()
    return orjson.dumps({**message, "payload": {"authorization": f"Bearer {keys[payload['authorization']]}"}}).decode()


async def _run(scene: Scene, row: Run, folder: Path) -> None:
    for name, content in row.files.items():
        (folder / name).write_bytes(content)
    arguments = [str(folder / each) if each in row.files else each for each in row.arguments]
    ended = await processes.interpact(scene.data_dir, *arguments)
    assert ended.status == 2, ended
    assert row.says in ended.err.replace(f"{folder}/", "")
    assert "Traceback" not in ended.err

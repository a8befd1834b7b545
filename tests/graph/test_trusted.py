"""Documents by id, through the real doors."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx
import pytest

from graph.trusted import trusted
from tests.graph.service import Service, a_service
from tests.graph.test_sse import COMPLETE, EVENTS, Stream, tick
from tests.graph.test_websocket import let_in

KEY = {"authorization": "Bearer good", "accept": "application/graphql-response+json"}
HELLO = "query ($name: String!) {\n  hello(name: $name)\n}\n"
TICKS = "subscription { ticks(count: 1) { number } }"
RENAME = 'mutation { rename(name: "x") }'


def id_of(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def knowing() -> Iterator[Service]:
    with a_service(trusted=trusted([HELLO, TICKS, RENAME], alone=False)) as service:
        yield service


@pytest.fixture(scope="module")
def strict() -> Iterator[Service]:
    with a_service(trusted=trusted([HELLO, TICKS], alone=True)) as service:
        yield service


def post(service: Service, **parameters: Any) -> httpx.Response:
    return httpx.post(service.graphql, json=parameters, headers=KEY)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("fixture", ["knowing", "strict"])
def test_a_document_is_run_by_its_id(fixture: str, request: pytest.FixtureRequest) -> None:
    service: Service = request.getfixturevalue(fixture)
    answer = post(service, documentId=id_of(HELLO), variables={"name": "Ada"})
    assert (answer.status_code, answer.json()["data"]) == (200, {"hello": "hello Ada"})
    parameters = {"documentId": id_of(HELLO), "variables": '{"name": "Ada"}'}
    assert httpx.get(service.graphql, params=parameters, headers=KEY).json()["data"] == {"hello": "hello Ada"}
    body = {"documentId": id_of(TICKS)}
    with httpx.stream("POST", service.graphql, json=body, headers=EVENTS) as response:
        assert Stream(response).rest() == [tick(0), COMPLETE]


async def test_over_a_socket_too(knowing: Service) -> None:
    async with let_in(knowing) as client:
        await client.say({"id": "1", "type": "subscribe", "payload": {"documentId": id_of(TICKS)}})
        assert (await client.hear())["payload"] == {"data": {"ticks": {"number": 0}}}


def test_a_mutation_by_id_is_still_for_post_alone(knowing: Service) -> None:
    assert httpx.get(knowing.graphql, params={"documentId": id_of(RENAME)}, headers=KEY).status_code == 405


@pytest.mark.parametrize("unknown", [id_of("{ hello }"), id_of(HELLO).upper(), "x", ""])
def test_an_unknown_id_is_told(knowing: Service, unknown: str) -> None:
    assert code_of(post(knowing, documentId=unknown)) == (400, "DOCUMENT_NOT_FOUND")


@pytest.mark.parametrize("parameters", [{"documentId": 1}, {"documentId": id_of(HELLO), "query": HELLO}, {}])
def test_an_id_is_a_string_and_stands_alone(knowing: Service, parameters: dict[str, Any]) -> None:
    assert code_of(post(knowing, **parameters)) == (400, "BAD_REQUEST")


def test_other_documents_run_unless_the_trusted_ones_stand_alone(knowing: Service, strict: Service) -> None:
    assert post(knowing, query="{ hello }").status_code == 200
    for other in ("{ hello }", "{ __schema { queryType { name } } }", RENAME, HELLO + " "):
        assert code_of(post(strict, query=other)) == (400, "DOCUMENT_NOT_TRUSTED")
    assert strict.journal.notes == [note for note in strict.journal.notes if "renamed" not in note]


def test_the_text_of_a_trusted_document_is_that_document(strict: Service) -> None:
    assert post(strict, query=HELLO, variables={"name": "Ada"}).json()["data"] == {"hello": "hello Ada"}


async def test_nothing_else_is_run_over_a_socket_either(strict: Service) -> None:
    async with let_in(strict) as client:
        await client.subscribe("{ hello }")
        assert (await client.hear())["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"

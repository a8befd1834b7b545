"""Pages from other origins, through a real server and clients that send what browsers send."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.graph.service import Service, a_service

DESK = "https://desk.example"
BODY = {"query": "{ hello }"}
KEY = {"authorization": "Bearer good"}
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}


@pytest.fixture(scope="module")
def listing() -> Iterator[Service]:
    """A service that lists one origin."""
    with a_service(origins=[DESK]) as service:
        yield service


def post(service: Service, origin: str | None, **headers: str) -> httpx.Response:
    named = {} if origin is None else {"origin": origin}
    return httpx.post(service.graphql, json=BODY, headers={**KEY, **named, **headers})


def cors_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_page_of_a_listed_origin_may_read_the_answer(listing: Service, accept: str) -> None:
    answer = post(listing, DESK, accept=accept)
    assert answer.status_code == 200
    assert cors_of(answer) == {
        "access-control-allow-origin": DESK,
        "access-control-expose-headers": "x-request-id, retry-after, ratelimit-limit, ratelimit-remaining,"
        " ratelimit-reset",
    }
    assert answer.headers["vary"] == "Origin"


def test_it_may_read_why_it_was_refused(listing: Service) -> None:
    answer = post(listing, DESK, authorization="Bearer bad")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, DESK)


def test_it_is_told_beforehand_what_it_may_send(listing: Service) -> None:
    answer = httpx.options(listing.graphql, headers={"origin": DESK, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"")
    assert cors_of(answer) == {
        "access-control-allow-origin": DESK,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, content-type, interpact-tenant, last-event-id",
        "access-control-max-age": "600",
    }
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://desk.example.evil.example", "http://desk.example", "null", DESK + ":444"],
)
def test_a_page_of_another_origin_gets_no_word_of_leave(listing: Service, service: Service, origin: str) -> None:
    for each in (listing, service):
        assert cors_of(post(each, origin)) == {}
        refused = httpx.options(each.graphql, headers={"origin": origin, **PREFLIGHT})
        assert (refused.status_code, cors_of(refused)) == (405, {})


def test_no_answer_is_kept_for_another_origin(listing: Service) -> None:
    assert [post(listing, origin).headers["vary"] for origin in (None, "https://evil.example")] == ["Origin"] * 2


async def shakes_hands(service: Service, origin: str | None, host: str | None = None) -> int:
    """The status of the handshake."""
    address = service.websocket if host is None else f"ws://{host}/graphql"
    place, _, port = service.address.partition(":")
    try:
        async with connect(
            address,
            origin=None if origin is None else Origin(origin),
            subprotocols=[Subprotocol("graphql-transport-ws")],
            host=place,
            port=int(port),
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, None, 101),
        (DESK, None, 101),
        ("https://evil.example", None, 403),
        ("http://desk.example", None, 403),
        ("null", None, 403),
        ("", None, 403),
        ("https://", None, 403),
        ("https://interpact.example", "interpact.example", 101),
        ("https://interpact.example:443", "interpact.example:443", 101),
        ("https://interpact.example", "interpact.example:8080", 403),
        ("https://evil.example", "interpact.example", 403),
        ("https://[half", "interpact.example", 403),
    ],
)
async def test_a_socket_is_for_no_page_a_listed_one_or_our_own(
    listing: Service, origin: str | None, host: str | None, status: int
) -> None:
    assert await shakes_hands(listing, origin, host) == status


async def test_without_a_list_every_other_page_s_socket_is_refused(service: Service) -> None:
    assert await shakes_hands(service, DESK) == 403
    assert await shakes_hands(service, f"http://{service.address}") == 101


@pytest.mark.parametrize(
    "content",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/graphql"],
)
def test_what_a_page_may_send_without_asking_is_never_executed(service: Service, content: str) -> None:
    headers = {**KEY, "origin": "https://evil.example"} | ({"content-type": content} if content else {})
    body = b'{"query": "mutation { rename(name: \\"x\\") }"}'
    form = b"query=mutation%20%7B%20rename(name%3A%20%22x%22)%20%7D"
    for sent in (body, form):
        answer = httpx.post(service.graphql, content=sent, headers=headers)
        assert (answer.status_code, cors_of(answer)) == (415, {})
    assert service.journal.notes == []

"""The HTTP door, through a real server and client."""

from __future__ import annotations

import gzip
import logging
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from starlette.datastructures import Headers

from graph.http import GRAPHQL_JSON, PLAIN_JSON, negotiated
from graph.limits import Limits
from graph.sse import EVENT_STREAM
from tests.graph.service import Service, a_service

KEY = {"authorization": "Bearer good"}
JSON = {"content-type": PLAIN_JSON}


@dataclass
class Bad:
    """One request that must be refused, as `status` and `code` say; `plain` is the status for a plain JSON client."""

    claim: str
    status: int
    code: str
    method: str = "POST"
    query: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=lambda: {**KEY, **JSON})
    plain: int | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)


def document(text: str, **parameters: Any) -> bytes:
    return orjson.dumps({"query": text, **parameters})


def address(**parameters: str) -> str:
    return "?" + urlencode(parameters)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


RENAME = document('mutation { rename(name: "x") }')
ALLOW_BOTH = {"allow": "GET, POST"}
COST_1 = {"cost": {"requested": 1, "limit": 10_000}}
CHALLENGE = {"www-authenticate": "Bearer"}

BAD = [
    Bad("no body", 400, "BODY_NOT_JSON"),
    Bad("broken JSON", 400, "BODY_NOT_JSON", body=b'{"query": "{ hello }"'),
    Bad("two JSON values", 400, "BODY_NOT_JSON", body=b"{}{}"),
    Bad("NaN in JSON", 400, "BODY_NOT_JSON", body=b'{"query": "{ hello }", "variables": {"x": NaN}}'),
    Bad("JSON nested 5,000 deep", 400, "BODY_NOT_JSON", body=b"[" * 5_000),
    Bad("bad UTF-8", 400, "BODY_NOT_JSON", body=b'{"query": "{ hello(name: \\"\xff\\") }"}'),
    Bad("half a surrogate pair", 400, "BODY_NOT_JSON", body=rb'{"query": "{ hello(name: \"\ud800\") }"}'),
    Bad("an array (a batch)", 400, "BAD_REQUEST", body=b"[" + RENAME + b"]"),
    Bad("null", 400, "BAD_REQUEST", body=b"null"),
    Bad("a number", 400, "BAD_REQUEST", body=b"1"),
    Bad("a string", 400, "BAD_REQUEST", body=b'"{ hello }"'),
    Bad("no query", 400, "BAD_REQUEST", body=b"{}"),
    Bad("a query that is a number", 400, "BAD_REQUEST", body=b'{"query": 1}'),
    Bad("an operation name that is a list", 400, "BAD_REQUEST", body=document("{ hello }", operationName=[])),
    Bad("variables that are a list", 400, "BAD_REQUEST", body=document("{ hello }", variables=[])),
    Bad("variables that are a string", 400, "BAD_REQUEST", body=document("{ hello }", variables="{}")),
    Bad("extensions that are a boolean", 400, "BAD_REQUEST", body=document("{ hello }", extensions=False)),
    Bad("variables nested too deep", 400, "INPUT_TOO_DEEP", body=document("{ hello }", variables={"x": nested(33)})),
    Bad("no content type", 415, "UNSUPPORTED_MEDIA_TYPE", body=RENAME, headers=KEY),
    Bad("a form", 415, "UNSUPPORTED_MEDIA_TYPE", body=RENAME, headers={**KEY, "content-type": "text/plain"}),
    Bad(
        "another charset",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        body=RENAME,
        headers={**KEY, "content-type": "application/json; charset=latin-1"},
    ),
    Bad(
        "a compressed body",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        body=gzip.compress(RENAME),
        headers={**KEY, **JSON, "content-encoding": "gzip"},
    ),
    Bad(
        "an Accept that takes no JSON",
        406,
        "NOT_ACCEPTABLE",
        body=RENAME,
        headers={**KEY, **JSON, "accept": "image/png"},
    ),
    Bad("no key", 401, "UNAUTHENTICATED", body=RENAME, headers=JSON, answer_headers=CHALLENGE),
    Bad(
        "an unknown key",
        401,
        "UNAUTHENTICATED",
        body=RENAME,
        headers={**JSON, "authorization": "Bearer bad"},
        answer_headers=CHALLENGE,
    ),
    Bad("PUT", 405, "METHOD_NOT_ALLOWED", "PUT", body=RENAME, answer_headers=ALLOW_BOTH),
    Bad("DELETE", 405, "METHOD_NOT_ALLOWED", "DELETE", answer_headers=ALLOW_BOTH),
    Bad("OPTIONS", 405, "METHOD_NOT_ALLOWED", "OPTIONS", answer_headers=ALLOW_BOTH),
    Bad("a body of 5 MB", 413, "BODY_TOO_LARGE", body=document("{ hello }" + " " * 5_000_000)),
    Bad(
        "a mutation by GET",
        405,
        "METHOD_NOT_ALLOWED",
        "GET",
        address(query='mutation { rename(name: "x") }'),
        answer_headers={"allow": "POST"},
    ),
    Bad(
        "a mutation by GET, chosen among operations",
        405,
        "METHOD_NOT_ALLOWED",
        "GET",
        address(query='query Q { hello } mutation M { rename(name: "x") }', operationName="M"),
        answer_headers={"allow": "POST"},
    ),
    Bad(
        "a subscription by GET",
        405,
        "METHOD_NOT_ALLOWED",
        "GET",
        address(query="subscription { ticks(count: 1) { number } }"),
        answer_headers={"allow": "POST"},
    ),
    Bad("GET without a query", 400, "BAD_REQUEST", "GET", address(operationName="Q")),
    Bad("variables by GET that are no JSON", 400, "BAD_REQUEST", "GET", address(query="{ hello }", variables="{")),
    Bad("bad UTF-8 by GET", 400, "BAD_REQUEST", "GET", "?query=%ff"),
    Bad("a hundred parameters by GET", 400, "BAD_REQUEST", "GET", "?" + "&".join(f"p{n}=1" for n in range(100))),
    Bad(
        "a subscription by POST",
        400,
        "SUBSCRIPTION_NEEDS_STREAM",
        body=document("subscription { ticks(count: 1) { number } }"),
    ),
    # What is wrong inside a well-formed request is 200 for clients that ask for plain JSON.
    Bad("an empty document", 400, "GRAPHQL_PARSE_FAILED", body=document(""), plain=200),
    Bad("a syntax error", 400, "GRAPHQL_PARSE_FAILED", body=document("{"), plain=200),
    Bad("an unknown field", 400, "GRAPHQL_VALIDATION_FAILED", body=document("{ helo }"), plain=200),
    Bad("a type definition", 400, "GRAPHQL_VALIDATION_FAILED", body=document("type Query { a: Int }"), plain=200),
    Bad(
        "an unknown operation",
        400,
        "OPERATION_RESOLUTION_FAILURE",
        body=document("query Q { hello }", operationName="M"),
        plain=200,
    ),
    Bad(
        "no choice among operations",
        400,
        "OPERATION_RESOLUTION_FAILURE",
        body=document("query Q { hello } query R { hello }"),
        plain=200,
    ),
    Bad(
        "a variable of the wrong type",
        400,
        "BAD_USER_INPUT",
        body=document("query ($n: String) { hello(name: $n) }", variables={"n": 1}),
        plain=200,
    ),
    Bad("a document that is too long", 400, "DOCUMENT_TOO_LONG", body=document("{ hello }" + " " * 15_000), plain=200),
    Bad("a document with too many tokens", 400, "TOO_MANY_TOKENS", body=document("{" + " a" * 1_000 + "}"), plain=200),
    Bad(
        "a document with too many comments",
        400,
        "TOO_MANY_TOKENS",
        body=document("#\n" * 1_001 + "{ hello }"),
        plain=200,
    ),
    Bad("a document nested 900 deep", 400, "GRAPHQL_PARSE_FAILED", body=document("{a" * 450 + "}" * 450), plain=200),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.claim)
def test_a_bad_request_is_refused_with_status_and_code_and_changes_nothing(service: Service, bad: Bad) -> None:
    for accept, status in ((GRAPHQL_JSON, bad.status), (PLAIN_JSON, bad.plain or bad.status)):
        headers = {"accept": accept, **bad.headers}
        answer = httpx.request(bad.method, service.graphql + bad.query, content=bad.body, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["errors"][0]["extensions"]["code"]) == (status, bad.code), answer.text
        assert "data" not in told
        assert answer.headers.items() >= bad.answer_headers.items()
        assert answer.headers["x-request-id"]
    assert service.journal.notes == []


def test_a_large_body_is_refused_while_it_streams(service: Service) -> None:
    def chunks() -> Any:
        for _ in range(5):
            yield b" " * 1_000_000

    answer = httpx.post(service.graphql, content=chunks(), headers={**KEY, **JSON})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (
        413,
        {"code": "BODY_TOO_LARGE", "limit": 1_048_576},
    )


def test_a_body_that_dribbles_in_is_given_up() -> None:
    with a_service(Limits(body_seconds_max=0.2)) as service, socket.create_connection(_host(service)) as client:
        client.sendall(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\n"
            b'content-length: 100\r\n\r\n{"query"'
        )
        answer = _read_all(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"BODY_TIMEOUT" in answer


def _host(service: Service) -> tuple[str, int]:
    host, _, port = service.address.partition(":")
    return host, int(port)


def _read_all(client: socket.socket) -> bytes:
    client.settimeout(5)
    received = b""
    while piece := client.recv(65_536):
        received += piece
    return received


def post(service: Service, text: str, accept: str = GRAPHQL_JSON, **parameters: Any) -> httpx.Response:
    return httpx.post(service.graphql, content=document(text, **parameters), headers={**KEY, **JSON, "accept": accept})


def test_queries_are_answered_by_post_and_by_get(service: Service) -> None:
    text = "query Q($name: String!) { hello(name: $name) } query R { hello }"
    wanted = {"data": {"hello": "hello Ada"}, "extensions": COST_1}
    assert post(service, text, variables={"name": "Ada"}, operationName="Q").json() == wanted
    query = address(query=text, variables='{"name": "Ada"}', operationName="Q", extensions="")
    answer = httpx.get(service.graphql + query, headers=KEY)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert answer.headers["cache-control"] == "no-store"


def test_a_mutation_is_run_by_post(service: Service) -> None:
    assert post(service, 'mutation { rename(name: "x") }').json()["data"] == {"rename": "x"}
    assert service.journal.notes == ["renamed x"]


def test_an_error_in_a_field_leaves_the_other_fields_and_status_200(service: Service) -> None:
    answer = post(service, "{ hello missing }")
    assert answer.status_code == 200
    assert answer.json() == {
        "data": {"hello": "hello world", "missing": None},
        "errors": [
            {
                "message": "no agreement x",
                "locations": [{"line": 1, "column": 9}],
                "path": ["missing"],
                "extensions": {"code": "NOT_FOUND", "inputPath": ["input", 0, "id"]},
            }
        ],
        "extensions": COST_1,
    }


@pytest.mark.parametrize("text", ["{ bug }", "{ misfit }"])
def test_a_bug_is_masked_and_logged_under_the_request_id(
    service: Service, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    answer = post(service, text)
    (error,) = answer.json()["errors"]
    request_id = answer.headers["x-request-id"]
    assert (error["message"], error["extensions"]) == ("Internal error", {"code": "INTERNAL", "requestId": request_id})
    assert "hunter2" not in answer.text
    assert "1099511627776" not in answer.text
    assert [record.levelno for record in caplog.records if request_id in record.message and record.exc_info] == [
        logging.ERROR
    ]


def test_what_falls_through_is_a_masked_500(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    answer = httpx.post(service.graphql, content=RENAME, headers={**JSON, "authorization": "Bearer broken"})
    request_id = answer.headers["x-request-id"]
    assert (answer.status_code, answer.json()) == (
        500,
        {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL", "requestId": request_id}}]},
    )
    assert request_id in caplog.text


def test_at_most_20_errors_are_told_and_the_last_counts_the_rest(service: Service) -> None:
    errors = post(service, "{ manyMissing(count: 30) { name } }").json()["errors"]
    assert len(errors) == 20
    assert errors[18]["extensions"] == {"code": "NOT_FOUND"}
    assert errors[19] == {
        "message": "11 more errors are not shown.",
        "extensions": {"code": "TOO_MANY_ERRORS", "limit": 20, "seen": 30},
    }


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("{ slow(seconds: 30) }", Limits(query_seconds_max=0.1)),
        ("mutation { slowRename(seconds: 30) }", Limits(mutation_seconds_max=0.1)),
    ],
)
def test_an_operation_that_passes_its_deadline_is_stopped(text: str, limits: Limits) -> None:
    with a_service(limits) as service:
        for accept, status in ((GRAPHQL_JSON, 504), (PLAIN_JSON, 200)):
            answer = post(service, text, accept)
            assert answer.status_code == status
            assert answer.json()["errors"][0]["extensions"] == {"code": "DEADLINE_EXCEEDED", "limitSeconds": 0.1}
        context = service.journal.contexts[0]
        assert context.request_id
        assert context.deadline < float("inf")


def test_an_operation_is_cancelled_when_its_client_goes_away(service: Service) -> None:
    body = document("{ slow(seconds: 30) }")
    with socket.create_connection(_host(service)) as client:
        client.sendall(
            b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        service.journal.wait_for("slow begun")
    service.journal.wait_for("slow cancelled")


def test_a_browser_gets_a_page_that_needs_nothing_from_elsewhere(service: Service) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = httpx.get(service.graphql, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Authorization: Bearer" in answer.text
    assert "http" not in answer.text
    assert "src=" not in answer.text


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", PLAIN_JSON),
        ("*/*", PLAIN_JSON),
        ("application/*", PLAIN_JSON),
        ("application/json", PLAIN_JSON),
        ("application/json; charset=utf-8", PLAIN_JSON),
        ("application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("application/json, application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0.5, application/json", PLAIN_JSON),
        ("application/graphql-response+json;q=0.9, */*;q=0.8", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0, */*", PLAIN_JSON),
        ("text/html, */*;q=0.1", PLAIN_JSON),
        ("text/event-stream", EVENT_STREAM),
        ("text/event-stream, application/json;q=0", EVENT_STREAM),
        ("application/json, text/event-stream", PLAIN_JSON),
        ("text/event-stream, */*", PLAIN_JSON),
    ],
)
def test_the_media_type_follows_the_accept_header(accept: str, media: str) -> None:
    assert negotiated(Headers({"accept": accept})) == media

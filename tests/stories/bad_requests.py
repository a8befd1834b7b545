"""Requests that are none: bodies, keys, documents, sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stories.bad_input import Asked

JSON = {"content-type": "application/json"}
QUERY = b'{"query": "{ viewer { role } }"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as bytes. `authorization` makes the header from the keys that the test has."""

    name: str
    status: int
    code: str
    says: str
    body: bytes = QUERY
    method: str = "POST"
    path: str = "/graphql"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    key: str | None = "admin"
    authorization: Callable[[str], str] = "Bearer {}".format

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeted:
    """A socket that is closed with a code and a reason."""

    name: str
    protocol: str | None
    first: Mapping[str, Any] | str | bytes | None
    code: int
    says: str

    def __str__(self) -> str:
        return self.name


def mistyped(key: str) -> str:
    """Two neighbours that differ are swapped in the secret."""
    at = next(at for at in range(60, 80) if key[at] != key[at + 1])
    return f"Bearer {key[:at]}{key[at + 1]}{key[at]}{key[at + 2 :]}"


def body(name: str, content: bytes, status: int, code: str, says: str, **more: Any) -> Sent:
    return Sent(name=name, status=status, code=code, says=says, body=content, **more)


BODIES = [
    body("a body that is an array", b"[]", 400, "BAD_REQUEST", "a JSON object, not an array"),
    body("a body that is a string", b'"query"', 400, "BAD_REQUEST", "not a string"),
    body("a body that is a number", b"1", 400, "BAD_REQUEST", "not a number"),
    body("a body that is null", b"null", 400, "BAD_REQUEST", "not null"),
    body("a body that is empty", b"", 400, "BODY_NOT_JSON", "is not JSON"),
    body("a body that breaks off", b'{"query": "{', 400, "BODY_NOT_JSON", "is not JSON"),
    body("NaN as JSON", b'{"query": "{ viewer { role } }", "variables": {"a": NaN}}', 400, "BODY_NOT_JSON", "not JSON"),
    body("a lone surrogate", rb'{"query": "{ viewer { role } } #\ud800"}', 400, "BODY_NOT_JSON", "is not JSON"),
    body("bad UTF-8", b'{"query": "\xff\xfe"}', 400, "BODY_NOT_JSON", "not UTF-8: byte 11"),
    body("a body of 5 MB", b" " * 5_000_000 + QUERY, 413, "BODY_TOO_LARGE", "larger than 1048576 bytes"),
    body("a query that is no string", b'{"query": 1}', 400, "BAD_REQUEST", "`query` must be a string"),
    body("variables that are no object", b'{"query": "{ a }", "variables": []}', 400, "BAD_REQUEST", "`variables`"),
    body(
        "variables nested 40 deep",
        b'{"query": "{ a }", "variables": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
        400,
        "INPUT_TOO_DEEP",
        "nested more than 32 deep",
    ),
    body(
        "variables nested 100,000 deep",
        b'{"query": "{ a }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        400,
        "INPUT_TOO_LARGE",
        "100003 opening brackets; at most 50000",
    ),
    body(
        "a body that is no JSON by name",
        QUERY,
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "",
        headers={"content-type": "text/plain"},
    ),
    body(
        "a compressed body",
        QUERY,
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "not be compressed",
        headers={**JSON, "content-encoding": "gzip"},
    ),
    body("a deletion", b"", 405, "METHOD_NOT_ALLOWED", "Use GET or POST", method="DELETE"),
    body(
        "a mutation by GET",
        b"",
        405,
        "METHOD_NOT_ALLOWED",
        "POST the mutation",
        method="GET",
        path="/graphql?query=mutation%20%7B__typename%7D",
    ),
    body(
        "a subscription by HTTP",
        b'{"query": "subscription { breachEvents { cursor } }"}',
        400,
        "SUBSCRIPTION_NEEDS_STREAM",
        "over a WebSocket",
    ),
    body("an address that is none", b"", 404, "NOT_FOUND", "", path="/graph", method="GET"),
]

REFUSED = "the key is not one that holds"
KEYS = [
    Sent(name="no key", status=401, code="UNAUTHENTICATED", says="send an API key", key=None),
    Sent(name="a revoked key", status=401, code="UNAUTHENTICATED", says=REFUSED, key="revoked"),
    Sent(name="an expired key", status=401, code="UNAUTHENTICATED", says=REFUSED, key="expired"),
    Sent(name="a mistyped key", status=401, code="UNAUTHENTICATED", says=REFUSED, authorization=mistyped),
    Sent(name="half a key", status=401, code="UNAUTHENTICATED", says="send", authorization=lambda key: key[:40]),
    Sent(
        name="another scheme",
        status=401,
        code="UNAUTHENTICATED",
        says="send an API key",
        authorization=lambda key: f"Basic {key}",
    ),
    Sent(
        name="a revoked key with a bad body", status=401, code="UNAUTHENTICATED", says=REFUSED, key="revoked", body=b"["
    ),
]

SOCKETS = [
    Greeted(name="the legacy protocol", protocol="graphql-ws", first=None, code=4406, says="graphql-transport-ws"),
    Greeted(name="no protocol", protocol=None, first=None, code=4406, says="graphql-transport-ws"),
    Greeted(
        name="a socket without a key",
        protocol="graphql-transport-ws",
        first={"type": "connection_init"},
        code=4401,
        says="send an API key",
    ),
    Greeted(
        name="a socket with a revoked key",
        protocol="graphql-transport-ws",
        first={"type": "connection_init", "payload": {"authorization": "revoked"}},
        code=4403,
        says=REFUSED,
    ),
    Greeted(name="a message of no JSON", protocol="graphql-transport-ws", first="{", code=4400, says="must be JSON"),
    Greeted(name="a binary message", protocol="graphql-transport-ws", first=b"{}", code=4400, says="not binary"),
]


def read(name: str, document: str, code: str, *, says: str = "", path: str = "", **variables: Any) -> Asked:
    return Asked(
        name=name,
        key="admin",
        document=document,
        given=lambda _names: variables,
        code=code,
        path=path,
        says=says,
        at_the_top=True,
    )


DOCUMENTS = [
    read("a document that breaks off", "{ viewer {", "GRAPHQL_PARSE_FAILED", says="Syntax Error"),
    read("a field that is none", "{ viewer { secret } }", "GRAPHQL_VALIDATION_FAILED", says="Cannot query field"),
    read("a document of 15,001 characters", "{ viewer { role } }" + " " * 14_982, "DOCUMENT_TOO_LONG"),
    read("1,001 tokens", "{ viewer { " + "role " * 1000 + "} }", "TOO_MANY_TOKENS"),
    read("a page of 101", "{ parties(first: 101) { totalCount } }", "OUT_OF_RANGE", path="first"),
    read("a page of nothing", "{ parties(last: 0) { totalCount } }", "OUT_OF_RANGE", path="last"),
    read("the first and the last", "{ parties(first: 1, last: 1) { totalCount } }", "INVALID", path="last"),
    read("a cursor that is none", '{ parties(after: "x") { totalCount } }', "CURSOR_INVALID", path="after"),
    read("a node id that is none", '{ node(id: "x") { id } }', "INVALID", path="id"),
    read("101 nodes", "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", "TOO_MANY", path="ids", ids=["x"] * 101),
    read("a variable that is missing", "query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT", path="id"),
    read(
        "a filter by an id that is none",
        '{ services(filter: {providers: ["x"]}) { totalCount } }',
        "INVALID",
        path="filter.providers.0",
    ),
]

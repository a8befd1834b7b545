"""Requests that are too large, compressed, or built to be read in two ways; and tokens that are not what they say."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import time
import zlib
from collections.abc import Callable, Mapping

from tests.runtime.issuing import RSA, Issuer, ec, encoded, rsa, unsigned
from tests.stories.attacking import CHUNK, JSON, Attack, Seen, Target, asking, head, request, spoken

MEGABYTE = b" " * 1_000_000
VIEWER = "{ viewer { role } }"
QUERY = b'{"query": "{ viewer { role } }"}'


def _with(
    name: str, headers: Mapping[str, str], ends: str, says: str = "", *, keyed: bool = True, runs: bool = False
) -> Attack:
    async def act(target: Target) -> Seen:
        return await spoken(target, request(target, asking(target, VIEWER), {**JSON, **headers}, keyed=keyed))

    return Attack(name=name, act=act, ends=ends, says=says, runs=runs)


def _written(name: str, write: Callable[[Target], list[bytes]], ends: str, says: str = "", **more: bool) -> Attack:
    async def act(target: Target) -> Seen:
        return await spoken(target, *write(target))

    return Attack(name=name, act=act, ends=ends, says=says, **more)


def _large(target: Target) -> list[bytes]:
    return [head(target, JSON | {"content-length": "30000000"}), *[MEGABYTE] * 30]


def _chunked(target: Target) -> list[bytes]:
    chunk = b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE)
    return [head(target, JSON | {"transfer-encoding": "chunked"}), *[chunk] * 30, b"0\r\n\r\n"]


def _crumbs(target: Target) -> list[bytes]:
    """A megabyte and more in chunks of ten bytes."""
    crumbs = b"a\r\n          \r\n" * 110_000
    return [head(target, JSON | {"transfer-encoding": "chunked"}), crumbs, b"0\r\n\r\n"]


def _trailing(target: Target) -> list[bytes]:
    """A whole request without a key, and the key after the body."""
    start = head(target, JSON | {"transfer-encoding": "chunked", "trailer": "authorization"}, keyed=False)
    key = target.bearer["authorization"].encode()
    return [start + b"%x\r\n%s\r\n0\r\nauthorization: %s\r\n\r\n" % (len(QUERY), QUERY, key)]


def _endless_trailer(target: Target) -> list[bytes]:
    start = head(target, JSON | {"transfer-encoding": "chunked"})
    return [start + b"%x\r\n%s\r\n0\r\nx: " % (len(QUERY), QUERY), *[b"x" * CHUNK] * 40]


def _endless_header(target: Target) -> list[bytes]:
    return [head(target, JSON)[:-2] + b"x: ", *[b"x" * CHUNK] * 40]


def _second_request(target: Target) -> list[bytes]:
    """Its length is told twice: a proxy that believes the other one would see a second request in the body."""
    inner = request(target, QUERY)
    return [
        head(target, JSON | {"content-length": str(len(inner)), "transfer-encoding": "chunked"}) + b"0\r\n\r\n" + inner
    ]


REQUESTS = [
    _written("30 MB that are told beforehand", _large, "413 BODY_TOO_LARGE", "larger than 1048576 bytes"),
    _written("30 MB in chunks", _chunked, "413 BODY_TOO_LARGE", "larger than 1048576 bytes"),
    _written("a megabyte in chunks of ten bytes", _crumbs, "400 BAD_REQUEST", "more than 2000 pieces"),
    _written(
        "30 MB without a key",
        lambda target: [head(target, JSON | {"content-length": "30000000"}, keyed=False), *[MEGABYTE] * 30],
        "401 UNAUTHENTICATED",
    ),
    *(
        _written(
            f"a bomb in {encoding}",
            lambda target, encoding=encoding, bomb=bomb: [  # type: ignore[misc]
                request(target, bomb, JSON | {"content-encoding": encoding})
            ],
            "415 UNSUPPORTED_MEDIA_TYPE",
            "must not be compressed",
        )
        for encoding, bomb in (
            ("gzip", gzip.compress(MEGABYTE * 10)),
            ("deflate", zlib.compress(MEGABYTE * 10)),
            ("br", b"\x1b"),
            ("identity, gzip", gzip.compress(MEGABYTE * 10)),
        )
    ),
    _written(
        "JSON nested 40,000 deep",
        lambda target: [request(target, b'{"query": ' + b"[" * 40_000)],
        "400 BODY_NOT_JSON",
    ),
    _written(
        "JSON nested 500,000 deep",
        lambda target: [request(target, b'{"query": ' + b"[" * 500_000)],
        "400 INPUT_TOO_LARGE",
        "500001 opening brackets; at most 50000 are allowed",
    ),
    _written(
        "a number of a megabyte",
        lambda target: [request(target, b'{"query": "{ a }", "variables": {"a": ' + b"9" * 1_000_000 + b"}}")],
        "400 BODY_NOT_JSON",
    ),
    _written("a header without end", _endless_header, "431 HEAD_TOO_LARGE", "at most 65536 bytes"),
    _written(
        "10,000 headers",
        lambda target: [request(target, QUERY, JSON | {f"x-{n}": "x" for n in range(10_000)})],
        "431 HEAD_TOO_LARGE",
        "at most 65536 bytes",
    ),
    _written(
        "an address of 100 kB",
        lambda target: [head(target, {}, method="GET", path="/graphql?query=" + "x" * 100_000)],
        "431 HEAD_TOO_LARGE",
        "at most 65536 bytes",
    ),
    _written("a trailer without end", _endless_trailer, "431 HEAD_TOO_LARGE", "at most 65536 bytes"),
    _written("a key in a trailer", _trailing, "401 UNAUTHENTICATED", "send an API key"),
    _written("a body whose length is told twice", _second_request, "400 BAD_REQUEST", "not HTTP/1.1"),
    _with("a line break in a header", {"x-name": "a\r\n b"}, "400 BAD_REQUEST", "not HTTP/1.1"),
    _with("a lone line feed in a header", {"x-name": "a\nx-other: b"}, "400 BAD_REQUEST", "not HTTP/1.1"),
    _with("a NUL in a header", {"x-name": "a\x00b"}, "400 BAD_REQUEST", "not HTTP/1.1"),
    _with(
        "two keys",
        {"authorization": "Bearer x\r\nauthorization: Bearer y"},
        "401 UNAUTHENTICATED",
        "once",
    ),
    _with("a wrong key after the right one", {"Authorization": "Bearer x"}, "401 UNAUTHENTICATED", "once"),
    _with("two tenants", {"interpact-tenant": "a\r\ninterpact-tenant: b"}, "401 UNAUTHENTICATED", "once"),
    _with(
        "a key of 60 kB", {"authorization": "Bearer ipk_" + "a" * 60_000}, "401 UNAUTHENTICATED", "send", keyed=False
    ),
    _with("a key of other letters", {"authorization": "Bearer ïpk_é\xff"}, "401 UNAUTHENTICATED", keyed=False),
    _with("another host", {"host": "evil.example"}, "200 data", '"role"', runs=True),
    _with("another origin", {"origin": "https://evil.example"}, "200 data", '"role"', runs=True),
    _with("an origin of null", {"origin": "null"}, "200 data", '"role"', runs=True),
    _with("an origin that only begins alike", {"origin": "http://127.0.0.1.evil.example"}, "200 data", runs=True),
    _with("addresses that a proxy would tell", {"x-forwarded-for": "127.0.0.1"}, "200 data", '"role"', runs=True),
    Attack(
        name="a key at another tenant",
        act=lambda target: spoken(target, request(target, QUERY, JSON | {"interpact-tenant": target.other_tenant})),
        ends="401 UNAUTHENTICATED",
        says="the key is not one that holds",
    ),
]


def _token(name: str, made: Callable[[Issuer], str]) -> Attack:
    async def act(target: Target) -> Seen:
        headers = JSON | {"authorization": f"Bearer {made(target.issuer)}"}
        return await spoken(target, request(target, QUERY, headers, keyed=False))

    return Attack(name=f"a token: {name}", act=act, ends="401 UNAUTHENTICATED", says="the token does not hold here")


MALLORY, UNKNOWN = rsa("mallory"), ec("ec-9")
RS256 = '{"alg": "RS256", "kid": "rsa-1"}'
PUBLIC = RSA.as_pem(private=False)


def _signed_with_the_public_key(issuer: Issuer) -> str:
    head = {"alg": "HS256", "kid": "rsa-1", "typ": "JWT"}
    signing = unsigned(head, issuer.claims()).rpartition(".")[0]
    return unsigned(head, issuer.claims(), hmac.new(PUBLIC, signing.encode(), hashlib.sha256).digest())


TOKENS = [
    _token("alg none", lambda issuer: unsigned({"alg": "none", "typ": "JWT"}, issuer.claims())),
    _token("HS256 with the public key", _signed_with_the_public_key),
    _token("an unknown kid", lambda issuer: issuer.token(key=UNKNOWN)),
    _token("another's key under the issuer's kid", lambda issuer: issuer.token(key=MALLORY, header={"kid": "rsa-1"})),
    _token("RS256 with a key for ES256", lambda issuer: issuer.token(header={"kid": "ec-1"})),
    _token("expired", lambda issuer: issuer.token(exp=int(time.time()) - 60)),
    _token("not yet valid", lambda issuer: issuer.token(nbf=int(time.time()) + 600)),
    _token("another audience", lambda issuer: issuer.token(aud="https://other.example")),
    _token("another issuer", lambda issuer: issuer.token(iss="https://evil.example")),
    _token(
        "a jku header",
        lambda issuer: issuer.token(key=MALLORY, header={"jku": "http://127.0.0.1:1/jwks", "kid": "rsa-1"}),
    ),
    _token(
        "a jwk header",
        lambda issuer: issuer.token(key=MALLORY, header={"jwk": MALLORY.as_dict(private=False), "kid": None}),
    ),
    _token("a kid that is a path", lambda issuer: issuer.token(header={"kid": "../../../dev/null"})),
    _token("claims nested 4,000 deep", lambda _issuer: f"{encoded(RS256)}.{encoded('[' * 4_000)}.AAAA"),
    _token("nobody's: a good token of a stranger", lambda issuer: issuer.token(sub="mallory")),
]

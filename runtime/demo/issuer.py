"""An OpenID Connect issuer for the demo: three named people, a token for whoever asks, on this machine only.

It proves nobody: that is why the service believes no issuer of this machine unless it shows the demo. Its keys are made
at each start and kept nowhere.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from runtime.issuer import Oidc, is_loopback
from runtime.listening import server

HOST = "127.0.0.1"
AUDIENCE = "interpact-demo"
TOKEN_S = 3600
BODY_BYTES_MAX = 1024
ALGORITHM = "ES256"


class DemoIssuer:
    """`people`: the subject of each, by the name that a token is asked for. `address` is where it is served."""

    def __init__(self, address: str, people: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        self.address = address
        self._people = people
        self._clock = clock
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)

    @property
    def oidc(self) -> Oidc:
        return Oidc(issuer=self.address, audience=AUDIENCE, algorithms=(ALGORITHM,), leeway_s=30, outage_s_max=3600)

    def token(self, subject: str) -> str:
        now = int(self._clock().timestamp())
        claims = {"iss": self.address, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + TOKEN_S}
        return jwt.encode(
            {"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, [ALGORITHM], default_type="at+jwt"
        )

    def app(self) -> ASGIApp:
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/jwks", self._jwks),
            Route("/token", self._token, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _discovery(self, _request: Request) -> Response:
        return _json(
            {
                "issuer": self.address,
                "jwks_uri": f"{self.address}/jwks",
                "token_endpoint": f"{self.address}/token",
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    async def _jwks(self, _request: Request) -> Response:
        return _json({"keys": [self._key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        """The name of a person is the body. A web page cannot ask: its browser names the page, or another host."""
        if "origin" in request.headers or not is_loopback(request.url.hostname or ""):
            return _json({"error": "access_denied"}, 403)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return _json({"error": "invalid_request"}, 413)
        subject = self._people.get(body.decode(errors="replace").strip())
        if subject is None:
            names = ", ".join(sorted(self._people))
            return _json({"error": "invalid_request", "error_description": f"send one of: {names}"}, 400)
        return _json({"access_token": self.token(subject), "token_type": "Bearer", "expires_in": TOKEN_S})


@asynccontextmanager
async def issuing(people: Mapping[str, str], clock: Callable[[], datetime]) -> AsyncIterator[DemoIssuer]:
    """An issuer that is served on a free port of this machine until the block ends."""
    with socket.create_server((HOST, 0)) as listener:
        issuer = DemoIssuer(f"http://{HOST}:{listener.getsockname()[1]}", people, clock)
        served = server(issuer.app(), lambda: None, {"timeout_graceful_shutdown": 1, "ws": "none"})
        task = asyncio.create_task(served.serve(sockets=[listener]), name="demo issuer")
        try:
            yield issuer
        finally:
            served.should_exit = True
            await task


def how_to_sign_in(issuer: DemoIssuer, address: str, name: str) -> str:
    """Two commands for a shell: a token of this person, and who that is to the service."""
    return (
        f"TOKEN=$(curl -s {issuer.address}/token -d {name} | cut -d '\"' -f 4)\n"
        f"curl -s {address}/graphql -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        '  -d \'{"query": "{ viewer { role party { code } } }"}\''
    )


def _json(value: Mapping[str, object], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"cache-control": "no-store"}, "application/json")

"""An OIDC issuer for tests, over real HTTP: its keys, what it answers, and tokens right and wrong."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from runtime.issuer import Oidc

AUDIENCE = "https://interpact.example"
ALGORITHMS = ("RS256", "ES256")


def rsa(kid: str = "rsa-1") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def ec(kid: str = "ec-1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


RSA, EC = rsa(), ec()


@dataclass(slots=True)
class Issuer:
    """What it answers can be changed while it runs; `asked` are the paths that it was asked for."""

    address: str
    keys: list[Mapping[str, Any]] = field(
        default_factory=lambda: [RSA.as_dict(private=False), EC.as_dict(private=False)]
    )
    discovery: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    body: bytes | None = None
    delay_s: float = 0
    asked: list[str] = field(default_factory=list)

    @property
    def oidc(self) -> Oidc:
        return Oidc(issuer=self.address, audience=AUDIENCE, algorithms=ALGORITHMS, leeway_s=30, outage_s_max=3600)

    def claims(self, **changed: object) -> dict[str, object]:
        """Those of a good token; a claim that is changed to None is left out."""
        now = int(time.time())
        good = {"iss": self.address, "aud": AUDIENCE, "sub": "ada", "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in (good | changed).items() if value is not None}

    def token(self, *, key: RSAKey | ECKey = RSA, header: Mapping[str, object] | None = None, **claims: object) -> str:
        """Signed with the key, whatever the header says; what is None in it is left out."""
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        whole = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
        said = {name: value for name, value in whole.items() if value is not None}
        signing = unsigned(said, self.claims(**claims)).rpartition(".")[0]
        return f"{signing}.{encoded(JWSRegistry.algorithms[algorithm].sign(signing.encode(), key))}"

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.body is not None:
            return self.status, self.body
        if path == "/.well-known/openid-configuration":
            return self.status, json.dumps(
                {"issuer": self.address, "jwks_uri": f"{self.address}/jwks"} | self.discovery
            ).encode()
        return self.status, json.dumps({"keys": self.keys}).encode()


@contextmanager
def an_issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            time.sleep(issuer.delay_s)
            status, body = issuer.answer(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("location", f"{issuer.address}/elsewhere")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unsigned(header: object, claims: object, signature: bytes = b"") -> str:
    """Three parts, put together by hand."""
    return f"{encoded(json.dumps(header))}.{encoded(json.dumps(claims))}.{encoded(signature)}"


def encoded(part: str | bytes) -> str:
    return base64.urlsafe_b64encode(part.encode() if isinstance(part, str) else part).decode().rstrip("=")

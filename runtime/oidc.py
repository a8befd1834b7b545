"""Tokens of people: signed by the configured OIDC issuer, for us, and within their time (OpenID Connect, RFC 9068)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from joserfc import jws
from joserfc.errors import ClaimError, JoseError
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from runtime.issuer import Oidc
from runtime.jwks import IssuerKeys

log = logging.getLogger(__name__)

TOKEN_LENGTH_MAX = 8192
HEADER_LENGTH_MAX = 2048
SUBJECT_LENGTH_MAX = 255
"""OpenID Connect Core, section 2."""

_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
"""Other tokens of the same issuer, such as those for logging out, are signed with the same keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is to the issuer; what that means to us, memberships say."""

    issuer: str
    subject: str


class TokenRefused(Exception):
    """The token does not hold. Why is for the log alone."""


class Verifier:
    def __init__(self, oidc: Oidc, keys: IssuerKeys, clock: Callable[[], datetime]) -> None:
        self._oidc = oidc
        self._keys = keys
        self._clock = clock
        self._registry = JWSRegistry(algorithms=oidc.algorithms, strict_check_header=False)
        self._registry.max_header_length = HEADER_LENGTH_MAX

    async def __call__(self, token: str) -> Identity:
        """Raises TokenRefused, or IssuerUnavailable where its key cannot be had."""
        signed, algorithm, kid = self._read(token)
        # Before the signature: what would not hold anyway makes us ask no issuer, and is refused while it is away too.
        identity = self._claimed(signed.payload)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise TokenRefused("no such key")
        try:
            holds = jws.validate_compact(signed, key, registry=self._registry)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(type(error).__name__) from error
        if not holds:
            raise TokenRefused("signature")
        return identity

    def _read(self, token: str) -> tuple[CompactSignature, str, str | None]:
        """Nothing is trusted yet: this tells which key to try. A key that the token brings along is not looked at."""
        if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
            raise TokenRefused("too long, or not ASCII")
        try:
            signed = jws.extract_compact(token.encode(), registry=self._registry)
            header = signed.headers()
            self._registry.check_header(header)
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise TokenRefused(type(error).__name__) from error
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in self._oidc.algorithms:
            raise TokenRefused("algorithm")
        if "crit" in header or "b64" in header or not isinstance(kid, str | None):
            raise TokenRefused("header")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise TokenRefused("type")
        return signed, algorithm, kid

    def _claimed(self, payload: bytes | None) -> Identity:
        now = int(self._clock().timestamp())
        rules = JWTClaimsRegistry(
            now=now,
            leeway=self._oidc.leeway_s,
            iss={"essential": True, "value": self._oidc.issuer},
            aud={"essential": True, "value": self._oidc.audience},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            claims = json.loads(payload or b"")
            if not isinstance(claims, dict):
                raise TokenRefused("claims")
            rules.validate(claims)
        except ClaimError as error:
            raise TokenRefused(f"claim {error.claim}") from error
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            raise TokenRefused("claims") from error
        subject = claims["sub"]
        if len(subject) > SUBJECT_LENGTH_MAX or not subject.isprintable():
            raise TokenRefused("claim sub")
        return Identity(issuer=self._oidc.issuer, subject=subject)

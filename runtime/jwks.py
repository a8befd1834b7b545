"""The keys of an OIDC issuer: fetched, kept, renewed when they rotate, and used on while the issuer is away.

They are renewed every FRESH_S, and when a token names a key that is not among them, but never asked for more often than
every RETRY_S: whoever sends made-up names makes us ask no more than that. While the issuer does not answer, the keys
last fetched are good for as long as the settings say.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from runtime.issuer import is_loopback_address, refusal_of

log = logging.getLogger(__name__)

FRESH_S = 300.0
RETRY_S = 10.0
FETCH_S_MAX = 5.0
"""Of both documents together."""
DOCUMENT_BYTES_MAX = 65_536
KEYS_MAX = 50
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192

PublicKey = RSAKey | ECKey

KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""The algorithms that can be allowed, each with the kind and curve of key that it takes. None has a shared secret."""


class IssuerUnavailable(Exception):
    """There are no keys that could still be used, and none to be had now."""


class _Unusable(Exception):
    """What the issuer answered, or that it did not; told in the log."""


@dataclass(frozen=True, slots=True)
class _Kept:
    kid: str | None
    kind: str
    curve: str | None
    algorithm: str | None
    """The only one that the issuer uses the key with, where it says so."""
    key: PublicKey

    def fits(self, algorithm: str) -> bool:
        kind, curve = KINDS[algorithm]
        return (self.kind, self.algorithm or algorithm) == (kind, algorithm) and curve in (None, self.curve)


class IssuerKeys:
    """`seconds` is a clock that never goes back. `demo` lets the issuer be on this machine."""

    def __init__(self, issuer: str, *, outage_s_max: float, seconds: Callable[[], float], demo: bool) -> None:
        self._issuer = issuer
        self._outage_s_max = max(outage_s_max, FRESH_S)
        self._seconds = seconds
        self._demo = demo
        self._tls = httpx.create_ssl_context()
        self._kept: Sequence[_Kept] = ()
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key of this name that the algorithm takes; without a name, the only one that it takes.

        Raises IssuerUnavailable.
        """
        if self._age() >= FRESH_S:
            asking = self._ask()
            if asking is not None and self._age() >= self._outage_s_max:
                await asyncio.shield(asking)
        found = self._among(kid, algorithm)
        if found is None:
            asking = self._ask()
            if asking is not None:
                await asyncio.shield(asking)
                found = self._among(kid, algorithm)
        if self._age() >= self._outage_s_max:
            raise IssuerUnavailable
        return found

    def _age(self) -> float:
        return self._seconds() - self._fetched_at

    def _among(self, kid: str | None, algorithm: str) -> PublicKey | None:
        fitting = [kept for kept in self._kept if kept.fits(algorithm) and kid in (None, kept.kid)]
        return fitting[0].key if len(fitting) == 1 else None

    def _ask(self) -> asyncio.Task[None] | None:
        """The question under way, or a new one; None where the last one was too short a time ago."""
        if self._asking is not None and not self._asking.done():
            return self._asking
        if self._seconds() - self._asked_at < RETRY_S:
            return None
        self._asked_at = self._seconds()
        self._asking = asyncio.create_task(self._renew(), name="keys of the issuer")
        return self._asking

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S_MAX):
                kept = _usable(await self._document())
        except (_Unusable, TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            left = self._outage_s_max - self._age()
            kept_on = f"those at hand are used for {left:.0f} s more" if left > 0 else "nobody can be let in by token"
            log.warning("the issuer's keys could not be fetched (%s); %s", str(error) or type(error).__name__, kept_on)
            return
        self._kept = kept
        self._fetched_at = self._seconds()

    async def _document(self) -> Mapping[str, Any]:
        """The issuer's key set. No redirects: the addresses are the issuer's own to know."""
        loopback = is_loopback_address(self._issuer)
        async with httpx.AsyncClient(
            verify=self._tls, follow_redirects=False, trust_env=not loopback, timeout=FETCH_S_MAX
        ) as client:
            discovery = await _fetched(client, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if discovery.get("issuer") != self._issuer:
                raise _Unusable("its discovery document names another issuer")
            address = discovery.get("jwks_uri")
            if not isinstance(address, str):
                raise _Unusable("its discovery document names no key set")
            refusal = refusal_of(address, demo=self._demo)
            if refusal is not None:
                raise _Unusable(f"the address of its key set {refusal}")
            return await _fetched(client, address)


async def _fetched(client: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200:
            raise _Unusable(f"status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _Unusable("a compressed answer, which was not asked for")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > DOCUMENT_BYTES_MAX:
                raise _Unusable(f"an answer of more than {DOCUMENT_BYTES_MAX} bytes")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _Unusable("an answer that is not JSON") from None
    if not isinstance(document, dict):
        raise _Unusable("an answer that is no object")
    return document


def _usable(document: Mapping[str, Any]) -> Sequence[_Kept]:
    """The keys that can verify a signature. What is of another kind is left alone, not an error: sets hold both."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise _Unusable(f"a key set that is no list of at most {KEYS_MAX}")
    kept = [key for key in map(_kept, listed) if key is not None]
    if not kept:
        raise _Unusable("a key set without a key that can be used")
    return kept


def _kept(data: object) -> _Kept | None:
    if not isinstance(data, dict):
        return None
    kid, kind, curve, algorithm = (data.get(name) for name in ("kid", "kty", "crv", "alg"))
    if not all(isinstance(value, str | None) for value in (kid, kind, curve, algorithm)):
        return None
    if data.get("use", "sig") != "sig" or not _verifies(data.get("key_ops")):
        return None
    if (kind, None if kind == "RSA" else curve) not in set(KINDS.values()):
        return None
    if kind == "RSA" and not RSA_BITS_MIN <= _bits(data.get("n")) <= RSA_BITS_MAX:
        return None
    public = {name: data[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in data}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            key = JWKRegistry.import_key(public)
            # Read now: a damaged key is found when its set comes, not when a token does.
            assert key.public_key is not None
    except (JoseError, ValueError, TypeError, UserWarning):
        return None
    assert isinstance(key, RSAKey | ECKey), "KINDS has no secrets"
    return _Kept(kid, str(kind), curve, algorithm, key)


def _verifies(operations: object) -> bool:
    return operations is None or (isinstance(operations, list) and "verify" in operations)


def _bits(modulus: object) -> int:
    if not isinstance(modulus, str) or len(modulus) > RSA_BITS_MAX:
        return 0
    try:
        return int.from_bytes(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
    except ValueError:
        return 0

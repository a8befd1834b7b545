"""API keys: `ipk_<id>_<secret>_<checksum>`. The id part carries tenant and key; only the secret's SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from base64 import b32decode, b32encode
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from uuid import UUID

from domain.actor import Actor
from domain.errors import DomainError, Unauthenticated
from domain.ids import KeyId, TenantId
from persistence.operator import Key

PREFIX = "ipk"
SECRET_BYTES = 20
"""160 bits."""

_KEY = re.compile(r"ipk_([a-z2-7]{52})_([a-z2-7]{32})_([0-9a-f]{8})")
REFUSED = "the key is not one that holds"


FindKeys = Callable[[Collection[KeyId]], Awaitable[Mapping[KeyId, Key]]]


def new_key(tenant: TenantId, key: KeyId) -> tuple[str, bytes]:
    """The key's text, to be shown once, and the hash to be kept."""
    secret = secrets.token_bytes(SECRET_BYTES)
    body = f"{PREFIX}_{as_text(tenant.bytes + key.bytes)}_{as_text(secret)}"
    return f"{body}_{checksum(body)}", hashlib.sha256(secret).digest()


class KeyDoor:
    """Tells who calls from an Authorization header. Every refusal says the same."""

    def __init__(self, find: FindKeys, clock: Callable[[], datetime]) -> None:
        self._find = find
        self._clock = clock

    async def __call__(self, authorization: str | None) -> Actor:
        tenant, key, secret = _read(authorization)
        found = (await self._find([key])).get(key)
        kept = found.secret_hash if found is not None else bytes(32)
        matches = hmac.compare_digest(hashlib.sha256(secret).digest(), kept)
        if found is None or not matches or found.tenant != tenant or not found.holds(self._clock()):
            raise Unauthenticated(REFUSED)
        try:
            return Actor(tenant=found.tenant, caller=found.id, role=found.role, party=found.party)
        except DomainError as error:
            raise Unauthenticated(REFUSED) from error


def _read(authorization: str | None) -> tuple[TenantId, KeyId, bytes]:
    if authorization is None:
        raise Unauthenticated("send an API key: Authorization: Bearer ipk_…")
    scheme, _, text = authorization.strip().partition(" ")
    found = _KEY.fullmatch(text.strip())
    if scheme.lower() != "bearer" or found is None:
        raise Unauthenticated("send an API key: Authorization: Bearer ipk_…")
    if not hmac.compare_digest(checksum(text.strip().rpartition("_")[0]), found[3]):
        raise Unauthenticated(REFUSED)
    ids = as_bytes(found[1])
    return TenantId(UUID(bytes=ids[:16])), KeyId(UUID(bytes=ids[16:])), as_bytes(found[2])


def checksum(body: str) -> str:
    """Tells a mistyped or cut key before anything is looked up; it is no secret."""
    return f"{zlib.crc32(body.encode()):08x}"


def as_text(raw: bytes) -> str:
    return b32encode(raw).decode().rstrip("=").lower()


def as_bytes(text: str) -> bytes:
    return b32decode(text.upper() + "=" * (-len(text) % 8))

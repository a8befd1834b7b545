"""Codes of invitations: `ipi_<id>_<secret>_<checksum>`, made as keys are. Whoever shows one first has it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from domain.ids import MembershipId, TenantId
from runtime.keys import SECRET_BYTES, as_bytes, as_text, checksum

PREFIX = "ipi_"

_CODE = re.compile(r"ipi_([a-z2-7]{52})_([a-z2-7]{32})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    tenant: TenantId
    membership: MembershipId
    secret: bytes

    def opens(self, code_hash: bytes | None) -> bool:
        return hmac.compare_digest(hashlib.sha256(self.secret).digest(), code_hash or bytes(32))


def new_code(tenant: TenantId, membership: MembershipId) -> tuple[str, bytes]:
    """The code's text, to be shown once, and the hash to be kept."""
    secret = secrets.token_bytes(SECRET_BYTES)
    body = f"{PREFIX}{as_text(tenant.bytes + membership.bytes)}_{as_text(secret)}"
    return f"{body}_{checksum(body)}", hashlib.sha256(secret).digest()


def read_code(text: str) -> Code | None:
    """None for what is no code, or a mistyped one."""
    found = _CODE.fullmatch(text)
    if found is None or not hmac.compare_digest(checksum(text.rpartition("_")[0]), found[3]):
        return None
    ids = as_bytes(found[1])
    return Code(
        tenant=TenantId(UUID(bytes=ids[:16])), membership=MembershipId(UUID(bytes=ids[16:])), secret=as_bytes(found[2])
    )

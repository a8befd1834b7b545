"""Idempotency: the same key and content answers what it answered before; other content is an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from domain.errors import Invalid
from domain.ports import Work

KEY_LENGTH_MAX = 200

_KEY = re.compile(r"[\x21-\x7e]+")


async def earlier(work: Work, key: str | None, command: object) -> Mapping[str, object] | None:
    """What a call with this key and the same command answered before; None where it is to be carried out now.

    `command`: a frozen value whose `repr` tells its content whole and always alike.
    """
    if key is None:
        return None
    if len(key) > KEY_LENGTH_MAX or not _KEY.fullmatch(key):
        raise Invalid(f"an idempotency key is 1 to {KEY_LENGTH_MAX} visible ASCII characters", path=("idempotencyKey",))
    digest = hashlib.sha256(repr(command).encode()).digest()
    found = await work.idempotency.claim(key, type(command).__name__, digest)
    return None if found is None else found.result


async def answered(work: Work, key: str | None, result: Mapping[str, object]) -> None:
    if key is not None:
        await work.idempotency.complete(key, result)

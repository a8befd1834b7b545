"""API keys: their text, and a door that tells a refused one nothing."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.errors import Unauthenticated
from domain.ids import KeyId, PartyId, TenantId
from domain.policy import Role
from persistence.operator import Key
from runtime.clock import Mint
from runtime.keys import KeyDoor, new_key

NOW = datetime(2024, 6, 1, tzinfo=UTC)
TENANT = TenantId(UUID(int=0x7E))
PARTY = PartyId(UUID(int=0x91))
REFUSED = "the key is not one that holds"
SEND_ONE = "send an API key: Authorization: Bearer ipk_…"

mint = Mint()


def a_key(
    *,
    tenant: TenantId = TENANT,
    role: Role = Role.VENDOR,
    party: PartyId | None = PARTY,
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> tuple[str, Key]:
    key = KeyId(mint())
    text, secret_hash = new_key(tenant, key)
    kept = Key(
        id=key,
        tenant=tenant,
        secret_hash=secret_hash,
        role=role,
        party=party,
        label="a key",
        created_at=NOW - timedelta(days=1),
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
    return text, kept


def a_door(*kept: Key, at: datetime = NOW) -> KeyDoor:
    by_id = {key.id: key for key in kept}

    async def find(keys: Collection[KeyId]) -> Mapping[KeyId, Key]:
        return {key: by_id[key] for key in keys if key in by_id}

    return KeyDoor(find, lambda: at)


async def refusal(door: Callable[[str | None], Awaitable[Actor]], authorization: str | None) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await door(authorization)
    return refused.value.message


def test_a_key_is_prefix_id_secret_and_checksum_and_only_the_secrets_hash_is_kept() -> None:
    text, kept = a_key()
    assert re.fullmatch(r"ipk_[a-z2-7]{52}_[a-z2-7]{32}_[0-9a-f]{8}", text)
    secret = text.split("_")[2]
    assert secret not in repr(kept)
    assert len(kept.secret_hash) == hashlib.sha256().digest_size


def test_two_keys_share_no_secret() -> None:
    (one, _), (other, _) = a_key(), a_key()
    assert one.split("_")[2] != other.split("_")[2]


async def test_a_key_that_holds_says_who_calls() -> None:
    text, kept = a_key()
    actor = Actor(tenant=TENANT, caller=kept.id, role=Role.VENDOR, party=PARTY)
    door = a_door(kept)
    assert await door(f"Bearer {text}") == actor
    assert await door(f"  bearer   {text} ") == actor


async def test_two_live_keys_of_one_party_both_hold_so_that_they_can_be_rotated() -> None:
    (former, kept), (fresh, kept_too) = a_key(), a_key()
    door = a_door(kept, kept_too)
    assert [(await door(f"Bearer {text}")).caller for text in (former, fresh)] == [kept.id, kept_too.id]
    ended = a_door(replace(kept, revoked_at=NOW - timedelta(seconds=1)), kept_too)
    assert await refusal(ended, f"Bearer {former}") == REFUSED
    assert (await ended(f"Bearer {fresh}")).caller == kept_too.id


async def test_a_key_holds_until_the_instant_that_it_expires_at() -> None:
    text, kept = a_key(expires_at=NOW)
    before, at = a_door(kept, at=NOW - timedelta(microseconds=1)), a_door(kept, at=NOW)
    assert (await before(f"Bearer {text}")).caller == kept.id
    assert await refusal(at, f"Bearer {text}") == REFUSED


async def test_every_key_that_does_not_hold_is_refused_in_the_same_words() -> None:
    unknown, _ = a_key()
    text, kept = a_key()
    revoked, kept_revoked = a_key(revoked_at=NOW - timedelta(days=1))
    expired, kept_expired = a_key(expires_at=NOW - timedelta(days=1))
    partyless, kept_partyless = a_key(role=Role.VENDOR, party=None)
    door = a_door(kept, kept_revoked, kept_expired, kept_partyless)
    wrong_secret = _with_part(text, 2, new_key(TENANT, kept.id)[0].split("_")[2])
    other_tenant = _with_part(text, 1, new_key(TenantId(UUID(int=0x7F)), kept.id)[0].split("_")[1])
    mistyped = text[:70] + ("a" if text[70] != "a" else "b") + text[71:]
    presented = [unknown, revoked, expired, partyless, wrong_secret, other_tenant, mistyped]
    assert {await refusal(door, f"Bearer {each}") for each in presented} == {REFUSED}
    assert (await door(f"Bearer {text}")).caller == kept.id


def _with_part(text: str, part: int, value: str) -> str:
    """The key with one part exchanged and its checksum made good again."""
    parts = text.split("_")[:3]
    parts[part] = value
    body = "_".join(parts)
    return f"{body}_{zlib.crc32(body.encode()):08x}"


async def test_a_mistyped_key_is_refused_before_anything_is_looked_up() -> None:
    looked_up: list[KeyId] = []

    async def find(keys: Collection[KeyId]) -> Mapping[KeyId, Key]:
        looked_up.extend(keys)
        return {}

    text, _ = a_key()
    door = KeyDoor(find, lambda: NOW)
    at = next(at for at in range(4, 50) if text[at] != text[at + 1])
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    assert await refusal(door, f"Bearer {swapped}") == REFUSED
    assert looked_up == []


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic dXNlcjpwYXNz",
        "ipk_",
        "Bearer ipk_a_b_c",
        "Bearer " + "ipk_" * 10_000,
        "Bearer ipk_\x00",
        "Bearer ïpk_",
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_no_key_is_told_how_to_send_one(authorization: str | None) -> None:
    assert await refusal(a_door(), authorization) == SEND_ONE

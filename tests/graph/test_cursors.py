from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import CursorInvalid
from graph.cursors import Seal

SEAL = Seal(b"s" * 32)
SCOPE = ("tenant-1", "party-1")
CURSOR = SEAL.seal("breaches", SCOPE, b"2026|42")


@given(st.binary(max_size=200), st.lists(st.text(max_size=20), max_size=3).map(tuple))
def test_a_cursor_opens_where_it_was_sealed(payload: bytes, scope: tuple[str, ...]) -> None:
    cursor = SEAL.seal("breaches", scope, payload)
    assert SEAL.open("breaches", scope, cursor) == payload
    assert cursor == Seal(b"s" * 32).seal("breaches", scope, payload)
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_a_cursor_tells_nothing_of_what_it_holds() -> None:
    other = SEAL.seal("breaches", SCOPE, b"2026|43")
    assert CURSOR[:8] != other[:8]
    assert "2026" not in CURSOR


@pytest.mark.parametrize(
    ("seal", "purpose", "scope"),
    [
        (SEAL, "breaches", ("tenant-2", "party-1")),
        (SEAL, "breaches", ("tenant-1", "party-2")),
        (SEAL, "breaches", ("tenant-1",)),
        (SEAL, "breaches", ("tenant-1party-1",)),
        (SEAL, "breaches", ("tenant-", "1party-1")),
        (SEAL, "agreements", SCOPE),
        (Seal(b"t" * 32), "breaches", SCOPE),
    ],
)
def test_another_tenant_party_list_or_secret_does_not_open_it(seal: Seal, purpose: str, scope: tuple[str, ...]) -> None:
    with pytest.raises(CursorInvalid) as caught:
        seal.open(purpose, scope, CURSOR, path=("after",))
    assert (caught.value.code, caught.value.path) == ("CURSOR_INVALID", ("after",))


@pytest.mark.parametrize("text", ["", "x", "é", "!!!!", CURSOR[:-2], CURSOR + "AA", CURSOR[::-1], "A" * 5_000])
def test_garbage_is_invalid(text: str) -> None:
    with pytest.raises(CursorInvalid):
        SEAL.open("breaches", SCOPE, text)


def test_a_changed_byte_is_noticed() -> None:
    for place in range(len(CURSOR) - 1):
        changed = CURSOR[:place] + ("A" if CURSOR[place] != "A" else "B") + CURSOR[place + 1 :]
        with pytest.raises(CursorInvalid):
            SEAL.open("breaches", SCOPE, changed)


def test_a_new_secret_seals_and_the_former_one_still_opens() -> None:
    renewed = Seal(b"t" * 32, b"s" * 32)
    assert renewed.open("breaches", SCOPE, CURSOR) == b"2026|42"
    sealed = renewed.seal("breaches", SCOPE, b"2026|42")
    assert sealed == Seal(b"t" * 32).seal("breaches", SCOPE, b"2026|42") != CURSOR
    # The order is to be turned when all processes know both, so each opens what the other sealed.
    assert Seal(b"s" * 32, b"t" * 32).open("breaches", SCOPE, sealed) == b"2026|42"


def test_one_of_several_secrets_opens_no_more_than_it_did_alone() -> None:
    with pytest.raises(CursorInvalid):
        Seal(b"t" * 32, b"s" * 32).open("agreements", SCOPE, CURSOR)
    with pytest.raises(CursorInvalid):
        Seal(b"t" * 32, b"u" * 32).open("breaches", SCOPE, CURSOR)


@pytest.mark.parametrize("secrets", [(), (b"s" * 31,), (b"s" * 32, b"s" * 31)])
def test_a_short_secret_is_refused(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="32 bytes or more"):
        Seal(*secrets)

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid, NotFound
from graph.ids import NodeId, decode, encode, uuid_of

AGREEMENT = UUID("01999999-0000-7000-8000-000000000001")
ID = encode("Agreement", AGREEMENT)


@given(st.from_regex(r"[A-Z][A-Za-z0-9]{0,39}", fullmatch=True), st.uuids())
def test_an_id_names_its_type_and_uuid_and_is_safe_in_an_address(type_name: str, uuid: UUID) -> None:
    text = encode(type_name, uuid)
    assert decode(text) == NodeId(type_name, uuid)
    assert text.replace("-", "").replace("_", "").isalnum()


def test_an_id_is_shorter_than_the_type_and_uuid_in_letters() -> None:
    assert len(ID) == 34 < len(f"Agreement:{AGREEMENT}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "=",
        ID + "=",
        ID + "A",
        ID[:-1],
        " " + ID,
        ID.replace("A", "!"),
        "A" * 22,
        str(AGREEMENT),
        "A" * 1_000,
    ],
)
def test_garbage_is_invalid_at_its_path(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(text, path=("input", "id"))
    assert caught.value.path == ("input", "id")


def test_an_id_has_one_spelling() -> None:
    """The last character of 34 carries four bits that nothing reads."""
    respelt = {ID[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"} - {ID}
    same_bytes = [text for text in respelt if _decodes(text) and decode(text).uuid == AGREEMENT]
    assert same_bytes == []


def _decodes(text: str) -> bool:
    try:
        decode(text)
    except Invalid:
        return False
    return True


def test_an_id_of_another_type_is_not_found() -> None:
    assert uuid_of(ID, "Agreement") == AGREEMENT
    with pytest.raises(NotFound) as caught:
        uuid_of(ID, "Party", path=("id",))
    assert caught.value.path == ("id",)

"""What the mutations' inputs have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from domain.errors import Invalid, OutOfRange
from domain.usecases.once import KEY_LENGTH_MAX
from graph.ids import uuid_of

I = TypeVar("I")  # noqa: E741 - an id

REVISION_MAX = 2**31 - 2
"""The largest that another one can follow."""

COMMAND = strawberry.argument(name="input", description="What to do.")


def idempotency_key() -> Any:
    return strawberry.field(
        description=f"1 to {KEY_LENGTH_MAX} visible ASCII characters of the client's choice. The same key with the same"
        " input answers what it answered before and does nothing again; with other input it is refused."
    )


def id_of(make: Callable[[UUID], I], type_name: str, text: str, *path: str | int) -> I:
    """`make` is the identifier's type, as in `PartyId`."""
    return make(uuid_of(text, type_name, path=path))


def text_of(text: str, *path: str | int) -> str:
    """Refuses NUL, which no text of ours holds: for texts that are looked up as they are."""
    if "\x00" in text:
        raise Invalid("a text holds no NUL character", path=path)
    return text


def revision_of(revision: int | None, *path: str | int) -> int | None:
    if revision is not None and not 1 <= revision <= REVISION_MAX:
        raise OutOfRange(f"a revision is 1 to {REVISION_MAX}", path=(*path, "replacesRevision"))
    return revision


def optional_id_of(make: Callable[[UUID], I], type_name: str, text: str | None, *path: str | int) -> I | None:
    return None if text is None else id_of(make, type_name, text, *path)

"""What filters have in common: conditions that may be absent, and lists of ids and values of which any may fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from domain.errors import TooMany
from graph.ids import uuid_of

CHOICES_MAX = 100
FILTER = (
    "Every condition that is given must hold; of a list any item may fit. A condition that is absent or empty holds"
    f" always. A list has at most {CHOICES_MAX} items."
)

I = TypeVar("I")  # noqa: E741 - an id
T = TypeVar("T")


def condition(description: str) -> Any:
    """A part of a filter that may be absent."""
    return strawberry.field(default=strawberry.UNSET, description=description)


def any_of(values: Sequence[T] | None, name: str) -> frozenset[T]:
    if not values:
        return frozenset()
    if len(values) > CHOICES_MAX:
        raise TooMany(f"at most {CHOICES_MAX} in one condition, not {len(values)}", path=("filter", name))
    return frozenset(values)


def any_id_of(make: Callable[[UUID], I], type_name: str, texts: Sequence[str] | None, name: str) -> frozenset[I]:
    """`make` is the identifier's type, as in `PartyId`."""
    any_of(texts, name)
    return frozenset(
        make(uuid_of(text, type_name, path=("filter", name, place))) for place, text in enumerate(texts or ())
    )

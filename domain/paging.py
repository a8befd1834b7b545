"""Keyset pages: a place in a list is its sort key and id, never a number of rows skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from domain.errors import OutOfRange

PAGE_MAX = 100

T = TypeVar("T")
SortKey = str | int | datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in an ordered list. Its id tells apart rows of one key."""

    key: SortKey
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """`size` rows between two places. `from_end`: the last of them, which come in the list's order all the same."""

    size: int = PAGE_MAX
    after: Place | None = None
    before: Place | None = None
    from_end: bool = False
    descending: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.size <= PAGE_MAX:
            raise OutOfRange(f"a page has 1 to {PAGE_MAX} rows", path=("first",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[T]):
    place: Place
    item: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    rows: Sequence[Row[T]]
    has_previous: bool
    has_next: bool

"""Lists: pages between sealed cursors, which open for one tenant, party, list, filter and order alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry

from domain.errors import Invalid, OutOfRange
from domain.paging import PAGE_MAX, Page, PageRequest, Place, Row, SortKey
from domain.policy import Action
from domain.ports import Work
from graph.desk import Desk
from graph.fields import described, loaded, told

PAGE_DEFAULT = 50

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"The first so many, 1 to {PAGE_MAX}. Without `first` and `last`: the first {PAGE_DEFAULT}."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="Only what comes after this cursor, of this list, filter and order.")
]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"The last so many, 1 to {PAGE_MAX}, in the list's order. Not with `first`."),
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor, of this list, filter and order.")
]


class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"


described(
    OrderDirection,
    "Which way a list runs.",
    ASC="From A to Z, from the earliest to the latest.",
    DESC="From Z to A, from the latest to the earliest.",
)


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page as it was read, what seals its cursors, and what counts the whole list when that is asked for."""

    page: Page[T]
    seal: Callable[[Place], str]
    action: Action
    count: Callable[[Work], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Edge(Generic[T]):
    listed: Listed[T]
    row: Row[T]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asked of a list. `where` is the domain's filter; with the order it is part of what cursors are for.

    `action` is what the list needs of the policy. The four that say which page are None or UNSET where the client did
    not give them.
    """

    name: str
    action: Action
    where: object
    direction: OrderDirection
    first: int | None
    after: str | None
    last: int | None
    before: str | None

    @property
    def descending(self) -> bool:
        return self.direction is OrderDirection.DESC


async def listed(
    at: Desk,
    wanted: Wanted,
    page: Callable[[Work, PageRequest], Awaitable[Page[T]]],
    count: Callable[[Work], Awaitable[int]],
) -> Listed[T]:
    scope = _scope(at, wanted)
    request = _page_request(at, wanted, scope)
    found = await at.read(wanted.action, lambda work: page(work, request))
    seal = at.application.seal
    return Listed(found, lambda place: seal.seal(wanted.name, scope, _payload(place)), wanted.action, count)


def shown_as(page: Page[T], items: Sequence[U]) -> Page[U]:
    """The same page with its items, in order, as they are to be shown."""
    rows = [Row(place=row.place, item=item) for row, item in zip(page.rows, items, strict=True)]
    return Page(rows=rows, has_previous=page.has_previous, has_next=page.has_next)


def _page_request(at: Desk, wanted: Wanted, scope: tuple[str, ...]) -> PageRequest:
    sizes = {name: size for name, size in (("first", wanted.first), ("last", wanted.last)) if _is_given(size)}
    if len(sizes) > 1:
        raise Invalid("ask for the first or the last, not for both", path=("last",))
    for name, size in sizes.items():
        if size is None or not 1 <= size <= PAGE_MAX:
            raise OutOfRange(f"a page has 1 to {PAGE_MAX} rows, not {size}", path=(name,))
    return PageRequest(
        size=next(iter(sizes.values()), None) or PAGE_DEFAULT,
        after=_opened(at, wanted.name, scope, "after", wanted.after),
        before=_opened(at, wanted.name, scope, "before", wanted.before),
        from_end="last" in sizes,
        descending=wanted.descending,
    )


def _is_given(argument: object) -> bool:
    return argument is not None and argument is not strawberry.UNSET


def _scope(at: Desk, wanted: Wanted) -> tuple[str, ...]:
    party = "" if at.actor.party is None else str(at.actor.party)
    content = f"{wanted.descending} {_canonical(wanted.where)}"
    return str(at.actor.tenant), party, sha256(content.encode()).hexdigest()


def _canonical(where: object) -> str:
    """Alike for filters that mean the same, in every process: sets have no order of their own."""
    match where:
        case frozenset():
            return f"{{{','.join(sorted(_canonical(item) for item in where))}}}"
        case _ if is_dataclass(where):
            parts = (f"{field.name}={_canonical(getattr(where, field.name))}" for field in fields(where))
            return f"({','.join(parts)})"
        case _:
            return repr(where)


def _opened(at: Desk, name: str, scope: tuple[str, ...], field: str, cursor: str | None) -> Place | None:
    if cursor is None or not _is_given(cursor):
        return None
    return _place(at.application.seal.open(name, scope, cursor, path=(field,)))


def _payload(place: Place) -> bytes:
    match place.key:
        case datetime():
            kind, text = "d", place.key.isoformat()
        case int():
            kind, text = "i", str(place.key)
        case _:
            kind, text = "s", place.key
    return place.id.bytes + f"{kind}{text}".encode()


def _place(payload: bytes) -> Place:
    """Nobody but us can seal a payload, so it is one that `_payload` made."""
    uuid, text = UUID(bytes=payload[:16]), payload[16:].decode()
    kind, rest = text[:1], text[1:]
    key: SortKey
    match kind:
        case "d":
            key = datetime.fromisoformat(rest)
        case "i":
            key = int(rest)
        case _:
            key = rest
    return Place(key, uuid)


def _end_cursor(at: int) -> Callable[[Listed[Any]], str | None]:
    def read(found: Listed[Any]) -> str | None:
        return found.seal(found.page.rows[at].place) if found.page.rows else None

    return read


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = told("Whether there is more after this page.", "page.has_next")
    has_previous_page: bool = told("Whether there is more before this page.", "page.has_previous")
    start_cursor: str | None = told("The cursor of the page's first row; null where it has none.", _end_cursor(0))
    end_cursor: str | None = told("The cursor of the page's last row; null where it has none.", _end_cursor(-1))


@strawberry.type(description="One row of a page with its place in the list.")
class Edge(Generic[S]):
    cursor: str = told(
        "The row's place: pass it as `after` or `before` of the same list.",
        lambda edge: edge.listed.seal(edge.row.place),
    )
    node: S = told("The row itself.", "row.item")


@strawberry.type(description="One page of a list, with what it takes to go on.")
class Connection(Generic[S]):
    edges: list[Edge[S]] = told(
        f"The rows of this page with their cursors, {PAGE_MAX} at most.",
        lambda found: [_Edge(found, row) for row in found.page.rows],
    )
    nodes: list[S] = told(
        f"The rows of this page without cursors, {PAGE_MAX} at most.",
        lambda found: [row.item for row in found.page.rows],
    )
    page_info: PageInfo = told("Where this page lies in the list.", lambda found: found)
    total_count: int = loaded(
        "Rows in the whole list under the same filter. Counted only where it is asked for.",
        lambda at, found: at.read(found.action, found.count),
    )

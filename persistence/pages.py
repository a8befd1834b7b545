"""Keyset pages over any statement: rows between two places of an ordered list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_

from domain.paging import Page, PageRequest, Place
from domain.paging import Row as PageRow
from persistence.session import Found, Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """The list's order: a sort column, then the id."""

    key: ColumnElement[Any]
    id: ColumnElement[Any]

    def place(self, row: Found) -> Place:
        return Place(row[str(self.key.key)], row[str(self.id.key)])


async def page(
    session: Session, statement: Select[Any], order: Order, wanted: PageRequest, to_item: Callable[[Found], T]
) -> Page[T]:
    """Asks for one row more than wanted, which tells whether there are more on the far side."""
    rows, more = await rows_of(session, statement, order, wanted)
    return paged([PageRow(place=order.place(row), item=to_item(row)) for row in rows], wanted, more=more)


async def rows_of(
    session: Session, statement: Select[Any], order: Order, wanted: PageRequest
) -> tuple[list[Found], bool]:
    found = list(await session.rows(_cut(statement, order, wanted).limit(wanted.size + 1)))
    more = len(found) > wanted.size
    rows = found[: wanted.size]
    return (rows[::-1] if wanted.from_end else rows), more


def paged(rows: list[PageRow[T]], wanted: PageRequest, *, more: bool) -> Page[T]:
    before, after = wanted.before is not None, wanted.after is not None
    return Page(
        rows=rows,
        has_previous=more if wanted.from_end else after,
        has_next=before if wanted.from_end else more or before,
    )


async def count(session: Session, statement: Select[Any]) -> int:
    return await session.number(select(func.count()).select_from(statement.subquery()))


def _cut(statement: Select[Any], order: Order, wanted: PageRequest) -> Select[Any]:
    here = tuple_(order.key, order.id)
    if wanted.after is not None:
        there = _there(order, wanted.after)
        statement = statement.where(here < there if wanted.descending else here > there)
    if wanted.before is not None:
        there = _there(order, wanted.before)
        statement = statement.where(here > there if wanted.descending else here < there)
    # From the end the list is walked backwards.
    if wanted.descending is not wanted.from_end:
        return statement.order_by(order.key.desc(), order.id.desc())
    return statement.order_by(order.key, order.id)


def _there(order: Order, place: Place) -> ColumnElement[Any]:
    return tuple_(literal(place.key, order.key.type), literal(place.id, order.id.type))

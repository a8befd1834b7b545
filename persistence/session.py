"""What the repositories of one unit of work share: connection, caller, posting, and what is to be written last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Executable,
    Select,
    Table,
    Uuid,
    any_,
    bindparam,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actor import Actor
from domain.audit import Act
from domain.feed import BreachChange, PostingKind, Restatement
from domain.ids import ServiceId
from domain.ports import Mint
from persistence.conflicts import translating

Found = Mapping[str, Any]
"""A row as found: its values by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a worker found when it took its work: the feed's last number before, and whether more was left."""

    number: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """An outage or a case that was open from an instant on, and by this transaction is not, or not from then on."""

    segments: str
    stream: UUID
    external_id: str
    since: datetime


@dataclass(slots=True)
class Closing:
    """What the transaction writes last of all, under the lock of the tenant's feed head."""

    posted: PostingKind | None = None
    act: Act | None = None
    at: datetime | None = None
    changes: list[BreachChange | Restatement] = field(default_factory=list)
    due_at: datetime | None = None
    judging: Judging | None = None
    structured: set[ServiceId] = field(default_factory=set)
    months: set[tuple[str, date]] = field(default_factory=set)
    once: list[Once] = field(default_factory=list)

    def post(self, kind: PostingKind, at: datetime) -> None:
        self.posted, self.at = kind, at

    def audit(self, act: Act, at: datetime) -> None:
        assert self.act is None, "a transaction is one act"
        self.act, self.at = act, self.at or at

    def judge(self, judging: Judging, at: datetime) -> None:
        self.judging, self.at = judging, self.at or at

    def due_by(self, at: datetime | None) -> None:
        """The tenant has work from this instant on at the latest."""
        self.due_at = min((each for each in (self.due_at, at) if each is not None), default=None)


@dataclass(slots=True)
class Session:
    """One transaction. `connection` is for composed statements, `raw`, the same connection, for written ones.

    `months`: those that are known to be made, each with its table.
    """

    connection: AsyncConnection
    raw: asyncpg.Connection
    actor: Actor
    posting: UUID
    mint: Mint
    months: AbstractSet[tuple[str, date]] = frozenset()
    closing: Closing = field(default_factory=Closing)
    ordinals: int = 0

    @property
    def tenant(self) -> UUID:
        return self.actor.tenant

    async def rows(self, statement: Executable) -> Sequence[Found]:
        with translating():
            found: list[Any] = list((await self.connection.execute(statement)).mappings())
        return found

    async def number(self, statement: Select[int]) -> int:
        with translating():
            return (await self.connection.execute(statement)).scalar_one()

    async def run(self, statement: Executable, values: Mapping[str, object] | None = None) -> int:
        """The number of rows written."""
        with translating():
            return (await self.connection.execute(statement, values)).rowcount

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Found]:
        with translating():
            found: list[Any] = await self.raw.fetch(sql, *arguments)
        return found

    async def fetch_one(self, sql: str, *arguments: object) -> Found | None:
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def execute(self, sql: str, *arguments: object) -> None:
        """Without arguments it goes by the simple protocol, and nothing is prepared."""
        with translating():
            await self.raw.execute(sql, *arguments)

    async def insert(self, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
        """Adds the rows, which have all the same columns and no tenant, in one statement."""
        return await self.run(_insert_of(table, tuple(rows[0])), self._columns(rows)) if rows else 0

    async def insert_new(self, table: Table, rows: Sequence[Mapping[str, object]]) -> int:
        """Adds the rows whose keys are not there yet."""
        if not rows:
            return 0
        statement = _insert_of(table, tuple(rows[0])).on_conflict_do_nothing()
        return await self.run(statement, self._columns(rows))

    async def upsert(
        self, table: Table, rows: Sequence[Mapping[str, object]], *, key: Sequence[str], where: ColumnElement[bool]
    ) -> int:
        """Adds the rows, or replaces those of the same key for which `where` holds; the number of both."""
        if not rows:
            return 0
        statement = _insert_of(table, tuple(rows[0]))
        changed = {name: statement.excluded[name] for name in rows[0] if name in _UPDATED[table.name]}
        statement = statement.on_conflict_do_update(index_elements=["tenant_id", *key], set_=changed, where=where)
        return await self.run(statement, self._columns(rows))

    async def keep_months(self, table: str, instants: Iterable[datetime]) -> None:
        """Makes the tables of the UTC months of the instants, where they are not there yet."""
        days = {(instant.year, instant.month) for instant in instants}
        months = {(table, date(year, month, 1)) for year, month in days} - self.months - self.closing.months
        if months:
            await self.fetch("SELECT keep_months($1, $2::date[])", table, [month for _, month in months])
            self.closing.months |= months

    def take_ordinals(self, most: int) -> int:
        """The number before the next `most` ordinals of this transaction's marks."""
        self.ordinals += most
        return self.ordinals - most

    def _columns(self, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
        return {"tenant_id": self.tenant, **{name: [row[name] for row in rows] for name in rows[0]}}


_UPDATED: Mapping[str, frozenset[str]] = {
    "attainment": frozenset(
        {
            "judged_at",
            "phase",
            "status",
            "value_numerator",
            "value_denominator",
            "coverage_numerator",
            "coverage_denominator",
            "evidence",
            "next_at",
        }
    ),
    "breach": frozenset({"ended_at", "opened_at", "risk", "severity", "state", "state_since"}),
}
"""What the service may change of rows that exist, by table; the grants say the same."""


@cache
def _insert_of(table: Table, names: tuple[str, ...]) -> Insert:
    """One text however many rows there are: a column is one array, so that prepared statements are few."""
    arrays = [bindparam(name, type_=ARRAY(table.c[name].type, dimensions=1)) for name in names]
    valued = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in names), name="sent")
    sent = valued.render_derived()
    chosen = select(bindparam("tenant_id", type_=Uuid()), *(sent.c[name] for name in names))
    return insert(table).from_select(["tenant_id", *names], chosen.select_from(sent))


def once_open(segments: str, rows: Iterable[Found]) -> list[Once]:
    """Of rows of revisions that were added: those that follow one which was open."""
    return [
        Once(segments=segments, stream=row["stream_id"], external_id=row["external_id"], since=row["once_open_since"])
        for row in rows
        if row["once_open_since"] is not None
    ]


def printable(codes: Iterable[str]) -> list[str]:
    """Those that can be there at all: no code holds a character that can't be printed, or that the server refuses."""
    return [code for code in codes if code.isprintable()]


def one_of(what: ColumnElement[Any], values: Sequence[object] | set[Any] | frozenset[Any]) -> ColumnElement[bool]:
    """`what = ANY (array)`: one parameter, and one text, however many values there are."""
    return what == any_(literal(list(values), ARRAY(what.type, dimensions=1)))

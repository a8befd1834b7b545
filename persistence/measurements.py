"""Tallies and samples: the hot path. Arrays in, one statement, one round trip for a batch.

10,000 tallies are 10,000 x 36 bytes = 0.36 MB a statement. Every batch is sorted by its key before it is written, so
that overlapping batches of two writers wait for each other in one order and never in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import asyncpg

from domain.columns import Clash, SampleColumns, TallyColumns, TotalsWanted
from domain.fact import SampleTotals, TallyTotals
from domain.ids import StreamId
from persistence import measurement_sql as sql
from persistence import slices, total_sql
from persistence.batches import Ordered, as_microseconds, months_of, off_quarters, on_quarters, ordered
from persistence.session import Found, Session

Columns = Sequence[TallyColumns] | Sequence[SampleColumns]


class StoredMeasurements:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_tallies(self, columns: Sequence[TallyColumns]) -> Sequence[Clash]:
        starts = [each.starts for each in columns]
        await self._session.keep_months("tally", chain.from_iterable(starts))
        batch = ordered([each.stream for each in columns], starts)
        arrays = (
            as_microseconds(batch.of(starts)),
            as_microseconds(batch.of([each.ends for each in columns])),
            batch.of([each.good for each in columns]),
            batch.of([each.total for each in columns]),
        )
        if not await self._added(sql.ADD_TALLIES, columns, batch, starts, arrays):
            left = await self._left(sql.ADD_NEW_TALLIES, columns, batch, arrays)
            return await self._tally_clashes(columns, [batch.place(ordinal) for ordinal in left])
        return []

    async def add_samples(self, columns: Sequence[SampleColumns]) -> Sequence[Clash]:
        instants = [each.instants for each in columns]
        await self._session.keep_months("sample", chain.from_iterable(instants))
        batch = ordered([each.stream for each in columns], instants)
        arrays = (
            as_microseconds(batch.of(instants)),
            batch.of([each.values for each in columns]),
            batch.of([each.originals for each in columns]),
        )
        if not await self._added(sql.ADD_SAMPLES, columns, batch, instants, arrays):
            left = await self._left(sql.ADD_NEW_SAMPLES, columns, batch, arrays)
            return await self._sample_clashes(columns, [batch.place(ordinal) for ordinal in left])
        return []

    async def withdraw(self, stream: StreamId, instants: Sequence[datetime], replaces: int) -> Sequence[Clash]:
        session = self._session
        rows: list[Found] = []
        # A stream has tallies or samples, never both, as its metric says; the other half finds nothing.
        for statement in (sql.WITHDRAW_TALLIES, sql.WITHDRAW_SAMPLES):
            ordinals = session.take_ordinals(len(instants))
            wanted = sorted(set(instants))
            rows += await session.fetch(statement, session.tenant, session.posting, ordinals, stream, wanted, replaces)
        fresh = {row["at"] for row in rows}
        left = list(_without_first(instants, fresh))
        if not left:
            return []
        known = await session.fetch(sql.LATEST_POINTS, session.tenant, stream, [instants[index] for index in left])
        latest = {row["place"]: row for row in known}
        return [
            _clash((0, index), latest.get(place), same=place in latest and latest[place]["withdrawn"])
            for place, index in enumerate(left, start=1)
        ]

    async def tally_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[TallyTotals]:
        found = await self._totals(total_sql.TALLY_TOTALS, wanted)
        return [
            TallyTotals()
            if row is None or not row["points"]
            else TallyTotals(good=int(row["good"]), total=int(row["total"]), points=row["points"], cells=row["cells"])
            for row in found
        ]

    async def sample_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[SampleTotals]:
        found = await self._totals(total_sql.SAMPLE_TOTALS, wanted)
        return [
            SampleTotals()
            if row is None or not row["points"]
            else SampleTotals(
                points=row["points"],
                sum=int(row["sum"]),
                minimum=row["minimum"],
                maximum=row["maximum"],
                cells=row["cells"],
            )
            for row in found
        ]

    async def _added(
        self,
        statement: str,
        columns: Columns,
        batch: Ordered,
        instants: Sequence[Sequence[datetime]],
        arrays: Sequence[list[Any]],
    ) -> bool:
        """Whether all of the batch was new and went in at once."""
        if not len(batch):
            return True
        if any(each.revision != 1 for each in columns):
            return False
        session = self._session
        marks = [
            (stream, span)
            for stream, ones in zip(batch.streams, instants, strict=True)
            for span in months_of(ones if batch.places is None else sorted(ones))
        ]
        await session.execute("SAVEPOINT points")
        try:
            await session.execute(
                statement,
                session.tenant,
                session.posting,
                session.take_ordinals(len(marks)),
                [stream for stream, _ in marks],
                [span.start for _, span in marks],
                [span.end for _, span in marks],
                list(batch.streams),
                batch.stream_places(),
                *arrays,
            )
        except asyncpg.UniqueViolationError:
            await session.execute("ROLLBACK TO SAVEPOINT points")
            return False
        return True

    async def _left(
        self, statement: str, columns: Columns, batch: Ordered, arrays: Sequence[list[Any]]
    ) -> Sequence[int]:
        """Adds what is new, and answers which points of the order were not. Of those that come twice the first is."""
        session = self._session
        rows = await session.fetch(
            statement,
            session.tenant,
            session.posting,
            session.take_ordinals(len(batch)),
            list(batch.streams),
            [each.revision for each in columns],
            batch.stream_places(),
            *arrays,
        )
        return sorted(
            {row["place"] - 1 for row in rows} | batch.repeated([each.revision for each in columns], arrays[0])
        )

    async def _tally_clashes(
        self, columns: Sequence[TallyColumns], places: Sequence[tuple[int, int]]
    ) -> Sequence[Clash]:
        latest = await self._latest(
            sql.LATEST_TALLIES,
            [(columns[column].stream, columns[column].starts[index]) for column, index in places],
        )

        def same(column: int, index: int, kept: Found) -> bool:
            sent = columns[column]
            content = (sent.ends[index], sent.good[index], sent.total[index])
            return content == (kept["ends_at"], kept["good"], kept["total"])

        return _clashes(places, latest, same)

    async def _sample_clashes(
        self, columns: Sequence[SampleColumns], places: Sequence[tuple[int, int]]
    ) -> Sequence[Clash]:
        latest = await self._latest(
            sql.LATEST_SAMPLES,
            [(columns[column].stream, columns[column].instants[index]) for column, index in places],
        )

        def same(column: int, index: int, kept: Found) -> bool:
            sent = columns[column]
            return (sent.values[index], sent.originals[index]) == (kept["value"], kept["original"])

        return _clashes(places, latest, same)

    async def _latest(self, statement: str, identities: Sequence[tuple[StreamId, datetime]]) -> Mapping[int, Found]:
        """The latest revisions by place in `identities`."""
        rows = await self._session.fetch(
            statement,
            self._session.tenant,
            [stream for stream, _ in identities],
            [instant for _, instant in identities],
        )
        return {row["place"] - 1: row for row in rows}

    async def _totals(self, statement: str, wanted: Sequence[TotalsWanted]) -> Sequence[Found | None]:
        """For each wanted, in order; None where no point is."""
        visible = set(await slices.visible_streams(self._session, {each for total in wanted for each in total.streams}))
        streams = [
            (place, stream) for place, total in enumerate(wanted) for stream in total.streams if stream in visible
        ]
        spans = [(place, span) for place, total in enumerate(wanted) for span in on_quarters(total.spans)]
        edges = [(place, span) for place, total in enumerate(wanted) for span in off_quarters(total.spans)]
        rows = await self._session.fetch(
            statement,
            self._session.tenant,
            [place for place, _ in streams],
            [stream for _, stream in streams],
            [place for place, _ in spans],
            [span.start for _, span in spans],
            [span.end for _, span in spans],
            [place for place, _ in edges],
            [span.start for _, span in edges],
            [span.end for _, span in edges],
            list(range(len(wanted))),
            [total.grid for total in wanted],
        )
        by_place = {row["place"]: row for row in rows}
        return [by_place.get(place) for place in range(len(wanted))]


def _clashes(
    places: Sequence[tuple[int, int]],
    latest: Mapping[int, Found],
    same: Callable[[int, int, Found], bool],
) -> Sequence[Clash]:
    return [
        _clash(place, kept, same=kept is not None and same(*place, kept))
        for place, kept in zip(places, map(latest.get, range(len(places))), strict=True)
    ]


def _clash(place: tuple[int, int], kept: Found | None, *, same: bool) -> Clash:
    column, index = place
    return Clash(column=column, index=index, latest=0 if kept is None else kept["revision"], same=same)


def _without_first(instants: Sequence[datetime], fresh: set[datetime]) -> Iterator[int]:
    """Where the instants stand, but for the first place of each fresh one."""
    ahead = set(fresh)
    for index, instant in enumerate(instants):
        if instant in ahead:
            ahead.remove(instant)
        else:
            yield index

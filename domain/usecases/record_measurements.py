"""Tallies and samples in, by columns: a series is one stream with arrays of instants and values.

A point costs a few checks over whole columns, never an object of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from operator import lt
from typing import TypeVar

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.columns import Clash, SampleColumns, TallyColumns
from domain.errors import (
    DomainError,
    FactConflict,
    Invalid,
    NotFound,
    RefusedLine,
    RevisionConflict,
    TooMany,
)
from domain.fact import BULK_POINTS_MAX, SERIES_MAX, Tally, checked_revision
from domain.feed import PostingKind
from domain.ids import StreamId
from domain.instants import EARLIEST, LATEST, checked_instant
from domain.metric import COUNT_MAX, Metric, Shape
from domain.policy import Action
from domain.ports import Mint, OpenWork, Work
from domain.stream import StreamKey
from domain.usecases.batches import OnInvalid, Recorded, as_result, from_result, require_all, require_some
from domain.usecases.once import answered, earlier
from domain.usecases.streams import Resolved, resolve_streams

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TallySeries:
    """Columns of one length. `replaces`: the revision that all its points correct."""

    stream: StreamKey
    starts: Sequence[datetime]
    ends: Sequence[datetime]
    good: Sequence[int]
    total: Sequence[int]
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSeries:
    """Columns of one length."""

    stream: StreamKey
    instants: Sequence[datetime]
    values: Sequence[Decimal]
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMeasurements:
    tallies: tuple[TallySeries, ...] = ()
    samples: tuple[SampleSeries, ...] = ()
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawMeasurements:
    """The points of one stream at these instants (a tally's start), all of them at revision `replaces`."""

    stream: StreamKey
    instants: tuple[datetime, ...]
    replaces: int = 1


async def record_measurements(
    open_work: OpenWork, actor: Actor, command: RecordMeasurements, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Raises BatchRefused with every wrong line where all are wanted, TooMany beyond the limits of a batch."""
    actor.must(Action.RECORD_MEASUREMENTS)
    _check_size(command)
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        batch = _Batch()
        await _resolve(work, batch, command, mint)
        require_all(batch.refused, command.on_invalid)
        tallies = [columns for _, columns in batch.tallies]
        samples = [columns for _, columns in batch.samples]
        clashes = await work.measurements.add_tallies(tallies) if tallies else ()
        _settle(batch, "tallies", [(line, each.revision) for line, each in batch.tallies], clashes)
        touched = _added_to([(each.stream, len(each.starts)) for each in tallies], clashes)
        clashes = await work.measurements.add_samples(samples) if samples else ()
        _settle(batch, "samples", [(line, each.revision) for line, each in batch.samples], clashes)
        touched += _added_to([(each.stream, len(each.instants)) for each in samples], clashes)
        require_all(batch.refused, command.on_invalid)
        recorded = Recorded(recorded=batch.points, duplicates=batch.duplicates, refused=tuple(batch.refused))
        require_some(recorded)
        if recorded.recorded:
            work.posts(PostingKind.FACTS, at)
            work.audits(act_on(Action.RECORD_MEASUREMENTS, "recordMeasurements", touched), at)
        await answered(work, key, as_result(recorded))
        return recorded


async def withdraw_measurements(
    open_work: OpenWork,
    actor: Actor,
    command: WithdrawMeasurements,
    *,
    at: datetime,
    mint: Mint,
    key: str | None = None,
) -> Recorded:
    """Each named point gets a revision without content. Raises BatchRefused for a point that isn't at `replaces`."""
    actor.must(Action.RECORD_MEASUREMENTS)
    if len(command.instants) > BULK_POINTS_MAX:
        raise TooMany(f"at most {BULK_POINTS_MAX} points in one call", path=("instants",))
    checked_revision(command.replaces)
    instants = [checked_instant(instant, "instants").astimezone(UTC) for instant in dict.fromkeys(command.instants)]
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        resolved = (
            await resolve_streams(
                work, [command.stream], [Shape.TALLY, Shape.SAMPLE], mint, action=Action.RECORD_MEASUREMENTS
            )
        )[command.stream]
        if isinstance(resolved, DomainError):
            raise resolved
        clashes = await work.measurements.withdraw(resolved.stream.id, instants, command.replaces)
        again = [clash for clash in clashes if clash.same]
        refused = [
            RefusedLine(
                code=RevisionConflict.code if clash.latest else NotFound.code,
                message=_not_at(clash, command.replaces),
                path=("instants", clash.index),
            )
            for clash in clashes
            if not clash.same
        ]
        require_all(refused, OnInvalid.REJECT_ALL)
        recorded = Recorded(recorded=len(instants) - len(clashes), duplicates=len(again))
        if recorded.recorded:
            subjects = [Subject(SubjectType.STREAM, resolved.stream.id)]
            work.posts(PostingKind.FACTS, at)
            work.audits(act_on(Action.RECORD_MEASUREMENTS, "withdrawMeasurements", subjects), at)
        await answered(work, key, as_result(recorded))
        return recorded


def _not_at(clash: Clash, replaces: int) -> str:
    if not clash.latest:
        return "no point at this instant"
    return f"revision {replaces} is not the latest one: the latest is {clash.latest}"


def _check_size(command: RecordMeasurements) -> None:
    if len(command.tallies) + len(command.samples) > SERIES_MAX:
        raise TooMany(f"at most {SERIES_MAX} series in one call", path=("tallies" if command.tallies else "samples",))
    points = sum(len(each.starts) for each in command.tallies) + sum(len(each.instants) for each in command.samples)
    if points > BULK_POINTS_MAX:
        raise TooMany(f"at most {BULK_POINTS_MAX} points in one call, not {points}", path=())
    seen: set[StreamKey] = set()
    names = [("tallies", index, each.stream) for index, each in enumerate(command.tallies)]
    names += [("samples", index, each.stream) for index, each in enumerate(command.samples)]
    for name, index, stream in names:
        if stream in seen:
            raise Invalid("a stream occurs once in a call", path=(name, index, "stream"))
        seen.add(stream)


class _Batch:
    """Series as they are worked through. Of each kept series: its index, the indices kept of it, its columns."""

    def __init__(self) -> None:
        self.tallies: list[tuple[_Lines, TallyColumns]] = []
        self.samples: list[tuple[_Lines, SampleColumns]] = []
        self.refused: list[RefusedLine] = []
        self.duplicates = 0
        self.points = 0

    def refuse(self, error: DomainError, *path: str | int) -> None:
        self.refused.append(RefusedLine(code=error.code, message=error.message, path=(*path, *error.path)))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Which posted points a kept column holds: all of them (None), or those at the indices."""

    series: int
    kept: Sequence[int] | None

    def posted(self, index: int) -> int:
        return index if self.kept is None else self.kept[index]


async def _resolve(work: Work, batch: _Batch, command: RecordMeasurements, mint: Mint) -> None:
    tallies = await resolve_streams(
        work, {each.stream for each in command.tallies}, [Shape.TALLY], mint, action=Action.RECORD_MEASUREMENTS
    )
    samples = await resolve_streams(
        work, {each.stream for each in command.samples}, [Shape.SAMPLE], mint, action=Action.RECORD_MEASUREMENTS
    )
    for index, tally in enumerate(command.tallies):
        try:
            _take_tallies(batch, index, tally, _resolved(tallies, tally.stream))
        except DomainError as error:
            batch.refuse(error, "tallies", index)
    for index, sample in enumerate(command.samples):
        try:
            _take_samples(batch, index, sample, _resolved(samples, sample.stream))
        except DomainError as error:
            batch.refuse(error, "samples", index)


def _resolved(streams: Mapping[StreamKey, Resolved | DomainError], key: StreamKey) -> Resolved:
    found = streams[key]
    if isinstance(found, DomainError):
        raise found
    return found


def _take_tallies(batch: _Batch, index: int, series: TallySeries, resolved: Resolved) -> None:
    lengths = {len(series.starts), len(series.ends), len(series.good), len(series.total)}
    if len(lengths) > 1:
        raise Invalid("the columns of a series have one length", path=("starts",))
    if not series.starts:
        return
    kept: Sequence[int] | None = None
    if not _all_tallies_fit(series, resolved.metric):
        kept = list(_good_tallies(batch, index, series, resolved.metric))
    columns = TallyColumns(
        stream=resolved.stream.id,
        starts=_pick(series.starts, kept),
        ends=_pick(series.ends, kept),
        good=_pick(series.good, kept),
        total=_pick(series.total, kept),
        revision=_next_revision(series.replaces),
    )
    if columns.starts:
        batch.tallies.append((_Lines(index, kept), columns))
        batch.points += len(columns.starts)


def _all_tallies_fit(series: TallySeries, metric: Metric) -> bool:
    """Whether nothing is wrong with any point: a few passes over the columns, each of them cheap."""
    starts, ends = series.starts, series.ends
    if not _all_utc(starts) or not _all_utc(ends) or min(starts) < EARLIEST or max(ends) >= LATEST:
        return False
    if not _all_rising(starts) and len(set(starts)) < len(starts):
        return False
    if max(series.total) > COUNT_MAX or min(series.good) < 0:
        return False
    if any(good > total for good, total in zip(series.good, series.total, strict=True)):
        return False
    return all(
        start < end and (start - EPOCH) % cell + (end - start) <= cell
        for cell in metric.cells
        for start, end in zip(starts, ends, strict=True)
    )


def _all_utc(instants: Sequence[datetime]) -> bool:
    return all(instant.tzinfo is UTC for instant in instants)


def _all_rising(instants: Sequence[datetime]) -> bool:
    return all(map(lt, instants, islice(instants, 1, None)))


def _good_tallies(batch: _Batch, index: int, series: TallySeries, metric: Metric) -> Iterator[int]:
    """The indices of points that hold; the others are refused one by one, or are duplicates within the series."""
    seen: dict[datetime, int] = {}
    for at, start in enumerate(series.starts):
        try:
            tally = Tally(
                checked_instant(start, "starts"),
                checked_instant(series.ends[at], "ends"),
                series.good[at],
                series.total[at],
            )
            tally.check(metric.cells)
            first = seen.setdefault(tally.start, at)
            if first == at:
                yield at
                continue
            same = (series.ends[first], series.good[first], series.total[first]) == (
                series.ends[at],
                series.good[at],
                series.total[at],
            )
            _repeated(batch, "starts", same=same, first=first)
        except DomainError as error:
            _refuse_point(batch, error, "tallies", index, at)


def _repeated(batch: _Batch, column: str, *, same: bool, first: int) -> None:
    if not same:
        raise FactConflict(f"the point at index {first} has the same instant and other content", path=(column,))
    batch.duplicates += 1


def _refuse_point(batch: _Batch, error: DomainError, name: str, series: int, at: int) -> None:
    """A point's path leads to its column and its index in it."""
    column, *rest = error.path or ("starts",)
    batch.refused.append(RefusedLine(code=error.code, message=error.message, path=(name, series, column, at, *rest)))


def _take_samples(batch: _Batch, index: int, series: SampleSeries, resolved: Resolved) -> None:
    if len(series.instants) != len(series.values):
        raise Invalid("the columns of a series have one length", path=("instants",))
    kept: list[int] = []
    values: list[int] = []
    originals: list[str | None] = []
    seen: dict[datetime, int] = {}
    for at, (instant, value) in enumerate(zip(series.instants, series.values, strict=True)):
        try:
            checked = checked_instant(instant, "instants")
            quantised = resolved.metric.quantised(value)
            first = seen.setdefault(checked, at)
            if first != at:
                _repeated(batch, "instants", same=series.values[first] == value, first=first)
                continue
        except DomainError as error:
            named = error if error.path != ("value",) else type(error)(error.message, path=("values",))
            _refuse_point(batch, named, "samples", index, at)
            continue
        kept.append(at)
        values.append(quantised)
        exact = value == Decimal(quantised).scaleb(-resolved.metric.scale)
        originals.append(None if exact else str(value))
    if not kept:
        return
    columns = SampleColumns(
        stream=resolved.stream.id,
        instants=[series.instants[at].astimezone(UTC) for at in kept],
        values=values,
        originals=originals,
        revision=_next_revision(series.replaces),
    )
    batch.samples.append((_Lines(index, kept), columns))
    batch.points += len(kept)


def _next_revision(replaces: int | None) -> int:
    return (checked_revision(replaces) or 0) + 1


def _settle(batch: _Batch, name: str, lines: Sequence[tuple[_Lines, int]], clashes: Sequence[Clash]) -> None:
    """What storage did not add is a duplicate, a conflict, or a correction of what is not the latest revision."""
    column = "starts" if name == "tallies" else "instants"
    for clash in clashes:
        batch.points -= 1
        if clash.same:
            batch.duplicates += 1
            continue
        line, revision = lines[clash.column]
        error: DomainError
        if revision == 1:
            error = FactConflict(
                f"a point of this instant is known with other content, as revision {clash.latest}: "
                "name it in `replacesRevision` to correct it",
                path=(column,),
            )
        else:
            error = RevisionConflict(_not_at(clash, revision - 1), path=(column,))
        _refuse_point(batch, error, name, line.series, line.posted(clash.index))


def _added_to(sent: Sequence[tuple[StreamId, int]], clashes: Sequence[Clash]) -> list[Subject]:
    """The streams to which some of the points sent were added. `sent`: each column's stream and number of points."""
    kept_out = Counter(clash.column for clash in clashes)
    return [
        Subject(SubjectType.STREAM, stream) for place, (stream, points) in enumerate(sent) if kept_out[place] < points
    ]


def _pick(column: Sequence[T], kept: Sequence[int] | None) -> Sequence[T]:
    return column if kept is None else [column[at] for at in kept]

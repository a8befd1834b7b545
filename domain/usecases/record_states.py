"""States in, by columns: a series is one stream with lists of instants and states (rules.md, States)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.columns import Clash, StateColumns
from domain.errors import DomainError, FactConflict, Invalid, NotFound, RefusedLine, RevisionConflict, TooMany
from domain.fact import BULK_POINTS_MAX, SERIES_MAX, checked_revision
from domain.feed import PostingKind
from domain.ids import StreamId
from domain.instants import checked_instant
from domain.metric import Shape
from domain.policy import Action
from domain.ports import Mint, OpenWork
from domain.state import weight_of_state
from domain.stream import StreamKey
from domain.usecases.batches import OnInvalid, Recorded, as_result, from_result, require_all, require_some
from domain.usecases.once import answered, earlier
from domain.usecases.streams import Resolved, resolve_streams


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSeries:
    """Columns of one length, in any order of time. `replaces`: the revision that all of them correct."""

    stream: StreamKey
    instants: Sequence[datetime]
    states: Sequence[str]
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStates:
    series: tuple[StateSeries, ...]
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawStates:
    """The states of one stream at these instants, all of them at revision `replaces`."""

    stream: StreamKey
    instants: tuple[datetime, ...]
    replaces: int = 1


async def record_states(
    open_work: OpenWork, actor: Actor, command: RecordStates, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Raises BatchRefused with every wrong line where all are wanted, TooMany beyond the limits of a batch."""
    actor.must(Action.RECORD_MEASUREMENTS)
    _check_size(command)
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        batch = _Batch()
        streams = await resolve_streams(
            work, {each.stream for each in command.series}, [Shape.STATE], mint, action=Action.RECORD_MEASUREMENTS
        )
        for index, series in enumerate(command.series):
            try:
                _take(batch, index, series, _resolved(streams, series.stream))
            except DomainError as error:
                batch.refuse(error, "series", index)
        require_all(batch.refused, command.on_invalid)
        columns = [kept.columns for kept in batch.kept]
        clashes = await work.states.add(columns) if columns else ()
        _settle(batch, clashes)
        require_all(batch.refused, command.on_invalid)
        added = sum(len(each.instants) for each in columns) - len(clashes)
        recorded = Recorded(recorded=added, duplicates=batch.duplicates, refused=tuple(batch.refused))
        require_some(recorded)
        if added:
            work.posts(PostingKind.FACTS, at)
            kept_out = Counter(clash.column for clash in clashes)
            touched = [each.stream for place, each in enumerate(columns) if kept_out[place] < len(each.instants)]
            work.audits(act_on(Action.RECORD_MEASUREMENTS, "recordStates", _subjects(touched)), at)
        await answered(work, key, as_result(recorded))
        return recorded


async def withdraw_states(
    open_work: OpenWork, actor: Actor, command: WithdrawStates, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Each named state gets a revision without content: the one before it holds on.

    Raises BatchRefused for a state that isn't at `replaces`.
    """
    actor.must(Action.RECORD_MEASUREMENTS)
    if len(command.instants) > BULK_POINTS_MAX:
        raise TooMany(f"at most {BULK_POINTS_MAX} states in one call", path=("instants",))
    checked_revision(command.replaces)
    instants = [checked_instant(instant, "instants") for instant in dict.fromkeys(command.instants)]
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        stream = _resolved(
            await resolve_streams(work, [command.stream], [Shape.STATE], mint, action=Action.RECORD_MEASUREMENTS),
            command.stream,
        ).stream.id
        gone = StateColumns(
            stream=stream, instants=instants, states=[None] * len(instants), revision=command.replaces + 1
        )
        clashes = await work.states.add([gone]) if instants else ()
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
        recorded = Recorded(recorded=len(instants) - len(clashes), duplicates=len(clashes))
        if recorded.recorded:
            work.posts(PostingKind.FACTS, at)
            work.audits(act_on(Action.RECORD_MEASUREMENTS, "withdrawStates", _subjects([stream])), at)
        await answered(work, key, as_result(recorded))
        return recorded


def _subjects(streams: Iterable[StreamId]) -> list[Subject]:
    return [Subject(SubjectType.STREAM, stream) for stream in streams]


def _check_size(command: RecordStates) -> None:
    if len(command.series) > SERIES_MAX:
        raise TooMany(f"at most {SERIES_MAX} series in one call", path=("series",))
    states = sum(len(each.instants) for each in command.series)
    if states > BULK_POINTS_MAX:
        raise TooMany(f"at most {BULK_POINTS_MAX} states in one call, not {states}", path=("series",))
    seen: set[StreamKey] = set()
    for index, series in enumerate(command.series):
        if series.stream in seen:
            raise Invalid("a stream occurs once in a call", path=("series", index, "stream"))
        seen.add(series.stream)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The states kept of the series at an index, and where each stood in it."""

    series: int
    places: Sequence[int]
    columns: StateColumns


class _Batch:
    """Series as they are worked through."""

    def __init__(self) -> None:
        self.kept: list[_Kept] = []
        self.refused: list[RefusedLine] = []
        self.duplicates = 0

    def refuse(self, error: DomainError, *path: str | int) -> None:
        self.refused.append(RefusedLine(code=error.code, message=error.message, path=(*path, *error.path)))

    def refuse_state(self, error: DomainError, series: int, place: int) -> None:
        """A state's path leads to its column and its place in it."""
        column = error.path[0] if error.path else "instants"
        path = ("series", series, column, place)
        self.refused.append(RefusedLine(code=error.code, message=error.message, path=path))


def _resolved(streams: Mapping[StreamKey, Resolved | DomainError], key: StreamKey) -> Resolved:
    found = streams[key]
    if isinstance(found, DomainError):
        raise found
    return found


def _take(batch: _Batch, index: int, series: StateSeries, resolved: Resolved) -> None:
    if len(series.instants) != len(series.states):
        raise Invalid("the columns of a series have one length", path=("instants",))
    revision = (checked_revision(series.replaces) or 0) + 1
    first: dict[datetime, int] = {}
    for place, (instant, state) in enumerate(zip(series.instants, series.states, strict=True)):
        try:
            weight_of_state(resolved.metric, state)
            other = first.setdefault(checked_instant(instant, "instants"), place)
            if other == place:
                continue
            if series.states[other] != state:
                raise FactConflict(
                    f"the state at index {other} has the same instant and other content", path=("instants",)
                )
            batch.duplicates += 1
        except DomainError as error:
            batch.refuse_state(error, index, place)
    if first:
        places = list(first.values())
        columns = StateColumns(
            stream=resolved.stream.id,
            instants=list(first),
            states=[series.states[place] for place in places],
            revision=revision,
        )
        batch.kept.append(_Kept(index, places, columns))


def _settle(batch: _Batch, clashes: Sequence[Clash]) -> None:
    """What storage did not add is a duplicate, a conflict, or a correction of what is not the latest revision."""
    for clash in clashes:
        if clash.same:
            batch.duplicates += 1
            continue
        kept = batch.kept[clash.column]
        error: DomainError
        if kept.columns.revision == 1:
            error = FactConflict(
                f"a state of this instant is known with other content, as revision {clash.latest}: "
                "name it in `replacesRevision` to correct it",
                path=("instants",),
            )
        else:
            error = RevisionConflict(_not_at(clash, kept.columns.revision - 1), path=("instants",))
        batch.refuse_state(error, kept.series, kept.places[clash.index])


def _not_at(clash: Clash, replaces: int) -> str:
    if not clash.latest:
        return "no state at this instant"
    return f"revision {replaces} is not the latest one: the latest is {clash.latest}"

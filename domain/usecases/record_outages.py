"""Outages in: recorded, corrected, withdrawn (rules.md, Facts)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.errors import DomainError, Invalid, NotFound, OutOfRange, RefusedLine, RevisionConflict, TooMany
from domain.fact import (
    OUTAGES_MAX,
    Outage,
    OutageRevision,
    accept_outage,
    checked_external_id,
    checked_revision,
    is_external_id,
    withdraw_outage,
)
from domain.feed import PostingKind
from domain.ids import StreamId
from domain.instants import checked_instant
from domain.metric import Shape
from domain.policy import Action
from domain.ports import Mint, OpenWork, Work
from domain.stream import StreamKey
from domain.usecases.batches import OnInvalid, Recorded, as_result, from_result, require_all, require_some
from domain.usecases.once import answered, earlier
from domain.usecases.streams import Resolved, resolve_streams

OUTAGE_LENGTH_MAX = timedelta(days=1100)
Identity = tuple[StreamId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedOutage:
    """`end` is None while it lasts. `replaces`: the revision that this corrects."""

    stream: StreamKey
    external_id: str
    impact: str
    start: datetime
    end: datetime | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The stream is complete up to the instant: what it does not name as an outage was up."""

    stream: StreamKey
    through: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutages:
    outages: tuple[PostedOutage, ...] = ()
    reports: tuple[Report, ...] = ()
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnOutage:
    stream: StreamKey
    external_id: str
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOutages:
    outages: tuple[WithdrawnOutage, ...]
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


async def record_outages(
    open_work: OpenWork, actor: Actor, command: RecordOutages, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Raises BatchRefused with every wrong line where all are wanted."""
    actor.must(Action.RECORD_OUTAGES)
    _check_size("outages", len(command.outages))
    _check_size("reports", len(command.reports))
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        keys = {each.stream for each in command.outages} | {each.stream for each in command.reports}
        streams = await resolve_streams(work, keys, [Shape.OUTAGE], mint, action=Action.RECORD_OUTAGES)
        batch = _Batch()
        await _load_latest(work, batch, command.outages, streams)
        for index, posted in enumerate(command.outages):
            with batch.line("outages", index):
                _accept(batch, index, posted, streams)
        reports = _reports(batch, command.reports, streams, at)
        await _add(work, batch, command.on_invalid)
        await work.outages.report(reports)
        return await _finish(work, batch, "recordOutages", key, at, reported=reports)


async def withdraw_outages(
    open_work: OpenWork, actor: Actor, command: WithdrawOutages, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Each named outage gets a revision without content; it no longer counts, and both stay readable."""
    actor.must(Action.RECORD_OUTAGES)
    _check_size("outages", len(command.outages))
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        streams = await resolve_streams(
            work, {each.stream for each in command.outages}, [Shape.OUTAGE], mint, action=Action.RECORD_OUTAGES
        )
        batch = _Batch()
        await _load_latest(work, batch, command.outages, streams)
        for index, posted in enumerate(command.outages):
            with batch.line("outages", index):
                _withdraw(batch, index, posted, streams)
        await _add(work, batch, command.on_invalid)
        return await _finish(work, batch, "withdrawOutages", key, at)


class _Batch:
    """Lines as they are worked through, the later seeing what the earlier of the same batch became.

    `accepted` holds the index of each line that adds a revision, with that revision.
    """

    def __init__(self) -> None:
        self.latest: dict[Identity, OutageRevision] = {}
        self.added: set[Identity] = set()
        self.accepted: list[tuple[int, OutageRevision]] = []
        self.refused: list[RefusedLine] = []
        self.duplicates = 0

    @contextmanager
    def line(self, name: str, index: int) -> Iterator[None]:
        """Turns a broken rule inside the block into a refused line."""
        try:
            yield
        except DomainError as error:
            self.refused.append(RefusedLine(code=error.code, message=error.message, path=(name, index, *error.path)))

    def take(self, index: int, revision: OutageRevision | None) -> None:
        if revision is None:
            self.duplicates += 1
            return
        identity = (revision.stream, revision.external_id)
        if identity in self.added:
            raise Invalid("one call takes one revision of an outage", path=("externalId",))
        self.added.add(identity)
        self.latest[identity] = revision
        self.accepted.append((index, revision))


def _stream(streams: Mapping[StreamKey, Resolved | DomainError], key: StreamKey) -> Resolved:
    found = streams[key]
    if isinstance(found, DomainError):
        raise found
    return found


def _accept(
    batch: _Batch, index: int, posted: PostedOutage, streams: Mapping[StreamKey, Resolved | DomainError]
) -> None:
    resolved = _stream(streams, posted.stream)
    resolved.metric.weight(posted.impact)
    outage = Outage(
        external_id=posted.external_id,
        impact=posted.impact,
        start=checked_instant(posted.start, "startedAt"),
        end=None if posted.end is None else checked_instant(posted.end, "endedAt"),
    )
    if outage.end is not None and outage.end - outage.start > OUTAGE_LENGTH_MAX:
        raise OutOfRange(f"an outage lasts at most {OUTAGE_LENGTH_MAX.days} days", path=("endedAt",))
    identity = (resolved.stream.id, outage.external_id)
    replaces = checked_revision(posted.replaces)
    revision = accept_outage(resolved.stream.id, outage, batch.latest.get(identity), replaces)
    batch.take(index, revision)


def _withdraw(
    batch: _Batch, index: int, posted: WithdrawnOutage, streams: Mapping[StreamKey, Resolved | DomainError]
) -> None:
    resolved = _stream(streams, posted.stream)
    latest = batch.latest.get((resolved.stream.id, checked_external_id(posted.external_id)))
    if latest is None:
        raise NotFound("outage", posted.external_id, path=("externalId",))
    batch.take(index, withdraw_outage(latest, checked_revision(posted.replaces)))


async def _load_latest(
    work: Work,
    batch: _Batch,
    posted: Sequence[PostedOutage | WithdrawnOutage],
    streams: Mapping[StreamKey, Resolved | DomainError],
) -> None:
    found = ((streams[each.stream], each.external_id) for each in posted if is_external_id(each.external_id))
    identities = {(stream.stream.id, name) for stream, name in found if isinstance(stream, Resolved)}
    batch.latest.update(await work.outages.latest(identities))


def _reports(
    batch: _Batch, reports: Sequence[Report], streams: Mapping[StreamKey, Resolved | DomainError], at: datetime
) -> dict[StreamId, datetime]:
    through: dict[StreamId, datetime] = {}
    for index, report in enumerate(reports):
        with batch.line("reports", index):
            stream = _stream(streams, report.stream).stream.id
            instant = checked_instant(report.through, "through")
            if instant > at:
                raise OutOfRange("a stream is reported through a past instant", path=("through",))
            through[stream] = max(instant, through.get(stream, instant))
    return through


async def _add(work: Work, batch: _Batch, on_invalid: OnInvalid) -> None:
    """Adds what was accepted. Where another writer was faster the line is a duplicate or lost the race."""
    require_all(batch.refused, on_invalid)
    lost = await work.outages.add([revision for _, revision in batch.accepted])
    if not lost:
        return
    now = await work.outages.latest(lost)
    kept: list[tuple[int, OutageRevision]] = []
    for index, revision in batch.accepted:
        identity = (revision.stream, revision.external_id)
        if identity not in lost:
            kept.append((index, revision))
        elif now[identity] == revision:
            batch.duplicates += 1
        else:
            with batch.line("outages", index):
                raise RevisionConflict(
                    f"another writer was faster: the latest revision is {now[identity].revision}",
                    path=("replacesRevision",),
                )
    batch.accepted = kept
    require_all(batch.refused, on_invalid)


async def _finish(
    work: Work, batch: _Batch, operation: str, key: str | None, at: datetime, *, reported: Collection[StreamId] = ()
) -> Recorded:
    recorded = Recorded(recorded=len(batch.accepted), duplicates=batch.duplicates, refused=tuple(batch.refused))
    touched = {revision.stream for _, revision in batch.accepted} | set(reported)
    if touched:
        subjects = [Subject(SubjectType.STREAM, stream) for stream in touched]
        work.posts(PostingKind.FACTS, at)
        work.audits(act_on(Action.RECORD_OUTAGES, operation, subjects), at)
    else:
        require_some(recorded)
    await answered(work, key, as_result(recorded))
    return recorded


def _check_size(name: str, count: int) -> None:
    if count > OUTAGES_MAX:
        raise TooMany(f"at most {OUTAGES_MAX} {name} in one call, not {count}", path=(name,))

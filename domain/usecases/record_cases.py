"""Cases in: recorded, corrected as they go on, withdrawn (rules.md, Facts)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.case import CASES_MAX, Case, CaseRevision, Pause, accept_case, withdraw_case
from domain.errors import DomainError, Invalid, NotFound, RefusedLine, RevisionConflict, TooMany
from domain.fact import checked_external_id, checked_revision, is_external_id
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

Identity = tuple[StreamId, str]
Streams = Mapping[StreamKey, Resolved | DomainError]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCase:
    """The whole timeline as known now. `replaces`: the revision that this corrects."""

    stream: StreamKey
    external_id: str
    opened_at: datetime
    responded_at: datetime | None = None
    resolved_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCases:
    cases: tuple[PostedCase, ...]
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnCase:
    stream: StreamKey
    external_id: str
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCases:
    cases: tuple[WithdrawnCase, ...]
    on_invalid: OnInvalid = OnInvalid.REJECT_ALL


async def record_cases(
    open_work: OpenWork, actor: Actor, command: RecordCases, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Raises BatchRefused with every wrong line where all are wanted."""
    actor.must(Action.RECORD_CASES)
    _check_size(len(command.cases))
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        batch, streams = await _begun(work, command.cases, mint)
        for index, posted in enumerate(command.cases):
            with batch.line(index):
                batch.take(index, _accepted(batch, posted, streams))
        await _add(work, batch, command.on_invalid)
        return await _finish(work, batch, "recordCases", key, at)


async def withdraw_cases(
    open_work: OpenWork, actor: Actor, command: WithdrawCases, *, at: datetime, mint: Mint, key: str | None = None
) -> Recorded:
    """Each named case gets a revision without content; it no longer counts, and both stay readable."""
    actor.must(Action.RECORD_CASES)
    _check_size(len(command.cases))
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return from_result(before)
        batch, streams = await _begun(work, command.cases, mint)
        for index, posted in enumerate(command.cases):
            with batch.line(index):
                batch.take(index, _withdrawn(batch, posted, streams))
        await _add(work, batch, command.on_invalid)
        return await _finish(work, batch, "withdrawCases", key, at)


class _Batch:
    """Lines as they are worked through. `accepted`: the index of each line that adds a revision, with that revision."""

    def __init__(self, latest: Mapping[Identity, CaseRevision]) -> None:
        self.latest = latest
        self.accepted: list[tuple[int, CaseRevision]] = []
        self.refused: list[RefusedLine] = []
        self.duplicates = 0
        self._taken: dict[Identity, CaseRevision] = {}

    @contextmanager
    def line(self, index: int) -> Iterator[None]:
        """Turns a broken rule inside the block into a refused line."""
        try:
            yield
        except DomainError as error:
            self.refused.append(RefusedLine(code=error.code, message=error.message, path=("cases", index, *error.path)))

    def known(self, identity: Identity) -> CaseRevision | None:
        """The later lines see what the earlier ones of the batch became."""
        return self._taken.get(identity) or self.latest.get(identity)

    def take(self, index: int, revision: CaseRevision | None) -> None:
        if revision is None:
            self.duplicates += 1
            return
        identity = (revision.stream, revision.external_id)
        if identity in self._taken:
            raise Invalid("one call takes one revision of a case", path=("externalId",))
        self._taken[identity] = revision
        self.accepted.append((index, revision))


async def _begun(work: Work, posted: Sequence[PostedCase | WithdrawnCase], mint: Mint) -> tuple[_Batch, Streams]:
    streams = await resolve_streams(
        work, {each.stream for each in posted}, [Shape.CASE], mint, action=Action.RECORD_CASES
    )
    found = ((streams[each.stream], each.external_id) for each in posted if is_external_id(each.external_id))
    identities = {(stream.stream.id, name) for stream, name in found if isinstance(stream, Resolved)}
    return _Batch(await work.cases.latest(identities)), streams


def _stream(streams: Streams, key: StreamKey) -> StreamId:
    found = streams[key]
    if isinstance(found, DomainError):
        raise found
    return found.stream.id


def _accepted(batch: _Batch, posted: PostedCase, streams: Streams) -> CaseRevision | None:
    stream = _stream(streams, posted.stream)
    case = Case(
        external_id=posted.external_id,
        opened_at=checked_instant(posted.opened_at, "openedAt"),
        responded_at=_checked(posted.responded_at, "respondedAt"),
        resolved_at=_checked(posted.resolved_at, "resolvedAt"),
        pauses=tuple(_pause(place, pause) for place, pause in enumerate(posted.pauses)),
    )
    latest = batch.known((stream, case.external_id))
    return accept_case(stream, case, latest, checked_revision(posted.replaces))


def _checked(instant: datetime | None, field: str) -> datetime | None:
    return None if instant is None else checked_instant(instant, field)


def _pause(place: int, pause: Pause) -> Pause:
    try:
        return Pause(checked_instant(pause.start, "pausedAt"), _checked(pause.end, "resumedAt"))
    except DomainError as error:
        raise error.at("pauses", place) from error


def _withdrawn(batch: _Batch, posted: WithdrawnCase, streams: Streams) -> CaseRevision | None:
    latest = batch.known((_stream(streams, posted.stream), checked_external_id(posted.external_id)))
    if latest is None:
        raise NotFound("case", posted.external_id, path=("externalId",))
    return withdraw_case(latest, checked_revision(posted.replaces))


async def _add(work: Work, batch: _Batch, on_invalid: OnInvalid) -> None:
    """Adds what was accepted. Where another writer was faster the line is a duplicate or lost the race."""
    require_all(batch.refused, on_invalid)
    lost = await work.cases.add([revision for _, revision in batch.accepted])
    if not lost:
        return
    now = await work.cases.latest(lost)
    kept: list[tuple[int, CaseRevision]] = []
    for index, revision in batch.accepted:
        identity = (revision.stream, revision.external_id)
        if identity not in lost:
            kept.append((index, revision))
        elif now[identity] == revision:
            batch.duplicates += 1
        else:
            with batch.line(index):
                raise RevisionConflict(
                    f"another writer was faster: the latest revision is {now[identity].revision}",
                    path=("replacesRevision",),
                )
    batch.accepted = kept
    require_all(batch.refused, on_invalid)


async def _finish(work: Work, batch: _Batch, operation: str, key: str | None, at: datetime) -> Recorded:
    recorded = Recorded(recorded=len(batch.accepted), duplicates=batch.duplicates, refused=tuple(batch.refused))
    require_some(recorded)
    streams = {revision.stream for _, revision in batch.accepted}
    if streams:
        work.posts(PostingKind.FACTS, at)
        subjects = [Subject(SubjectType.STREAM, stream) for stream in streams]
        work.audits(act_on(Action.RECORD_CASES, operation, subjects), at)
    await answered(work, key, as_result(recorded))
    return recorded


def _check_size(count: int) -> None:
    if count > CASES_MAX:
        raise TooMany(f"at most {CASES_MAX} cases in one call, not {count}", path=("cases",))

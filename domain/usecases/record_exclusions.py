"""Exclusions: time that does not count, recorded by those who answer for the terms, never by whom it would excuse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.actor import Actor
from domain.audit import Subject, SubjectType, act_on
from domain.errors import DomainError, NotFound, OutOfRange, RevisionConflict
from domain.exclusion import Exclusion, ExclusionKind
from domain.fact import checked_revision
from domain.feed import PostingKind
from domain.ids import AgreementId, ExclusionId, ServiceId
from domain.instants import checked_instant
from domain.policy import Action, Relation, rule_of
from domain.ports import Mint, OpenWork, Work
from domain.spans import Span
from domain.usecases.once import answered, earlier

EXCLUSION_LENGTH_MAX = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExclusion:
    """`corrects`: the exclusion and its latest revision, where this replaces it."""

    kind: ExclusionKind
    start: datetime
    end: datetime
    service: ServiceId | None = None
    agreement: AgreementId | None = None
    announced_at: datetime | None = None
    approved_by: str = ""
    reason: str = ""
    corrects: tuple[ExclusionId, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawExclusion:
    exclusion: ExclusionId
    replaces: int


async def record_exclusion(
    open_work: OpenWork, actor: Actor, command: RecordExclusion, *, at: datetime, mint: Mint, key: str | None = None
) -> Exclusion:
    """A correction by the same content has no effect. Raises RevisionConflict where it names not the latest one."""
    actor.must(Action.RECORD_EXCLUSIONS)
    span = _span(command)
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return await _exclusion(work, ExclusionId(UUID(str(before["id"]))), "corrects")
        await _check_scope(work, command.service, command.agreement)
        latest = None if command.corrects is None else await _exclusion(work, command.corrects[0], "corrects")
        exclusion = _revision(command, span, latest, mint)
        if latest is not None and replace(exclusion, revision=latest.revision) == latest:
            # The same content again has no effect (rules.md, Facts).
            await answered(work, key, {"id": str(latest.id)})
            return latest
        if latest is not None and command.corrects is not None:
            _require_latest(latest, command.corrects[1])
        await work.exclusions.add([exclusion])
        work.posts(PostingKind.FACTS, at)
        subjects = [Subject(SubjectType.EXCLUSION, exclusion.id)]
        work.audits(act_on(Action.RECORD_EXCLUSIONS, "recordExclusion", subjects), at)
        await answered(work, key, {"id": str(exclusion.id)})
    return exclusion


async def withdraw_exclusion(
    open_work: OpenWork, actor: Actor, command: WithdrawExclusion, *, at: datetime
) -> Exclusion:
    """The excluded time counts again. Withdrawing twice is withdrawing once."""
    actor.must(Action.RECORD_EXCLUSIONS)
    async with open_work(actor) as work:
        latest = await _exclusion(work, command.exclusion, "exclusion")
        _require_related(work, latest.service, latest.agreement, NotFound("exclusion", latest.id, path=("exclusion",)))
        if latest.withdrawn:
            return latest
        _require_latest(latest, command.replaces)
        withdrawn = replace(latest, revision=latest.revision + 1, withdrawn=True)
        await work.exclusions.add([withdrawn])
        work.posts(PostingKind.FACTS, at)
        subjects = [Subject(SubjectType.EXCLUSION, withdrawn.id)]
        work.audits(act_on(Action.RECORD_EXCLUSIONS, "withdrawExclusion", subjects), at)
    return withdrawn


def _revision(command: RecordExclusion, span: Span, latest: Exclusion | None, mint: Mint) -> Exclusion:
    return Exclusion(
        id=ExclusionId(mint()) if latest is None else latest.id,
        revision=1 if latest is None else latest.revision + 1,
        kind=command.kind,
        span=span,
        service=command.service,
        agreement=command.agreement,
        announced_at=None if command.announced_at is None else checked_instant(command.announced_at, "announcedAt"),
        approved_by=command.approved_by,
        reason=command.reason,
    )


def _span(command: RecordExclusion) -> Span:
    start, end = checked_instant(command.start, "startsAt"), checked_instant(command.end, "endsAt")
    if end <= start:
        raise OutOfRange("an exclusion ends after it starts", path=("endsAt",))
    if end - start > EXCLUSION_LENGTH_MAX:
        raise OutOfRange(f"an exclusion lasts at most {EXCLUSION_LENGTH_MAX.days} days", path=("endsAt",))
    return Span(start, end)


async def _check_scope(work: Work, service: ServiceId | None, agreement: AgreementId | None) -> None:
    missing: DomainError | None = None
    if service is not None and service not in await work.services.by_ids([service]):
        missing = NotFound("service", service, path=("service",))
    if agreement is not None and agreement not in await work.agreements.by_ids([agreement]):
        missing = NotFound("agreement", agreement, path=("agreement",))
    if missing is not None:
        raise missing
    if service is not None:
        _require_related(work, service, agreement, NotFound("service", service, path=("service",)))
    elif agreement is not None:
        _require_related(work, service, agreement, NotFound("agreement", agreement, path=("agreement",)))


def _require_related(
    work: Work, service: ServiceId | None, agreement: AgreementId | None, refusal: DomainError
) -> None:
    """For scopes that the actor sees: with a party, the policy must take one of them."""
    named = {Relation.ON_SERVICE: service, Relation.ON_AGREEMENT: agreement}
    relations = rule_of(Action.RECORD_EXCLUSIONS).relations
    if work.actor.party is not None and all(named[each] is None for each in relations & named.keys()):
        raise refusal


async def _exclusion(work: Work, wanted: ExclusionId, field: str) -> Exclusion:
    found = (await work.exclusions.by_ids([wanted])).get(wanted)
    if found is None:
        raise NotFound("exclusion", wanted, path=(field,))
    return found


def _require_latest(latest: Exclusion, named: int) -> None:
    checked_revision(named)
    if latest.revision != named:
        raise RevisionConflict(
            f"revision {named} is not the latest one: the latest is {latest.revision}", path=("replacesRevision",)
        )

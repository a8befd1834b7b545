"""An agreement's life so far: drafted, activated, amended by a next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.actor import Actor
from domain.agreement import (
    DEFAULT_GRACE,
    Agreement,
    AgreementKind,
    Clause,
    Version,
    require_bounded_recurrences,
    require_distinct_scope,
)
from domain.attainment import Phase
from domain.audit import Act, Subject, SubjectType, act_on
from domain.breach import RiskPassed, Transition, Withdrawn
from domain.calendars import RollingWindow, Window
from domain.case import Milestone
from domain.errors import DomainError, NotFound, WrongState
from domain.exclusion import ExclusionTerms
from domain.feed import PostingKind
from domain.hours import ServiceHours
from domain.ids import AgreementId, MetricId, ObjectiveId, PartyId, ServiceId, VersionId
from domain.instants import checked_instant
from domain.levels import refuse_equal_scope, refuse_loosening
from domain.mark import Mark
from domain.metric import Metric
from domain.objective import (
    Granularity,
    Importance,
    LowVolume,
    Missing,
    Objective,
    Override,
    check_cases,
    check_low_volume,
    target_of,
)
from domain.policy import Action, Relation
from domain.ports import Mint, OpenWork, Work
from domain.ratio import Ratio
from domain.recurrence import Recurrence
from domain.spans import Span
from domain.usecases.breaches import breach_change
from domain.usecases.once import answered, earlier
from domain.usecases.periods import lay_down_periods, mark_versions
from domain.usecases.relating import require_related


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftObjective:
    """Targets as people write them: percent for a share, else the metric's unit."""

    code: str
    name: str
    metric: MetricId
    expected: Decimal
    minimum: Decimal | None = None
    window: Window
    importance: Importance = Importance.KEY_MEASUREMENT
    source: str | None = None
    minimum_duration: timedelta = timedelta(0)
    granularity: Granularity = Granularity.EXACT
    missing: Missing = Missing.HOLD
    minimum_coverage: Decimal | None = None
    override: Override = Override.ANY
    low_volume: LowVolume = LowVolume.NONE
    case_milestone: Milestone | None = None
    case_limit: timedelta | None = None
    hours: ServiceHours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTerms:
    effective_from: datetime
    objectives: tuple[DraftObjective, ...]
    clauses: tuple[Clause, ...] = ()
    grace: timedelta = DEFAULT_GRACE
    judge_partial_periods: bool = False
    exclusion_terms: tuple[ExclusionTerms, ...] = ()
    recurring: tuple[Recurrence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftAgreement:
    code: str
    name: str
    kind: AgreementKind
    provider: PartyId
    customer: PartyId | None = None
    service: ServiceId | None = None
    starts_at: datetime
    ends_at: datetime | None = None
    terms: DraftTerms


async def draft_agreement(
    open_work: OpenWork, actor: Actor, command: DraftAgreement, *, at: datetime, mint: Mint, key: str | None = None
) -> Agreement:
    actor.must(Action.MANAGE_AGREEMENTS)
    async with open_work(actor) as work:
        before = await earlier(work, key, command)
        if before is not None:
            return await _agreement(work, AgreementId(UUID(str(before["id"]))))
        await _check_scope(work, command)
        agreement = Agreement(
            id=AgreementId(mint()),
            code=command.code,
            name=command.name,
            kind=command.kind,
            provider=command.provider,
            customer=command.customer,
            service=command.service,
            starts_at=checked_instant(command.starts_at, "startsAt"),
            ends_at=None if command.ends_at is None else checked_instant(command.ends_at, "endsAt"),
            versions=(await _version(work, command.terms, number=1, mint=mint),),
        )
        require_distinct_scope(agreement)
        require_bounded_recurrences(agreement.versions[-1], ends_at=agreement.ends_at)
        await work.agreements.add(agreement)
        work.posts(PostingKind.TERMS, at)
        work.audits(_act("draftAgreement", agreement), at)
        await answered(work, key, {"id": str(agreement.id)})
    return agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendAgreement:
    agreement: AgreementId
    terms: DraftTerms


async def amend_agreement(
    open_work: OpenWork, actor: Actor, command: AmendAgreement, *, at: datetime, mint: Mint, key: str | None = None
) -> Agreement:
    """Draft the version that will succeed the one in force. Raises WrongState where there is a draft already."""
    actor.must(Action.MANAGE_AGREEMENTS)
    async with open_work(actor) as work:
        agreement = await _own_agreement(work, command.agreement)
        if await earlier(work, key, command) is not None:
            return agreement
        number = len(agreement.versions) + 1
        amended = agreement.drafted(await _version(work, command.terms, number=number, mint=mint))
        require_bounded_recurrences(amended.versions[-1], ends_at=amended.ends_at)
        await work.agreements.add_version(amended)
        work.posts(PostingKind.TERMS, at)
        work.audits(_act("amendAgreement", agreement), at)
        await answered(work, key, {"id": str(amended.id)})
    return amended


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivateAgreement:
    agreement: AgreementId


async def activate_agreement(
    open_work: OpenWork, actor: Actor, command: ActivateAgreement, *, at: datetime, mint: Mint
) -> Agreement:
    """The draft comes into force; its periods are laid down and judged. Those of its predecessor end before it.

    Raises Taken (equal scope), Invalid (loosens what may only be tightened), WrongState (no draft).
    """
    actor.must(Action.MANAGE_AGREEMENTS)
    async with open_work(actor) as work:
        agreement = (await _own_agreement(work, command.agreement)).activate(at=at)
        others = await work.agreements.of_provider(agreement.provider)
        refuse_equal_scope(agreement, others)
        # A customer's own steward does not see what the provider promises to all.
        seen = await work.agreements.by_ids([other.id for other in others])
        refuse_loosening(agreement, others, named=seen)
        await work.agreements.activate(agreement)
        await _retire_predecessor(work, agreement, at=at)
        if agreement.service is not None:
            services = list((await work.services.by_ids([agreement.service])).values())
        else:
            services = list(await work.services.provided_by(agreement.provider))
        newest = agreement.activated[-1]
        await lay_down_periods(work, [(agreement, newest)], services, at=at, mint=mint)
        await mark_versions(work, [newest])
        work.posts(PostingKind.TERMS, at)
        work.audits(_act("activateAgreement", agreement), at)
    return agreement


def _act(operation: str, agreement: Agreement) -> Act:
    return act_on(Action.MANAGE_AGREEMENTS, operation, [Subject(SubjectType.AGREEMENT, agreement.id)])


async def _retire_predecessor(work: Work, agreement: Agreement, *, at: datetime) -> None:
    """Periods that would start under the new version are no longer the old one's; their breaches are withdrawn."""
    if len(agreement.activated) < 2:
        return
    former, newest = agreement.activated[-2:]
    objectives = [objective.id for objective in former.objectives]
    retired = await work.periods.from_instant(objectives, newest.effective_from)
    ids = [each.period.id for each in retired]
    attainments = await work.attainments.by_ids(ids)
    if any(attainment.phase in (Phase.FINAL, Phase.RESTATED) for attainment in attainments.values()):
        raise WrongState("a period that is final does not come under another version", path=("effectiveFrom",))
    breaches = await work.breaches.by_periods(ids)
    over = (Withdrawn, RiskPassed)
    open_ones = {period: breach for period, breach in breaches.items() if not isinstance(breach.state, over)}
    if open_ones:
        places = await work.agreements.by_objectives({breach.objective for breach in open_ones.values()})
        metrics = await work.metrics.by_ids({place.objective.metric for place in places.values()})
        services = await work.services.with_components({breach.service for breach in open_ones.values()})
        withdrawn = {
            period: replace(breach, state=RiskPassed(at) if breach.never_opened else Withdrawn(at))
            for period, breach in open_ones.items()
        }
        await work.breaches.save(withdrawn)
        await work.feed.append(
            [
                breach_change(
                    Transition.RISK_PASSED if breach.never_opened else Transition.WITHDRAWN,
                    breach,
                    attainments[period],
                    places[breach.objective],
                    metrics[places[breach.objective].objective.metric],
                    services[breach.service],
                )
                for period, breach in withdrawn.items()
            ]
        )
    await work.periods.retire(objectives, newest.effective_from)
    # An episode may have ended by an evaluation that is gone: those that are left near it are looked at again.
    edge = Span(newest.effective_from, newest.effective_from + timedelta(microseconds=1))
    rolling = [each.id for each in former.objectives if isinstance(each.window, RollingWindow)]
    await work.marks.add([Mark(objective=each, span=edge) for each in rolling])


async def _agreement(work: Work, wanted: AgreementId) -> Agreement:
    found = (await work.agreements.by_ids([wanted])).get(wanted)
    if found is None:
        raise NotFound("agreement", wanted, path=("agreement",))
    return found


async def _own_agreement(work: Work, wanted: AgreementId) -> Agreement:
    """Raises NotFound for one that the actor does not see, and alike for one that it may not change."""
    agreement = await _agreement(work, wanted)
    missing = NotFound("agreement", wanted, path=("agreement",))
    await _require_own(work, agreement.provider, agreement.customer, missing)
    return agreement


async def _require_own(work: Work, provider: PartyId, customer: PartyId | None, refusal: DomainError) -> None:
    related = {Relation.PROVIDER: provider, Relation.CUSTOMER: customer}
    await require_related(work, Action.MANAGE_AGREEMENTS, related, refusal)


async def _check_scope(work: Work, command: DraftAgreement) -> None:
    parties = {"provider": command.provider, "customer": command.customer}
    known = await work.parties.by_ids([party for party in parties.values() if party is not None])
    for field_name, party in parties.items():
        if party is not None and party not in known:
            raise NotFound("party", party, path=(field_name,))
    missing = NotFound("party", command.provider, path=("provider",))
    await _require_own(work, command.provider, command.customer, missing)
    if command.service is None:
        return
    service = (await work.services.by_ids([command.service])).get(command.service)
    if service is None:
        raise NotFound("service", command.service, path=("service",))


async def _version(work: Work, terms: DraftTerms, *, number: int, mint: Mint) -> Version:
    metrics = await work.metrics.by_ids({objective.metric for objective in terms.objectives})
    return Version(
        id=VersionId(mint()),
        number=number,
        effective_from=checked_instant(terms.effective_from, "effectiveFrom"),
        objectives=_objectives(terms.objectives, metrics, mint),
        clauses=terms.clauses,
        grace=terms.grace,
        judge_partial_periods=terms.judge_partial_periods,
        exclusion_terms=terms.exclusion_terms,
        recurring=terms.recurring,
    )


def _objectives(
    drafts: Sequence[DraftObjective], metrics: Mapping[MetricId, Metric], mint: Mint
) -> tuple[Objective, ...]:
    found: list[Objective] = []
    for index, draft in enumerate(drafts):
        try:
            found.append(objective_of(draft, metrics.get(draft.metric), ObjectiveId(mint())))
        except DomainError as error:
            raise error.at("objectives", index) from error
    return tuple(found)


def objective_of(draft: DraftObjective, metric: Metric | None, new_id: ObjectiveId) -> Objective:
    """The objective that a draft means; its direction is the metric's."""
    if metric is None:
        raise NotFound("metric", draft.metric, path=("metric",))
    check_low_volume(metric, draft.low_volume)
    check_cases(metric, draft.case_milestone, draft.case_limit)
    minimum = None if draft.minimum is None else target_of(metric, draft.minimum, "minimum")
    coverage = None if draft.minimum_coverage is None else Ratio.percent(draft.minimum_coverage)
    return Objective(
        id=new_id,
        code=draft.code,
        name=draft.name,
        metric=metric.id,
        direction=metric.direction,
        expected=target_of(metric, draft.expected, "expected"),
        minimum=minimum,
        window=draft.window,
        importance=draft.importance,
        source=draft.source,
        minimum_duration=draft.minimum_duration,
        granularity=draft.granularity,
        missing=draft.missing,
        minimum_coverage=coverage,
        override=draft.override,
        low_volume=draft.low_volume,
        case_milestone=draft.case_milestone,
        case_limit=draft.case_limit,
        hours=draft.hours,
    )

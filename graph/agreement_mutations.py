"""Agreements: drafted, amended, activated."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

import strawberry

import domain.agreement
from domain.agreement import CLAUSES_MAX, DEFAULT_GRACE, GRACE_MAX, OBJECTIVES_MAX, AgreementKind, ClauseKind
from domain.case import Milestone
from domain.errors import DomainError
from domain.ids import AgreementId, MetricId, PartyId, ServiceId
from domain.objective import CASE_LIMIT_MAX, Granularity, Importance, LowVolume, Missing, Override
from domain.recurrence import RECURRENCES_MAX
from domain.text import NOTE_LENGTH_MAX
from domain.usecases import agreements
from graph.agreement import Agreement
from graph.catalog_mutations import CODE, NAME
from graph.desk import Desk, Info
from graph.exclusion_terms import ExclusionTermsInput, RecurringExclusionInput
from graph.fields import told
from graph.mutating import COMMAND, id_of, idempotency_key, optional_id_of
from graph.service_hours import ServiceHoursInput
from graph.user_errors import Answer, Payload, carried_out
from graph.window_input import WindowInput


@strawberry.input(description="A promise to be: a metric held to a target, window after window.")
class ObjectiveInput:
    code: str = strawberry.field(description=f"{CODE} in its version. Levels of agreements override each other by it.")
    name: str = strawberry.field(description=NAME)
    metric: strawberry.ID = strawberry.field(description="What is measured; its direction says which side is good.")
    expected: Decimal = strawberry.field(
        description="The level to be reached: percent for shares (above 0, at most 100), else in the metric's unit."
    )
    minimum: Decimal | None = strawberry.field(
        description="The level below which a period is missed, no harder than `expected`. Default: `expected`."
    )
    window: WindowInput = strawberry.field(description="Over which stretches of time it is judged.")
    importance: Importance = strawberry.field(default=Importance.KEY_MEASUREMENT, description="Its class.")
    source: str | None = strawberry.field(description="Only streams of this source count. Default: all.")
    minimum_duration: timedelta = strawberry.field(
        default=timedelta(0), description="Outages shorter than this do not count: at most a day."
    )
    granularity: Granularity = strawberry.field(
        default=Granularity.EXACT, description="How exactly an outage's length counts."
    )
    missing: Missing = strawberry.field(default=Missing.HOLD, description="What silence counts as.")
    minimum_coverage: Decimal | None = strawberry.field(
        description="Percent of the period that must be reported, else the verdict is held. Default: 100 where"
        " silence of outages is held, else 0."
    )
    override: Override = strawberry.field(
        default=Override.ANY, description="What agreements of a lower level may do to it."
    )
    hours: ServiceHoursInput | None = strawberry.field(description="When service is due. Default: around the clock.")
    case_milestone: Milestone | None = strawberry.field(
        description="What of a case is promised; for promises about cases, which need it."
    )
    case_limit: timedelta | None = strawberry.field(
        description="The time on the case's clock within which it is to be reached, 1 second to"
        f" {CASE_LIMIT_MAX.days} days; for promises about cases, which need it. The clock stands still outside service"
        " hours and in pauses."
    )
    low_volume: LowVolume = strawberry.field(
        default=LowVolume.NONE, description="Whether a share of few cases tolerates one miss; of counts only."
    )

    def meant(self, place: int) -> agreements.DraftObjective:
        return agreements.DraftObjective(
            code=self.code,
            name=self.name,
            metric=id_of(MetricId, "Metric", self.metric, "objectives", place, "metric"),
            expected=self.expected,
            minimum=self.minimum,
            window=self.window.meant("objectives", place, "window"),
            importance=self.importance,
            source=self.source,
            minimum_duration=self.minimum_duration,
            granularity=self.granularity,
            missing=self.missing,
            minimum_coverage=self.minimum_coverage,
            override=self.override,
            hours=None if self.hours is None else self.hours.meant("objectives", place, "hours"),
            low_volume=self.low_volume,
            case_milestone=self.case_milestone,
            case_limit=self.case_limit,
        )


@strawberry.input(description="A clause in words.")
class ClauseInput:
    kind: ClauseKind = strawberry.field(description="What it is about.")
    text: str = strawberry.field(description=f"Its words: at most {NOTE_LENGTH_MAX} characters.")

    def meant(self, place: int) -> domain.agreement.Clause:
        try:
            return domain.agreement.Clause(kind=self.kind, text=self.text)
        except DomainError as error:
            raise error.at("clauses", place) from error


@strawberry.input
class _TermsInput:
    effective_from: datetime = strawberry.field(
        description="From when on the terms govern, once activated: periods that start from then on."
    )
    objectives: list[ObjectiveInput] = strawberry.field(description=f"What is promised, 1 to {OBJECTIVES_MAX}.")
    clauses: list[ClauseInput] = strawberry.field(
        default_factory=list, description=f"What is agreed in words, {CLAUSES_MAX} at most."
    )
    grace: timedelta = strawberry.field(
        default=DEFAULT_GRACE,
        description=f"How long after its end a period stays provisional: at most {GRACE_MAX.days} days.",
    )
    judge_partial_periods: bool = strawberry.field(
        default=False,
        description="Whether periods that the agreement's term cuts count in full. Else they breach nothing.",
    )
    exclusion_terms: list[ExclusionTermsInput] = strawberry.field(
        default_factory=list, description="What is said of exclusions, by kind; of other kinds all count."
    )
    recurring: list[RecurringExclusionInput] = strawberry.field(
        default_factory=list, description=f"Exclusions that recur, {RECURRENCES_MAX} at most."
    )
    idempotency_key: str | None = idempotency_key()

    def terms(self) -> agreements.DraftTerms:
        return agreements.DraftTerms(
            effective_from=self.effective_from,
            objectives=tuple(each.meant(place) for place, each in enumerate(self.objectives)),
            clauses=tuple(each.meant(place) for place, each in enumerate(self.clauses)),
            grace=self.grace,
            judge_partial_periods=self.judge_partial_periods,
            exclusion_terms=tuple(each.meant(place) for place, each in enumerate(self.exclusion_terms)),
            recurring=tuple(each.meant(place) for place, each in enumerate(self.recurring)),
        )


@strawberry.input
class _ScopeInput:
    code: str = strawberry.field(description=f"{CODE} among the tenant's agreements.")
    name: str = strawberry.field(description=NAME)
    kind: AgreementKind = strawberry.field(description="Between whom it is.")
    provider: strawberry.ID = strawberry.field(description="The party that promises.")
    customer: strawberry.ID | None = strawberry.field(description="The party to whom. Default: all customers.")
    service: strawberry.ID | None = strawberry.field(description="For which service. Default: all of the provider's.")
    starts_at: datetime = strawberry.field(description="From when on it may bind; contract years count from here.")
    ends_at: datetime | None = strawberry.field(description="When it ends. Default: open.")


@strawberry.input(description="An agreement to be, with its first version, a draft.")
class DraftAgreementInput(_ScopeInput, _TermsInput):
    def meant(self) -> agreements.DraftAgreement:
        return agreements.DraftAgreement(
            code=self.code,
            name=self.name,
            kind=self.kind,
            provider=id_of(PartyId, "Party", self.provider, "provider"),
            customer=optional_id_of(PartyId, "Party", self.customer, "customer"),
            service=optional_id_of(ServiceId, "Service", self.service, "service"),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            terms=self.terms(),
        )


@strawberry.input(description="The next version of an agreement, a draft; it succeeds the one in force once activated.")
class AmendAgreementInput(_TermsInput):
    agreement: strawberry.ID = strawberry.field(description="The agreement; it has one draft at a time.")

    def meant(self) -> agreements.AmendAgreement:
        agreement = id_of(AgreementId, "Agreement", self.agreement, "agreement")
        return agreements.AmendAgreement(agreement=agreement, terms=self.terms())


@strawberry.input(description="An agreement whose draft is to bind.")
class ActivateAgreementInput:
    agreement: strawberry.ID = strawberry.field(description="The agreement.")

    def meant(self) -> agreements.ActivateAgreement:
        return agreements.ActivateAgreement(agreement=id_of(AgreementId, "Agreement", self.agreement, "agreement"))


@strawberry.type(description="What draftAgreement came to.")
class DraftAgreementPayload(Payload):
    agreement: Agreement | None = told("The new agreement; null where there are user errors.", "result")


@strawberry.type(description="What amendAgreement came to.")
class AmendAgreementPayload(Payload):
    agreement: Agreement | None = told("The agreement with its draft; null where there are user errors.", "result")


@strawberry.type(description="What activateAgreement came to.")
class ActivateAgreementPayload(Payload):
    agreement: Agreement | None = told("The agreement as it binds now; null where there are user errors.", "result")


@strawberry.type
class AgreementMutations:
    @strawberry.mutation(
        graphql_type=DraftAgreementPayload, description="Write an agreement. It binds nobody before it is activated."
    )
    async def draft_agreement(
        self, info: Info, command: Annotated[DraftAgreementInput, COMMAND]
    ) -> Answer[domain.agreement.Agreement]:
        return await carried_out(
            info,
            lambda at: agreements.draft_agreement(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(graphql_type=AmendAgreementPayload, description="Write the next version of an agreement.")
    async def amend_agreement(
        self, info: Info, command: Annotated[AmendAgreementInput, COMMAND]
    ) -> Answer[domain.agreement.Agreement]:
        return await carried_out(
            info,
            lambda at: agreements.amend_agreement(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=ActivateAgreementPayload,
        description="Let an agreement's draft bind. Its periods are laid down and judged; those of the version that it"
        " succeeds end where it takes effect. Refused where another agreement promises the same at the same scope, or"
        " where it loosens what may only be tightened.",
    )
    async def activate_agreement(
        self, info: Info, command: Annotated[ActivateAgreementInput, COMMAND]
    ) -> Answer[domain.agreement.Agreement]:
        return await carried_out(info, lambda at: _activate(at, command))


async def _activate(at: Desk, command: ActivateAgreementInput) -> domain.agreement.Agreement:
    """What is wrong with the draft is told as a path on from the agreement."""
    meant = command.meant()
    try:
        return await agreements.activate_agreement(at.open_work, at.actor, meant, at=at.now(), mint=at.mint)
    except DomainError as error:
        raise (error if error.path[:1] == ("agreement",) else error.at("agreement")) from error

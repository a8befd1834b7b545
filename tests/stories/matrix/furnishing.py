"""Two tenants of one shape. In each: two rival vendors, two customers, internal teams below one, and all they share.

Every code, name and word of a tenant is one token that begins with its mark, as `home.left-hosting`: what an answer
tells is found by looking for tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.actor import Actor
from domain.agreement import AgreementKind, Clause, ClauseKind
from domain.exclusion import Exclusion, ExclusionKind
from domain.ids import KeyId
from domain.metric import CELL, Aggregation, Shape
from domain.objective import Override
from domain.party import PartyKind
from domain.policy import Role
from domain.ratio import Direction
from domain.stream import StreamKey
from domain.structure import AllOf, Component
from domain.usecases.agreements import (
    ActivateAgreement,
    DraftAgreement,
    DraftObjective,
    DraftTerms,
    activate_agreement,
    draft_agreement,
)
from domain.usecases.catalog import CreateMetric, create_metric
from domain.usecases.judging import judge_due
from domain.usecases.record_cases import PostedCase, RecordCases, record_cases
from domain.usecases.record_exclusions import (
    RecordExclusion,
    WithdrawExclusion,
    record_exclusion,
    withdraw_exclusion,
)
from domain.usecases.record_measurements import RecordMeasurements, SampleSeries, TallySeries, record_measurements
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report, record_outages
from domain.usecases.record_states import RecordStates, StateSeries, record_states
from tests.stories.workshop import Workshop, a_promise

HOME, AWAY = "home", "away"
DAYS = 2
"""For how long the agreements run; each of their periods is a day."""
PARTIES: Sequence[tuple[str, PartyKind, str | None]] = (
    ("team", PartyKind.INTERNAL, None),
    ("ops", PartyKind.INTERNAL, "team"),
    ("desk", PartyKind.INTERNAL, "team"),
    ("left", PartyKind.VENDOR, None),
    ("left-branch", PartyKind.VENDOR, "left"),
    ("right", PartyKind.VENDOR, None),
    ("right-branch", PartyKind.VENDOR, "right"),
    ("buyer", PartyKind.CUSTOMER, None),
    ("buyer-site", PartyKind.CUSTOMER, "buyer"),
    ("other-buyer", PartyKind.CUSTOMER, None),
)
SERVICES: Sequence[tuple[str, str, Sequence[str], Sequence[str]]] = (
    ("left-hosting", "left", ("ops",), ()),
    ("right-hosting", "right", ("ops",), ()),
    ("left-cdn", "left-branch", ("team",), ()),
    # Nobody but the provider has to do with it.
    ("left-lab", "left", (), ()),
    # One vendor's service rests on its rival's too; the portal that customers see rests on both.
    ("left-suite", "left", (), ("left-hosting", "right-hosting")),
    ("portal", "ops", ("buyer", "other-buyer"), ("left-hosting", "right-hosting")),
    # Without an agreement.
    ("helpdesk", "desk", ("buyer", "ops"), ()),
    # Without consumers, but in an agreement, as the suite is.
    ("archive", "ops", (), ()),
)
"""Code, provider, consumers, and what it rests on."""
AGREEMENTS: Sequence[tuple[str, AgreementKind, str, str | None, str | None]] = (
    ("left-uc", AgreementKind.UC, "left", "ops", "left-hosting"),
    ("right-uc", AgreementKind.UC, "right", "ops", "right-hosting"),
    ("suite-uc", AgreementKind.UC, "left", "desk", "left-suite"),
    ("left-to-all", AgreementKind.UC, "left", None, None),
    ("portal-to-all", AgreementKind.SLA, "ops", None, "portal"),
    ("buyer-sla", AgreementKind.SLA, "ops", "buyer", "portal"),
    ("buyer-overall", AgreementKind.SLA, "ops", "buyer", None),
    ("other-buyer-sla", AgreementKind.SLA, "ops", "other-buyer", "portal"),
    ("archive-sla", AgreementKind.SLA, "ops", "other-buyer", "archive"),
    ("desk-ola", AgreementKind.OLA, "ops", "desk", None),
)
DRAFTS: Sequence[tuple[str, AgreementKind, str, str | None, str | None]] = (
    ("left-draft", AgreementKind.UC, "left", "team", "left-cdn"),
    # It loosens what one that the buyer does not see lets nobody loosen.
    ("buyer-draft", AgreementKind.SLA, "ops", "buyer", "portal"),
)
"""Code, kind, provider, customer and service."""

REPORTED: Sequence[tuple[str, str]] = (
    ("left", "left-hosting"),
    ("right", "right-hosting"),
    ("left-branch", "left-cdn"),
    ("desk", "helpdesk"),
    # Who has an agreement for all services of the provider is judged on it, and does not see it.
    ("ops", "archive"),
)
"""Vendor and service."""


class Household:
    """A tenant that is furnished by names without its mark."""

    def __init__(self, workshop: Workshop, mark: str, begins: datetime) -> None:
        self.workshop = workshop
        self.mark = mark
        self.begins = begins

    def code(self, name: str) -> str:
        return f"{self.mark}.{name}"

    def acting(self, role: Role, party: str | None = None) -> Actor:
        """Each role and party has a key of its own."""
        actor = self.workshop.actor(role, None if party is None else self.code(party))
        return replace(actor, caller=KeyId(self.workshop.mint()))

    async def furnish(self) -> None:
        """All that there is before anything happens."""
        for name, kind, parent in PARTIES:
            await self.workshop.party(self.code(name), kind, parent=None if parent is None else self.code(parent))
        await self.workshop.metric(self.code("up"))
        await self.workshop.metric(self.code("good"), Aggregation.RATIO_OF_SUMS)
        await self.workshop.metric(self.code("delay"), Aggregation.MAXIMUM, direction=Direction.AT_MOST)
        await self._metric("probe", Aggregation.AVAILABILITY, Shape.STATE)
        await self._metric("ticket", Aggregation.CASES_WITHIN, Shape.CASE)
        for name, provider, consumers, parts in SERVICES:
            on = tuple(Component(self.workshop.services[self.code(part)].id) for part in parts)
            await self.workshop.service(
                self.code(name),
                provider=self.code(provider),
                consumers=[self.code(each) for each in consumers],
                structure=AllOf(on) if on else None,
            )
        for each in AGREEMENTS:
            await self._agree(*each, activate=True)
        for each in DRAFTS:
            await self._agree(*each, activate=False)

    async def live(self) -> None:
        """What happens: facts of each vendor by its own key, exclusions by all sorts of people, and the verdicts."""
        for vendor, service in REPORTED:
            await self._report(vendor, service, self.acting(Role.VENDOR, vendor))
        # Measured for one customer alone, whom its vendor does not know.
        await self._report("left", "left-lab", self.acting(Role.INGEST), customer="buyer")
        steward = Role.SERVICE_LEVEL_MANAGER
        await self._exclude("left-hosting", self.acting(steward, "left"), service="left-hosting")
        await self._exclude("right-hosting", self.acting(steward, "right"), service="right-hosting")
        await self._exclude("buyer-sla", self.acting(steward, "buyer"), agreement="buyer-sla")
        await self._exclude("other-buyer-sla", self.acting(steward, "ops"), agreement="other-buyer-sla")
        await self._exclude("desk-ola", self.acting(Role.ADMIN), agreement="desk-ola", service="helpdesk")
        gone = await self._exclude("left-cdn", self.acting(steward), service="left-cdn")
        workshop = self.workshop
        withdrawal = WithdrawExclusion(exclusion=gone.id, replaces=gone.revision)
        await withdraw_exclusion(workshop.open_work, workshop.admin, withdrawal, at=workshop.clock())
        while (await judge_due(workshop.open_work, workshop.admin, at=workshop.clock(), mint=workshop.mint)).more:
            pass

    async def _metric(self, name: str, aggregation: Aggregation, shape: Shape) -> None:
        workshop, code = self.workshop, self.code(name)
        staleness = timedelta(hours=1) if shape is Shape.STATE else None
        command = CreateMetric(code=code, name=code, aggregation=aggregation, shape=shape, staleness=staleness)
        workshop.metrics[code] = await create_metric(
            workshop.open_work, workshop.admin, command, at=workshop.clock(), mint=workshop.mint
        )

    async def _agree(
        self,
        name: str,
        kind: AgreementKind,
        provider: str,
        customer: str | None,
        service: str | None,
        *,
        activate: bool,
    ) -> None:
        workshop = self.workshop
        drafted = DraftAgreement(
            code=self.code(name),
            name=f"{self.code(name)} by name",
            kind=kind,
            provider=workshop.parties[self.code(provider)].id,
            customer=None if customer is None else workshop.parties[self.code(customer)].id,
            service=None if service is None else workshop.services[self.code(service)].id,
            starts_at=self.begins,
            ends_at=self.begins + timedelta(days=DAYS),
            terms=DraftTerms(
                effective_from=self.begins,
                objectives=self._promises(name),
                clauses=(Clause(kind=ClauseKind.PURPOSE, text=f"{self.code(name)}-clause"),),
            ),
        )
        agreement = await draft_agreement(
            workshop.open_work, workshop.admin, drafted, at=workshop.clock(), mint=workshop.mint
        )
        if activate:
            agreement = await activate_agreement(
                workshop.open_work,
                workshop.admin,
                ActivateAgreement(agreement=agreement.id),
                at=workshop.clock(),
                mint=workshop.mint,
            )
        workshop.agreements[self.code(name)] = agreement

    def _promises(self, name: str) -> tuple[DraftObjective, ...]:
        up, good, delay = (self.workshop.metrics[self.code(each)] for each in ("up", "good", "delay"))
        # Promises of one code at several levels: the lower one overrides.
        if name == "portal-to-all":
            bound = a_promise(self.code("portal-up"), up, "99", minimum="98")
            return (replace(bound, override=Override.TIGHTEN),)
        if name == "buyer-draft":
            return (a_promise(self.code("portal-up"), up, "90"),)
        if name == "other-buyer-sla":
            return (a_promise(self.code("portal-up"), up, "99.5"),)
        promised = a_promise(f"{self.code(name)}-up", up, "99.99", minimum="99.9")
        if not name.endswith("-uc"):
            return (promised,)
        return (
            promised,
            a_promise(f"{self.code(name)}-good", good, "99"),
            a_promise(f"{self.code(name)}-delay", delay, "100"),
        )

    async def _report(self, vendor: str, service: str, actor: Actor, *, customer: str | None = None) -> None:
        """An hour's outage, a tally half bad, a sample far too high, a ticket and a state, all on the first day."""

        def stream(kind: str) -> StreamKey:
            return StreamKey(
                metric=self.code(kind),
                service=self.code(service),
                vendor=self.code(vendor),
                source=f"{self.code(service)}-probe",
                customer=None if customer is None else self.code(customer),
            )

        start, workshop = self.begins + timedelta(hours=1), self.workshop
        outage = PostedOutage(
            stream=stream("up"),
            external_id=f"{self.code(service)}-o",
            impact="critical",
            start=start,
            end=start + timedelta(hours=1),
        )
        report = Report(stream=stream("up"), through=self.begins + timedelta(days=DAYS))
        command = RecordOutages(outages=(outage,), reports=(report,))
        await record_outages(workshop.open_work, actor, command, at=workshop.clock(), mint=workshop.mint)
        points = RecordMeasurements(
            tallies=(TallySeries(stream=stream("good"), starts=[start], ends=[start + CELL], good=[1], total=[2]),),
            samples=(SampleSeries(stream=stream("delay"), instants=[start], values=[Decimal(999)]),),
        )
        await record_measurements(workshop.open_work, actor, points, at=workshop.clock(), mint=workshop.mint)
        case = PostedCase(stream=stream("ticket"), external_id=f"{self.code(service)}-case", opened_at=start)
        cases = RecordCases(cases=(case,))
        await record_cases(workshop.open_work, actor, cases, at=workshop.clock(), mint=workshop.mint)
        states = RecordStates(series=(StateSeries(stream=stream("probe"), instants=[start], states=["down"]),))
        await record_states(workshop.open_work, actor, states, at=workshop.clock(), mint=workshop.mint)

    async def _exclude(
        self, name: str, actor: Actor, *, service: str | None = None, agreement: str | None = None
    ) -> Exclusion:
        workshop = self.workshop
        command = RecordExclusion(
            kind=ExclusionKind.AGREED,
            start=self.begins + timedelta(days=1),
            end=self.begins + timedelta(days=1, hours=1),
            service=None if service is None else workshop.services[self.code(service)].id,
            agreement=None if agreement is None else workshop.agreements[self.code(agreement)].id,
            approved_by=f"{self.code(name)}-approver",
            reason=f"{self.code(name)}-reason",
        )
        return await record_exclusion(workshop.open_work, actor, command, at=workshop.clock(), mint=workshop.mint)

"""Verdicts computed from scratch over a model's final facts, to be held against those that were kept up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.agreement import Agreement
from domain.allowed import counted_spans
from domain.attainment import Attainment, Subject, subject_of
from domain.evaluate import Facts as FactsOfPeriod
from domain.evaluate import evaluate
from domain.exclusion import Exclusion, ExclusionKind
from domain.fact import Outage, OutageLog
from domain.feed import BreachFilter
from domain.hours import ServiceHours
from domain.ids import BreachId, ExclusionId, ObjectiveId, PeriodId, Position, ServiceId, StreamId
from domain.mark import JudgedPeriod
from domain.metric import Aggregation, Shape
from domain.objective import Granularity, Missing
from domain.outage_time import OutageFacts
from domain.party import PartyKind
from domain.ports import Work
from domain.ratio import Direction
from domain.spans import Span
from domain.structure import AllOf, Component
from domain.totals import sample_totals, tally_totals
from tests.stories.histories import DAYS, START, Facts
from tests.stories.replaying import AVAILABILITY, LATENCY, RATIO, SERVICE, VENDOR
from tests.stories.workshop import Workshop, a_promise

END = START + timedelta(days=DAYS)
LATE = END + timedelta(days=1)
"""All periods have ended; none is final."""

HOURS = ServiceHours(
    zone="Europe/Berlin", weekly=(((0, 150), (600, 1080)),) * 6 + (((90, 240),),), holidays=(START.date(),)
)
"""On Sunday, the 31st, Berlin skips an hour of them."""

Judged = dict[tuple[str, str, datetime], Attainment]
"""By service, objective and start of the period."""


async def furnish(workshop: Workshop) -> None:
    """A service, another one that needs it and its twin, and promises of every kind on both."""
    await workshop.party(VENDOR, PartyKind.VENDOR)
    await workshop.party("team", PartyKind.INTERNAL)
    up = await workshop.metric(AVAILABILITY)
    ratio = await workshop.metric(RATIO, Aggregation.RATIO_OF_SUMS)
    latency = await workshop.metric(LATENCY, Aggregation.MAXIMUM, direction=Direction.AT_MOST, scale=1)
    leaf = await workshop.service(SERVICE, provider=VENDOR, consumers=["team"])
    twin = await workshop.service("twin", provider=VENDOR, consumers=["team"])
    both = AllOf((Component(leaf.id), Component(twin.id)))
    await workshop.service("whole", provider="team", structure=both)
    await workshop.agreement(
        "leaf-terms",
        a_promise("held", up, "99.5", minimum="99", missing=Missing.HOLD),
        a_promise("excluded", up, "99.5", missing=Missing.EXCLUDED, minimum_duration=timedelta(minutes=25)),
        a_promise("minutes", up, "98", granularity=Granularity.WHOLE_MINUTES),
        a_promise("ratio", ratio, "95", minimum="90"),
        a_promise("latency", latency, "400"),
        a_promise("hours", up, "99", hours=HOURS),
        provider=VENDOR,
        customer="team",
        service=SERVICE,
        starts_at=START,
        ends_at=END,
    )
    await workshop.agreement(
        "whole-terms",
        a_promise("both", up, "99.9", minimum_duration=timedelta(minutes=15)),
        provider="team",
        service="whole",
        starts_at=START,
        ends_at=END,
    )


async def stored(workshop: Workshop) -> Judged:
    """What was kept up, of every period that has begun."""
    async with workshop.open_work(workshop.admin) as work:
        found = await work.attainments.by_ids([each.period.id for each in await _periods(workshop, work)])
    return _named(workshop, found.values())


async def from_scratch(workshop: Workshop, facts: Facts, at: datetime) -> Judged:
    """What the final facts say, read from nowhere but the model; storage tells only the ids of its streams."""
    async with workshop.open_work(workshop.admin) as work:
        periods = await _periods(workshop, work)
        services = await work.services.with_components({each.service for each in periods})
        measuring = await work.streams.measuring(workshop.metrics[AVAILABILITY].id, set(services))
    streams = {each.source: each.id for each in measuring}
    logs = {workshop.services[SERVICE].id: _logs(facts, streams)} if streams else {}
    outages = OutageFacts(services=services, logs=logs)
    exclusions = _exclusions(workshop, facts)
    subjects = _subjects(workshop)
    judged: list[Attainment] = []
    for each in periods:
        if each.period.span.start > at:
            continue
        subject = subjects[each.objective](each.service)
        spans = counted_spans(subject, exclusions, each.period, at)
        of_shape: Mapping[Shape, FactsOfPeriod] = {
            Shape.OUTAGE: outages,
            Shape.TALLY: tally_totals(facts.tallies(), spans, subject.metric.grid),
            Shape.SAMPLE: sample_totals(facts.samples(subject.metric.scale), spans, subject.metric.grid),
        }
        judged.append(evaluate(subject, of_shape[subject.metric.shape], exclusions, each.period, at))
    return _named(workshop, judged)


async def breach_states(workshop: Workshop) -> Mapping[PeriodId, str]:
    """By period, as storage holds them now; withdrawn ones are as good as none, and so are those that never opened."""
    async with workshop.open_work(workshop.admin) as work:
        periods = [each.period.id for each in await _periods(workshop, work)]
        found = await work.breaches.by_periods(periods)
    states = {
        period: type(breach.state).__name__.lower() for period, breach in found.items() if not breach.never_opened
    }
    return {period: state for period, state in states.items() if state != "withdrawn"}


async def told_states(workshop: Workshop) -> Mapping[PeriodId, str]:
    """The same by one who only ever heard the feed."""
    async with workshop.open_work(workshop.admin) as work:
        heard = await work.feed.breaches_after(Position(0), BreachFilter(), 10_000)
    states: dict[BreachId, tuple[PeriodId, str]] = {}
    for event in heard.events:
        change = event.change
        if change.transition.value not in ("severity_changed", "at_risk", "risk_passed"):
            states[change.breach] = change.attainment, change.transition.value.replace("opened", "open")
    return {period: state for period, state in states.values() if state != "withdrawn"}


async def _periods(workshop: Workshop, work: Work) -> Sequence[JudgedPeriod]:
    objectives = [objective.id for agreement in _agreements(workshop) for objective in agreement.versions[0].objectives]
    return await work.periods.from_instant(objectives, START)


def _agreements(workshop: Workshop) -> Sequence[Agreement]:
    return list(workshop.agreements.values())


class _SubjectOf:
    def __init__(self, workshop: Workshop, agreement: Agreement, index: int) -> None:
        self._workshop, self._agreement, self._index = workshop, agreement, index

    def __call__(self, service: ServiceId) -> Subject:
        version = self._agreement.versions[0]
        objective = version.objectives[self._index]
        metrics = {metric.id: metric for metric in self._workshop.metrics.values()}
        return subject_of(self._agreement, version, objective, metrics[objective.metric], service)


def _subjects(workshop: Workshop) -> Mapping[ObjectiveId, _SubjectOf]:
    return {
        objective.id: _SubjectOf(workshop, agreement, index)
        for agreement in _agreements(workshop)
        for index, objective in enumerate(agreement.versions[0].objectives)
    }


def _logs(facts: Facts, streams: Mapping[str, StreamId]) -> list[OutageLog]:
    return [
        OutageLog(
            stream=streams[source],
            outages=[
                Outage(
                    external_id=external_id,
                    impact=content.impact,
                    start=content.start,
                    end=content.end,
                    revision=revision,
                )
                for external_id, revision, content in facts.outages(source)
            ],
            reported_through=facts.reported_through(source),
        )
        for source in sorted(streams)
        if facts.has_stream(source)
    ]


def _exclusions(workshop: Workshop, facts: Facts) -> list[Exclusion]:
    return [
        Exclusion(
            id=ExclusionId(UUID(int=index)),
            kind=ExclusionKind.AGREED,
            span=Span(content.start, content.end),
            service=workshop.services[SERVICE].id,
        )
        for index, content in enumerate(facts.exclusions())
    ]


def _named(workshop: Workshop, attainments: Iterable[Attainment]) -> Judged:
    objectives = {
        objective.id: objective.code
        for agreement in _agreements(workshop)
        for objective in agreement.versions[0].objectives
    }
    services = {service.id: code for code, service in workshop.services.items()}
    return {
        (services[each.service], objectives[each.objective], each.period.span.start): _without_ids(each)
        for each in attainments
    }


def _without_ids(attainment: Attainment) -> Attainment:
    """The model does not know by which ids storage keeps its exclusions."""
    aside = attainment.set_aside
    used = tuple(replace(each, exclusion=ExclusionId(UUID(int=0))) for each in aside.exclusions)
    return replace(attainment, set_aside=replace(aside, exclusions=used))

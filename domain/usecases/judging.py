"""The worker's pass: claim what is dirty or due, judge it on facts read later, follow the breaches, tell the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.actor import Actor
from domain.agreement import ObjectivePlace
from domain.attainment import Attainment, Phase, Subject, same_verdict
from domain.breach import Breach, follow
from domain.columns import StreamSpan, TotalsWanted
from domain.evaluate import Facts, counted_spans, evaluate
from domain.exclusion import Exclusion
from domain.fact import OutageLog
from domain.feed import BreachChange
from domain.ids import BreachId, MetricId, ObjectiveId, PeriodId, ServiceId, StreamId
from domain.mark import JudgedPeriod
from domain.metric import Metric, Shape
from domain.outage_time import OutageFacts, hull
from domain.ports import Mint, OpenWork, Work
from domain.service import Service
from domain.spans import Span, union
from domain.stream import Stream
from domain.usecases.breaches import breach_change
from domain.usecases.periods import horizon_of, lay_down_periods

MARKS_MAX = 500
"""Marks, and periods due, that one pass takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What one pass did. `more`: there is work left that no other worker holds, so go again at once."""

    judged: int
    changes: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    wanted: JudgedPeriod
    place: ObjectivePlace
    subject: Subject
    customer_streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """All that one pass judges with."""

    tasks: tuple[_Task, ...]
    metrics: Mapping[MetricId, Metric]
    services: Mapping[ServiceId, Service]
    exclusions: Sequence[Exclusion]


async def judge_due(open_work: OpenWork, worker: Actor, *, at: datetime, mint: Mint) -> Passed:
    """Judge what postings made dirty and what time made due, for the worker's tenant, in one transaction.

    The periods are locked before facts are read, so of two passes over one period the later reads the later facts.
    """
    async with open_work(worker) as work:
        claim = await work.marks.claim(at, MARKS_MAX)
        if not claim.periods:
            await work.marks.settle({})
            return Passed(judged=0, changes=0, more=claim.more and claim.marks > 0)
        loaded = await _load(work, claim.periods)
        facts = await _facts(work, loaded, at)
        verdicts = [
            evaluate(task.subject, facts[task.wanted.period.id], loaded.exclusions, task.wanted.period, at)
            for task in loaded.tasks
        ]
        changes = await _keep(work, loaded, verdicts, mint)
        await work.feed.append(changes)
        await work.marks.settle({verdict.id: verdict.next_at for verdict in verdicts})
        await _extend(work, loaded, at=at, mint=mint)
    return Passed(judged=len(verdicts), changes=len(changes), more=claim.more)


async def _load(work: Work, periods: Sequence[JudgedPeriod]) -> _Loaded:
    places = await work.agreements.by_objectives({each.objective for each in periods})
    metrics = await work.metrics.by_ids({place.objective.metric for place in places.values()})
    services = await work.services.with_components({each.service for each in periods})
    streams: dict[MetricId, Sequence[Stream]] = {
        metric: await work.streams.measuring(metric, services) for metric in metrics
    }
    tasks: list[_Task] = []
    for each in periods:
        place = places[each.objective]
        version = next(version for version in place.agreement.versions if version.id == place.version)
        metric = metrics[place.objective.metric]
        subject = Subject(
            objective=place.objective,
            metric=metric,
            agreement=place.agreement.id,
            version=place.version,
            service=each.service,
            grace=version.grace,
        )
        mine = _streams_of(each.service, place, services, streams[metric.id], metric)
        tasks.append(_Task(wanted=each, place=place, subject=subject, customer_streams=mine))
    exclusions = await work.exclusions.concerning(
        {each.service for each in periods},
        {place.agreement.id for place in places.values()},
        union(each.period.span for each in periods),
    )
    return _Loaded(tasks=tuple(tasks), metrics=metrics, services=services, exclusions=exclusions)


def _streams_of(
    service: ServiceId,
    place: ObjectivePlace,
    services: Mapping[ServiceId, Service],
    streams: Sequence[Stream],
    metric: Metric,
) -> tuple[Stream, ...]:
    """The streams that an objective counts: of its source where it names one, of its customer or of no customer.

    Availability of a service that rests on others comes from theirs; anything else is measured on the service itself.
    """
    outages = metric.aggregation.shape is Shape.OUTAGE
    measured = _all_below(service, services) if outages else frozenset({service})
    customers = (None, place.agreement.customer)
    source = place.objective.source
    return tuple(
        stream
        for stream in streams
        if stream.service in measured and stream.customer in customers and source in (None, stream.source)
    )


def _all_below(service: ServiceId, services: Mapping[ServiceId, Service]) -> frozenset[ServiceId]:
    found: set[ServiceId] = set()
    ahead = [service]
    while ahead:
        current = ahead.pop()
        if current not in found and current in services:
            found.add(current)
            ahead.extend(services[current].components)
    return frozenset(found)


async def _facts(work: Work, loaded: _Loaded, at: datetime) -> dict[PeriodId, Facts]:
    outage_tasks = [task for task in loaded.tasks if task.subject.metric.aggregation.shape is Shape.OUTAGE]
    tally_tasks = [task for task in loaded.tasks if task.subject.metric.aggregation.shape is Shape.TALLY]
    sample_tasks = [task for task in loaded.tasks if task.subject.metric.aggregation.shape is Shape.SAMPLE]
    facts: dict[PeriodId, Facts] = {}
    facts.update(await _outage_facts(work, loaded, outage_tasks, at))
    if tally_tasks:
        tallies = await work.measurements.tally_totals([_totals(loaded, task, at) for task in tally_tasks])
        facts.update((task.wanted.period.id, each) for task, each in zip(tally_tasks, tallies, strict=True))
    if sample_tasks:
        samples = await work.measurements.sample_totals([_totals(loaded, task, at) for task in sample_tasks])
        facts.update((task.wanted.period.id, each) for task, each in zip(sample_tasks, samples, strict=True))
    return facts


def _totals(loaded: _Loaded, task: _Task, at: datetime) -> TotalsWanted:
    spans = counted_spans(task.subject, loaded.exclusions, task.wanted.period, at)
    return TotalsWanted(streams=tuple(stream.id for stream in task.customer_streams), spans=spans)


async def _outage_facts(
    work: Work, loaded: _Loaded, tasks: Sequence[_Task], at: datetime
) -> dict[PeriodId, OutageFacts]:
    """Outages around each period, widened until no record reaches beyond what was read.

    A merged outage shows its own length only where all of it is read; few periods need a second look.
    """
    spans = {task.wanted.period.id: task.wanted.period.span for task in tasks}
    found: dict[PeriodId, OutageFacts] = {}
    ahead = list(tasks)
    while ahead:
        wanted = {
            StreamSpan(stream.id, spans[task.wanted.period.id]) for task in ahead for stream in task.customer_streams
        }
        ordered = sorted(wanted, key=lambda each: (each.stream, each.span))
        logs = dict(zip(ordered, await work.outages.logs(ordered), strict=True))
        again: list[_Task] = []
        for task in ahead:
            period = task.wanted.period.id
            found[period] = _logs_by_service(loaded, task, spans[period], logs)
            wider = hull(found[period], spans[period], at)
            if wider != spans[period] and task.customer_streams:
                spans[period] = wider
                again.append(task)
        ahead = again
    return found


def _logs_by_service(loaded: _Loaded, task: _Task, span: Span, logs: Mapping[StreamSpan, OutageLog]) -> OutageFacts:
    by_service: dict[ServiceId, list[OutageLog]] = {}
    for stream in task.customer_streams:
        by_service.setdefault(stream.service, []).append(logs[StreamSpan(StreamId(stream.id), span)])
    return OutageFacts(services=loaded.services, logs=by_service)


async def _keep(work: Work, loaded: _Loaded, verdicts: Sequence[Attainment], mint: Mint) -> list[BreachChange]:
    """Save the verdicts that say something new, and follow each with its breach."""
    ids = [verdict.id for verdict in verdicts]
    former = await work.attainments.by_ids(ids)
    breaches = await work.breaches.by_periods(ids)
    saved: list[Attainment] = []
    followed: dict[PeriodId, Breach] = {}
    changes: list[BreachChange] = []
    for task, verdict in zip(loaded.tasks, verdicts, strict=True):
        kept = revised(former.get(verdict.id), verdict)
        if kept is None:
            continue
        saved.append(kept)
        before = breaches.get(kept.id)
        after, steps = follow(before, kept, new_id=BreachId(mint()))
        if after is None:
            continue
        if after != before:
            followed[kept.id] = after
        service = loaded.services[kept.service]
        changes += [breach_change(step, after, kept, task.place, task.subject.metric, service) for step in steps]
    await work.attainments.save(saved)
    await work.breaches.save(followed)
    return changes


def revised(former: Attainment | None, verdict: Attainment) -> Attainment | None:
    """The attainment to keep: None where nothing changed; a next revision where a final one is restated (law 9)."""
    if former is None:
        return verdict
    if former.phase in (Phase.FINAL, Phase.RESTATED):
        if same_verdict(former, verdict):
            return None
        return replace(verdict, phase=Phase.RESTATED, revision=former.revision + 1)
    if former.phase is verdict.phase and same_verdict(former, verdict):
        return None
    return replace(verdict, revision=former.revision)


async def _extend(work: Work, loaded: _Loaded, *, at: datetime, mint: Mint) -> None:
    """Lay down more periods for objectives that are less than half their horizon from the last one."""
    objectives: dict[ObjectiveId, ObjectivePlace] = {task.subject.objective.id: task.place for task in loaded.tasks}
    ends = await work.periods.last_ends(objectives)
    short = {objective for (objective, _), end in ends.items() if _is_short(objectives[objective], end, at)}
    if not short:
        return
    versions = [
        (place.agreement, version)
        for place in (objectives[each] for each in sorted(short))
        for version in place.agreement.versions
        if version.id == place.version
    ]
    services = {task.wanted.service: loaded.services[task.wanted.service] for task in loaded.tasks}
    await lay_down_periods(work, versions, list(services.values()), at=at, mint=mint)


def _is_short(place: ObjectivePlace, end: datetime, at: datetime) -> bool:
    """Whether periods are to be added: not where the agreement ends or a successor takes over first."""
    successor = place.agreement.successor_of(place.version)
    limits = (place.agreement.ends_at, successor.effective_from if successor else None)
    if any(limit is not None and end >= limit for limit in limits):
        return False
    return end < at + horizon_of(place.objective.window) / 2

"""The worker's pass: claim what is dirty or due, judge it on facts read later, follow the breaches, tell the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.actor import Actor
from domain.agreement import ObjectivePlace
from domain.allowed import counted_spans, reach
from domain.attainment import Attainment, Phase, Subject, same_verdict, subject_of
from domain.breach import Breach, follow
from domain.calendars import RollingWindow
from domain.columns import StatesWanted, StreamSpan
from domain.evaluate import Facts, evaluate
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion
from domain.feed import BreachChange, Restatement
from domain.history_ports import Known
from domain.ids import BreachId, MetricId, ObjectiveId, PeriodId, ServiceId, StreamId
from domain.mark import JudgedPeriod
from domain.metric import Metric, Shape
from domain.outage_time import Log, OutageFacts, hull
from domain.ports import Mint, OpenWork, Work
from domain.risk import LOOK
from domain.service import Service
from domain.spans import Span, union
from domain.stream import Stream
from domain.usecases.breaches import breach_change, restatement
from domain.usecases.episodes import Rolled, follow_episodes
from domain.usecases.periods import horizon_of, lay_down_periods
from domain.usecases.point_facts import PointsAsked, point_facts
from domain.usecases.warning import Watched, earliest, follow_risks

TIMED = (Shape.OUTAGE, Shape.STATE)
"""What tells in which time a service was bad."""
MARKS_MAX = 500
"""Marks, and periods due, that one pass takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What one pass did. `more`: there is work left that no other worker holds, so go again at once."""

    judged: int
    changes: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A period with what its verdict is made for."""

    wanted: JudgedPeriod
    place: ObjectivePlace
    subject: Subject
    customer_streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All that one pass judges with."""

    tasks: tuple[Task, ...]
    metrics: Mapping[MetricId, Metric]
    services: Mapping[ServiceId, Service]
    exclusions: Sequence[Exclusion]


async def judge_due(open_work: OpenWork, worker: Actor, *, at: datetime, mint: Mint, look: timedelta = LOOK) -> Passed:
    """Judge what postings made dirty and what time made due, for the worker's tenant, in one transaction.

    The periods are locked before facts are read, so of two passes over one period the later reads the later facts.
    `look`: how soon a period is looked at again whose risk time alone may change.
    """
    async with open_work(worker) as work:
        claim = await work.marks.claim(at, MARKS_MAX)
        if not claim.periods:
            await work.marks.settle({})
            return Passed(judged=0, changes=0, more=claim.more and claim.marks > 0)
        loaded = await load(work, claim.periods)
        await work.episodes.hold({each.judged for each in _rolled(loaded)})
        facts = await read_facts(work, loaded, at)
        verdicts = [
            evaluate(task.subject, facts[task.wanted.period.id], loaded.exclusions, task.wanted.period, at)
            for task in loaded.tasks
        ]
        changes, restated, breaches = await _keep(work, loaded, verdicts, mint)
        changes += await follow_episodes(work, _rolled(loaded), at=at, mint=mint)
        watched = _watched(loaded, verdicts, facts, breaches)

        async def read_time(spans: Mapping[PeriodId, Span]) -> Mapping[PeriodId, OutageFacts]:
            return await _time_facts(work, loaded, [t for t in loaded.tasks if t.wanted.period.id in spans], at, spans)

        risks = await follow_risks(work, watched, read_time, at=at, mint=mint, look=look)
        changes += risks.changes
        await work.feed.append([*changes, *restated])
        await work.marks.settle(
            {verdict.id: earliest(verdict.next_at, risks.looks.get(verdict.id)) for verdict in verdicts}
        )
        await _extend(work, loaded, at=at, mint=mint)
    return Passed(judged=len(verdicts), changes=len(changes), more=claim.more)


async def load(work: Known, periods: Sequence[JudgedPeriod]) -> Loaded:
    places = await work.agreements.by_objectives({each.objective for each in periods})
    metrics = await work.metrics.by_ids({place.objective.metric for place in places.values()})
    services = await work.services.with_components({each.service for each in periods})
    streams: dict[MetricId, Sequence[Stream]] = {
        metric: await work.streams.measuring(metric, services) for metric in metrics
    }
    tasks: list[Task] = []
    for each in periods:
        place = places[each.objective]
        version = next(version for version in place.agreement.versions if version.id == place.version)
        metric = metrics[place.objective.metric]
        subject = subject_of(place.agreement, version, place.objective, metric, each.service)
        mine = _streams_of(each.service, place, services, streams[metric.id], metric)
        tasks.append(Task(wanted=each, place=place, subject=subject, customer_streams=mine))
    exclusions = await work.exclusions.concerning(
        {each.service for each in periods},
        {place.agreement.id for place in places.values()},
        union(span for task in tasks for span in reach(task.subject, task.wanted.period)),
    )
    return Loaded(tasks=tuple(tasks), metrics=metrics, services=services, exclusions=exclusions)


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
    measured = _all_below(service, services) if metric.shape in TIMED else frozenset({service})
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


async def read_facts(work: Known, loaded: Loaded, at: datetime) -> dict[PeriodId, Facts]:
    timed_tasks = [task for task in loaded.tasks if task.subject.metric.shape in TIMED]
    point_tasks = [task for task in loaded.tasks if task.subject.metric.shape in (Shape.TALLY, Shape.SAMPLE)]
    facts: dict[PeriodId, Facts] = {}
    facts.update(await _time_facts(work, loaded, timed_tasks, at))
    facts.update(await _case_facts(work, [task for task in loaded.tasks if task.subject.metric.shape is Shape.CASE]))
    facts.update(await point_facts(work, [_points(loaded, task, at) for task in point_tasks]))
    return facts


async def _case_facts(work: Known, tasks: Sequence[Task]) -> dict[PeriodId, CaseFacts]:
    wanted = {
        StreamSpan(stream.id, task.wanted.period.span): None for task in tasks for stream in task.customer_streams
    }
    logs = dict(zip(wanted, await work.cases.logs(list(wanted)), strict=True)) if wanted else {}
    return {
        task.wanted.period.id: CaseFacts(
            logs=[logs[StreamSpan(stream.id, task.wanted.period.span)] for stream in task.customer_streams]
        )
        for task in tasks
    }


def _points(loaded: Loaded, task: Task, at: datetime) -> PointsAsked:
    period = task.wanted.period
    return PointsAsked(
        period=period.id,
        metric=task.subject.metric,
        streams=tuple(stream.id for stream in task.customer_streams),
        spans=counted_spans(task.subject, loaded.exclusions, period, at),
        ended=at >= period.span.end,
    )


async def _time_facts(
    work: Known, loaded: Loaded, tasks: Sequence[Task], at: datetime, around: Mapping[PeriodId, Span] | None = None
) -> dict[PeriodId, OutageFacts]:
    """Outages and states around each period, or the spans given, widened until no record reaches beyond what was read.

    A merged outage shows its own length only where all of it is read; few periods need a second look.
    """
    spans = dict(around or {task.wanted.period.id: task.wanted.period.span for task in tasks})
    found: dict[PeriodId, OutageFacts] = {}
    ahead = list(tasks)
    while ahead:
        logs = await _logs(work, ahead, spans)
        again: list[Task] = []
        for task in ahead:
            period = task.wanted.period.id
            found[period] = _logs_by_service(loaded, task, spans[period], logs)
            wider = hull(found[period], spans[period], at)
            if wider != spans[period] and task.customer_streams:
                spans[period] = wider
                again.append(task)
        ahead = again
    return found


async def _logs(work: Known, tasks: Sequence[Task], spans: Mapping[PeriodId, Span]) -> Mapping[StreamSpan, Log]:
    """The logs of each task's streams over its span; all of a metric's streams have its shape."""
    outages: set[StreamSpan] = set()
    states: set[StatesWanted] = set()
    for task in tasks:
        span, metric = spans[task.wanted.period.id], task.subject.metric
        for stream in task.customer_streams:
            if metric.shape is Shape.STATE:
                states.add(StatesWanted(stream.id, span, metric.staleness))
            else:
                outages.add(StreamSpan(stream.id, span))
    found: dict[StreamSpan, Log] = {}
    if outages:
        spanned = sorted(outages, key=lambda each: (each.stream, each.span))
        found.update(zip(spanned, await work.outages.logs(spanned), strict=True))
    if states:
        wanted = sorted(states, key=lambda each: (each.stream, each.span))
        logs = await work.states.logs(wanted)
        found.update((StreamSpan(each.stream, each.span), log) for each, log in zip(wanted, logs, strict=True))
    return found


def _logs_by_service(loaded: Loaded, task: Task, span: Span, logs: Mapping[StreamSpan, Log]) -> OutageFacts:
    by_service: dict[ServiceId, list[Log]] = {}
    for stream in task.customer_streams:
        by_service.setdefault(stream.service, []).append(logs[StreamSpan(StreamId(stream.id), span)])
    return OutageFacts(services=loaded.services, logs=by_service)


async def _keep(
    work: Work, loaded: Loaded, verdicts: Sequence[Attainment], mint: Mint
) -> tuple[list[BreachChange], list[Restatement], Mapping[PeriodId, Breach]]:
    """Save the verdicts that say something new, and follow each with its breach, but for those of rolling windows.

    Answers what changed, what was restated, and the breaches as they stand after that.
    """
    ids = [verdict.id for verdict in verdicts]
    former = await work.attainments.by_ids(ids)
    breaches = await work.breaches.by_periods(ids)
    saved: list[Attainment] = []
    followed: dict[PeriodId, Breach] = {}
    changes: list[BreachChange] = []
    restated: list[Restatement] = []
    for task, verdict in zip(loaded.tasks, verdicts, strict=True):
        kept = revised(former.get(verdict.id), verdict)
        if kept is None:
            continue
        saved.append(kept)
        if kept.phase is Phase.RESTATED:
            service = loaded.services[kept.service]
            restated += restatement(former[kept.id], kept, task.place, task.subject.metric, service)
        if isinstance(task.subject.objective.window, RollingWindow):
            continue
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
    return changes, restated, {**breaches, **followed}


def _watched(
    loaded: Loaded,
    verdicts: Sequence[Attainment],
    facts: Mapping[PeriodId, Facts],
    breaches: Mapping[PeriodId, Breach],
) -> list[Watched]:
    return [
        Watched(
            place=task.place,
            subject=task.subject,
            service=loaded.services[verdict.service],
            verdict=verdict,
            facts=facts[verdict.id],
            streams=tuple(stream.id for stream in task.customer_streams),
            breach=breaches.get(verdict.id),
        )
        for task, verdict in zip(loaded.tasks, verdicts, strict=True)
    ]


def _rolled(loaded: Loaded) -> list[Rolled]:
    """By objective and service: what is judged of rolling windows, whose breaches are episodes over many of them."""
    spans: dict[tuple[ObjectiveId, ServiceId], list[Span]] = {}
    tasks: dict[tuple[ObjectiveId, ServiceId], Task] = {}
    for task in loaded.tasks:
        if isinstance(task.subject.objective.window, RollingWindow):
            key = (task.subject.objective.id, task.subject.service)
            tasks[key] = task
            spans.setdefault(key, []).append(task.wanted.period.span)
    return [
        Rolled(
            place=task.place,
            metric=task.subject.metric,
            service=loaded.services[task.subject.service],
            spans=spans[key],
        )
        for key, task in tasks.items()
    ]


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


async def _extend(work: Work, loaded: Loaded, *, at: datetime, mint: Mint) -> None:
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
    window = place.objective.window
    if isinstance(window, RollingWindow):
        # The version governs the periods that start under it, and the last one starts up to a day before its end.
        start, day = end - timedelta(days=window.days), timedelta(hours=26)
        at_its_end = place.agreement.ends_at is not None and end + day > place.agreement.ends_at
        succeeded = successor is not None and start + day > successor.effective_from
        return not at_its_end and not succeeded and end < at + horizon_of(window) / 2
    limits = (place.agreement.ends_at, successor.effective_from if successor else None)
    if any(limit is not None and end >= limit for limit in limits):
        return False
    return end < at + horizon_of(window) / 2

"""How a verdict came to be: its explanation, and pages of the facts that a step of it was counted of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.actor import Actor
from domain.allowed import counted_spans
from domain.attainment import Use
from domain.columns import TotalsWanted
from domain.evaluate import Facts
from domain.explain import PointParts, explain
from domain.explain_facts import ExplainedFact, records_of_step
from domain.explain_step import CountedFacts, Step
from domain.history import KnownAt, RevisionOf
from domain.history_ports import History
from domain.ids import PeriodId, StreamId
from domain.mark import JudgedPeriod
from domain.metric import CELL, Shape
from domain.paging import Page, PageRequest, Row
from domain.policy import Action
from domain.ports import OpenWork, Work
from domain.spans import Span
from domain.totals import whole_cells
from domain.usecases.history import KnownVerdict, known_verdicts, past_instant, seal
from domain.usecases.judging import Loaded, Task, load, read_facts

POINTS = (Shape.TALLY, Shape.SAMPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    known: KnownVerdict
    root: Step


async def explain_as_of(
    open_work: OpenWork, actor: Actor, period: PeriodId, as_of: datetime, *, now: datetime
) -> Explained | None:
    """The verdict as known at the instant, computed anew, with its tree. None where its terms were not known."""
    actor.must(Action.READ_VERDICTS)
    instant = past_instant(as_of, now=now)
    await seal(open_work, actor, instant)
    async with open_work(actor) as work:
        history = await work.histories.as_of(instant)
        known = (await known_verdicts(work, history, [period])).get(period)
        if known is None:
            return None
        parts = await _parts(history, known)
    task = known.task
    root = explain(known.attainment, task.place.agreement, task.place.objective, task.subject.metric, parts)
    return Explained(known=known, root=root)


async def _parts(history: History, known: KnownVerdict) -> PointParts | None:
    task, at = known.task, known.known_at.at
    if task.subject.metric.shape not in POINTS:
        return None
    whole = whole_cells(counted_spans(task.subject, known.exclusions, task.wanted.period, at), CELL)
    wanted = TotalsWanted(streams=[stream.id for stream in task.customer_streams], spans=whole)
    return PointParts(
        cells=sum(span.length_us for span in whole) // (CELL.seconds * 10**6),
        points_in_cells=await _count(history, task.subject.metric.shape, wanted),
    )


async def _count(history: History, shape: Shape, wanted: TotalsWanted) -> int:
    if shape is Shape.TALLY:
        return (await history.measurements.tally_totals([wanted]))[0].points
    return (await history.measurements.sample_totals([wanted]))[0].points


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsWanted:
    """The facts of a step of the explanation of a verdict, as known at an instant that is sealed."""

    period: PeriodId
    known_at: KnownAt
    counted: CountedFacts


async def page_of_facts(work: Work, wanted: FactsWanted, request: PageRequest) -> Page[ExplainedFact]:
    """Those on streams that the actor sees, from the earliest on. The unit of work is not used before."""
    found = await _seen(work, wanted)
    if found is None:
        return Page(rows=[], has_previous=False, has_next=False)
    listed = await found.listed(request)
    rows = [Row(place=fact.place, item=fact) for fact in listed[: request.size]]
    return Page(rows=rows, has_previous=request.after is not None, has_next=len(listed) > request.size)


async def count_of_facts(work: Work, wanted: FactsWanted) -> int:
    found = await _seen(work, wanted)
    return 0 if found is None else await found.count()


async def _seen(work: Work, wanted: FactsWanted) -> _Seen | None:
    history = await work.histories.as_of(wanted.known_at.at)
    assert history.known_at == wanted.known_at, "what was sealed stays as it was"
    judged = (await work.attainments.by_ids([wanted.period])).get(wanted.period)
    if judged is None:
        return None
    period = JudgedPeriod(objective=judged.objective, service=judged.service, period=judged.period)
    loaded = await load(history, [period])
    [task] = loaded.tasks
    visible = await work.streams.by_ids([stream.id for stream in task.customer_streams])
    return _Seen(history=history, loaded=loaded, task=task, streams=sorted(visible), counted=wanted.counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the facts of a step are listed from. `streams`: those that the actor sees."""

    history: History
    loaded: Loaded
    task: Task
    streams: Sequence[StreamId]
    counted: CountedFacts

    @property
    def spans(self) -> tuple[Span, ...]:
        at = self.history.known_at.at
        return counted_spans(self.task.subject, self.loaded.exclusions, self.task.wanted.period, at)

    async def listed(self, request: PageRequest) -> Sequence[ExplainedFact]:
        """One more than the page holds, where there are more."""
        if self.counted.shape in POINTS:
            return await self._points(request)
        records, after = await self._records(), request.after
        ahead = [fact for fact in records if after is None or _order(fact) > (after.key, after.id)]
        page = ahead[: request.size + 1]
        revisions = [RevisionOf(fact.stream, fact.name or fact.start, fact.revision) for fact in page]
        posted = await self.history.posted(self.counted.shape, revisions)
        return [replace(fact, posted=each) for fact, each in zip(page, posted, strict=True)]

    async def count(self) -> int:
        if self.counted.shape in POINTS:
            return await _count(self.history, self.counted.shape, TotalsWanted(streams=self.streams, spans=self.spans))
        return len(await self._records())

    async def _points(self, request: PageRequest) -> Sequence[ExplainedFact]:
        shape, after, limit = self.counted.shape, request.after, request.size + 1
        found = await self.history.points(shape, self.streams, self.spans, after, limit)
        return [
            ExplainedFact(
                stream=point.stream,
                start=point.at,
                end=point.end,
                good=point.good,
                total=point.total,
                value=point.value,
                scale=self.task.subject.metric.scale,
                revision=point.revision,
                use=Use.COUNTED,
                posted=point.posted,
            )
            for point in found
        ]

    async def _records(self) -> list[ExplainedFact]:
        task, at = self.task, self.history.known_at.at
        period = task.wanted.period
        facts: Facts = (await read_facts(self.history, self.loaded, at))[period.id]
        found = records_of_step(task.subject, facts, self.loaded.exclusions, period, at, self.counted)
        visible = set(self.streams)
        return [fact for fact in found if fact.stream in visible]


def _order(fact: ExplainedFact) -> tuple[object, object]:
    return fact.place.key, fact.place.id

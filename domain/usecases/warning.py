"""After a pass judged running periods: which of them are at risk (docs/rules.md, Early warning).

What it reads is bounded, and read only for periods in which something was bad or that are at risk already: the last
days of their streams, in one statement for each kind of facts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from domain.agreement import ObjectivePlace, Period
from domain.allowed import AllowedTime, allowed_time, reach
from domain.attainment import Attainment, CaseEvidence, CountEvidence, Phase, Subject
from domain.bad import Quantity, bad_time, cases_within, lasts, of_slices, of_tallies, time_within
from domain.breach import AtRisk, Breach, RiskPassed, Severity, follow_risk
from domain.budget import ErrorBudget, budget_of, error_budget
from domain.burn import burns, windows_of
from domain.calendars import RollingWindow
from domain.columns import SlicesWanted, StreamSpan, TotalsWanted
from domain.evaluate import Facts
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion
from domain.feed import BreachChange
from domain.ids import BreachId, PeriodId, StreamId
from domain.metric import Aggregation, Shape
from domain.outage_time import OutageFacts
from domain.ports import Mint, Work
from domain.projection import days_of, history_span, project
from domain.risk import LOOK, NOTHING_BAD, Signals
from domain.service import Service
from domain.slices import rule_of
from domain.spans import Span, intersect, microseconds, union
from domain.usecases.breaches import breach_change

ReadTime = Callable[[Mapping[PeriodId, Span]], Awaitable[Mapping[PeriodId, OutageFacts]]]
"""Reads what tells of down time around other spans than those of the periods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A period that was judged, with what it was judged on. `breach`: as it stands after that."""

    place: ObjectivePlace
    subject: Subject
    service: Service
    verdict: Attainment
    facts: Facts
    streams: Sequence[StreamId]
    breach: Breach | None

    @property
    def period(self) -> Period:
        return self.verdict.period

    @property
    def at_risk(self) -> bool:
        return self.breach is not None and isinstance(self.breach.state, AtRisk)


@dataclass(slots=True)
class Followed:
    """`looks`: when time alone may change a risk."""

    changes: list[BreachChange] = field(default_factory=list)
    looks: dict[PeriodId, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """The time of which the bad quantity is wanted: the windows up to now, and the days of the history."""

    watched: Watched
    whole: Period
    windows: Mapping[timedelta, Span]
    days: tuple[Span, ...]
    allowed: AllowedTime

    @property
    def spans(self) -> Sequence[Span]:
        return list(dict.fromkeys((*self.windows.values(), *self.days)))


async def follow_risks(
    work: Work, watched: Sequence[Watched], read_time: ReadTime, *, at: datetime, mint: Mint, look: timedelta = LOOK
) -> Followed:
    """Keeps the risks of the periods that were judged. `look`: how soon one is looked at again that time may change."""
    followed = Followed()
    changed: dict[PeriodId, Breach] = {}
    uneasy = [each for each in watched if _may_be_at_risk(each, at)]
    signals = await _signals(work, uneasy, read_time, at)
    for each in watched:
        if each.period.id not in signals and not each.at_risk:
            continue
        found = signals.get(each.period.id, NOTHING_BAD)
        severity = Severity.MINIMUM if each.subject.objective.minimum is None else Severity.EXPECTED
        after, steps = follow_risk(each.breach, each.verdict, found, severity=severity, new_id=BreachId(mint()))
        if after is not None and after != each.breach:
            changed[each.period.id] = after
            metric = each.subject.metric
            followed.changes += [
                breach_change(step, after, each.verdict, each.place, metric, each.service) for step in steps
            ]
        if (after is not None and isinstance(after.state, AtRisk)) or _goes_on(each, at):
            followed.looks[each.period.id] = at + look
    await work.breaches.save(changed)
    return followed


def _may_be_at_risk(watched: Watched, at: datetime) -> bool:
    """Of a share that runs, is not missed yet, and was bad at any time or is so now."""
    verdict, breach, objective = watched.verdict, watched.breach, watched.subject.objective
    begun = max(watched.period.span.start, watched.subject.starts_at)
    if verdict.phase is not Phase.OPEN or at <= begun or verdict.period.report_only:
        return False
    if isinstance(objective.window, RollingWindow) or not watched.subject.metric.aggregation.is_share:
        return False
    if verdict.breaches or not (breach is None or isinstance(breach.state, AtRisk | RiskPassed)):
        return False
    budget = error_budget(objective, verdict.evidence)
    return budget is not None and (budget.spent > 0 or watched.at_risk or _goes_on(watched, at))


def _goes_on(watched: Watched, at: datetime) -> bool:
    """Nothing but what lasts gets worse by time alone: other windows only empty themselves."""
    if not isinstance(watched.facts, OutageFacts) or watched.verdict.breaches:
        return False
    return watched.verdict.phase is Phase.OPEN and lasts(watched.subject, watched.facts, at)


async def _signals(
    work: Work, watched: Sequence[Watched], read_time: ReadTime, at: datetime
) -> Mapping[PeriodId, Signals]:
    if not watched:
        return {}
    looked_back = [(each, _looked_back(each, at)) for each in watched]
    exclusions = await _exclusions(work, looked_back)
    around = [_around(each, whole, exclusions, at) for each, whole in looked_back]
    found = await _quantities(work, around, read_time, at)
    return {each.watched.period.id: _signals_of(each, found[each.watched.period.id], at) for each in around}


def _looked_back(watched: Watched, at: datetime) -> Period:
    """The last days as a period, which hold all windows: a promise is not judged before its agreement's start."""
    history = history_span(watched.subject.starts_at, at)
    assert history is not None, "a period that has begun lies behind its agreement's start"
    return replace(watched.period, span=history)


async def _exclusions(work: Work, looked_back: Sequence[tuple[Watched, Period]]) -> Sequence[Exclusion]:
    return await work.exclusions.concerning(
        {each.subject.service for each, _ in looked_back},
        {each.subject.agreement for each, _ in looked_back},
        union(span for each, whole in looked_back for span in reach(each.subject, whole)),
    )


def _around(watched: Watched, whole: Period, exclusions: Sequence[Exclusion], at: datetime) -> _Around:
    return _Around(
        watched=watched,
        whole=whole,
        windows=windows_of(watched.period.span, at),
        days=days_of(whole.span),
        allowed=allowed_time(watched.subject, exclusions, whole),
    )


Quantities = Mapping[Span, Quantity]


async def _quantities(
    work: Work, around: Sequence[_Around], read_time: ReadTime, at: datetime
) -> Mapping[PeriodId, Quantities]:
    timed = [each for each in around if each.watched.subject.metric.shape in (Shape.OUTAGE, Shape.STATE)]
    cases = [each for each in around if each.watched.subject.metric.shape is Shape.CASE]
    points = [each for each in around if each.watched.subject.metric.shape in (Shape.TALLY, Shape.SAMPLE)]
    return {
        **await _of_time(timed, read_time, at),
        **await _of_cases(work, cases),
        **await _of_tallies(work, [each for each in points if not each.watched.subject.metric.aggregation.is_sliced]),
        **await _of_slices(work, [each for each in points if each.watched.subject.metric.aggregation.is_sliced]),
    }


async def _of_time(around: Sequence[_Around], read_time: ReadTime, at: datetime) -> dict[PeriodId, Quantities]:
    if not around:
        return {}
    facts = await read_time({each.watched.period.id: each.whole.span for each in around})
    found: dict[PeriodId, Quantities] = {}
    for each in around:
        period = each.watched.period.id
        pieces = bad_time(each.watched.subject, facts[period], each.allowed, each.whole, at)
        found[period] = time_within(pieces, each.spans)
    return found


async def _of_cases(work: Work, around: Sequence[_Around]) -> dict[PeriodId, Quantities]:
    wanted = {StreamSpan(stream, each.whole.span): None for each in around for stream in each.watched.streams}
    logs = dict(zip(wanted, await work.cases.logs(list(wanted)), strict=True)) if wanted else {}
    found: dict[PeriodId, Quantities] = {}
    for each in around:
        facts = CaseFacts(logs=[logs[StreamSpan(stream, each.whole.span)] for stream in each.watched.streams])
        found[each.watched.period.id] = cases_within(each.watched.subject, facts, each.allowed, each.spans)
    return found


async def _of_tallies(work: Work, around: Sequence[_Around]) -> dict[PeriodId, Quantities]:
    if not around:
        return {}
    wanted = [
        TotalsWanted(streams=each.watched.streams, spans=intersect(each.allowed.counted, (span,)))
        for each in around
        for span in each.spans
    ]
    totals = iter(await work.measurements.tally_totals(wanted))
    return {
        each.watched.period.id: {span: of_tallies(each.watched.subject.objective, next(totals)) for span in each.spans}
        for each in around
    }


async def _of_slices(work: Work, around: Sequence[_Around]) -> dict[PeriodId, Quantities]:
    found: dict[PeriodId, Quantities] = {}
    for shape in (Shape.TALLY, Shape.SAMPLE):
        mine = [each for each in around if each.watched.subject.metric.shape is shape]
        if not mine:
            continue
        read = work.distributions.tally_slices if shape is Shape.TALLY else work.distributions.sample_slices
        wanted = [
            SlicesWanted(
                streams=each.watched.streams,
                spans=intersect(each.allowed.counted, (span,)),
                rule=rule_of(each.watched.subject.metric),
            )
            for each in mine
            for span in each.spans
        ]
        totals = iter(await read(wanted))
        for each in mine:
            apart = each.watched.subject.metric.aggregation is Aggregation.GOOD_SLICES
            found[each.watched.period.id] = {span: of_slices(next(totals), told_apart=apart) for span in each.spans}
    return found


def _signals_of(around: _Around, found: Quantities, at: datetime) -> Signals:
    watched, period = around.watched, around.watched.period.span
    so_far = error_budget(watched.subject.objective, watched.verdict.evidence)
    assert so_far is not None, "what has no budget is not watched"
    budget = _budget_at_end(around, so_far, found, at)
    windows = {length: found[span].bad for length, span in around.windows.items()}
    return Signals(
        burns=burns(windows, budget, period),
        projection=project(
            spent=so_far.spent,
            budget=budget,
            days=[found[day].bad for day in around.days],
            history=around.whole.span.end - around.whole.span.start,
            ahead=period.end - at,
            lasting=_goes_on(watched, at),
        ),
    )


def _budget_at_end(around: _Around, so_far: ErrorBudget, found: Quantities, at: datetime) -> Fraction:
    """Of counts: of those so far, and of as many as the last days bring until the end."""
    evidence = around.watched.verdict.evidence
    if not isinstance(evidence, CountEvidence | CaseEvidence):
        return so_far.total
    total = evidence.total if isinstance(evidence, CountEvidence) else evidence.in_time + evidence.late
    seen = sum(found[day].total for day in around.days)
    pace = Fraction(microseconds(around.watched.period.span.end - at), around.whole.span.length_us)
    return budget_of(around.watched.subject.objective, total + seen * pace)


def earliest(look: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (look, other) if each is not None), default=None)

"""Judging a file of terms on a file of facts: rows in, verdicts out. No clock, no database.

All outages that feed one service from one source are one stream here: they are merged before anything is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TypeVar, assert_never

from domain.agreement import Period, periods_of
from domain.allowed import counted_spans
from domain.attainment import Attainment, Status, Subject, subject_of
from domain.case import CaseLog
from domain.episode import Episode, Evaluation, episodes
from domain.errors import Invalid, TooMany
from domain.evaluate import Facts, evaluate
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion, ExclusionKind
from domain.fact import Outage, OutageLog, Sample, Tally
from domain.ids import ExclusionId, ServiceId, StreamId
from domain.metric import Shape
from domain.outage_time import OutageFacts, lasting
from domain.points import sample_facts, tally_facts
from domain.service import Service
from domain.spans import Span, union
from domain.stream import DEFAULT_SOURCE
from runtime.fact_rows import OutageRow
from runtime.gathering import Gathered, RowsOf
from runtime.state_logs import StateLogs
from runtime.terms import Promise, Terms, id_of
from runtime.written import shown_instant

VERDICTS_MAX = 100_000
"""In one run; as many as a daily objective gives on 130 services in two years."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`episode`: of a rolling objective, the one that this evaluation began."""

    promise: Promise
    service: Service
    attainment: Attainment
    episode: Episode | None = None

    @property
    def breaches(self) -> bool:
        """Whether a breach began with it: of a rolling objective only the first failing evaluation does."""
        return self.episode is not None if self.promise.is_rolling else self.attainment.breaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`verdicts` are in the order of the terms and of time. `rows` counts all good lines, `repeated` those among them
    that another line tells word for word, `not_under_terms` those of no service or metric of the terms.
    """

    terms: Terms
    at: datetime
    reported_through: datetime
    verdicts: tuple[Verdict, ...]
    evidence: Mapping[str, OutageRow]
    rows: int
    repeated: int
    not_under_terms: Mapping[RowsOf, int]

    @property
    def counts(self) -> Mapping[Status, int]:
        found = Counter(verdict.attainment.status for verdict in self.verdicts)
        return {status: found[status] for status in Status}

    @property
    def breaches(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.breaches)

    @property
    def held(self) -> tuple[Verdict, ...]:
        """Verdicts that would count and can't be given for want of reports."""
        return tuple(
            verdict
            for verdict in self.verdicts
            if verdict.attainment.status is Status.HELD and not verdict.attainment.period.report_only
        )


def judge(
    terms: Terms,
    gathered: Gathered,
    *,
    at: datetime | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Judgement:
    """Every period that has started by `at`: by default how far the terms say that facts reach, else the last fact.

    `since`, `until`: only periods that start in `[since, until)`. Raises Invalid where there is no fact and no `at`,
    and where there is no such period; TooMany beyond VERDICTS_MAX.
    """
    judged_at = at or terms.reported_through or gathered.latest
    if judged_at is None:
        raise Invalid("the file has no facts, so --at must name the instant to judge at")
    bench = _Bench(terms, gathered, judged_at)
    verdicts: list[Verdict] = []
    for promise in terms.promises:
        wanted = [
            period
            for period in _periods(terms, promise, judged_at)
            if (since is None or period.span.start >= since) and (until is None or period.span.start < until)
        ]
        if len(verdicts) + len(wanted) * len(promise.services) > VERDICTS_MAX:
            raise TooMany(f"these are more than {VERDICTS_MAX} periods: take fewer with --from and --until")
        for service in promise.services:
            found = [bench.verdict(promise, terms.services[service], period) for period in wanted]
            verdicts.extend(_with_episodes(found) if promise.is_rolling else found)
    if not verdicts:
        raise Invalid(f"no period to be judged has started by {shown_instant(judged_at)}")
    return Judgement(
        terms=terms,
        at=judged_at,
        reported_through=bench.reported_through,
        verdicts=tuple(verdicts),
        evidence=bench.evidence,
        rows=gathered.rows,
        repeated=gathered.repeated,
        not_under_terms=gathered.not_under_terms,
    )


def _periods(terms: Terms, promise: Promise, at: datetime) -> Sequence[Period]:
    """Those that have started; of a rolling objective those that have ended, since it is evaluated then."""
    numbers = count()
    code = promise.objective.code
    found = periods_of(
        terms.agreement,
        terms.version,
        promise.objective,
        until=at,
        new_id=lambda: id_of("period", f"{code}/{next(numbers)}"),
    )
    return [period for period in found if period.span.end <= at] if promise.is_rolling else found


def _with_episodes(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of a rolling objective on one service, in order."""
    evaluations = [
        Evaluation(
            period=each.attainment.id,
            span=each.attainment.period.span,
            status=each.attainment.status,
            phase=each.attainment.phase,
            report_only=each.attainment.period.report_only,
        )
        for each in verdicts
    ]
    begun = {episode.first.period: episode for episode in episodes(evaluations)}
    return [replace(verdict, episode=begun.get(verdict.attainment.id)) for verdict in verdicts]


class _Bench:
    """The facts laid out for one instant of judging, so that a period costs by its own facts."""

    def __init__(self, terms: Terms, gathered: Gathered, at: datetime) -> None:
        self.terms = terms
        self.at = at
        self.reported_through = terms.reported_through or at
        self.evidence: dict[str, OutageRow] = {}
        self._sources = gathered.sources
        self._outages = {key: _outages(rows, self.evidence) for key, rows in gathered.outages.items()}
        self._tallies = {key: sorted(each, key=_tally_start) for key, each in gathered.tallies.items()}
        self._samples = {key: sorted(each, key=_sample_at) for key, each in gathered.samples.items()}
        self._all_exclusions = (*terms.exclusions, *_maintenance(gathered, at))
        self._exclusions: dict[ServiceId, Sequence[Exclusion]] = {}
        self._logs: dict[tuple[ServiceId, str | None], _Logs] = {}
        self._told_states = gathered.states
        self._cases = gathered.cases
        self._states: dict[tuple[ServiceId, str, str | None], StateLogs] = {}

    def verdict(self, promise: Promise, service: Service, period: Period) -> Verdict:
        terms = self.terms
        subject = subject_of(terms.agreement, terms.version, promise.objective, promise.metric, service.id)
        exclusions = self._exclusions_of(service.id)
        facts = self._facts(subject, exclusions, period)
        attainment = evaluate(subject, facts, exclusions, period, self.at)
        return Verdict(promise=promise, service=service, attainment=attainment)

    def _facts(self, subject: Subject, exclusions: Sequence[Exclusion], period: Period) -> Facts:
        match subject.metric.shape:
            case Shape.OUTAGE:
                return self._logs_of(subject).around(period.span)
            case Shape.CASE:
                return self._cases_of(subject)
            case Shape.STATE:
                return self._states_of(subject).around(period.span)
            case Shape.TALLY:
                tallies = _started_within(self._of(self._tallies, subject), _tally_start, period.span)
                return tally_facts(tallies, counted_spans(subject, exclusions, period, self.at), subject.metric)
            case Shape.SAMPLE:
                samples = _started_within(self._of(self._samples, subject), _sample_at, period.span)
                ended = self.at >= period.span.end
                return sample_facts(
                    samples, counted_spans(subject, exclusions, period, self.at), subject.metric, ended=ended
                )
            case _ as never:
                assert_never(never)

    def _exclusions_of(self, service: ServiceId) -> Sequence[Exclusion]:
        if service not in self._exclusions:
            agreement = self.terms.agreement.id
            concerned = [each for each in self._all_exclusions if each.concerns(service=service, agreement=agreement)]
            self._exclusions[service] = concerned
        return self._exclusions[service]

    def _of(self, facts: Mapping[tuple[ServiceId, str, str], Sequence[T]], subject: Subject) -> list[Sequence[T]]:
        """The subject's facts, by source; those of its objective's source where it names one."""
        wanted = subject.objective.source
        return [
            listed
            for (service, metric, source), listed in facts.items()
            if service == subject.service and metric == subject.metric.code and wanted in (None, source)
        ]

    def _logs_of(self, subject: Subject) -> _Logs:
        key = (subject.service, subject.objective.source)
        if key not in self._logs:
            services = _with_all_below(subject.service, self.terms.services)
            source = subject.objective.source
            # A source of which the file has never heard did not report: its name may be misspelt.
            through = self.reported_through if source is None or source in self._sources else None
            self._logs[key] = _Logs(services, self._outages, source, through, self.at)
        return self._logs[key]

    def _cases_of(self, subject: Subject) -> CaseFacts:
        """All of them: each tells by itself whether the period concerns it."""
        wanted = subject.objective.source
        return CaseFacts(
            logs=[
                CaseLog(stream=StreamId(id_of("stream", f"{service}/{metric}/{source}")), cases=cases)
                for (service, metric, source), cases in self._cases.items()
                if service == subject.service and metric == subject.metric.code and wanted in (None, source)
            ]
        )

    def _states_of(self, subject: Subject) -> StateLogs:
        key = (subject.service, subject.metric.code, subject.objective.source)
        if key not in self._states:
            services = _with_all_below(subject.service, self.terms.services)
            self._states[key] = StateLogs(
                services, self._told_states, subject.metric, subject.objective.source, self.at
            )
        return self._states[key]


class _Logs:
    """The outages of a service and all below it, from which those around a period are taken."""

    def __init__(
        self,
        services: Mapping[ServiceId, Service],
        outages: Mapping[tuple[ServiceId, str], Sequence[Outage]],
        source: str | None,
        reported_through: datetime | None,
        at: datetime,
    ) -> None:
        self._services = services
        self._through = reported_through
        self._streams = {
            service: {
                key[1]: listed for key, listed in outages.items() if key[0] == service and source in (None, key[1])
            }
            for service in services
        }
        # A service without a record is reported on too: it had no outage.
        for streams in self._streams.values():
            streams.setdefault(source or DEFAULT_SOURCE, ())
        known = [
            lasting(outage, at) for streams in self._streams.values() for each in streams.values() for outage in each
        ]
        self._busy = union(span for span in known if span is not None)

    def around(self, period: Span) -> OutageFacts:
        """Those in the period, and those that reach it through others: outages have their own length (rules.md)."""
        first = bisect_left(self._busy, period.start, key=lambda span: span.end)
        last = bisect_right(self._busy, period.end, key=lambda span: span.start)
        near = self._busy[first:last]
        reach = Span(near[0].start, near[-1].end) if near else None
        logs = {
            service: [self._log(service, source, listed, reach) for source, listed in streams.items()]
            for service, streams in self._streams.items()
        }
        return OutageFacts(services=self._services, logs=logs)

    def _log(self, service: ServiceId, source: str, listed: Sequence[Outage], reach: Span | None) -> OutageLog:
        return OutageLog(
            stream=StreamId(id_of("stream", f"{service}/{source}")),
            outages=() if reach is None else _started_within([listed], _outage_start, reach),
            reported_through=self._through,
        )


def _started_within(lists: Iterable[Sequence[T]], start: Callable[[T], datetime], span: Span) -> list[T]:
    """Of lists in order of start, what starts in the span."""
    found: list[T] = []
    for listed in lists:
        found.extend(listed[bisect_left(listed, span.start, key=start) : bisect_left(listed, span.end, key=start)])
    return found


def _outage_start(outage: Outage) -> datetime:
    return outage.start


def _tally_start(tally: Tally) -> datetime:
    return tally.start


def _sample_at(sample: Sample) -> datetime:
    return sample.at


def _outages(rows: Iterable[OutageRow], evidence: dict[str, OutageRow]) -> list[Outage]:
    """In order of start. An outage is known by its line, through which `evidence` finds its row."""
    found: list[Outage] = []
    for row in rows:
        evidence[str(row.line)] = row
        found.append(Outage(external_id=str(row.line), impact=row.impact, start=row.started_at, end=row.ended_at))
    return sorted(found, key=_outage_start)


def _maintenance(gathered: Gathered, at: datetime) -> Iterator[Exclusion]:
    """One that has no end yet lasts until the instant of judging, as an outage does."""
    for service, rows in gathered.maintenance.items():
        for row in rows:
            end = row.ended_at or at
            if row.started_at < end:
                yield Exclusion(
                    id=ExclusionId(id_of("maintenance", f"{service}/{row.line}")),
                    kind=ExclusionKind.MAINTENANCE,
                    span=Span(row.started_at, end),
                    service=service,
                    reason=f"{row.vendor} {row.incident_id}",
                )


def _with_all_below(service: ServiceId, services: Mapping[ServiceId, Service]) -> Mapping[ServiceId, Service]:
    found: dict[ServiceId, Service] = {}
    ahead = [service]
    while ahead:
        each = ahead.pop()
        if each not in found:
            found[each] = services[each]
            ahead.extend(services[each].components)
    return found

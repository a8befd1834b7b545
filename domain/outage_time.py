"""Time down: from what streams say to the pieces of time in which a service was bad or not reported.

A stream is a log of outages or a log of states; what either says of bad time is a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TypeAlias, assert_never

from domain.fact import Outage, OutageLog
from domain.ids import ServiceId
from domain.metric import Metric
from domain.objective import Granularity, Objective
from domain.service import Service
from domain.spans import Span, Weighted, envelope, subtract, union
from domain.state import UP, StateLog, StateRun, weight_of_state
from domain.structure import Piece, Timeline, components, composed

MINUTE = timedelta(minutes=1)

Log: TypeAlias = OutageLog | StateLog
Record: TypeAlias = Outage | StateRun
"""What a log says of time that was not up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageFacts:
    """All that decides the state of a service over time: its structure, and the logs of those measured by themselves.

    Invariant: `services` holds the judged service and all below it; there is no cycle.
    """

    services: Mapping[ServiceId, Service]
    logs: Mapping[ServiceId, Sequence[Log]]

    def all_logs(self) -> Iterable[Log]:
        for logs in self.logs.values():
            yield from logs

    def all_records(self) -> Iterable[Record]:
        for log in self.all_logs():
            yield from records_of(log)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDown:
    """`counted`: disjoint weighted pieces. `short`: bad, but shorter than counts. `missing`: not reported."""

    counted: tuple[Weighted, ...]
    short: tuple[Span, ...]
    missing: tuple[Span, ...]


def records_of(log: Log) -> Sequence[Record]:
    """A state of up is no record."""
    match log:
        case OutageLog():
            return log.outages
        case StateLog():
            return [run for run in log.runs if run.state != UP]
        case _ as never:
            assert_never(never)


def weight_of(record: Record, metric: Metric) -> Fraction:
    match record:
        case Outage():
            return metric.weight(record.impact)
        case StateRun():
            return weight_of_state(metric, record.state)
        case _ as never:
            assert_never(never)


def lasting(record: Record, at: datetime) -> Span | None:
    """The record as known at an instant: one without an end lasts until then; None where it is still to come.

    An outage may have a known end ahead; that a state would hold until it is stale is not known before then.
    """
    end = record.end if record.end is not None else at
    if isinstance(record, StateRun):
        end = min(end, at)
    return Span(record.start, end) if record.start < end else None


def hull(facts: OutageFacts, around: Span, at: datetime) -> Span:
    """The smallest span that holds `around` and every record, so that each outage shows its own length."""
    spans = [lasting(record, at) for record in facts.all_records()]
    known = [span for span in spans if span is not None]
    return Span(min([around.start, *(s.start for s in known)]), max([around.end, *(s.end for s in known)]))


def time_down(
    facts: OutageFacts, root: ServiceId, objective: Objective, metric: Metric, period: Span, at: datetime
) -> TimeDown:
    """What counts as down for an objective, before exclusions and before cutting to the period.

    The minimum duration and whole minutes test each stream's merged outage where the service is measured by itself,
    and the composed outage where it rests on others (rules.md, Time down).
    """
    within = hull(facts, period, at)
    logs = facts.logs.get(root, ())
    if any(structure is not None for _, structure in facts.services[root].structures_within(within)):
        timeline = _timeline(facts, facts.services[root], metric, within, at)
        bad = [Weighted(p.span, p.badness) for p in timeline.pieces if p.badness]
        missing = tuple(p.span for p in timeline.pieces if p.badness is None)
        kept, short = _long_enough(bad, objective)
        return TimeDown(counted=tuple(kept), short=short, missing=missing)
    counted: list[Weighted] = []
    too_short: list[Span] = []
    for log in logs:
        kept, short = _long_enough(_bad_of(log, metric, at), objective)
        counted.extend(kept)
        too_short.extend(short)
    return TimeDown(
        counted=envelope(counted),
        short=subtract(union(too_short), union(w.span for w in counted)),
        missing=_missing(logs, metric, within, at),
    )


def _timeline(facts: OutageFacts, service: Service, metric: Metric, within: Span, at: datetime) -> Timeline:
    pieces: list[Piece] = []
    for part, structure in service.structures_within(within):
        if structure is None:
            pieces.extend(_own_pieces(facts.logs.get(service.id, ()), metric, part, at))
            continue
        below = {
            each: _timeline(facts, facts.services[each], metric, part, at)
            for each in sorted(components(structure))
            if each in facts.services
        }
        pieces.extend(composed(structure, below, part).pieces)
    return Timeline(tuple(pieces))


def _own_pieces(logs: Sequence[Log], metric: Metric, within: Span, at: datetime) -> list[Piece]:
    bad = envelope(record for log in logs for record in _bad_of(log, metric, at))
    clipped = [(span, record.weight) for record in bad if (span := record.span.clip(within)) is not None]
    pieces = [Piece(span, weight) for span, weight in clipped]
    pieces += [Piece(span, None) for span in _missing(logs, metric, within, at)]
    return sorted(pieces, key=lambda piece: piece.span)


def _bad_of(log: Log, metric: Metric, at: datetime) -> tuple[Weighted, ...]:
    """The stream's records that weigh anything, merged: at each instant the largest weight."""
    records = ((lasting(record, at), weight_of(record, metric)) for record in records_of(log))
    return envelope(Weighted(span, weight) for span, weight in records if span is not None and weight > 0)


def _missing(logs: Sequence[Log], metric: Metric, within: Span, at: datetime) -> tuple[Span, ...]:
    """Time of which some stream says nothing though it should, or of which no stream says anything; apart from what is
    known to be bad.
    """
    begins = [log.since if isinstance(log, StateLog) else within.start for log in logs]
    first = min((begin for begin in begins if begin is not None), default=None)
    silent = [span for log in logs for span in _silent(log, within, at)]
    if first is None:
        silent.append(within)
    elif first > within.start:
        silent.append(Span(within.start, min(first, within.end)))
    if not silent:
        return ()
    known_bad = union(record.span for log in logs for record in _bad_of(log, metric, at))
    return subtract(union(silent), known_bad)


def _silent(log: Log, within: Span, at: datetime) -> tuple[Span, ...]:
    """Outages are told up to the last report. States are told as long as each holds, from the first one on."""
    match log:
        case OutageLog():
            start = within.start if log.reported_through is None else max(within.start, log.reported_through)
            return (Span(start, within.end),) if start < within.end else ()
        case StateLog():
            if log.since is None or log.since >= within.end:
                return ()
            told = union(span for run in log.runs if (span := lasting(run, at)) is not None)
            return subtract((Span(max(within.start, log.since), within.end),), told)
        case _ as never:
            assert_never(never)


def _long_enough(pieces: Sequence[Weighted], objective: Objective) -> tuple[list[Weighted], tuple[Span, ...]]:
    """Pieces of outages that last long enough, and the spans of time that do not count for being short."""
    whole = union(piece.span for piece in pieces)
    counted = tuple(span for outage in whole if (span := _counted_part(outage, objective)) is not None)
    return clipped(pieces, counted), subtract(whole, counted)


def _counted_part(outage: Span, objective: Objective) -> Span | None:
    length = outage.end - outage.start
    if length < objective.minimum_duration:
        return None
    if objective.granularity is Granularity.WHOLE_MINUTES:
        length -= length % MINUTE
    return Span(outage.start, outage.start + length) if length else None


def clipped(pieces: Sequence[Weighted], spans: Sequence[Span]) -> list[Weighted]:
    """The parts of the pieces inside the spans. Each side is disjoint and sorted; linear."""
    kept: list[Weighted] = []
    i = j = 0
    while i < len(pieces) and j < len(spans):
        part = pieces[i].span.clip(spans[j])
        if part is not None:
            kept.append(Weighted(part, pieces[i].weight))
        if pieces[i].span.end <= spans[j].end:
            i += 1
        else:
            j += 1
    return kept


def weightless(facts: OutageFacts, metric: Metric, at: datetime) -> tuple[Span, ...]:
    """Time of records that weigh nothing: recorded and told, not counted."""
    spans = (lasting(record, at) for record in facts.all_records() if weight_of(record, metric) == 0)
    return union(span for span in spans if span is not None)

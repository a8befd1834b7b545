"""Rows of a file of facts, bound to the terms that they are judged by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.case import Case
from domain.errors import DomainError, Invalid
from domain.fact import Sample, Tally
from domain.ids import ServiceId
from domain.metric import Metric, Shape
from domain.state import StateChange, weight_of_state
from domain.stream import DEFAULT_SOURCE
from runtime.fact_rows import CaseRow, FactRow, OutageRow, SampleRow, StateRow, TallyRow, case_of
from runtime.facts_file import BadLines
from runtime.terms import Terms

MAINTENANCE = "maintenance"
"""The impact of a record that is time excluded, not an outage (rules.md, Time down)."""

_COLUMNS = {"ends": "ended_at", "states": "state"}
"""What a file calls the fields that rules call otherwise."""


@dataclass(frozen=True, slots=True)
class RowsOf:
    """What rows of no service or metric of the terms name; `metric` is empty for outages, `vendor` for the others."""

    vendor: str
    service: str
    metric: str


@dataclass(slots=True)
class Gathered:
    """The rows of a file by what they are about. `latest` is the latest instant that any line names, `sources` are
    those of all outages; both also of rows that nothing uses.
    """

    outages: dict[tuple[ServiceId, str], list[OutageRow]] = field(default_factory=lambda: defaultdict(list))
    maintenance: dict[ServiceId, list[OutageRow]] = field(default_factory=lambda: defaultdict(list))
    tallies: dict[tuple[ServiceId, str, str], list[Tally]] = field(default_factory=lambda: defaultdict(list))
    samples: dict[tuple[ServiceId, str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    states: dict[tuple[ServiceId, str, str], list[StateChange]] = field(default_factory=lambda: defaultdict(list))
    cases: dict[tuple[ServiceId, str, str], list[Case]] = field(default_factory=lambda: defaultdict(list))
    latest: datetime | None = None
    sources: set[str] = field(default_factory=lambda: {DEFAULT_SOURCE})
    rows: int = 0
    repeated: int = 0
    not_under_terms: Counter[RowsOf] = field(default_factory=Counter)


def gather(terms: Terms, rows: Iterable[FactRow], bad: BadLines) -> Gathered:
    """Rows bound to the terms; those that break a rule of theirs are added to `bad`.

    Identity: of an outage its vendor, service, incident and start (and source); of a tally its start, of a sample its
    instant, of a state its instant, of a case its `case_id`, each with service, metric and source. The same again is
    one fact; the same with other content is bad.
    """
    gathered = Gathered()
    availability = _availability_metrics(terms)
    seen: dict[tuple[object, ...], FactRow] = {}
    for row in rows:
        gathered.rows += 1
        identity, ends = _identity(row), _end(row)
        gathered.latest = ends if gathered.latest is None else max(gathered.latest, ends)
        former = seen.setdefault(identity, row)
        if former is not row:
            if replace(former, line=row.line) != row:
                bad.add(row.line, f"line {former.line} has the same fact with other content")
            gathered.repeated += 1
            continue
        try:
            _bind(gathered, terms, availability, row)
        except DomainError as wrong:
            column = _COLUMNS.get(str(wrong.path[0]), str(wrong.path[0])) if wrong.path else ""
            bad.add(row.line, wrong.message, column=column)
    return gathered


def _availability_metrics(terms: Terms) -> Sequence[Metric]:
    found = {promise.metric.code: promise.metric for promise in terms.promises}
    return [metric for metric in found.values() if metric.shape is Shape.OUTAGE]


def _identity(row: FactRow) -> tuple[object, ...]:
    match row:
        case OutageRow():
            return (row.vendor, row.service, row.source, row.incident_id, row.started_at)
        case TallyRow():
            return ("tally", row.service, row.metric, row.source, row.started_at)
        case SampleRow():
            return ("sample", row.service, row.metric, row.source, row.at)
        case StateRow():
            return ("state", row.service, row.metric, row.source, row.at)
        case CaseRow():
            return ("case", row.service, row.metric, row.source, row.case_id)


def _end(row: FactRow) -> datetime:
    match row:
        case OutageRow():
            return row.ended_at or row.started_at
        case TallyRow():
            return row.ended_at
        case SampleRow() | StateRow():
            return row.at
        case CaseRow():
            return row.resolved_at or row.responded_at or row.opened_at


def _bind(gathered: Gathered, terms: Terms, availability: Sequence[Metric], row: FactRow) -> None:
    if isinstance(row, OutageRow):
        _bind_outage(gathered, terms, availability, row)
        return
    service, metric = terms.service_coded(row.service), terms.metrics.get(row.metric)
    if service is None or metric is None:
        gathered.not_under_terms[RowsOf("", row.service, row.metric)] += 1
        return
    key = (service, row.metric, row.source)
    match row:
        case TallyRow():
            _require_shape(metric, Shape.TALLY)
            tally = Tally(row.started_at, row.ended_at, row.good, row.total)
            tally.check(metric.cells)
            gathered.tallies[key].append(tally)
        case SampleRow():
            _require_shape(metric, Shape.SAMPLE)
            gathered.samples[key].append(Sample(row.at, metric.quantised(row.value)))
        case StateRow():
            _require_shape(metric, Shape.STATE)
            weight_of_state(metric, row.state)
            gathered.states[key].append(StateChange(row.at, row.state))
        case CaseRow():
            _require_shape(metric, Shape.CASE)
            gathered.cases[key].append(case_of(row))


def _bind_outage(gathered: Gathered, terms: Terms, availability: Sequence[Metric], row: OutageRow) -> None:
    gathered.sources.add(row.source)
    services = terms.fed_by(row.vendor, row.service)
    if not services:
        gathered.not_under_terms[RowsOf(row.vendor, row.service, "")] += 1
        return
    if row.impact == MAINTENANCE:
        for service in services:
            gathered.maintenance[service].append(row)
        return
    for metric in availability:
        metric.weight(row.impact)
    for service in services:
        gathered.outages[service, row.source].append(row)


def _require_shape(metric: Metric, shape: Shape) -> None:
    if metric.shape is not shape:
        needed = metric.shape.value
        raise Invalid(f"{metric.code} is measured by facts of another kind: {needed}", path=("metric",))

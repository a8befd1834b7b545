"""A judgement as people read it: one row for each period of each objective and service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from typing import assert_never
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from domain.attainment import (
    CaseEvidence,
    CountEvidence,
    Evidence,
    PercentileEvidence,
    SampleEvidence,
    SliceEvidence,
    Status,
    TimeEvidence,
    shown,
    shown_target,
)
from domain.objective import Objective
from domain.ratio import Direction, Ratio
from runtime.judging import Judgement, Verdict
from runtime.written import shown_instant

_STYLES = {
    Status.MET: "green",
    Status.BELOW_EXPECTED: "yellow",
    Status.MISSED: "red",
    Status.PENDING: "dim",
    Status.HELD: "magenta",
    Status.NOT_APPLICABLE: "dim",
}


def as_table(judgement: Judgement) -> Table:
    table = Table(title=_plain(f"{judgement.terms.agreement.name}, judged at {shown_instant(judgement.at)}"))
    for name in ("objective", "service", "period", "value", "target", "status"):
        table.add_column(name, justify="right" if name in ("value", "target") else "left")
    for name in ("down s", "excused s", "allowed s", "coverage", "facts"):
        table.add_column(name, justify="right")
    for verdict in judgement.verdicts:
        table.add_row(*_cells(verdict))
    return table


def closing_lines(judgement: Judgement) -> Iterator[str]:
    """What stands below the table: the count of verdicts, and the rows that no verdict rests on."""
    counts = ", ".join(f"{number} {_word(status)}" for status, number in judgement.counts.items() if number)
    yield f"{len(judgement.verdicts)} verdicts: {counts}."
    if judgement.repeated:
        yield f"{judgement.repeated} of {judgement.rows} rows repeat another and count once."
    unused = sum(judgement.not_under_terms.values())
    if unused:
        yield f"{unused} of {judgement.rows} rows are about no service or metric of these terms; --json lists them."


def _cells(verdict: Verdict) -> tuple[Text, ...]:
    attainment, objective, metric = verdict.attainment, verdict.promise.objective, verdict.promise.metric
    unit = "%" if metric.aggregation.is_share else metric.unit
    value = "" if attainment.value is None else f"{shown(attainment.value, metric):f} {unit}".rstrip()
    target = f"{shown_target(objective.expected, metric):f} {unit}".rstrip()
    if objective.minimum is not None:
        target += f" (min. {shown_target(objective.minimum, metric):f})"
    status = _word(attainment.status) + (" (report only)" if attainment.period.report_only else "")
    return (
        _plain(objective.code),
        _plain(verdict.service.code),
        _plain(_period(verdict, objective)),
        _plain(value),
        _plain(target),
        Text(status, style=_STYLES[attainment.status]),
        *(_plain(cell) for cell in _seconds_counted(attainment.evidence)),
        _plain("" if attainment.coverage is None else _percent(attainment.coverage)),
        _plain(_facts(attainment.evidence)),
    )


def _seconds_counted(evidence: Evidence) -> tuple[str, str, str]:
    """Down, excused and allowed; nothing where not time is measured."""
    if not isinstance(evidence, TimeEvidence):
        return "", "", ""
    return _seconds(evidence.down_us), _seconds(evidence.excused_us), _seconds(evidence.allowed_us)


def _facts(evidence: Evidence) -> str:
    match evidence:
        case TimeEvidence():
            return f"{evidence.outages_total} outages" if not evidence.states else f"{evidence.states_total} states"
        case CaseEvidence():
            return f"{evidence.in_time} of {evidence.in_time + evidence.late} cases"
        case CountEvidence():
            return f"{evidence.good} of {evidence.total}"
        case SliceEvidence():
            return f"{evidence.reported} of {evidence.slices} slices"
        case SampleEvidence() | PercentileEvidence():
            return f"{evidence.points} samples"
        case _ as never:
            assert_never(never)


def _plain(text: str) -> Text:
    """Words of a file are no markup."""
    return Text(text)


def _word(status: Status) -> str:
    return status.value.replace("_", " ")


def _period(verdict: Verdict, objective: Objective) -> str:
    zone = ZoneInfo(objective.window.zone)
    span = verdict.attainment.period.span
    return f"{_day(span.start, zone)} – {_day(span.end, zone)} {zone.key}"


def _day(instant: datetime, zone: ZoneInfo) -> str:
    """The local date of an instant that starts a day, else with its time."""
    local = instant.astimezone(zone)
    return f"{local:%Y-%m-%d}" if local.timetz().replace(tzinfo=None) == time.min else f"{local:%Y-%m-%dT%H:%M:%S}"


def _seconds(us: int) -> str:
    whole, part = divmod(us, 1_000_000)
    return f"{whole}.{part:06d}".rstrip("0") if part else str(whole)


def _percent(value: Ratio) -> str:
    exact = Ratio(value.numerator * 100, value.denominator).shown(Direction.AT_LEAST)
    return f"{exact.normalize():f} %"

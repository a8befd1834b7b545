"""When bad quantity fell: how much of a promise's error budget each of several spans of time used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from domain.agreement import Period
from domain.allowed import AllowedTime, so_far
from domain.attainment import Subject
from domain.budget import bad_of
from domain.case import decision
from domain.evaluate_cases import CaseFacts
from domain.fact import TallyTotals
from domain.objective import Objective
from domain.outage_time import OutageFacts, clipped, time_down, weight_of
from domain.slices import WHOLE, SliceTotals
from domain.spans import Span, Weighted


@dataclass(frozen=True, slots=True)
class Quantity:
    """In the budget's unit. `total`: of counts, how many there were; 0 of time and slices, whose whole is known."""

    bad: Fraction
    total: int = 0


def bad_time(
    subject: Subject, facts: OutageFacts, allowed: AllowedTime, around: Period, at: datetime
) -> tuple[Weighted, ...]:
    """The down time that counts, up to the instant, in pieces. The facts are those around the period."""
    down = time_down(facts, subject.service, subject.objective, subject.metric, around.span, at)
    return tuple(clipped(down.counted, so_far(allowed.counted, at)))


def time_within(pieces: Sequence[Weighted], spans: Sequence[Span]) -> Mapping[Span, Quantity]:
    """Down time by weight in each of the spans, in microseconds."""
    return {span: Quantity(_overlap(pieces, span)) for span in spans}


def _overlap(pieces: Sequence[Weighted], span: Span) -> Fraction:
    shared = ((piece.weight, piece.span.clip(span)) for piece in pieces)
    return sum((weight * each.length_us for weight, each in shared if each is not None), start=Fraction(0))


def lasts(subject: Subject, facts: OutageFacts, at: datetime) -> bool:
    """Whether anything that weighs goes on at the instant, so that time alone makes more of it."""
    return any(
        record.start <= at and (record.end is None or record.end > at) and weight_of(record, subject.metric) > 0
        for record in facts.all_records()
    )


def cases_within(
    subject: Subject, facts: CaseFacts, allowed: AllowedTime, spans: Sequence[Span]
) -> Mapping[Span, Quantity]:
    """Cases by the instants at which they were decided; those in excluded time do not count."""
    objective = subject.objective
    milestone, limit = objective.case_milestone, objective.case_limit
    assert milestone is not None, "a promise about cases names its milestone"
    assert limit is not None, "a promise about cases names its limit"
    decisions = [
        decided
        for log in facts.logs
        for case in log.cases
        if (decided := decision(case, milestone, limit, objective.hours)) is not None
        and not any(piece.span.contains(decided.at) for piece in allowed.excluded)
    ]
    found: dict[Span, Quantity] = {}
    for span in spans:
        within = [decided.in_time for decided in decisions if span.contains(decided.at)]
        found[span] = _counted(objective, sum(within), len(within))
    return found


def of_tallies(objective: Objective, totals: TallyTotals) -> Quantity:
    return _counted(objective, totals.good, totals.total)


def of_slices(totals: SliceTotals, *, told_apart: bool) -> Quantity:
    """Of slices that were reported on and have a total. `told_apart`: into good and bad ones, not by their ratios."""
    busy = totals.reported - totals.idle
    bad = Fraction(busy - totals.good) if told_apart else Fraction(busy * WHOLE - totals.ratios, WHOLE)
    return Quantity(bad)


def _counted(objective: Objective, good: int, total: int) -> Quantity:
    return Quantity(Fraction(bad_of(objective, good, total)), total)

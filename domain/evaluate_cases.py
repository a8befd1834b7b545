"""Verdicts on cases: the share of those decided in the period that were in time (rules.md, Cases)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.agreement import Period
from domain.allowed import AllowedTime, so_far
from domain.attainment import CASES_TOLD_MAX, Attainment, CaseEvidence, CaseUse, CaseUsed, Subject
from domain.case import MICROSECOND, Case, CaseLog, Decision, decision
from domain.due import end_or_final
from domain.ids import StreamId
from domain.ratio import Ratio
from domain.spans import Span, total_us
from domain.verdict import attainment, status_at_end, tolerant_status


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """The cases of all streams that a promise counts: at least those that may be decided in the period, or are open."""

    logs: Sequence[CaseLog]


@dataclass(frozen=True, slots=True)
class _Decided:
    stream: StreamId
    case: Case
    decision: Decision | None


def judge_cases(subject: Subject, facts: CaseFacts, allowed: AllowedTime, period: Period, at: datetime) -> Attainment:
    """A decision in excluded time does not count. Before its end a period is pending: good cases may still come."""
    cases = list(_decided(subject, facts))
    used = _all_used(cases, allowed, period, at)
    in_time, late, is_open = (sum(each.use is use for each in used) for use in TOLD_APART)
    counted = so_far(allowed.counted, at)
    evidence = CaseEvidence(
        allowed_us=total_us(counted),
        excluded_us=0,
        in_time=in_time,
        late=late,
        open=is_open,
        cases=tuple(used[:CASES_TOLD_MAX]),
        cases_total=len(used),
    )
    value = Ratio(in_time, in_time + late) if in_time + late else None
    status = status_at_end(subject.objective, value, ended=at >= period.span.end)
    status = tolerant_status(subject.objective, status, in_time, in_time + late)
    return attainment(subject, period, at, status, value, None, evidence, _next_look(subject, cases, period, at))


def cases_used(
    subject: Subject, facts: CaseFacts, allowed: AllowedTime, period: Period, at: datetime
) -> list[CaseUsed]:
    """What became of each case, in the order of the decisions, the open ones last."""
    return _all_used(list(_decided(subject, facts)), allowed, period, at)


def _all_used(cases: Sequence[_Decided], allowed: AllowedTime, period: Period, at: datetime) -> list[CaseUsed]:
    until = min(at, period.span.end)
    used = [told for each in cases if (told := _used(each, allowed, period.span.start, until)) is not None]
    return sorted(used, key=lambda each: (each.decided_at or until, each.stream, each.external_id))


TOLD_APART = (CaseUse.IN_TIME, CaseUse.LATE, CaseUse.OPEN)


def _decided(subject: Subject, facts: CaseFacts) -> Iterator[_Decided]:
    objective = subject.objective
    milestone, limit = objective.case_milestone, objective.case_limit
    assert milestone is not None, "a promise about cases names its milestone"
    assert limit is not None, "a promise about cases names its limit"
    for log in facts.logs:
        for case in log.cases:
            yield _Decided(log.stream, case, decision(case, milestone, limit, objective.hours))


def _used(each: _Decided, allowed: AllowedTime, start: datetime, until: datetime) -> CaseUsed | None:
    """What became of a case in [start, until); None where it was decided before, or is opened only later."""
    decided = each.decision
    if each.case.opened_at >= until:
        return None
    if decided is None or decided.at >= until:
        return _told(each, None, CaseUse.OPEN)
    if decided.at < start:
        return None
    if any(piece.span.contains(decided.at) for piece in allowed.excluded):
        return _told(each, decided.at, CaseUse.EXCUSED)
    return _told(each, decided.at, CaseUse.IN_TIME if decided.in_time else CaseUse.LATE)


def _told(each: _Decided, decided_at: datetime | None, use: CaseUse) -> CaseUsed:
    return CaseUsed(
        stream=each.stream,
        external_id=each.case.external_id,
        revision=each.case.revision,
        decided_at=decided_at,
        use=use,
    )


def _next_look(subject: Subject, cases: Sequence[_Decided], period: Period, at: datetime) -> datetime | None:
    """The limit of an open case may run out; what is decided at an instant is known right after it."""
    last = end_or_final(subject, period, at)
    within = Span(period.span.start, period.span.end)
    ahead = [
        each.decision.at + MICROSECOND
        for each in cases
        if each.decision is not None and within.contains(each.decision.at) and each.decision.at >= at
    ]
    return min((instant for instant in (*ahead, last) if instant is not None), default=None)

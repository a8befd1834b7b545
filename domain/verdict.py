"""What all verdicts have in common: how a value meets the levels of its objective."""

from __future__ import annotations

from datetime import datetime

from domain.agreement import Period
from domain.attainment import Attainment, Evidence, Status, Subject, phase_at
from domain.counts import meets_level
from domain.objective import Objective
from domain.ratio import Direction, Ratio


def level_status(objective: Objective, value: Ratio) -> Status:
    if not value.meets(objective.breach_level, objective.direction):
        return Status.MISSED
    return Status.MET if value.meets(objective.expected, objective.direction) else Status.BELOW_EXPECTED


def status_at_end(objective: Objective, value: Ratio | None, *, ended: bool) -> Status:
    if not ended:
        return Status.PENDING
    return Status.NOT_APPLICABLE if value is None else level_status(objective, value)


def covered_status(objective: Objective, value: Ratio | None, coverage: Ratio | None, *, ended: bool) -> Status:
    """Of counts: held below the minimum coverage, where one is declared. `coverage` None: no time is allowed."""
    if not ended:
        return Status.PENDING
    if coverage is None:
        return Status.NOT_APPLICABLE
    needed = objective.minimum_coverage
    if needed is not None and not coverage.meets(needed, Direction.AT_LEAST):
        return Status.HELD
    return Status.NOT_APPLICABLE if value is None else level_status(objective, value)


def tolerant_status(objective: Objective, status: Status, good: int, total: int) -> Status:
    """The status of a share of counts with the one miss of few cases that the objective may tolerate."""
    if status not in (Status.MISSED, Status.BELOW_EXPECTED):
        return status
    if not meets_level(objective, objective.breach_level, good, total):
        return Status.MISSED
    return Status.MET if meets_level(objective, objective.expected, good, total) else Status.BELOW_EXPECTED


def attainment(
    subject: Subject,
    period: Period,
    at: datetime,
    status: Status,
    value: Ratio | None,
    coverage: Ratio | None,
    evidence: Evidence,
    next_at: datetime | None,
) -> Attainment:
    return Attainment(
        objective=subject.objective.id,
        version=subject.version,
        agreement=subject.agreement,
        service=subject.service,
        period=period,
        judged_at=at,
        phase=phase_at(period, subject.grace, at),
        status=status,
        value=value,
        coverage=coverage,
        evidence=evidence,
        next_at=next_at,
    )

"""An objective missed in a period, and its life: at risk before it is missed, open, confirmed when the period is final,
withdrawn when mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from domain.attainment import Attainment, Phase, Status
from domain.ids import AgreementId, BreachId, ObjectiveId, ServiceId
from domain.risk import Risk, Signals, looked, raised
from domain.spans import Span


class Severity(Enum):
    """Which level was missed. `EXPECTED`: below the expected level, yet at or above the minimum."""

    EXPECTED = "expected"
    MINIMUM = "minimum"


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Nothing is missed yet; it warns."""

    since: datetime


@dataclass(frozen=True, slots=True)
class RiskPassed:
    """It never opened."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Open:
    since: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    since: datetime


@dataclass(frozen=True, slots=True)
class Withdrawn:
    since: datetime


BreachState = AtRisk | RiskPassed | Open | Confirmed | Withdrawn
NEVER_OPENED = (AtRisk, RiskPassed)
"""States of what was no breach so far: it is not listed among those that were."""


class Transition(Enum):
    AT_RISK = "at_risk"
    RISK_PASSED = "risk_passed"
    OPENED = "opened"
    SEVERITY_CHANGED = "severity_changed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """At most one for each objective, service and period. `ended_at`: of an episode of a rolling objective, which is
    known by the period of its first failing evaluation (domain/episode.py). `opened_at`: of one that never opened, when
    it was first at risk. `risk`: the latest one, where there ever was one.
    """

    id: BreachId
    objective: ObjectiveId
    agreement: AgreementId
    service: ServiceId
    period: Span
    severity: Severity
    state: BreachState
    opened_at: datetime
    ended_at: datetime | None = None
    risk: Risk | None = None

    @property
    def never_opened(self) -> bool:
        return isinstance(self.state, NEVER_OPENED)


def follow(
    breach: Breach | None, attainment: Attainment, *, new_id: BreachId
) -> tuple[Breach | None, tuple[Transition, ...]]:
    """The breach after a verdict, with the transitions in their order; `new_id` is used where one opens."""
    at = attainment.judged_at
    steps: list[Transition] = []
    missed = attainment.breaches
    if breach is None or isinstance(breach.state, Withdrawn | AtRisk | RiskPassed):
        if not missed:
            return breach, ()
        breach = _opened(breach, attainment, new_id)
        steps.append(Transition.OPENED)
    elif not missed:
        return replace(breach, state=Withdrawn(at)), (Transition.WITHDRAWN,)
    severity = _severity(attainment)
    if breach.severity is not severity:
        breach = replace(breach, severity=severity)
        steps.append(Transition.SEVERITY_CHANGED)
    if attainment.phase in (Phase.FINAL, Phase.RESTATED) and isinstance(breach.state, Open):
        breach = replace(breach, state=Confirmed(at))
        steps.append(Transition.CONFIRMED)
    return breach, tuple(steps)


def follow_risk(
    breach: Breach | None, attainment: Attainment, signals: Signals, *, severity: Severity, new_id: BreachId
) -> tuple[Breach | None, tuple[Transition, ...]]:
    """The same where nothing is missed: at risk, or not any more. `severity`: which level would be missed first.

    A breach that opened once is not at risk again. A risk is over with its period.
    """
    at = attainment.judged_at
    if breach is None or isinstance(breach.state, RiskPassed):
        risk = raised(signals, at)
        if risk is None:
            return breach, ()
        begun = _begun(breach, attainment, new_id, severity=severity, state=AtRisk(at))
        return replace(begun, risk=risk), (Transition.AT_RISK,)
    if not isinstance(breach.state, AtRisk) or breach.risk is None:
        return breach, ()
    breach = replace(breach, risk=looked(breach.risk, signals, at))
    if attainment.phase is Phase.OPEN and not (breach.risk and breach.risk.passed(at)):
        return breach, ()
    return replace(breach, state=RiskPassed(at)), (Transition.RISK_PASSED,)


def _opened(former: Breach | None, attainment: Attainment, new_id: BreachId) -> Breach:
    state = Open(attainment.judged_at)
    if former is not None and former.never_opened:
        former = replace(former, opened_at=attainment.judged_at)
    return _begun(former, attainment, new_id, severity=_severity(attainment), state=state)


def _begun(
    former: Breach | None, attainment: Attainment, new_id: BreachId, *, severity: Severity, state: BreachState
) -> Breach:
    return Breach(
        id=new_id if former is None else former.id,
        objective=attainment.objective,
        agreement=attainment.agreement,
        service=attainment.service,
        period=attainment.period.span,
        severity=severity,
        state=state,
        opened_at=attainment.judged_at if former is None else former.opened_at,
        risk=None if former is None else former.risk,
    )


def _severity(attainment: Attainment) -> Severity:
    return Severity.MINIMUM if attainment.status is Status.MISSED else Severity.EXPECTED

"""An objective missed in a period, and its life: open, confirmed when the period is final, withdrawn when mended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from domain.attainment import Attainment, Phase, Status
from domain.ids import AgreementId, BreachId, ObjectiveId, ServiceId
from domain.spans import Span


class Severity(Enum):
    """Which level was missed. `EXPECTED`: below the expected level, yet at or above the minimum."""

    EXPECTED = "expected"
    MINIMUM = "minimum"


@dataclass(frozen=True, slots=True)
class Open:
    since: datetime


@dataclass(frozen=True, slots=True)
class Confirmed:
    since: datetime


@dataclass(frozen=True, slots=True)
class Withdrawn:
    since: datetime


BreachState = Open | Confirmed | Withdrawn


class Transition(Enum):
    OPENED = "opened"
    SEVERITY_CHANGED = "severity_changed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """At most one for each objective, service and period."""

    id: BreachId
    objective: ObjectiveId
    agreement: AgreementId
    service: ServiceId
    period: Span
    severity: Severity
    state: BreachState
    opened_at: datetime


def follow(
    breach: Breach | None, attainment: Attainment, *, new_id: BreachId
) -> tuple[Breach | None, tuple[Transition, ...]]:
    """The breach after a verdict, with the transitions in their order; `new_id` is used where one opens."""
    at = attainment.judged_at
    steps: list[Transition] = []
    missed = attainment.breaches
    if breach is None or isinstance(breach.state, Withdrawn):
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


def _opened(former: Breach | None, attainment: Attainment, new_id: BreachId) -> Breach:
    return Breach(
        id=new_id if former is None else former.id,
        objective=attainment.objective,
        agreement=attainment.agreement,
        service=attainment.service,
        period=attainment.period.span,
        severity=_severity(attainment),
        state=Open(attainment.judged_at),
        opened_at=attainment.judged_at if former is None else former.opened_at,
    )


def _severity(attainment: Attainment) -> Severity:
    return Severity.MINIMUM if attainment.status is Status.MISSED else Severity.EXPECTED

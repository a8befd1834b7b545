"""Episodes: the breaches of a rolling objective, from the first failing evaluation to the first passing one.

Evaluations follow each other by their ends. One that was held or is not applicable neither begins an episode nor ends
one (rules.md, Calendars).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.attainment import Phase, Status
from domain.breach import Breach, Confirmed, Open, Severity, Transition, Withdrawn
from domain.ids import AgreementId, BreachId, ObjectiveId, PeriodId, ServiceId
from domain.spans import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rolling objective on a service."""

    objective: ObjectiveId
    service: ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found at the end of the span."""

    period: PeriodId
    span: Span
    status: Status
    phase: Phase
    report_only: bool = False

    @property
    def fails(self) -> bool:
        return self.status in (Status.MISSED, Status.BELOW_EXPECTED) and not self.report_only

    @property
    def passes(self) -> bool:
        return self.status is Status.MET


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """`severity`: the worst of its evaluations. `ended_at`: when the first passing one was; None while it lasts."""

    first: Evaluation
    severity: Severity
    ended_at: datetime | None


def episodes(evaluations: Sequence[Evaluation]) -> tuple[Episode, ...]:
    """Of evaluations in order."""
    found: list[Episode] = []
    lasts = False
    for each in evaluations:
        if each.fails:
            severity = Severity.MINIMUM if each.status is Status.MISSED else Severity.EXPECTED
            if not lasts:
                found.append(Episode(first=each, severity=severity, ended_at=None))
            elif severity is Severity.MINIMUM:
                found[-1] = replace(found[-1], severity=severity)
            lasts = True
        elif each.passes and lasts:
            found[-1] = replace(found[-1], ended_at=each.span.end)
            lasts = False
    return tuple(found)


def follow_episode(
    breach: Breach | None,
    episode: Episode | None,
    *,
    agreement: AgreementId,
    judged: Judged,
    at: datetime,
    new_id: BreachId,
) -> tuple[Breach | None, tuple[Transition, ...]]:
    """The breach of a period after its episode was found, or None was, with the transitions in their order."""
    if episode is None:
        if breach is None or isinstance(breach.state, Withdrawn):
            return breach, ()
        return replace(breach, state=Withdrawn(at), ended_at=None), (Transition.WITHDRAWN,)
    steps: list[Transition] = []
    if breach is None or isinstance(breach.state, Withdrawn):
        breach = Breach(
            id=new_id if breach is None else breach.id,
            objective=judged.objective,
            agreement=agreement,
            service=judged.service,
            period=episode.first.span,
            severity=episode.severity,
            state=Open(at),
            opened_at=at if breach is None else breach.opened_at,
        )
        steps.append(Transition.OPENED)
    if breach.severity is not episode.severity:
        breach = replace(breach, severity=episode.severity)
        steps.append(Transition.SEVERITY_CHANGED)
    if episode.first.phase in (Phase.FINAL, Phase.RESTATED) and isinstance(breach.state, Open):
        breach = replace(breach, state=Confirmed(at))
        steps.append(Transition.CONFIRMED)
    if breach.ended_at != episode.ended_at:
        steps.append(Transition.RESUMED if episode.ended_at is None else Transition.ENDED)
        breach = replace(breach, ended_at=episode.ended_at)
    return breach, tuple(steps)

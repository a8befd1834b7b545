"""What the feed tells of a breach."""

from __future__ import annotations

from domain.agreement import ObjectivePlace
from domain.attainment import Attainment, shown, shown_target
from domain.breach import Breach, Severity, Transition
from domain.feed import BreachChange, Restatement
from domain.metric import Metric
from domain.service import Service


def breach_change(
    transition: Transition,
    breach: Breach,
    attainment: Attainment,
    place: ObjectivePlace,
    metric: Metric,
    service: Service,
) -> BreachChange:
    objective, agreement = place.objective, place.agreement
    target = objective.expected if breach.severity is Severity.EXPECTED else objective.breach_level
    return BreachChange(
        transition=transition,
        breach=breach.id,
        objective=objective.id,
        objective_code=objective.code,
        agreement=agreement.id,
        agreement_code=agreement.code,
        service=service.id,
        service_code=service.code,
        provider=agreement.provider,
        customer=agreement.customer,
        attainment=attainment.id,
        period=attainment.period.span,
        severity=breach.severity,
        value=attainment.value,
        target=target,
        shown_value=None if attainment.value is None else str(shown(attainment.value, metric)),
        shown_target=str(shown_target(target, metric)),
        ended_at=breach.ended_at,
        causes=breach.risk.causes if transition is Transition.AT_RISK and breach.risk is not None else (),
    )


def restatement(
    former: Attainment, restated: Attainment, place: ObjectivePlace, metric: Metric, service: Service
) -> list[Restatement]:
    """One where status or value changed; a restatement may change the evidence alone, and then nothing is told."""
    if (former.status, former.value) == (restated.status, restated.value):
        return []
    objective, agreement = place.objective, place.agreement
    return [
        Restatement(
            attainment=restated.id,
            revision=restated.revision,
            objective=objective.id,
            objective_code=objective.code,
            agreement=agreement.id,
            agreement_code=agreement.code,
            service=service.id,
            service_code=service.code,
            provider=agreement.provider,
            customer=agreement.customer,
            period=restated.period.span,
            former_status=former.status,
            former_shown_value=_shown(former, metric),
            status=restated.status,
            shown_value=_shown(restated, metric),
        )
    ]


def _shown(attainment: Attainment, metric: Metric) -> str | None:
    return None if attainment.value is None else str(shown(attainment.value, metric))

"""A judgement as JSON (docs/judge.md, JSON). Counts are exact integers; decimals and instants are strings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.aside import SetAside
from domain.attainment import (
    Attainment,
    CaseEvidence,
    CountEvidence,
    OutageUsed,
    PercentileEvidence,
    SampleEvidence,
    SliceEvidence,
    TimeEvidence,
    budget_us,
    formula,
    shown,
    shown_target,
)
from domain.budget import error_budget
from domain.counts import confidence, tolerated
from domain.metric import Metric
from domain.objective import Objective
from domain.ratio import Direction, Ratio, exact_decimal
from runtime.fact_rows import OutageRow
from runtime.judgement_explain import explained, explanation_json
from runtime.judging import Judgement, Verdict
from runtime.written import shown_instant

FORM = "interpact.judgement/1"

Json = Mapping[str, object]


def as_json(judgement: Judgement, outcome: str) -> str:
    """One line of ASCII. `outcome`: the word for the exit status."""
    return _written(judgement, outcome, [_verdict(verdict, judgement.evidence) for verdict in judgement.verdicts])


def as_explained_json(judgement: Judgement, outcome: str) -> str:
    """The same, each verdict with how it came to be."""
    told = [
        {**_verdict(each, judgement.evidence), "explanation": explanation_json(explained(judgement, each))}
        for each in judgement.verdicts
    ]
    return _written(judgement, outcome, told)


def _written(judgement: Judgement, outcome: str, verdicts: Sequence[Json]) -> str:
    return json.dumps(_judgement(judgement, outcome, verdicts), separators=(",", ":"))


def _judgement(judgement: Judgement, outcome: str, verdicts: Sequence[Json]) -> Json:
    agreement = judgement.terms.agreement
    return {
        "form": FORM,
        "outcome": outcome,
        "agreement": {
            "code": agreement.code,
            "name": agreement.name,
            "kind": agreement.kind.value,
            "provider": judgement.terms.provider,
            "customer": judgement.terms.customer,
            "startsAt": shown_instant(agreement.starts_at),
            "endsAt": None if agreement.ends_at is None else shown_instant(agreement.ends_at),
        },
        "judgedAt": shown_instant(judgement.at),
        "reportedThrough": shown_instant(judgement.reported_through),
        "counts": {status.value: number for status, number in judgement.counts.items()},
        "facts": {
            "rows": judgement.rows,
            "repeated": judgement.repeated,
            "notUnderTerms": [
                {"vendor": each.vendor or None, "service": each.service, "metric": each.metric or None, "rows": rows}
                for each, rows in sorted(
                    judgement.not_under_terms.items(),
                    key=lambda pair: (pair[0].vendor, pair[0].service, pair[0].metric),
                )
            ],
        },
        "verdicts": verdicts,
    }


def _verdict(verdict: Verdict, rows: Mapping[str, OutageRow]) -> Json:
    attainment, metric, objective = verdict.attainment, verdict.promise.metric, verdict.promise.objective
    return {
        "objective": objective.code,
        "service": verdict.service.code,
        "metric": metric.code,
        "aggregation": metric.aggregation.value,
        "direction": metric.direction.value,
        "period": _period(attainment, objective),
        "phase": attainment.phase.value,
        "status": attainment.status.value,
        "breach": verdict.breaches,
        "breachEndedAt": _ended(verdict),
        "value": None if attainment.value is None else _value(attainment.value, metric),
        "expected": _target(objective.expected, metric),
        "minimum": None if objective.minimum is None else _target(objective.minimum, metric),
        "coverage": None if attainment.coverage is None else _coverage(attainment.coverage),
        "errorBudget": _error_budget(attainment, objective),
        "confidence": _confidence(attainment),
        "missTolerated": tolerated(objective, attainment.evidence),
        "evidence": _evidence(attainment, objective, rows),
        "setAside": _set_aside(attainment.set_aside),
        "formula": list(formula(attainment, metric)),
    }


def _ended(verdict: Verdict) -> str | None:
    episode = verdict.episode
    return None if episode is None or episode.ended_at is None else shown_instant(episode.ended_at)


def _set_aside(aside: SetAside) -> Json:
    return {
        "closedUs": aside.closed_us,
        "excludedUs": aside.excluded_us,
        "exclusions": [
            {
                "kind": used.kind.value,
                "startsAt": shown_instant(used.starts_at),
                "recurrence": used.recurrence,
                "tookUs": used.us,
            }
            for used in aside.exclusions
        ],
        "exclusionsTotal": aside.exclusions_total,
    }


def _period(attainment: Attainment, objective: Objective) -> Json:
    span, zone = attainment.period.span, ZoneInfo(objective.window.zone)
    return {
        "start": shown_instant(span.start),
        "end": shown_instant(span.end),
        "zone": objective.window.zone,
        "localStart": _local(span.start, zone),
        "localEnd": _local(span.end, zone),
        "reportOnly": attainment.period.report_only,
    }


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat()


def _value(value: Ratio, metric: Metric) -> Json:
    return _ratio(value, f"{shown(value, metric):f}", metric)


def _target(value: Ratio, metric: Metric) -> Json:
    return _ratio(value, f"{shown_target(value, metric):f}", metric)


def _ratio(value: Ratio, text: str, metric: Metric) -> Json:
    unit = "%" if metric.aggregation.is_share else metric.unit
    return {"numerator": value.numerator, "denominator": value.denominator, "shown": text, "unit": unit}


def _coverage(value: Ratio) -> Json:
    text = f"{Ratio(value.numerator * 100, value.denominator).shown(Direction.AT_LEAST):f}"
    return {"numerator": value.numerator, "denominator": value.denominator, "shown": text, "unit": "%"}


def _error_budget(attainment: Attainment, objective: Objective) -> Json | None:
    """Exact, but for the share: 6 places in percent, rounded down."""
    budget = error_budget(objective, attainment.evidence)
    if budget is None:
        return None
    share = budget.left_share
    return {
        "unit": budget.unit.value,
        "total": f"{exact_decimal(budget.total):f}",
        "spent": f"{exact_decimal(budget.spent):f}",
        "left": f"{exact_decimal(budget.left):f}",
        "leftShare": None
        if share is None
        else f"{Ratio(share.numerator * 100, share.denominator).shown(Direction.AT_LEAST):f}",
    }


def _confidence(attainment: Attainment) -> Json | None:
    """Of shares of counts, at 95 %: with 12 places as fractions of 1."""
    found = confidence(attainment.evidence)
    if found is None:
        return None
    return {"low": _places(found.low), "high": _places(found.high)}


def _places(share: Ratio) -> str:
    return f"{exact_decimal(share.exact):f}"


def _evidence(attainment: Attainment, objective: Objective, rows: Mapping[str, OutageRow]) -> Json:
    match attainment.evidence:
        case TimeEvidence() as evidence:
            return _time(evidence, objective, rows)
        case CountEvidence() as evidence:
            return {
                "kind": "tallies",
                "allowedUs": evidence.allowed_us,
                "excludedUs": evidence.excluded_us,
                "good": evidence.good,
                "total": evidence.total,
                "points": evidence.points,
            }
        case SliceEvidence() as evidence:
            return {
                "kind": "slices",
                "allowedUs": evidence.allowed_us,
                "excludedUs": evidence.excluded_us,
                "sliceUs": evidence.slice_us,
                "slices": evidence.slices,
                "slicesTotal": evidence.slices_total,
                "reported": evidence.reported,
                "idle": evidence.idle,
                "good": evidence.good,
                "counted": evidence.counted,
                "bad": f"{Decimal(evidence.bad).scaleb(-12):f}",
                "budgetUs": budget_us(objective, evidence),
                "points": evidence.points,
            }
        case PercentileEvidence() as evidence:
            return {
                "kind": "percentile",
                "allowedUs": evidence.allowed_us,
                "excludedUs": evidence.excluded_us,
                "percentile": f"{evidence.percentile:f}",
                "points": evidence.points,
                "low": evidence.low,
                "high": evidence.high,
                "undecided": evidence.undecided,
                "scale": evidence.scale,
            }
        case CaseEvidence() as evidence:
            return _cases(evidence)
        case SampleEvidence() as evidence:
            return {
                "kind": "samples",
                "allowedUs": evidence.allowed_us,
                "excludedUs": evidence.excluded_us,
                "points": evidence.points,
                "sum": evidence.sum,
                "minimum": evidence.minimum,
                "maximum": evidence.maximum,
                "scale": evidence.scale,
            }
        case _ as never:
            assert_never(never)


def _time(evidence: TimeEvidence, objective: Objective, rows: Mapping[str, OutageRow]) -> Json:
    return {
        "kind": "time",
        "periodUs": evidence.period_us,
        "excludedUs": evidence.excluded_us,
        "allowedUs": evidence.allowed_us,
        "allowedTotalUs": evidence.allowed_total_us,
        "downUs": evidence.down_us,
        "excusedUs": evidence.excused_us,
        "shortUs": evidence.short_us,
        "weightlessUs": evidence.weightless_us,
        "missingUs": evidence.missing_us,
        "badUnits": evidence.bad_units,
        "unitsPerUs": evidence.units_per_us,
        "budgetUs": budget_us(objective, evidence),
        "outages": _outages(evidence.outages, rows),
        "outagesTotal": evidence.outages_total,
        "states": [
            {"state": each.state, "since": shown_instant(each.since), "use": each.use.value} for each in evidence.states
        ],
        "statesTotal": evidence.states_total,
    }


def _cases(evidence: CaseEvidence) -> Json:
    return {
        "kind": "cases",
        "allowedUs": evidence.allowed_us,
        "excludedUs": evidence.excluded_us,
        "decided": evidence.in_time + evidence.late,
        "inTime": evidence.in_time,
        "late": evidence.late,
        "open": evidence.open,
        "cases": [
            {
                "caseId": each.external_id,
                "decidedAt": None if each.decided_at is None else shown_instant(each.decided_at),
                "use": each.use.value,
            }
            for each in evidence.cases
        ],
        "casesTotal": evidence.cases_total,
    }


def _outages(used: Sequence[OutageUsed], rows: Mapping[str, OutageRow]) -> list[Json]:
    return [_outage(rows[each.external_id], each) for each in used]


def _outage(row: OutageRow, used: OutageUsed) -> Json:
    return {
        "line": row.line,
        "vendor": row.vendor,
        "service": row.service,
        "incidentId": row.incident_id,
        "startedAt": shown_instant(row.started_at),
        "endedAt": None if row.ended_at is None else shown_instant(row.ended_at),
        "impact": row.impact,
        "use": used.use.value,
    }

"""A judgement as JSON (docs/judge.md, JSON). Counts are exact integers; decimals and instants are strings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.attainment import (
    Attainment,
    CountEvidence,
    OutageUsed,
    SampleEvidence,
    TimeEvidence,
    budget_us,
    formula,
    shown,
    shown_target,
)
from domain.metric import Metric
from domain.objective import Objective
from domain.ratio import Direction, Ratio
from runtime.facts_file import OutageRow
from runtime.judging import Judgement, Verdict
from runtime.written import shown_instant

FORM = "interpact.judgement/1"

Json = Mapping[str, object]


def as_json(judgement: Judgement, outcome: str) -> str:
    """One line of ASCII. `outcome`: the word for the exit status."""
    return json.dumps(_judgement(judgement, outcome), separators=(",", ":"))


def _judgement(judgement: Judgement, outcome: str) -> Json:
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
        "verdicts": [_verdict(verdict, judgement.evidence) for verdict in judgement.verdicts],
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
        "breach": attainment.breaches,
        "value": None if attainment.value is None else _value(attainment.value, metric),
        "expected": _target(objective.expected, metric),
        "minimum": None if objective.minimum is None else _target(objective.minimum, metric),
        "coverage": None if attainment.coverage is None else _coverage(attainment.coverage),
        "evidence": _evidence(attainment, objective, rows),
        "formula": list(formula(attainment, metric)),
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


def _evidence(attainment: Attainment, objective: Objective, rows: Mapping[str, OutageRow]) -> Json:
    match attainment.evidence:
        case TimeEvidence() as evidence:
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
            }
        case CountEvidence() as evidence:
            return {
                "kind": "tallies",
                "allowedUs": evidence.allowed_us,
                "excludedUs": evidence.excluded_us,
                "good": evidence.good,
                "total": evidence.total,
                "points": evidence.points,
            }
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

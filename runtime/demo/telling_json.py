"""The demo's account as JSON. Counts are exact integers; decimals and instants are strings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from domain.agreement import Agreement
from domain.attainment import (
    CaseEvidence,
    CountEvidence,
    Evidence,
    PercentileEvidence,
    SampleEvidence,
    SliceEvidence,
    TimeEvidence,
    shown,
    shown_target,
)
from domain.breach import AtRisk, Breach, BreachState, Confirmed, Open, RiskPassed, Withdrawn
from domain.metric import Metric
from domain.ratio import Ratio
from runtime.demo.account import Account, Verdict
from runtime.demo.telling import label, unit_of
from runtime.written import shown_instant

FORM = "interpact.demo/1"

Json = Mapping[str, object]


def as_json(account: Account) -> dict[str, object]:
    """Verdicts of all periods that had begun by the end of the replay: `finished` ended by then, `running` did not."""
    return {
        "form": FORM,
        "tenant": account.tenant,
        "records": {
            "file": account.file,
            "read": account.records,
            "recorded": account.counts.recorded,
            "duplicates": account.counts.duplicates,
            "exclusions": account.counts.exclusions,
            "notUnderContract": account.not_under_contract,
            "first": shown_instant(account.first),
            "last": shown_instant(account.last),
        },
        "syntheticMeasurements": account.counts.points,
        "replay": {"began": shown_instant(account.began), "ended": shown_instant(account.ended)},
        "notUnderContract": [
            {
                "vendor": each.name.vendor,
                "component": each.name.service,
                "service": each.code,
                "records": each.records,
            }
            for each in account.uncontracted
        ],
        "agreements": [_agreement(each, account) for each in _agreements(account)],
        "finished": [_verdict(each) for each in account.finished],
        "running": [_verdict(each) for each in account.running],
        "breaches": [_breach(each, each.breach) for each in account.breached if each.breach is not None],
        "risks": {
            "opened": account.risks.opened,
            "passed": account.risks.passed,
            "running": account.risks.running,
        },
    }


def _agreements(account: Account) -> list[Agreement]:
    return list({each.agreement.id: each.agreement for each in account.verdicts}.values())


def _agreement(agreement: Agreement, account: Account) -> Json:
    codes = {party.id: party.code for party in account.parties.values()}
    version = agreement.activated[-1]
    return {
        "code": agreement.code,
        "name": agreement.name,
        "kind": agreement.kind.value,
        "level": agreement.level.name.lower(),
        "provider": codes.get(agreement.provider),
        "customer": None if agreement.customer is None else codes.get(agreement.customer),
        "startsAt": shown_instant(agreement.starts_at),
        "clauses": [{"kind": clause.kind.value, "text": clause.text} for clause in version.clauses],
    }


def _verdict(verdict: Verdict) -> Json:
    attainment, objective, metric = verdict.attainment, verdict.objective, verdict.metric
    return {
        **_about(verdict),
        "metric": metric.code,
        "phase": attainment.phase.value,
        "revision": attainment.revision,
        "judgedAt": shown_instant(attainment.judged_at),
        "status": attainment.status.value,
        "value": None if attainment.value is None else _ratio(attainment.value, metric),
        "expected": _target(objective.expected, metric),
        "minimum": None if objective.minimum is None else _target(objective.minimum, metric),
        "coverage": None if attainment.coverage is None else _exact(attainment.coverage),
        "evidence": _evidence(attainment.evidence),
    }


def _about(verdict: Verdict) -> Json:
    span, zone = verdict.attainment.period.span, ZoneInfo(verdict.objective.window.zone)
    return {
        "agreement": verdict.agreement.code,
        "objective": verdict.objective.code,
        "service": verdict.service.code,
        "period": {
            "label": label(verdict.objective.window, span),
            "start": shown_instant(span.start),
            "end": shown_instant(span.end),
            "zone": zone.key,
            "localStart": span.start.astimezone(zone).isoformat(),
            "localEnd": span.end.astimezone(zone).isoformat(),
            "reportOnly": verdict.attainment.period.report_only,
        },
    }


def _breach(verdict: Verdict, breach: Breach) -> Json:
    name, since = _state(breach.state)
    return {
        **_about(verdict),
        "severity": breach.severity.value,
        "openedAt": shown_instant(breach.opened_at),
        "state": name,
        "stateSince": shown_instant(since),
    }


def _state(state: BreachState) -> tuple[str, datetime]:
    match state:
        case Open(since=since):
            return "open", since
        case Confirmed(since=since):
            return "confirmed", since
        case Withdrawn(since=since):
            return "withdrawn", since
        case AtRisk() | RiskPassed():
            raise AssertionError("what never opened is told apart")
        case _ as never:
            assert_never(never)


def _ratio(value: Ratio, metric: Metric) -> Json:
    return {**_exact(value), "shown": f"{shown(value, metric):f}", "unit": unit_of(metric)}


def _target(value: Ratio, metric: Metric) -> Json:
    return {**_exact(value), "shown": f"{shown_target(value, metric):f}", "unit": unit_of(metric)}


def _exact(value: Ratio) -> Json:
    return {"numerator": value.numerator, "denominator": value.denominator}


def _evidence(evidence: Evidence) -> Json:
    match evidence:
        case TimeEvidence():
            return _time(evidence)
        case CaseEvidence():
            return {
                "kind": "cases",
                "inTime": evidence.in_time,
                "late": evidence.late,
                "open": evidence.open,
            }
        case CountEvidence():
            return {
                "kind": "tallies",
                "good": evidence.good,
                "total": evidence.total,
                "points": evidence.points,
            }
        case SliceEvidence():
            return {
                "kind": "slices",
                "slices": evidence.slices,
                "reported": evidence.reported,
                "good": evidence.good,
                "counted": evidence.counted,
                "points": evidence.points,
            }
        case PercentileEvidence():
            return {
                "kind": "percentile",
                "points": evidence.points,
                "low": evidence.low,
                "high": evidence.high,
                "scale": evidence.scale,
            }
        case SampleEvidence():
            return {
                "kind": "samples",
                "points": evidence.points,
                "sum": evidence.sum,
                "minimum": evidence.minimum,
                "maximum": evidence.maximum,
                "scale": evidence.scale,
            }
        case _ as never:
            assert_never(never)


def _time(evidence: TimeEvidence) -> Json:
    return {
        "kind": "time",
        "periodUs": evidence.period_us,
        "excludedUs": evidence.excluded_us,
        "allowedUs": evidence.allowed_us,
        "downUs": evidence.down_us,
        "excusedUs": evidence.excused_us,
        "shortUs": evidence.short_us,
        "weightlessUs": evidence.weightless_us,
        "missingUs": evidence.missing_us,
        "outages": [
            {"externalId": each.external_id, "revision": each.revision, "use": each.use.value}
            for each in evidence.outages
        ],
        "outagesTotal": evidence.outages_total,
    }

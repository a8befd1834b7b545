"""Evidence as JSON, whose integers are of any size here and in PostgreSQL's jsonb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

from domain.attainment import (
    CaseEvidence,
    CaseUse,
    CaseUsed,
    CountEvidence,
    Evidence,
    OutageUsed,
    PercentileEvidence,
    SampleEvidence,
    SliceEvidence,
    StateUsed,
    TimeEvidence,
    Use,
)
from domain.ids import StreamId


def to_json(evidence: Evidence) -> dict[str, object]:
    match evidence:
        case TimeEvidence():
            return _time_to_json(evidence)
        case CountEvidence():
            return {
                "of": "tallies",
                "allowed_us": evidence.allowed_us,
                "excluded_us": evidence.excluded_us,
                "good": evidence.good,
                "total": evidence.total,
                "points": evidence.points,
            }
        case SliceEvidence():
            return {
                "of": "slices",
                "allowed_us": evidence.allowed_us,
                "excluded_us": evidence.excluded_us,
                "slice_us": evidence.slice_us,
                "slices": evidence.slices,
                "slices_total": evidence.slices_total,
                "reported": evidence.reported,
                "idle": evidence.idle,
                "good": evidence.good,
                "counted": evidence.counted,
                "bad": evidence.bad,
                "points": evidence.points,
            }
        case PercentileEvidence():
            return {
                "of": "percentile",
                "allowed_us": evidence.allowed_us,
                "excluded_us": evidence.excluded_us,
                "percentile": str(evidence.percentile),
                "points": evidence.points,
                "low": evidence.low,
                "high": evidence.high,
                "undecided": evidence.undecided,
                "scale": evidence.scale,
            }
        case CaseEvidence():
            return _cases_to_json(evidence)
        case SampleEvidence():
            return {
                "of": "samples",
                "allowed_us": evidence.allowed_us,
                "excluded_us": evidence.excluded_us,
                "points": evidence.points,
                "sum": evidence.sum,
                "minimum": evidence.minimum,
                "maximum": evidence.maximum,
                "scale": evidence.scale,
            }
        case _ as never:
            assert_never(never)


def to_evidence(kept: Mapping[str, Any]) -> Evidence:
    match kept["of"]:
        case "time":
            return _to_time(kept)
        case "cases":
            return _to_cases(kept)
        case "tallies":
            return CountEvidence(
                allowed_us=kept["allowed_us"],
                excluded_us=kept["excluded_us"],
                good=kept["good"],
                total=kept["total"],
                points=kept["points"],
            )
        case "samples":
            return SampleEvidence(
                allowed_us=kept["allowed_us"],
                excluded_us=kept["excluded_us"],
                points=kept["points"],
                sum=kept["sum"],
                minimum=kept["minimum"],
                maximum=kept["maximum"],
                scale=kept["scale"],
            )
        case "slices":
            return SliceEvidence(
                allowed_us=kept["allowed_us"],
                excluded_us=kept["excluded_us"],
                slice_us=kept["slice_us"],
                slices=kept["slices"],
                slices_total=kept["slices_total"],
                reported=kept["reported"],
                idle=kept["idle"],
                good=kept["good"],
                counted=kept["counted"],
                bad=kept["bad"],
                points=kept["points"],
            )
        case "percentile":
            return PercentileEvidence(
                allowed_us=kept["allowed_us"],
                excluded_us=kept["excluded_us"],
                percentile=Decimal(kept["percentile"]),
                points=kept["points"],
                low=kept["low"],
                high=kept["high"],
                undecided=kept["undecided"],
                scale=kept["scale"],
            )
        case other:
            raise AssertionError(f"no evidence is of {other}")


def _time_to_json(evidence: TimeEvidence) -> dict[str, object]:
    return {
        "of": "time",
        "period_us": evidence.period_us,
        "excluded_us": evidence.excluded_us,
        "allowed_us": evidence.allowed_us,
        "allowed_total_us": evidence.allowed_total_us,
        "down_us": evidence.down_us,
        "excused_us": evidence.excused_us,
        "short_us": evidence.short_us,
        "weightless_us": evidence.weightless_us,
        "missing_us": evidence.missing_us,
        "bad_units": evidence.bad_units,
        "units_per_us": evidence.units_per_us,
        "outages": [
            {
                "stream": str(used.stream),
                "external_id": used.external_id,
                "revision": used.revision,
                "use": used.use.value,
            }
            for used in evidence.outages
        ],
        "outages_total": evidence.outages_total,
        **_states_to_json(evidence),
    }


def _cases_to_json(evidence: CaseEvidence) -> dict[str, object]:
    return {
        "of": "cases",
        "allowed_us": evidence.allowed_us,
        "excluded_us": evidence.excluded_us,
        "in_time": evidence.in_time,
        "late": evidence.late,
        "open": evidence.open,
        "cases": [
            {
                "stream": str(used.stream),
                "external_id": used.external_id,
                "revision": used.revision,
                "decided_at": None if used.decided_at is None else used.decided_at.isoformat(),
                "use": used.use.value,
            }
            for used in evidence.cases
        ],
        "cases_total": evidence.cases_total,
    }


def _to_cases(kept: Mapping[str, Any]) -> CaseEvidence:
    return CaseEvidence(
        allowed_us=kept["allowed_us"],
        excluded_us=kept["excluded_us"],
        in_time=kept["in_time"],
        late=kept["late"],
        open=kept["open"],
        cases=tuple(
            CaseUsed(
                stream=StreamId(UUID(used["stream"])),
                external_id=used["external_id"],
                revision=used["revision"],
                decided_at=None if used["decided_at"] is None else datetime.fromisoformat(used["decided_at"]),
                use=CaseUse(used["use"]),
            )
            for used in kept["cases"]
        ),
        cases_total=kept["cases_total"],
    )


def _states_to_json(evidence: TimeEvidence) -> dict[str, object]:
    """Nothing where no state was used, as in evidence from before there were states."""
    if not evidence.states:
        return {}
    states = [
        {
            "stream": str(used.stream),
            "state": used.state,
            "since": used.since.isoformat(),
            "use": used.use.value,
        }
        for used in evidence.states
    ]
    return {"states": states, "states_total": evidence.states_total}


def _to_time(kept: Mapping[str, Any]) -> TimeEvidence:
    return TimeEvidence(
        period_us=kept["period_us"],
        excluded_us=kept["excluded_us"],
        allowed_us=kept["allowed_us"],
        allowed_total_us=kept["allowed_total_us"],
        down_us=kept["down_us"],
        excused_us=kept["excused_us"],
        short_us=kept["short_us"],
        weightless_us=kept["weightless_us"],
        missing_us=kept["missing_us"],
        bad_units=kept["bad_units"],
        units_per_us=kept["units_per_us"],
        outages=tuple(
            OutageUsed(
                stream=StreamId(UUID(used["stream"])),
                external_id=used["external_id"],
                revision=used["revision"],
                use=Use(used["use"]),
            )
            for used in kept["outages"]
        ),
        outages_total=kept["outages_total"],
        states=tuple(
            StateUsed(
                stream=StreamId(UUID(used["stream"])),
                state=used["state"],
                since=datetime.fromisoformat(used["since"]),
                use=Use(used["use"]),
            )
            for used in kept.get("states", ())
        ),
        states_total=kept.get("states_total", 0),
    )

"""Evidence as JSON, whose integers are of any size here and in PostgreSQL's jsonb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never
from uuid import UUID

from domain.attainment import CountEvidence, Evidence, OutageUsed, SampleEvidence, TimeEvidence, Use
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
    }


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
    )

"""Terms that are kept as JSON: service hours, terms of exclusions, and exclusions that recur."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from domain.exclusion import ExclusionKind, ExclusionTerms
from domain.hours import ServiceHours
from domain.recurrence import Recurrence
from domain.spans import microseconds


def hours_to_json(hours: ServiceHours | None) -> Mapping[str, object] | None:
    if hours is None:
        return None
    return {
        "zone": hours.zone,
        "weekly": [[[start, end] for start, end in day] for day in hours.weekly],
        "holidays": [day.isoformat() for day in hours.holidays],
    }


def to_hours(kept: Mapping[str, Any] | None) -> ServiceHours | None:
    if kept is None:
        return None
    return ServiceHours(
        zone=kept["zone"],
        weekly=tuple(tuple((start, end) for start, end in day) for day in kept["weekly"]),
        holidays=tuple(date.fromisoformat(day) for day in kept["holidays"]),
    )


def exclusion_terms_to_json(terms: ExclusionTerms) -> Mapping[str, object]:
    return {
        "kind": terms.kind.value,
        "notice_us": None if terms.notice is None else microseconds(terms.notice),
        "yearly_cap_us": None if terms.yearly_cap is None else microseconds(terms.yearly_cap),
    }


def to_exclusion_terms(kept: Mapping[str, Any]) -> ExclusionTerms:
    return ExclusionTerms(
        kind=ExclusionKind(kept["kind"]),
        notice=_to_duration(kept["notice_us"]),
        yearly_cap=_to_duration(kept["yearly_cap_us"]),
    )


def recurrence_to_json(recurrence: Recurrence) -> Mapping[str, object]:
    return {
        "rule": recurrence.rule,
        "starts": recurrence.starts.isoformat(),
        "zone": recurrence.zone,
        "duration_us": microseconds(recurrence.duration),
        "kind": recurrence.kind.value,
        "reason": recurrence.reason,
    }


def to_recurrence(kept: Mapping[str, Any]) -> Recurrence:
    return Recurrence(
        rule=kept["rule"],
        starts=datetime.fromisoformat(kept["starts"]),
        zone=kept["zone"],
        duration=timedelta(microseconds=kept["duration_us"]),
        kind=ExclusionKind(kept["kind"]),
        reason=kept["reason"],
    )


def _to_duration(us: int | None) -> timedelta | None:
    return None if us is None else timedelta(microseconds=us)

"""Objectives as rows, each in its version."""

from __future__ import annotations

from typing import assert_never

from domain.agreement import Version
from domain.calendars import CalendarWindow, ContractYearWindow, Every, RollingWindow, Window
from domain.case import Milestone
from domain.objective import Granularity, Importance, LowVolume, Missing, Objective, Override
from domain.ratio import Direction
from persistence.ratios import columns, to_optional_ratio, to_ratio
from persistence.session import Found
from persistence.terms_json import hours_to_json, to_hours

CONTRACT_YEAR = "contract_year"
ROLLING = "rolling"


def to_rows(version: Version) -> list[dict[str, object]]:
    return [_to_row(version, ordinal, objective) for ordinal, objective in enumerate(version.objectives)]


def _to_row(version: Version, ordinal: int, objective: Objective) -> dict[str, object]:
    return {
        "objective_id": objective.id,
        "version_id": version.id,
        "ordinal": ordinal,
        "code": objective.code,
        "name": objective.name,
        "metric_id": objective.metric,
        "direction": objective.direction.value,
        **columns("expected", objective.expected),
        **columns("minimum", objective.minimum),
        **_window_columns(objective.window),
        "importance": objective.importance.value,
        "source": objective.source,
        "minimum_duration": objective.minimum_duration,
        "granularity": objective.granularity.value,
        "missing": objective.missing.value,
        **columns("coverage", objective.minimum_coverage),
        "override": objective.override.value,
        "hours": hours_to_json(objective.hours),
        "low_volume": objective.low_volume.value,
        "case_milestone": None if objective.case_milestone is None else objective.case_milestone.value,
        "case_limit": objective.case_limit,
    }


def to_objective(row: Found) -> Objective:
    return Objective(
        id=row["objective_id"],
        code=row["code"],
        name=row["name"],
        metric=row["metric_id"],
        direction=Direction(row["direction"]),
        expected=to_ratio(row["expected_numerator"], row["expected_denominator"]),
        minimum=to_optional_ratio(row["minimum_numerator"], row["minimum_denominator"]),
        window=_to_window(row),
        importance=Importance(row["importance"]),
        source=row["source"],
        minimum_duration=row["minimum_duration"],
        granularity=Granularity(row["granularity"]),
        missing=Missing(row["missing"]),
        minimum_coverage=to_optional_ratio(row["coverage_numerator"], row["coverage_denominator"]),
        override=Override(row["override"]),
        hours=to_hours(row["hours"]),
        low_volume=LowVolume(row["low_volume"]),
        case_milestone=None if row["case_milestone"] is None else Milestone(row["case_milestone"]),
        case_limit=row["case_limit"],
    )


def _window_columns(window: Window) -> dict[str, object]:
    kind: str
    day: int | None = None
    days: int | None = None
    match window:
        case CalendarWindow(every=every, anchor_day=anchor_day):
            kind, day = every.value, anchor_day
        case ContractYearWindow():
            kind = CONTRACT_YEAR
        case RollingWindow(days=length):
            kind, days = ROLLING, length
        case _ as never:
            assert_never(never)
    return {"window_kind": kind, "window_zone": window.zone, "window_anchor_day": day, "window_days": days}


def _to_window(row: Found) -> Window:
    if row["window_kind"] == CONTRACT_YEAR:
        return ContractYearWindow(zone=row["window_zone"])
    if row["window_kind"] == ROLLING:
        return RollingWindow(days=row["window_days"], zone=row["window_zone"])
    return CalendarWindow(every=Every(row["window_kind"]), zone=row["window_zone"], anchor_day=row["window_anchor_day"])

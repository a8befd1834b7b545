"""Verdicts on real outages, held to an independent mask of one cell for each second."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.attainment import TimeEvidence
from domain.calendars import CalendarWindow, Every, periods
from domain.spans import Span
from tests.builders import a_period, an_exclusion, an_objective, an_outage, judged
from tests.domain.reference import mask_seconds
from tests.real_outages import Component, busy, components, parsed, rows_by_component

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
LAST = datetime(2026, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


def down_and_allowed(component: Component, span: Span) -> tuple[int, int]:
    """Microseconds, by the judge."""
    rows = rows_by_component()[component]
    outages = [
        an_outage(
            parsed(row["started_at"]),
            parsed(row["ended_at"]),
            row["impact"],
            external_id=f"{row['incident_id']} {line}",
        )
        for line, row in enumerate(rows)
        if row["impact"] != "maintenance"
    ]
    exclusions = [
        an_exclusion(parsed(row["started_at"]), parsed(row["ended_at"]))
        for row in rows
        if row["impact"] == "maintenance"
    ]
    evidence = judged(
        *outages,
        exclusions=exclusions,
        objective=an_objective("99.9"),
        period=a_period(span.start, span.end),
        at=LAST,
    ).evidence
    assert isinstance(evidence, TimeEvidence)
    return evidence.down_us, evidence.allowed_us


@pytest.mark.parametrize(
    ("window", "pairs_at_least"),
    [
        (CalendarWindow(every=Every.MONTH, zone="UTC"), 350),
        (CalendarWindow(every=Every.QUARTER, zone="UTC"), 250),
        (CalendarWindow(every=Every.MONTH, zone="Europe/Madrid", anchor_day=16), 350),
    ],
    ids=["months", "quarters", "months from the 16th in Madrid"],
)
def test_down_and_allowed_seconds_are_those_of_the_mask(window: CalendarWindow, pairs_at_least: int) -> None:
    pairs = [
        (component, span)
        for span in periods(window, starts=FIRST, until=LAST)
        if span.end <= LAST
        for component in components()
        if busy(component, span.start, span.end)
    ]
    assert len(pairs) >= pairs_at_least
    for component, span in pairs:
        down, allowed = mask_seconds(rows_by_component()[component], span.start, span.end)
        assert down_and_allowed(component, span) == (down * SECOND_US, allowed * SECOND_US), (component, span)

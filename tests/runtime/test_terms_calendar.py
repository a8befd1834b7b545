"""Windows, service hours and exclusions of a file of terms, and how they are judged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from domain.attainment import Status
from domain.calendars import RollingWindow
from domain.exclusion import ExclusionKind, ExclusionTerms
from domain.hours import ServiceHours
from domain.recurrence import Recurrence
from domain.spans import Span
from runtime.facts_file import BadLines, read_facts
from runtime.gathering import gather
from runtime.judging import Judgement, judge
from runtime.terms_file import read_terms
from runtime.yaml_nodes import FileInvalid

TERMS = """\
agreement: {code: hosting, kind: uc, provider: host, starts: 2024-01-01, ends: 2025-01-01}
zone: Europe/Madrid
services:
  - code: web
metrics:
  - {code: availability, aggregation: availability}
objectives:
  - code: uptime
    metric: availability
    expected: 99
    window: {every: day}
    hours:
      weekly:
        monday: [09:00-12:00, 13:00-17:00]
        tuesday: [09:00-17:00]
      holidays: [2024-01-09]
  - code: lately
    metric: availability
    expected: 90
    window: {rolling: {days: 2, zone: UTC}}
exclusions:
  - {kind: maintenance, start: 2024-01-08T10:00:00Z, end: 2024-01-08T10:30:00Z, announced: 2024-01-05}
  - {kind: maintenance, start: 2024-01-08T14:00:00Z, end: 2024-01-08T14:30:00Z}
exclusion_terms:
  - {kind: maintenance, notice: P2D, yearly_cap: PT45M}
recurring:
  - {rule: FREQ=WEEKLY;BYDAY=MO, starts: 2024-01-01T15:00, duration: PT30M, kind: maintenance, reason: Every Monday}
"""
FACTS = """\
vendor,service,incident_id,started_at,ended_at,impact
host,web,1,2024-01-08T07:00:00Z,2024-01-08T09:00:00Z,critical
host,web,2,2024-01-12T00:00:00Z,2024-01-12T12:00:00Z,critical
"""


def judged(folder: Path, at: datetime) -> Judgement:
    (folder / "terms.yaml").write_text(TERMS, encoding="utf-8")
    (folder / "facts.csv").write_text(FACTS, encoding="utf-8")
    terms, bad = read_terms(folder / "terms.yaml"), BadLines("facts.csv")
    gathered = gather(terms, read_facts(folder / "facts.csv", bad), bad)
    assert bad.total == 0
    return judge(terms, gathered, at=at)


def test_a_file_says_hours_rolling_windows_and_terms_of_exclusions(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(TERMS, encoding="utf-8")
    terms = read_terms(path)
    uptime, lately = (promise.objective for promise in terms.promises)
    assert uptime.hours == ServiceHours(
        zone="Europe/Madrid",
        weekly=(((540, 720), (780, 1020)), ((540, 1020),), (), (), (), (), ()),
        holidays=(date(2024, 1, 9),),
    )
    assert (lately.hours, lately.window) == (None, RollingWindow(days=2, zone="UTC"))
    assert terms.version.exclusion_terms == (
        ExclusionTerms(kind=ExclusionKind.MAINTENANCE, notice=timedelta(days=2), yearly_cap=timedelta(minutes=45)),
    )
    assert terms.version.recurring == (
        Recurrence(
            rule="FREQ=WEEKLY;BYDAY=MO",
            starts=datetime(2024, 1, 1, 15),  # noqa: DTZ001 - on the wall
            zone="Europe/Madrid",
            duration=timedelta(minutes=30),
            kind=ExclusionKind.MAINTENANCE,
            reason="Every Monday",
        ),
    )


def test_a_day_is_judged_within_its_hours_by_notice_and_cap(tmp_path: Path) -> None:
    """Of the cap of 45 minutes the 1st used 30; the announced half hour of the 8th comes before the recurring one."""
    found = judged(tmp_path, datetime(2024, 1, 15, tzinfo=UTC))
    by_day = {
        verdict.attainment.period.span.start.date(): verdict.attainment
        for verdict in found.verdicts
        if verdict.promise.objective.code == "uptime"
    }
    monday, holiday = by_day[date(2024, 1, 7)], by_day[date(2024, 1, 8)]
    minute = 60_000_000
    assert [(used.recurrence, used.us) for used in monday.set_aside.exclusions] == [(None, 15 * minute)]
    assert (monday.set_aside.closed_us, monday.set_aside.excluded_us) == (17 * 60 * minute, 15 * minute)
    # The outage was on from 08:00 to 10:00 in Madrid, of which the second hour counts.
    assert monday.value is not None
    assert monday.value.exact == Fraction(7 * 60 - 15 - 60, 7 * 60 - 15)
    assert (holiday.status, holiday.set_aside.closed_us) == (Status.NOT_APPLICABLE, 24 * 60 * minute)


def test_of_a_rolling_objective_only_the_first_failing_evaluation_of_an_episode_is_a_breach(tmp_path: Path) -> None:
    found = judged(tmp_path, datetime(2024, 1, 15, 12, tzinfo=UTC))
    rolling = [verdict for verdict in found.verdicts if verdict.promise.objective.code == "lately"]
    assert [verdict.attainment.period.span for verdict in rolling][:1] == [
        Span(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC))
    ]
    assert rolling[-1].attainment.period.span.end == datetime(2024, 1, 15, tzinfo=UTC)
    failing = [each.attainment.period.span.end.day for each in rolling if each.attainment.status is Status.MISSED]
    assert failing == [13, 14]
    (breach,) = [each for each in rolling if each.breaches]
    assert breach.attainment.period.span.end == datetime(2024, 1, 13, tzinfo=UTC)
    assert breach.episode is not None
    assert breach.episode.ended_at == datetime(2024, 1, 15, tzinfo=UTC)


def test_a_recurrence_that_never_ends_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(TERMS.replace(", ends: 2025-01-01", ""), encoding="utf-8")
    with pytest.raises(FileInvalid, match="recurring: a recurrence without end"):
        read_terms(path)

"""The life of a breach (design.md, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.agreement import Period
from domain.attainment import Attainment, CountEvidence, Phase, Status
from domain.breach import Breach, Confirmed, Open, Severity, Transition, Withdrawn, follow
from domain.ids import AgreementId, BreachId, ObjectiveId, PeriodId, ServiceId, VersionId
from domain.ratio import Ratio
from domain.spans import Span

START = datetime(2024, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=40)
NEW = BreachId(UUID(int=7))
SPAN = Span(START, START + timedelta(days=31))


def judged(status: Status, *, phase: Phase = Phase.OPEN, at: datetime = START, report_only: bool = False) -> Attainment:
    return Attainment(
        objective=ObjectiveId(UUID(int=1)),
        version=VersionId(UUID(int=2)),
        agreement=AgreementId(UUID(int=3)),
        service=ServiceId(UUID(int=4)),
        period=Period(id=PeriodId(UUID(int=5)), span=SPAN, report_only=report_only),
        judged_at=at,
        phase=phase,
        status=status,
        value=Ratio(1, 2),
        coverage=None,
        evidence=CountEvidence(allowed_us=1, excluded_us=0, good=1, total=2, points=1),
        next_at=None,
    )


def opened(severity: Severity = Severity.MINIMUM) -> Breach:
    breach, _ = follow(None, judged(Status.MISSED), new_id=NEW)
    assert breach is not None
    return Breach(
        id=NEW,
        objective=breach.objective,
        agreement=breach.agreement,
        service=breach.service,
        period=SPAN,
        severity=severity,
        state=Open(START),
        opened_at=START,
    )


def test_a_miss_opens_a_breach_and_a_met_period_opens_none() -> None:
    assert follow(None, judged(Status.MISSED), new_id=NEW) == (opened(), (Transition.OPENED,))
    for status in (Status.MET, Status.PENDING, Status.HELD, Status.NOT_APPLICABLE):
        assert follow(None, judged(status), new_id=NEW) == (None, ())


def test_a_report_only_period_breaches_nothing() -> None:
    assert follow(None, judged(Status.MISSED, report_only=True), new_id=NEW) == (None, ())


def test_a_breach_is_confirmed_once_when_its_period_is_final() -> None:
    final = judged(Status.MISSED, phase=Phase.FINAL, at=LATER)
    breach, steps = follow(opened(), final, new_id=NEW)
    assert breach is not None
    assert (breach.state, steps) == (Confirmed(LATER), (Transition.CONFIRMED,))
    assert follow(breach, final, new_id=NEW) == (breach, ())


def test_a_miss_found_when_final_opens_and_is_confirmed_in_that_order() -> None:
    breach, steps = follow(None, judged(Status.MISSED, phase=Phase.FINAL), new_id=NEW)
    assert breach is not None
    assert steps == (Transition.OPENED, Transition.CONFIRMED)


def test_a_mended_period_withdraws_its_breach_and_a_new_miss_reopens_the_same_one() -> None:
    withdrawn, steps = follow(opened(), judged(Status.MET, at=LATER), new_id=NEW)
    assert withdrawn is not None
    assert (withdrawn.state, steps) == (Withdrawn(LATER), (Transition.WITHDRAWN,))
    again, steps = follow(withdrawn, judged(Status.MISSED, at=LATER), new_id=BreachId(UUID(int=8)))
    assert again is not None
    assert (again.id, again.state, again.opened_at, steps) == (NEW, Open(LATER), START, (Transition.OPENED,))


def test_falling_below_the_minimum_as_well_changes_the_severity() -> None:
    breach, steps = follow(opened(Severity.EXPECTED), judged(Status.MISSED), new_id=NEW)
    assert breach is not None
    assert (breach.severity, steps) == (Severity.MINIMUM, (Transition.SEVERITY_CHANGED,))

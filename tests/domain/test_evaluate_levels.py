"""What a value is worth: levels, certainty before the end, silence, coverage, and values that degenerate."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.attainment import Attainment, Phase, Status, TimeEvidence, shown
from domain.metric import Aggregation
from domain.objective import Missing
from domain.ratio import Direction, Ratio
from tests.builders import (
    a_metric,
    a_period,
    an_exclusion,
    an_objective,
    an_outage,
    judged,
    outage_facts,
)

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
# 99 % of a day allow 864 seconds: 10:00:00 to 10:14:24.
BUDGET_ENDS = "10:14:24"


def told(attainment: Attainment) -> tuple[Status, Ratio | None, Ratio | None]:
    return attainment.status, attainment.value, attainment.coverage


def test_a_value_equal_to_the_target_meets_it() -> None:
    assert judged(an_outage("10:00", BUDGET_ENDS)).status is Status.MET
    assert judged(an_outage("10:00", "10:14:24.000001")).status is Status.MISSED


def test_at_a_target_of_100_percent_there_is_no_tolerance() -> None:
    objective = an_objective("100")
    assert judged(objective=objective).status is Status.MET
    assert judged(an_outage("10:00", "10:00:00.000001"), objective=objective).status is Status.MISSED


def test_between_minimum_and_expected_a_period_is_below_expected() -> None:
    objective = an_objective("99.5", minimum="99")
    verdicts = [judged(an_outage("10:00", end), objective=objective) for end in ("10:07:12", "10:07:13", "10:14:25")]
    assert [each.status for each in verdicts] == [Status.MET, Status.BELOW_EXPECTED, Status.MISSED]
    assert [each.breaches for each in verdicts] == [False, True, True]


def test_a_report_only_period_is_judged_and_breaches_nothing() -> None:
    verdict = judged(an_outage("10:00", "12:00"), period=a_period(report_only=True))
    assert (verdict.status, verdict.breaches) == (Status.MISSED, False)


def test_zero_allowed_time_is_not_applicable() -> None:
    verdict = judged(an_outage("10:00", "11:00"), exclusions=[an_exclusion("0 0:00", "3 0:00")])
    assert told(verdict) == (Status.NOT_APPLICABLE, None, None)


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("10:14:24", Status.PENDING),
        ("10:14:24.000001", Status.MISSED),
        ("24:00", Status.MISSED),
    ],
)
def test_a_miss_is_certain_from_the_microsecond_that_exceeds_the_budget(at: str, status: Status) -> None:
    assert judged(an_outage("10:00", None), at=at).status is status


def test_before_the_end_only_a_certain_miss_is_told() -> None:
    assert judged(an_outage("0:00", "0:14"), at="0:14").status is Status.PENDING
    assert judged(an_outage("0:00", "0:14"), at="0:14").value == Ratio(0, 840_000_000)
    assert judged(an_outage("0:00", "0:14")).status is Status.MET


def test_before_the_end_a_period_may_be_certainly_below_expected_and_not_yet_missed() -> None:
    objective = an_objective("99.5", minimum="99")
    outage = an_outage("10:00", None)
    statuses = [judged(outage, objective=objective, at=at).status for at in ("10:07:12", "10:07:12.000001", "10:15")]
    assert statuses == [Status.PENDING, Status.BELOW_EXPECTED, Status.MISSED]


def test_time_excluded_later_in_the_period_shrinks_the_budget_from_the_start() -> None:
    later = an_exclusion("12:00", "24:00")
    assert judged(an_outage("10:00", "10:07:12"), exclusions=[later], at="10:08").status is Status.PENDING
    assert judged(an_outage("10:00", "10:07:13"), exclusions=[later], at="10:08").status is Status.MISSED


def test_at_its_end_a_period_is_provisional_and_after_its_grace_final() -> None:
    grace = timedelta(days=2)
    phases = [judged(at=at, grace=grace).phase for at in ("23:59:59", "24:00", "3 23:59:59", "4 0:00")]
    assert phases == [Phase.OPEN, Phase.PROVISIONAL, Phase.PROVISIONAL, Phase.FINAL]


# Reported up to 18:00, down for an hour before.
@pytest.mark.parametrize(
    ("missing", "value", "status"),
    [
        (Missing.HOLD, Ratio(17 * HOUR_US, 18 * HOUR_US), Status.HELD),
        (Missing.EXCLUDED, Ratio(17 * HOUR_US, 18 * HOUR_US), Status.MET),
        (Missing.BAD, Ratio(17 * HOUR_US, 24 * HOUR_US), Status.MISSED),
        (Missing.GOOD, Ratio(23 * HOUR_US, 24 * HOUR_US), Status.MET),
    ],
)
def test_silence_counts_as_the_objective_says(missing: Missing, value: Ratio, status: Status) -> None:
    objective = an_objective("90", missing=missing)
    verdict = judged(facts=outage_facts(an_outage("10:00", "11:00"), reported_through="18:00"), objective=objective)
    assert told(verdict) == (status, value, Ratio(18 * HOUR_US, 24 * HOUR_US))


@pytest.mark.parametrize(("needed", "status"), [("75", Status.MET), ("75.000001", Status.HELD)])
def test_below_the_minimum_coverage_a_verdict_is_held(needed: str, status: Status) -> None:
    objective = an_objective("90", minimum_coverage=needed)
    facts = outage_facts(an_outage("10:00", "11:00"), reported_through="18:00")
    assert judged(facts=facts, objective=objective).status is status


def test_a_miss_that_no_report_could_mend_is_told_in_spite_of_its_coverage() -> None:
    facts = outage_facts(an_outage("10:00", "16:00"), reported_through="18:00")
    assert judged(facts=facts, objective=an_objective("90")).status is Status.MISSED


def test_a_stream_that_never_reported_is_missing_not_up() -> None:
    verdict = judged(facts=outage_facts(reported_through=None))
    assert told(verdict) == (Status.HELD, None, Ratio(0, DAY_US))


def test_an_outage_beyond_what_was_reported_is_known_to_be_bad() -> None:
    verdict = judged(facts=outage_facts(an_outage("19:00", "20:00"), reported_through="18:00"))
    assert isinstance(verdict.evidence, TimeEvidence)
    assert (verdict.evidence.down_us, verdict.evidence.missing_us) == (HOUR_US, 5 * HOUR_US)


def test_excluded_time_is_not_missing() -> None:
    facts = outage_facts(reported_through="18:00")
    verdict = judged(facts=facts, exclusions=[an_exclusion("18:00", "24:00")])
    assert told(verdict) == (Status.MET, Ratio(18 * HOUR_US, 18 * HOUR_US), Ratio(18 * HOUR_US, 18 * HOUR_US))


@pytest.mark.parametrize(
    ("value", "direction", "text"),
    [
        (Ratio(2, 3), Direction.AT_LEAST, "66.666666"),
        (Ratio(2, 3), Direction.AT_MOST, "66.666667"),
        (Ratio(1, 1), Direction.AT_LEAST, "100.000000"),
        (Ratio(DAY_US * 30 - 1, DAY_US * 30), Direction.AT_LEAST, "99.999999"),
        (Ratio(1, DAY_US), Direction.AT_MOST, "0.000001"),
        (Ratio(0, 1), Direction.AT_MOST, "0.000000"),
    ],
)
def test_a_shown_value_is_rounded_towards_the_failing_side(value: Ratio, direction: Direction, text: str) -> None:
    assert str(shown(value, a_metric(Aggregation.RATIO_OF_SUMS, direction=direction))) == text


def test_a_miss_never_prints_as_met() -> None:
    objective = an_objective("99.999999")
    verdict = judged(an_outage("10:00", "10:00:00.000865"), objective=objective)
    assert verdict.status is Status.MISSED
    assert verdict.value is not None
    assert str(shown(verdict.value, a_metric())) == "99.999998"


def test_time_that_is_all_excluded_as_missing_leaves_nothing_to_judge() -> None:
    facts = outage_facts(reported_through=None)
    assert judged(facts=facts, objective=an_objective("90", missing=Missing.EXCLUDED)).status is Status.NOT_APPLICABLE
    assert judged(facts=facts, objective=an_objective("90", missing=Missing.HOLD)).status is Status.HELD

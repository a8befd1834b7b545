"""How time counts: one test for each rule of rules.md, Time down, and of exclusions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import pytest

from domain.aside import ExclusionUsed, SetAside
from domain.attainment import (
    Attainment,
    OutageUsed,
    Phase,
    Status,
    TimeEvidence,
    Use,
    budget_us,
    formula,
    shown,
)
from domain.errors import Invalid
from domain.exclusion import Exclusion, ExclusionKind
from domain.objective import Granularity
from domain.outage_time import OutageFacts
from domain.ratio import Ratio
from tests.builders import (
    AFTER,
    AGREEMENT,
    DAY,
    OBJECTIVE,
    OTHER_AGREEMENT,
    OTHER_SERVICE,
    SERVICE,
    STREAM,
    VERSION,
    a_log,
    a_metric,
    a_period,
    a_service,
    an_exclusion,
    an_objective,
    an_outage,
    judged,
    outage_facts,
)

SECOND_US = 1_000_000
DAY_S = 86_400
HALVES = a_metric(
    weights={"critical": Fraction(1), "half": Fraction(1, 2), "quarter": Fraction(1, 4), "none": Fraction(0)}
)


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What was counted of a day, in whole seconds."""

    down: int = 0
    excused: int = 0
    short: int = 0
    weightless: int = 0
    missing: int = 0
    excluded: int = 0
    allowed: int = DAY_S


def seconds_of(attainment: Attainment) -> Seconds:
    evidence = attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    us = {
        "down": evidence.down_us,
        "excused": evidence.excused_us,
        "short": evidence.short_us,
        "weightless": evidence.weightless_us,
        "missing": evidence.missing_us,
        "excluded": evidence.excluded_us,
        "allowed": evidence.allowed_us,
    }
    assert not any(value % SECOND_US for value in us.values()), f"not whole seconds: {us}"
    return Seconds(**{name: value // SECOND_US for name, value in us.items()})


def bad_seconds(attainment: Attainment) -> Fraction:
    """By weight."""
    evidence = attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    return Fraction(evidence.bad_units, evidence.units_per_us * SECOND_US)


def uses(attainment: Attainment) -> list[tuple[str, Use]]:
    assert isinstance(attainment.evidence, TimeEvidence)
    return [(each.external_id, each.use) for each in attainment.evidence.outages]


def test_a_verdict_tells_value_status_coverage_and_all_that_it_rests_on() -> None:
    facts = outage_facts(an_outage("10:00", "10:40", external_id="incident-1"))
    maintenance = an_exclusion("0:00", "2:00")
    allowed_us = 22 * 3600 * SECOND_US
    assert judged(facts=facts, exclusions=[maintenance]) == Attainment(
        objective=OBJECTIVE,
        version=VERSION,
        agreement=AGREEMENT,
        service=SERVICE,
        period=a_period(),
        judged_at=AFTER,
        phase=Phase.FINAL,
        status=Status.MISSED,
        value=Ratio(allowed_us - 2400 * SECOND_US, allowed_us),
        coverage=Ratio(allowed_us, allowed_us),
        evidence=TimeEvidence(
            period_us=DAY_S * SECOND_US,
            excluded_us=7200 * SECOND_US,
            allowed_us=allowed_us,
            allowed_total_us=allowed_us,
            down_us=2400 * SECOND_US,
            excused_us=0,
            short_us=0,
            weightless_us=0,
            missing_us=0,
            bad_units=2400 * SECOND_US,
            units_per_us=1,
            outages=(OutageUsed(stream=STREAM, external_id="incident-1", revision=1, use=Use.COUNTED),),
            outages_total=1,
        ),
        next_at=None,
        set_aside=SetAside(
            excluded_us=7200 * SECOND_US,
            exclusions=(
                ExclusionUsed(
                    exclusion=maintenance.id,
                    kind=ExclusionKind.MAINTENANCE,
                    starts_at=DAY,
                    recurrence=None,
                    us=7200 * SECOND_US,
                ),
            ),
            exclusions_total=1,
        ),
    )


def test_the_formula_and_the_budget_explain_the_value() -> None:
    metric = a_metric()
    verdict = judged(
        an_outage("10:00", "10:40"), an_outage("12:00", "12:00:00.25"), exclusions=[an_exclusion("0:00", "2:00")]
    )
    assert isinstance(verdict.evidence, TimeEvidence)
    assert verdict.value is not None
    assert str(shown(verdict.value, metric)) == "96.969381"
    assert budget_us(an_objective("99"), verdict.evidence) == 792 * SECOND_US
    assert formula(verdict, metric) == (
        "allowed = 86400 s of the period - 7200 s excluded = 79200 s",
        "down = 2400.25 s counted; apart from it 0 s excused, 0 s too short, 0 s without weight, 0 s not reported",
        "availability = (allowed - down by weight) / allowed = 96.969381 %",
    )


def test_records_that_overlap_count_once() -> None:
    verdict = judged(an_outage("10:00", "10:40"), an_outage("10:20", "11:00"), an_outage("10:25", "10:30"))
    assert seconds_of(verdict) == Seconds(down=3600)


def test_the_largest_weight_counts_at_each_instant_never_the_sum() -> None:
    verdict = judged(
        an_outage("10:00", "10:40", "half"),
        an_outage("10:00", "10:40", "quarter"),
        an_outage("10:30", "10:50", "critical"),
        metric=HALVES,
    )
    assert seconds_of(verdict) == Seconds(down=3000)
    assert bad_seconds(verdict) == 30 * 60 * Fraction(1, 2) + 20 * 60


def test_weights_are_exact() -> None:
    thirds = a_metric(weights={"third": Fraction(1, 3), "seventh": Fraction(1, 7)})
    verdict = judged(an_outage("10:00", "10:00:01", "third"), an_outage("11:00", "11:00:01", "seventh"), metric=thirds)
    assert bad_seconds(verdict) == Fraction(1, 3) + Fraction(1, 7)
    assert isinstance(verdict.evidence, TimeEvidence)
    assert (verdict.evidence.bad_units, verdict.evidence.units_per_us) == (10 * SECOND_US, 21)


def test_an_impact_without_a_declared_weight_is_refused() -> None:
    with pytest.raises(
        Invalid, match="impact 'odd' has no declared weight; declared are critical, half, none, quarter"
    ):
        judged(an_outage("10:00", "11:00", "odd"), metric=HALVES)


def test_maintenance_is_refused_as_an_outage() -> None:
    with pytest.raises(Invalid, match="maintenance is an exclusion, not an outage: record it as one"):
        judged(an_outage("10:00", "11:00", "maintenance"))


def test_an_impact_without_weight_is_told_and_does_not_count() -> None:
    verdict = judged(an_outage("10:00", "11:00", "minor"), an_outage("10:30", "11:30"))
    assert seconds_of(verdict) == Seconds(down=3600, weightless=1800)
    assert uses(verdict) == [("01-10:00:00-minor", Use.WEIGHTLESS), ("01-10:30:00-critical", Use.COUNTED)]


def test_a_record_without_weight_bridges_no_gap() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    apart = [an_outage("10:00", "10:06"), an_outage("10:07", "10:13")]
    bridge = an_outage("10:00", "10:13", "minor")
    assert seconds_of(judged(*apart, bridge, objective=objective)) == Seconds(short=720, weightless=780)


def test_touching_records_are_one_outage() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    assert seconds_of(judged(an_outage("10:00", "10:06"), an_outage("10:06", "10:12"), objective=objective)) == Seconds(
        down=720
    )


def test_records_of_different_weight_are_one_outage_where_they_touch() -> None:
    objective = an_objective(metric=HALVES, minimum_duration=timedelta(minutes=10))
    verdict = judged(
        an_outage("10:00", "10:06", "half"), an_outage("10:06", "10:12"), objective=objective, metric=HALVES
    )
    assert seconds_of(verdict) == Seconds(down=720)
    assert bad_seconds(verdict) == 540


def test_an_outage_shorter_than_the_minimum_duration_does_not_count() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    verdict = judged(an_outage("10:00", "10:09:59"), objective=objective)
    assert (seconds_of(verdict), verdict.status) == (Seconds(short=599), Status.MET)
    assert uses(verdict) == [("01-10:00:00-critical", Use.TOO_SHORT)]


def test_all_of_an_outage_counts_where_it_lasts_long_enough() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    assert seconds_of(judged(an_outage("10:00", "10:10"), objective=objective)) == Seconds(down=600)


def test_the_minimum_duration_tests_the_whole_outage_before_it_is_cut_at_the_period() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    assert seconds_of(judged(an_outage("23:55", "2 0:05"), objective=objective)) == Seconds(down=300)
    assert seconds_of(judged(an_outage("0 23:55", "0:05"), objective=objective)) == Seconds(down=300)


def test_a_record_outside_the_period_lengthens_the_outage_that_it_touches() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    before, inside = an_outage("0 23:52", "0:00"), an_outage("0:00", "0:02")
    verdict = judged(before, inside, objective=objective)
    assert seconds_of(verdict) == Seconds(down=120)
    assert uses(verdict) == [("01-00:00:00-critical", Use.COUNTED)]


def test_the_minimum_duration_tests_the_outage_before_exclusions() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    verdict = judged(an_outage("10:00", "10:12"), objective=objective, exclusions=[an_exclusion("10:03", "10:10")])
    assert seconds_of(verdict) == Seconds(down=300, excused=420, excluded=420, allowed=DAY_S - 420)


def test_each_stream_is_merged_and_tested_by_itself() -> None:
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    one = a_log(an_outage("10:00", "10:06"))
    two = a_log(an_outage("10:06", "10:12"), an_outage("11:00", "11:20"))
    facts = OutageFacts(services={SERVICE: a_service()}, logs={SERVICE: [one, two]})
    assert seconds_of(judged(facts=facts, objective=objective)) == Seconds(down=1200, short=720)


def test_whole_minutes_drops_each_outages_partial_last_minute() -> None:
    objective = an_objective(granularity=Granularity.WHOLE_MINUTES)
    verdict = judged(
        an_outage("10:00:30", "10:02:29"),
        an_outage("11:00", "11:00:59"),
        an_outage("12:00", "12:00:40"),
        an_outage("12:00:40", "12:01:20"),
        objective=objective,
    )
    assert seconds_of(verdict) == Seconds(down=60 + 60, short=59 + 59 + 20)


def test_whole_minutes_are_of_the_outage_not_of_the_clock_and_come_before_the_cut() -> None:
    objective = an_objective(granularity=Granularity.WHOLE_MINUTES)
    assert seconds_of(judged(an_outage("23:59:30", "2 0:00:40"), objective=objective)) == Seconds(down=30)


def test_exclusions_leave_the_denominator_and_the_down_time() -> None:
    verdict = judged(
        an_outage("10:00", "11:00"), exclusions=[an_exclusion("10:30", "12:00"), an_exclusion("10:45", "12:30")]
    )
    assert seconds_of(verdict) == Seconds(down=1800, excused=1800, excluded=7200, allowed=DAY_S - 7200)
    assert verdict.value == Ratio((79_200 - 1800) * SECOND_US, 79_200 * SECOND_US)


def test_an_outage_wholly_inside_an_exclusion_is_excused() -> None:
    verdict = judged(an_outage("10:00", "11:00"), exclusions=[an_exclusion("9:00", "12:00")])
    assert uses(verdict) == [("01-10:00:00-critical", Use.EXCUSED)]
    assert seconds_of(verdict) == Seconds(excused=3600, excluded=10_800, allowed=DAY_S - 10_800)


@pytest.mark.parametrize(
    "exclusion",
    [
        an_exclusion("10:00", "11:00", withdrawn=True),
        an_exclusion("10:00", "11:00", service=OTHER_SERVICE),
        an_exclusion("10:00", "11:00", service=None, agreement=OTHER_AGREEMENT),
        an_exclusion("10:00", "11:00", service=SERVICE, agreement=OTHER_AGREEMENT),
        an_exclusion("2 10:00", "2 11:00"),
    ],
    ids=["withdrawn", "another service", "another agreement", "this service under another agreement", "another day"],
)
def test_an_exclusion_of_something_else_excuses_nothing(exclusion: Exclusion) -> None:
    assert seconds_of(judged(an_outage("10:00", "11:00"), exclusions=[exclusion])) == Seconds(down=3600)


def test_an_exclusion_may_name_the_agreement_alone() -> None:
    exclusion = an_exclusion("10:00", "11:00", service=None, agreement=AGREEMENT)
    assert seconds_of(judged(an_outage("10:00", "11:00"), exclusions=[exclusion])) == Seconds(
        excused=3600, excluded=3600, allowed=DAY_S - 3600
    )


def test_what_lies_outside_the_period_is_not_told() -> None:
    verdict = judged(an_outage("0 10:00", "0:00"), an_outage("2 0:00", "2 1:00"))
    assert (seconds_of(verdict), uses(verdict)) == (Seconds(), [])


def test_an_outage_without_end_lasts_until_the_instant_of_judging() -> None:
    verdict = judged(an_outage("10:00", None), at="11:00")
    assert seconds_of(verdict) == Seconds(down=3600, allowed=11 * 3600)


def test_an_outage_without_end_fills_a_period_that_is_over() -> None:
    assert seconds_of(judged(an_outage("0 10:00", None))) == Seconds(down=DAY_S)


def test_an_outage_that_is_still_to_come_is_no_outage_yet() -> None:
    assert seconds_of(judged(an_outage("12:00", None), at="11:00")) == Seconds(allowed=11 * 3600)


def test_time_counts_up_to_the_instant_of_judging_and_the_budget_over_the_whole_period() -> None:
    verdict = judged(an_outage("5:00", "7:00"), exclusions=[an_exclusion("20:00", "22:00")], at="6:00")
    assert seconds_of(verdict) == Seconds(down=3600, allowed=6 * 3600)
    assert isinstance(verdict.evidence, TimeEvidence)
    assert budget_us(an_objective("99"), verdict.evidence) == 792 * SECOND_US


def test_nothing_counts_before_the_period_starts() -> None:
    verdict = judged(an_outage("0 10:00", None), at="0 11:00")
    assert (seconds_of(verdict), verdict.value, verdict.status) == (Seconds(allowed=0), None, Status.PENDING)


def test_microseconds_count() -> None:
    verdict = judged(an_outage("10:00", "10:00:00.000001"))
    assert isinstance(verdict.evidence, TimeEvidence)
    assert verdict.evidence.down_us == 1


def test_at_most_a_hundred_outages_are_told_and_all_are_counted() -> None:
    verdict = judged(*(an_outage(f"{n // 60}:{n % 60:02}", f"{n // 60}:{n % 60:02}:30") for n in range(130)))
    assert isinstance(verdict.evidence, TimeEvidence)
    assert (len(verdict.evidence.outages), verdict.evidence.outages_total) == (100, 130)
    assert seconds_of(verdict) == Seconds(down=130 * 30)

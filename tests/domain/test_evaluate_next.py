"""When time alone may next change a verdict: the worker looks again then, and needs no look before."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Attainment, Status
from domain.due import RECHECK
from domain.exclusion import Exclusion
from domain.fact import Outage
from domain.objective import Granularity, Objective
from tests.builders import DAY, a_metric, a_period, an_exclusion, an_objective, an_outage, judged, moment

TEN_MINUTES = timedelta(minutes=10)
WHOLE_MINUTES = Granularity.WHOLE_MINUTES


@pytest.mark.parametrize(
    ("at", "next_at"),
    [
        ("0:00", "24:00"),
        ("23:59:59", "24:00"),
        ("24:00", "4 0:00"),
        ("3 23:59:59", "4 0:00"),
        ("4 0:00", None),
    ],
)
def test_without_an_outage_that_lasts_it_is_the_end_and_then_the_end_of_grace(at: str, next_at: str | None) -> None:
    found = judged(an_outage("10:00", "11:00", "minor"), at=at, grace=timedelta(days=2)).next_at
    assert found == (None if next_at is None else moment(next_at))


def test_while_an_outage_lasts_it_is_the_microsecond_that_exceeds_the_budget() -> None:
    verdict = judged(an_outage("9:00", "9:04:24"), an_outage("10:00", None), at="10:05")
    assert (verdict.status, verdict.next_at) == (Status.PENDING, moment("10:10:00.000001"))
    later = judged(an_outage("9:00", "9:04:24"), an_outage("10:00", None), at="10:10:00.000001")
    assert (later.status, later.next_at) == (Status.MISSED, moment("24:00"))


def test_it_is_at_least_a_second_ahead() -> None:
    assert judged(an_outage("10:00", None), at="10:14:23.9").next_at == moment("10:14:24.9")


def test_the_expected_level_and_the_minimum_are_both_looked_for() -> None:
    objective = an_objective("99.5", minimum="99")
    nexts = [judged(an_outage("10:00", None), objective=objective, at=at).next_at for at in ("10:01", "10:08")]
    assert nexts == [moment("10:07:12.000001"), moment("10:14:24.000001")]


def test_it_is_when_an_outage_that_lasts_becomes_long_enough_to_count() -> None:
    objective = an_objective("99.9", minimum_duration=TEN_MINUTES)
    outages = [an_outage("5:00", "5:01"), an_outage("9:59", "10:00"), an_outage("10:00", None)]
    assert judged(*outages, objective=objective, at="10:01").next_at == moment("10:02:26.400001")
    assert judged(*outages, objective=objective, at="10:08").next_at == moment("10:09")
    assert judged(*outages, objective=objective, at="10:09").status is Status.MISSED


def test_after_the_end_an_outage_that_lasts_may_still_become_long_enough() -> None:
    objective = an_objective("99.9", minimum_duration=TEN_MINUTES)
    verdict = judged(an_outage("23:56", None), objective=objective, at="24:00", grace=timedelta(0))
    assert (verdict.status, verdict.next_at) == (Status.MET, moment("2 0:06"))
    assert judged(an_outage("23:56", None), objective=objective, at="2 0:06").status is Status.MISSED


def test_an_outage_that_was_recorded_with_an_end_ahead_lasts_until_then() -> None:
    verdict = judged(an_outage("10:00", "12:00"), at="10:05")
    assert (verdict.status, verdict.next_at) == (Status.PENDING, moment("10:14:24.000001"))


PERIOD = a_period("0:10", "0:30")
# Coarse ticks, so that outages, edges and looks often fall together.
SECONDS = st.integers(0, 30).map(lambda tick: tick * 100)


@st.composite
def outages(draw: st.DrawFn) -> Outage:
    start = draw(SECONDS)
    length = draw(st.one_of(st.none(), st.integers(1, 600)))
    impact = draw(st.sampled_from(["critical", "half"]))
    end = None if length is None else DAY + timedelta(seconds=start + length)
    return an_outage(DAY + timedelta(seconds=start), end, impact)


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    start = draw(SECONDS)
    return an_exclusion(DAY + timedelta(seconds=start), DAY + timedelta(seconds=start + draw(st.integers(1, 300))))


objectives = st.builds(
    lambda expected, minimum, duration, granularity: an_objective(
        expected, minimum=minimum, minimum_duration=timedelta(seconds=duration), granularity=granularity
    ),
    expected=st.sampled_from(["100", "99", "95"]),
    minimum=st.sampled_from([None, "90", "50"]),
    duration=st.sampled_from([0, 60, 300]),
    granularity=st.sampled_from(Granularity),
)
HALVES = a_metric(weights={"critical": Fraction(1), "half": Fraction(1, 2)})


@given(
    found=st.lists(outages(), max_size=4),
    excluded=st.lists(exclusions(), max_size=2),
    objective=objectives,
    at=SECONDS,
    later=st.integers(1, 1200),
    grace=st.sampled_from([0, 600]),
)
def test_until_then_the_verdict_stays_what_it_is(
    found: list[Outage], excluded: list[Exclusion], objective: Objective, at: int, later: int, grace: int
) -> None:
    """Within a second at most: so far ahead the next look is, while an outage lasts."""

    def verdict(second: int) -> Attainment:
        instant = DAY + timedelta(seconds=second)
        return judged(
            *found,
            objective=objective,
            metric=HALVES,
            exclusions=excluded,
            period=PERIOD,
            at=instant,
            grace=timedelta(seconds=grace),
        )

    now = verdict(at)
    then = DAY + timedelta(seconds=at + later)
    if now.next_at is None or then < now.next_at - RECHECK:
        assert (verdict(at + later).status, verdict(at + later).phase) == (now.status, now.phase)


def test_during_an_exclusion_the_budget_is_not_used_so_the_look_comes_after_it() -> None:
    objective = an_objective("100")
    verdict = judged(
        an_outage("10:00", None), objective=objective, exclusions=[an_exclusion("9:00", "12:00")], at="10:30"
    )
    assert (verdict.status, verdict.next_at) == (Status.PENDING, moment("12:00:01"))

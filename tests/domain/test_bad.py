"""When bad quantity fell: over the whole period so far it is what the error budget says was spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.allowed import allowed_time, so_far
from domain.attainment import Subject
from domain.bad import Quantity, bad_time, cases_within, lasts, of_slices, of_tallies, time_within
from domain.budget import error_budget
from domain.case import Case, CaseLog, Milestone
from domain.evaluate import Facts, evaluate
from domain.evaluate_cases import CaseFacts
from domain.exclusion import Exclusion
from domain.fact import Tally
from domain.metric import Aggregation
from domain.points import tally_facts
from domain.slices import SliceTotals
from domain.spans import Span
from domain.totals import tally_totals
from tests.builders import (
    DAY,
    STREAM,
    a_metric,
    a_period,
    a_subject,
    an_exclusion,
    an_objective,
    an_outage,
    moment,
    outage_facts,
)

MINUTE = timedelta(minutes=1)
AT = moment("18:00")
MAINTENANCE = an_exclusion("9:00", "11:00")
minutes = st.integers(0, 18 * 60)


def spent(subject: Subject, facts: Facts, exclusions: tuple[Exclusion, ...]) -> Fraction:
    budget = error_budget(subject.objective, evaluate(subject, facts, exclusions, a_period(), AT).evidence)
    assert budget is not None
    return budget.spent


def cut(middle: int) -> tuple[Span, ...]:
    """The day so far, cut in two."""
    edge = DAY + max(1, min(middle, 18 * 60 - 1)) * MINUTE
    return Span(DAY, edge), Span(edge, AT)


@given(st.lists(st.tuples(minutes, st.integers(1, 90), st.sampled_from(["critical", "minor"])), max_size=5), minutes)
def test_of_time(told: list[tuple[int, int, str]], middle: int) -> None:
    subject = a_subject()
    facts = outage_facts(
        *(
            an_outage(DAY + start * MINUTE, DAY + (start + length) * MINUTE, impact, external_id=str(place))
            for place, (start, length, impact) in enumerate(told)
        )
    )
    pieces = bad_time(subject, facts, allowed_time(subject, [MAINTENANCE], a_period()), a_period(), AT)
    found = time_within(pieces, cut(middle))
    assert sum(each.bad for each in found.values()) == spent(subject, facts, (MAINTENANCE,))


@given(st.lists(st.tuples(minutes, st.integers(1, 9)), max_size=12, unique_by=lambda each: each[0] // 15), minutes)
def test_of_tallies_and_of_slices(told: list[tuple[int, int]], middle: int) -> None:
    # A slice that is cut is weighed by either part, so the cut lies between two.
    middle -= middle % 15
    tallies = [
        Tally(start=DAY + (at - at % 15) * MINUTE, end=DAY + (at - at % 15 + 5) * MINUTE, good=10 - bad, total=10)
        for at, bad in told
    ]
    for aggregation in (Aggregation.RATIO_OF_SUMS, Aggregation.MEAN_OF_SLICES, Aggregation.GOOD_SLICES):
        target = "60" if aggregation is Aggregation.GOOD_SLICES else None
        length = None if aggregation is Aggregation.RATIO_OF_SUMS else 15 * MINUTE
        metric = a_metric(aggregation, slice=length, slice_target=target)
        subject = a_subject(an_objective(metric=metric), metric=metric)
        allowed = so_far(allowed_time(subject, [MAINTENANCE], a_period()).counted, AT)
        bad = Fraction(0)
        for span in cut(middle):
            spans = tuple(part for each in allowed if (part := each.clip(span)) is not None)
            facts = tally_facts(tallies, spans, metric)
            apart = aggregation is Aggregation.GOOD_SLICES
            if isinstance(facts, SliceTotals):
                bad += of_slices(facts, told_apart=apart).bad
            else:
                bad += of_tallies(subject.objective, tally_totals(tallies, spans)).bad
        assert bad == spent(subject, tally_facts(tallies, allowed, metric), (MAINTENANCE,))


@given(st.lists(st.tuples(minutes, st.integers(1, 300)), max_size=8), minutes)
def test_of_cases(told: list[tuple[int, int]], middle: int) -> None:
    metric = a_metric(Aggregation.CASES_WITHIN)
    objective = replace(an_objective(metric=metric), case_milestone=Milestone.RESOLUTION, case_limit=timedelta(hours=1))
    subject = a_subject(objective, metric=metric)
    cases = [
        Case(
            external_id=str(place),
            opened_at=DAY + opened * MINUTE,
            resolved_at=DAY + (opened + length) * MINUTE,
        )
        for place, (opened, length) in enumerate(told)
    ]
    facts = CaseFacts(logs=[CaseLog(stream=STREAM, cases=cases)])
    found = cases_within(subject, facts, allowed_time(subject, [MAINTENANCE], a_period()), cut(middle))
    assert sum(each.bad for each in found.values()) == spent(subject, facts, (MAINTENANCE,))


def test_what_lasts_makes_more_of_itself_and_what_ended_or_is_yet_to_come_does_not() -> None:
    def at_noon(start: str, end: str | datetime | None, impact: str = "critical") -> bool:
        return lasts(a_subject(), outage_facts(an_outage(start, end, impact)), moment("12:00"))

    assert [at_noon("11:00", None), at_noon("11:00", "13:00"), at_noon("12:00", None)] == [True, True, True]
    assert [at_noon("11:00", "12:00"), at_noon("12:01", None), at_noon("11:00", None, "minor")] == [False] * 3


def test_a_slice_that_has_no_total_is_not_bad() -> None:
    assert of_slices(SliceTotals(reported=3, idle=1, good=1), told_apart=True) == Quantity(Fraction(1))

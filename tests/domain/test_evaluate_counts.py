"""Tallies and samples: each aggregation, its empty case, and what is certain before the end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.allowed import counted_spans
from domain.attainment import Attainment, CountEvidence, Phase, SampleEvidence, Status, formula, shown
from domain.errors import Invalid, OutOfRange
from domain.fact import Sample, SampleTotals, Tally, TallyTotals
from domain.metric import CELL, COUNT_MAX, Aggregation, Metric
from domain.ratio import Direction, Ratio
from domain.totals import sample_totals, tally_totals
from tests.builders import (
    AFTER,
    AGREEMENT,
    OBJECTIVE,
    SERVICE,
    VERSION,
    a_metric,
    a_period,
    a_span,
    a_subject,
    an_exclusion,
    an_objective,
    judged,
    moment,
)

DAY_US = 86_400_000_000
AT_LEAST, AT_MOST = Direction.AT_LEAST, Direction.AT_MOST
RATIO = a_metric(Aggregation.RATIO_OF_SUMS)


def a_tally(start: str, good: int, total: int) -> Tally:
    begins = moment(start)
    return Tally(begins, begins + CELL / 3, good, total)


def a_sample(at: str, value: int) -> Sample:
    return Sample(moment(at), value)


def of_samples(aggregation: Aggregation, direction: Direction = AT_LEAST) -> Metric:
    return a_metric(aggregation, direction=direction, scale=3, unit="ms")


def test_a_ratio_of_sums_divides_all_good_by_all_total() -> None:
    tallies = [a_tally("10:00", 99, 100), a_tally("10:05", 0, 0), a_tally("11:00", 1, 300)]
    totals = tally_totals(tallies, [a_span("0:00", "24:00")], CELL)
    assert totals == TallyTotals(good=100, total=400, points=3, cells=2)
    assert judged(facts=totals, metric=RATIO, objective=an_objective("25", metric=RATIO)) == Attainment(
        objective=OBJECTIVE,
        version=VERSION,
        agreement=AGREEMENT,
        service=SERVICE,
        period=a_period(),
        judged_at=AFTER,
        phase=Phase.FINAL,
        status=Status.MET,
        value=Ratio(100, 400),
        coverage=Ratio(2, 96),
        evidence=CountEvidence(allowed_us=DAY_US, excluded_us=0, good=100, total=400, points=3),
        next_at=None,
    )


def test_a_tally_belongs_to_its_start_and_excluded_ones_do_not_count() -> None:
    tallies = [
        a_tally("0 23:59", 1, 1),
        a_tally("0:00", 2, 2),
        a_tally("9:59", 4, 4),
        a_tally("10:00", 8, 8),
        a_tally("23:59", 16, 16),
    ]
    spans = counted_spans(a_subject(metric=RATIO), [an_exclusion("10:00", "11:00")], a_period(), AFTER)
    assert tally_totals(tallies, spans) == TallyTotals(good=22, total=22, points=3)


def test_samples_count_at_their_instant() -> None:
    samples = [a_sample("0:00", 5), a_sample("9:59:59.999999", -7), a_sample("10:00", 100), a_sample("24:00", 1000)]
    spans = counted_spans(a_subject(metric=RATIO), [an_exclusion("10:00", "11:00")], a_period(), AFTER)
    assert sample_totals(samples, spans) == SampleTotals(points=2, sum=-2, minimum=-7, maximum=5)
    assert sample_totals([], spans) == SampleTotals()


@pytest.mark.parametrize(
    ("aggregation", "direction", "expected", "value", "text", "status"),
    [
        (Aggregation.MEAN, AT_MOST, "231.334", Ratio(694_000, 3000), "231.333334", Status.MET),
        (Aggregation.MEAN, AT_MOST, "231.333", Ratio(694_000, 3000), "231.333334", Status.MISSED),
        (Aggregation.MINIMUM, AT_LEAST, "100", Ratio(100_000, 1000), "100.000000", Status.MET),
        (Aggregation.MAXIMUM, AT_MOST, "493.9", Ratio(494_000, 1000), "494.000000", Status.MISSED),
        (Aggregation.SUM, AT_MOST, "694", Ratio(694_000, 1000), "694.000000", Status.MET),
        (Aggregation.COUNT, AT_LEAST, "4", Ratio(3, 1), "3.000000", Status.MISSED),
    ],
)
def test_each_aggregation_of_samples(
    aggregation: Aggregation, direction: Direction, expected: str, value: Ratio, text: str, status: Status
) -> None:
    metric = of_samples(aggregation, direction)
    totals = SampleTotals(points=3, sum=694_000, minimum=100_000, maximum=494_000)
    verdict = judged(facts=totals, metric=metric, objective=an_objective(expected, metric=metric))
    assert (verdict.value, verdict.status) == (value, status)
    assert str(shown(value, metric)) == text
    assert verdict.evidence == SampleEvidence(
        allowed_us=DAY_US, excluded_us=0, points=3, sum=694_000, minimum=100_000, maximum=494_000, scale=3
    )
    assert formula(verdict, metric) == ("3 samples, sum 694.000", f"{aggregation.value} = {text} ms")


@pytest.mark.parametrize(
    ("aggregation", "value", "status"),
    [
        (Aggregation.COUNT, Ratio(0, 1), Status.MET),
        (Aggregation.SUM, Ratio(0, 1000), Status.MET),
        (Aggregation.MEAN, None, Status.NOT_APPLICABLE),
        (Aggregation.MINIMUM, None, Status.NOT_APPLICABLE),
        (Aggregation.MAXIMUM, None, Status.NOT_APPLICABLE),
    ],
)
def test_of_nothing_a_sum_is_zero_and_a_mean_is_no_value(
    aggregation: Aggregation, value: Ratio | None, status: Status
) -> None:
    metric = of_samples(aggregation, AT_MOST)
    verdict = judged(facts=SampleTotals(), metric=metric, objective=an_objective("10", metric=metric))
    assert (verdict.value, verdict.status) == (value, status)


def test_zero_total_is_not_applicable() -> None:
    verdict = judged(facts=TallyTotals(good=0, total=0, points=5), metric=RATIO, objective=an_objective(metric=RATIO))
    assert (verdict.value, verdict.status) == (None, Status.NOT_APPLICABLE)


def test_a_period_that_is_wholly_excluded_is_not_applicable() -> None:
    metric = of_samples(Aggregation.COUNT)
    exclusion = an_exclusion("0:00", "24:00")
    objective = an_objective("1", metric=metric)
    verdict = judged(facts=SampleTotals(), metric=metric, objective=objective, exclusions=[exclusion])
    assert (verdict.value, verdict.status) == (None, Status.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("aggregation", "direction", "status"),
    [
        (Aggregation.SUM, AT_MOST, Status.MISSED),
        (Aggregation.COUNT, AT_MOST, Status.MISSED),
        (Aggregation.MAXIMUM, AT_MOST, Status.MISSED),
        (Aggregation.MINIMUM, AT_LEAST, Status.MISSED),
        (Aggregation.MEAN, AT_MOST, Status.PENDING),
        (Aggregation.MEAN, AT_LEAST, Status.PENDING),
        (Aggregation.SUM, AT_LEAST, Status.PENDING),
        (Aggregation.COUNT, AT_LEAST, Status.PENDING),
        (Aggregation.MAXIMUM, AT_LEAST, Status.PENDING),
        (Aggregation.MINIMUM, AT_MOST, Status.PENDING),
    ],
)
def test_before_the_end_samples_miss_only_where_no_later_one_can_mend_it(
    aggregation: Aggregation, direction: Direction, status: Status
) -> None:
    metric = of_samples(aggregation, direction)
    objective = an_objective("5" if direction is AT_MOST else "200", metric=metric)
    totals = SampleTotals(points=10, sum=100_000, minimum=10_000, maximum=10_000)
    assert judged(facts=totals, metric=metric, objective=objective, at="12:00").status is status
    assert judged(facts=totals, metric=metric, objective=objective).status is Status.MISSED


def test_before_the_end_a_ratio_is_pending_whatever_it_is() -> None:
    verdict = judged(
        facts=TallyTotals(good=0, total=9, points=1), metric=RATIO, objective=an_objective(metric=RATIO), at="12:00"
    )
    assert (verdict.value, verdict.status) == (Ratio(0, 9), Status.PENDING)


def test_a_ratio_may_be_promised_as_at_most() -> None:
    metric = a_metric(Aggregation.RATIO_OF_SUMS, direction=AT_MOST)
    objective = an_objective("0.1", metric=metric)
    statuses = [
        judged(facts=TallyTotals(good=good, total=1000, points=1), metric=metric, objective=objective).status
        for good in (0, 1, 2)
    ]
    assert statuses == [Status.MET, Status.MET, Status.MISSED]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("231", 231_000),
        ("0.0005", 0),
        ("0.0015", 2),
        ("0.0025", 2),
        ("-0.0025", -2),
        ("-0.00251", -3),
        ("1e3", 1_000_000),
    ],
)
def test_a_sample_is_quantised_half_even(text: str, units: int) -> None:
    assert of_samples(Aggregation.MEAN).quantised(Decimal(text)) == units


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e41", "-1e30", str(COUNT_MAX)])
def test_a_sample_that_is_no_number_of_bounded_size_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        of_samples(Aggregation.MEAN).quantised(Decimal(text))


def test_a_summed_sample_is_not_negative() -> None:
    with pytest.raises(OutOfRange, match="a summed value is not negative"):
        of_samples(Aggregation.SUM).quantised(Decimal(-1))


def test_the_coverage_of_counts_is_the_share_of_cells_with_a_point() -> None:
    """An hour of the day is excluded; of the rest the four quarters from noon on have points, on either stream."""
    exclusions = [an_exclusion("11:00", "12:00")]
    spans = counted_spans(a_subject(metric=RATIO), exclusions, a_period(), AFTER)
    tallies = [a_tally(start, 1, 1) for start in ("11:30", "12:00", "12:10", "12:15", "12:30", "12:45", "12:45")]
    totals = tally_totals(tallies, spans, CELL)
    assert totals == TallyTotals(good=6, total=6, points=6, cells=4)
    verdict = judged(facts=totals, metric=RATIO, objective=an_objective(metric=RATIO), exclusions=exclusions)
    assert (verdict.coverage, verdict.status) == (Ratio(4, 92), Status.MET)


@pytest.mark.parametrize(("minimum", "status"), [("4.1", Status.MET), ("4.2", Status.HELD)])
def test_counts_are_held_below_the_declared_minimum_of_coverage(minimum: str, status: Status) -> None:
    totals = TallyTotals(good=5, total=5, points=5, cells=4)
    objective = an_objective(metric=RATIO, minimum_coverage=minimum)
    assert judged(facts=totals, metric=RATIO, objective=objective).status is status


def test_a_miss_that_no_missing_sample_could_mend_is_told_below_the_coverage() -> None:
    metric = of_samples(Aggregation.MAXIMUM, AT_MOST)
    objective = an_objective("5", metric=metric, minimum_coverage="100")
    totals = SampleTotals(points=1, sum=9000, minimum=9000, maximum=9000, cells=1)
    assert judged(facts=totals, metric=metric, objective=objective).status is Status.MISSED
    calm = SampleTotals(points=1, sum=1, minimum=1, maximum=1, cells=1)
    assert judged(facts=calm, metric=metric, objective=objective).status is Status.HELD

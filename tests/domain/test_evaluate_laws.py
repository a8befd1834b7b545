"""Laws of the verdict on time, and its figures against a count of one cell for each second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Attainment, TimeEvidence
from domain.exclusion import Exclusion
from domain.fact import Outage
from domain.objective import Granularity, Missing, Objective
from domain.ratio import Ratio
from tests.builders import DAY, a_metric, a_period, an_exclusion, an_objective, an_outage, judged, outage_facts

WEIGHTS = {"critical": Fraction(1), "half": Fraction(1, 2), "none": Fraction(0)}
METRIC = a_metric(weights=WEIGHTS)
SECOND_US = 1_000_000
WORLD = 1_000
"""Seconds in which everything happens."""


def second(number: int) -> datetime:
    return DAY + timedelta(seconds=number)


seconds = st.integers(0, WORLD - 1)
lengths = st.one_of(st.none(), st.integers(1, 200), st.sampled_from([60, 120]))


@st.composite
def outages(draw: st.DrawFn) -> Outage:
    start, length = draw(seconds), draw(lengths)
    end = None if length is None else second(min(start + length, WORLD))
    number = draw(st.integers(0, 10**9))
    return an_outage(second(start), end, draw(st.sampled_from(sorted(WEIGHTS))), external_id=str(number))


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    start = draw(seconds)
    return an_exclusion(second(start), second(start + draw(st.integers(1, 200))))


objectives = st.builds(
    lambda duration, granularity: an_objective(
        metric=METRIC, minimum_duration=timedelta(seconds=duration), granularity=granularity
    ),
    duration=st.sampled_from([0, 1, 60, 90]),
    granularity=st.sampled_from(Granularity),
)
many_outages = st.lists(outages(), max_size=8, unique_by=lambda outage: outage.external_id)
many_exclusions = st.lists(exclusions(), max_size=4)
edges = st.tuples(st.integers(0, WORLD // 2), st.integers(WORLD // 2 + 1, WORLD))


def over(
    bounds: tuple[int, int],
    found: list[Outage],
    excluded: list[Exclusion],
    objective: Objective,
    *,
    at: int = WORLD,
    reported_through: int = WORLD,
) -> Attainment:
    return judged(
        facts=outage_facts(*found, reported_through=second(reported_through)),
        exclusions=excluded,
        objective=objective,
        metric=METRIC,
        period=a_period(second(bounds[0]), second(bounds[1])),
        at=second(at),
    )


def evidence_of(attainment: Attainment) -> TimeEvidence:
    assert isinstance(attainment.evidence, TimeEvidence)
    return attainment.evidence


@dataclass(frozen=True)
class Cells:
    """Seconds counted one by one; `bad` by weight."""

    allowed: int
    allowed_total: int
    down: int
    excused: int
    short: int
    weightless: int
    missing: int
    bad: Fraction


def cell_by_cell(
    bounds: tuple[int, int],
    found: list[Outage],
    excluded: list[Exclusion],
    objective: Objective,
    *,
    at: int,
    reported_through: int,
) -> Cells:
    """The same rules on a list of seconds; knows nothing of intervals but their ends."""

    def covers(start: datetime, end: datetime | None, cell: int) -> bool:
        last = second(at) if end is None else end
        return start <= second(cell) < last

    def worst(cell: int) -> Fraction:
        return max((WEIGHTS[o.impact] for o in found if covers(o.start, o.end, cell)), default=Fraction(0))

    weight = [worst(cell) for cell in range(WORLD)]
    counted = [False] * WORLD
    for is_bad, cells in groupby(range(WORLD), key=lambda cell: weight[cell] > 0):
        run = list(cells)
        if is_bad and len(run) >= objective.minimum_duration.total_seconds():
            kept = len(run) // 60 * 60 if objective.granularity is Granularity.WHOLE_MINUTES else len(run)
            for cell in run[:kept]:
                counted[cell] = True
    inside = [cell for cell in range(*bounds) if cell < at]
    free = {cell: any(covers(e.span.start, e.span.end, cell) for e in excluded) for cell in range(*bounds)}
    allowed = [cell for cell in inside if not free[cell]]
    told = [any(o.impact == "none" and covers(o.start, o.end, cell) for o in found) for cell in range(WORLD)]
    return Cells(
        allowed=len(allowed),
        allowed_total=sum(not each for each in free.values()),
        down=sum(counted[cell] for cell in allowed),
        excused=sum(counted[cell] for cell in inside if free[cell]),
        short=sum(weight[cell] > 0 and not counted[cell] for cell in allowed),
        weightless=sum(told[cell] and not counted[cell] for cell in allowed),
        missing=sum(cell >= reported_through and weight[cell] == 0 for cell in allowed),
        bad=sum((weight[cell] for cell in allowed if counted[cell]), start=Fraction(0)),
    )


@given(
    bounds=edges,
    found=many_outages,
    excluded=many_exclusions,
    objective=objectives,
    at=seconds,
    reported_through=seconds,
)
def test_the_evidence_is_what_a_count_second_by_second_finds(
    bounds: tuple[int, int],
    found: list[Outage],
    excluded: list[Exclusion],
    objective: Objective,
    at: int,
    reported_through: int,
) -> None:
    evidence = evidence_of(over(bounds, found, excluded, objective, at=at, reported_through=reported_through))
    in_seconds = Cells(
        allowed=evidence.allowed_us // SECOND_US,
        allowed_total=evidence.allowed_total_us // SECOND_US,
        down=evidence.down_us // SECOND_US,
        excused=evidence.excused_us // SECOND_US,
        short=evidence.short_us // SECOND_US,
        weightless=evidence.weightless_us // SECOND_US,
        missing=evidence.missing_us // SECOND_US,
        bad=Fraction(evidence.bad_units, evidence.units_per_us * SECOND_US),
    )
    assert in_seconds == cell_by_cell(bounds, found, excluded, objective, at=at, reported_through=reported_through)


@given(bounds=edges, cut=st.integers(1, WORLD - 1), found=many_outages, excluded=many_exclusions, objective=objectives)
def test_the_parts_of_a_split_period_sum_to_the_whole(
    bounds: tuple[int, int], cut: int, found: list[Outage], excluded: list[Exclusion], objective: Objective
) -> None:
    start, end = bounds
    middle = start + 1 + cut % (end - start - 1) if end - start > 1 else None
    if middle is None:
        return
    whole = evidence_of(over((start, end), found, excluded, objective))
    parts = [evidence_of(over(each, found, excluded, objective)) for each in ((start, middle), (middle, end))]
    assert [sum(sizes) for sizes in zip(*map(_sizes, parts), strict=True)] == _sizes(whole)


def _sizes(evidence: TimeEvidence) -> list[int]:
    return [
        evidence.period_us,
        evidence.excluded_us,
        evidence.allowed_us,
        evidence.allowed_total_us,
        evidence.down_us,
        evidence.excused_us,
        evidence.short_us,
        evidence.weightless_us,
        evidence.missing_us,
        evidence.bad_units,
    ]


@given(found=many_outages, excluded=many_exclusions, objective=objectives, shuffled=st.randoms(use_true_random=False))
def test_neither_the_order_of_records_nor_a_repetition_changes_a_verdict(
    found: list[Outage], excluded: list[Exclusion], objective: Objective, shuffled: Random
) -> None:
    bounds = (100, 900)
    verdict = over(bounds, found, excluded, objective)
    again = list(found)
    shuffled.shuffle(again)
    assert over(bounds, again, excluded[::-1], objective) == verdict
    repeated = over(bounds, [*found, *found], [*excluded, *excluded], objective)
    assert (repeated.value, repeated.status, _sizes(evidence_of(repeated))) == (
        verdict.value,
        verdict.status,
        _sizes(evidence_of(verdict)),
    )


@given(found=many_outages, excluded=many_exclusions, objective=objectives)
def test_a_verdict_computed_twice_is_the_same(
    found: list[Outage], excluded: list[Exclusion], objective: Objective
) -> None:
    assert over((100, 900), found, excluded, objective) == over((100, 900), found, excluded, objective)


@given(
    found=many_outages,
    one_more=outages(),
    excluded=many_exclusions,
    duration=st.sampled_from([0, 60, 90]),
    missing=st.sampled_from(Missing),
)
def test_one_more_outage_never_raises_the_value(
    found: list[Outage], one_more: Outage, excluded: list[Exclusion], duration: int, missing: Missing
) -> None:
    """Where all is reported, and by exact time: whole minutes may drop another last minute of a longer outage."""
    objective = an_objective(metric=METRIC, minimum_duration=timedelta(seconds=duration), missing=missing)
    before = over((100, 900), found, excluded, objective).value
    after = over((100, 900), [*found, one_more], excluded, objective).value
    assert _exact(after) <= _exact(before)


def _exact(value: Ratio | None) -> Fraction:
    return Fraction(0) if value is None else value.exact


@given(found=many_outages, excluded=many_exclusions, objective=objectives, at=seconds)
def test_a_certain_miss_stays_one_whatever_comes(
    found: list[Outage], excluded: list[Exclusion], objective: Objective, at: int
) -> None:
    before = over((100, 900), found, excluded, objective, at=at)
    after = over((100, 900), found, excluded, objective)
    if before.breaches:
        assert after.breaches


@given(found=many_outages, excluded=many_exclusions, objective=objectives)
def test_what_is_counted_fits_into_what_is_allowed(
    found: list[Outage], excluded: list[Exclusion], objective: Objective
) -> None:
    evidence = evidence_of(over((100, 900), found, excluded, objective, reported_through=500))
    assert evidence.period_us == evidence.allowed_us + evidence.excluded_us
    assert evidence.down_us + evidence.short_us + evidence.missing_us <= evidence.allowed_us
    assert evidence.bad_units <= evidence.down_us * evidence.units_per_us

"""States: how long each holds, what silence is, and the count of them held to one of single seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Attainment, StateUsed, Status, TimeEvidence, Use
from domain.errors import Invalid, OutOfRange
from domain.evaluate import evaluate
from domain.exclusion import Exclusion
from domain.ids import ServiceId, StreamId
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Granularity, Missing, Objective
from domain.outage_time import Log, OutageFacts
from domain.state import StateChange, StateLog, StateRun, log_of, runs_of, weight_of_state
from domain.structure import AllOf, AnyOf, Component
from tests.builders import (
    AFTER,
    DAY,
    OTHER_SERVICE,
    SERVICE,
    STREAM,
    a_log,
    a_metric,
    a_period,
    a_service,
    a_subject,
    an_exclusion,
    an_objective,
    an_outage,
    judged,
    moment,
)

WEIGHTS = {"degraded": Fraction(1, 2), "none": Fraction(0)}
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SECOND_US = 1_000_000
WORLD = 1_000
"""Seconds in which everything happens."""


def a_state_metric(staleness: timedelta | None = None) -> Metric:
    return a_metric(shape=Shape.STATE, weights=WEIGHTS, staleness=staleness)


def changes(*said: tuple[str, str]) -> list[StateChange]:
    return [StateChange(moment(when), state) for when, state in said]


def a_state_log(*said: tuple[str, str], staleness: timedelta | None = None, stream: StreamId = STREAM) -> StateLog:
    return log_of(stream, changes(*said), staleness)


def on_one_service(*logs: Log) -> OutageFacts:
    return OutageFacts(services={SERVICE: a_service()}, logs={SERVICE: logs})


def seconds_of(attainment: Attainment) -> dict[str, int]:
    evidence = attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    found = {"down": evidence.down_us, "missing": evidence.missing_us, "short": evidence.short_us}
    return {name: us // SECOND_US for name, us in found.items()}


def test_a_state_holds_until_the_next_one() -> None:
    assert runs_of(changes(("1:00", "up"), ("2:00", "down"), ("2:30", "up")), None) == (
        StateRun("up", moment("1:00"), moment("2:00")),
        StateRun("down", moment("2:00"), moment("2:30")),
        StateRun("up", moment("2:30"), None),
    )


def test_a_state_holds_until_its_staleness_limit_and_then_the_time_is_missing() -> None:
    said = changes(("1:00", "up"), ("1:05", "up"), ("1:20", "down"))
    assert runs_of(said, 10 * MINUTE) == (
        StateRun("up", moment("1:00"), moment("1:15")),
        StateRun("down", moment("1:20"), moment("1:30")),
    )
    log = log_of(STREAM, said, 10 * MINUTE)
    found = judged(facts=on_one_service(log), metric=a_state_metric(10 * MINUTE), period=a_period("1:00", "2:00"))
    assert seconds_of(found) == {"down": 600, "missing": 300 + 1800, "short": 0}


def test_a_state_of_a_limit_that_ends_where_the_next_begins_leaves_no_gap() -> None:
    assert runs_of(changes(("1:00", "up"), ("1:10", "up")), 10 * MINUTE) == (
        StateRun("up", moment("1:00"), moment("1:20")),
    )


def test_the_order_in_which_states_come_in_does_not_matter() -> None:
    said = changes(("1:00", "up"), ("2:00", "down"), ("3:00", "up"))
    assert runs_of(said[::-1], HOUR) == runs_of(said, HOUR)


def test_up_weighs_nothing_down_all_and_another_state_what_is_declared() -> None:
    metric = a_state_metric()
    assert [weight_of_state(metric, each) for each in ("up", "down", "degraded", "none")] == [
        0,
        1,
        Fraction(1, 2),
        0,
    ]


@pytest.mark.parametrize("state", ["critical", "UP", "", "no code", "x" * 500])
def test_an_undeclared_state_is_refused(state: str) -> None:
    with pytest.raises(Invalid, match=r"declared are up, down, degraded, none$") as refused:
        weight_of_state(a_state_metric(), state)
    assert refused.value.path == ("states",)


@pytest.mark.parametrize(("shape", "aggregation"), [(Shape.OUTAGE, Aggregation.AVAILABILITY), (None, Aggregation.MEAN)])
def test_only_states_go_stale(shape: Shape | None, aggregation: Aggregation) -> None:
    with pytest.raises(Invalid):
        a_metric(aggregation, shape=shape, staleness=HOUR)
    with pytest.raises(OutOfRange):
        a_state_metric(timedelta(0))


def test_a_degraded_hour_counts_by_its_weight_and_the_verdict_names_the_states() -> None:
    log = a_state_log(("0:00", "up"), ("6:00", "degraded"), ("8:00", "none"), ("9:00", "down"), ("10:00", "up"))
    found = judged(facts=on_one_service(log), metric=a_state_metric(), objective=an_objective("91"))
    evidence = found.evidence
    assert isinstance(evidence, TimeEvidence)
    assert (found.status, found.value and found.value.exact) == (Status.MET, Fraction(22, 24))
    assert evidence.states == (
        StateUsed(stream=STREAM, state="degraded", since=moment("6:00"), use=Use.COUNTED),
        StateUsed(stream=STREAM, state="none", since=moment("8:00"), use=Use.WEIGHTLESS),
        StateUsed(stream=STREAM, state="down", since=moment("9:00"), use=Use.COUNTED),
    )
    assert (evidence.states_total, evidence.outages, evidence.weightless_us) == (3, (), 3600 * SECOND_US)


def test_a_state_before_the_period_is_carried_into_it() -> None:
    log = a_state_log(("0 20:00", "down"), ("1:00", "up"))
    assert seconds_of(judged(facts=on_one_service(log), metric=a_state_metric())) == {
        "down": 3600,
        "missing": 0,
        "short": 0,
    }


def test_the_time_before_the_first_state_is_missing_unless_another_stream_tells_of_it() -> None:
    later = a_state_log(("6:00", "up"), stream=StreamId(UUID(int=2)))
    first = a_state_log(("0:00", "up"), ("5:00", "down"), ("5:30", "up"))
    alone = judged(facts=on_one_service(later), metric=a_state_metric())
    both = judged(facts=on_one_service(first, later), metric=a_state_metric())
    nothing = judged(facts=on_one_service(a_state_log()), metric=a_state_metric())
    assert [seconds_of(each)["missing"] for each in (alone, both, nothing)] == [6 * 3600, 0, 24 * 3600]


def test_a_stream_that_has_begun_and_fell_silent_makes_time_missing_beside_one_that_talks() -> None:
    talks = a_state_log(("0:00", "up"))
    silent = a_state_log(("0:00", "up"), staleness=HOUR, stream=StreamId(UUID(int=2)))
    found = judged(facts=on_one_service(talks, silent), metric=a_state_metric())
    assert (found.status, seconds_of(found)["missing"]) == (Status.HELD, 23 * 3600)


def test_states_and_outages_of_one_service_are_laid_over_one_another() -> None:
    states = a_state_log(("0:00", "up"), ("1:00", "degraded"), ("3:00", "up"))
    outages = a_log(an_outage("2:00", "4:00", "degraded"), stream=StreamId(UUID(int=2)))
    found = judged(facts=on_one_service(states, outages), metric=a_state_metric())
    assert seconds_of(found) == {"down": 3 * 3600, "missing": 0, "short": 0}


def test_a_state_that_still_holds_is_not_taken_to_hold_until_it_is_stale() -> None:
    """A minute after it began, a minute is known, whatever its limit."""
    log = a_state_log(("0:00", "up"), ("12:00", "down"), staleness=12 * HOUR)
    objective = an_objective(minimum_duration=5 * MINUTE)
    metric = a_state_metric(12 * HOUR)
    early = judged(facts=on_one_service(log), metric=metric, objective=objective, at="12:01")
    late = judged(facts=on_one_service(log), metric=metric, objective=objective, at="12:05")
    assert (seconds_of(early), early.next_at) == ({"down": 0, "missing": 0, "short": 60}, moment("12:05"))
    assert seconds_of(late) == {"down": 300, "missing": 0, "short": 0}


@pytest.mark.parametrize(("structure", "down"), [(AllOf, 2 * 3600), (AnyOf, 1800)])
def test_a_service_that_rests_on_others_is_composed_of_their_states(structure: type[AllOf | AnyOf], down: int) -> None:
    left, right = ServiceId(UUID(int=11)), ServiceId(UUID(int=12))
    parts = structure((Component(left), Component(right)))
    facts = OutageFacts(
        services={
            OTHER_SERVICE: a_service(OTHER_SERVICE, (DAY - HOUR, parts)),
            left: a_service(left),
            right: a_service(right),
        },
        logs={
            left: [a_state_log(("0 12:00", "up"), ("2:00", "down"), ("3:30", "up"))],
            right: [a_state_log(("0 12:00", "up"), ("3:00", "down"), ("4:00", "up"), stream=StreamId(UUID(int=2)))],
        },
    )
    subject = a_subject(metric=a_state_metric(), service=OTHER_SERVICE)
    assert seconds_of(evaluate(subject, facts, (), a_period(), AFTER))["down"] == down


def second(number: int) -> datetime:
    return DAY + timedelta(seconds=number)


Said = Mapping[int, str]
seconds = st.integers(0, WORLD - 1)
said_by_one = st.dictionaries(st.integers(-50, WORLD - 1), st.sampled_from(["up", "up", "down", *WEIGHTS]), max_size=12)
said_by_many = st.lists(said_by_one, min_size=1, max_size=3)
limits = st.sampled_from([None, 1, 40, 200])
edges = st.tuples(st.integers(0, WORLD // 2), st.integers(WORLD // 2 + 1, WORLD))
many_exclusions = st.lists(
    st.builds(lambda start, length: an_exclusion(second(start), second(start + length)), seconds, st.integers(1, 200)),
    max_size=3,
)
objectives = st.builds(
    lambda duration, granularity: an_objective(
        minimum_duration=timedelta(seconds=duration), granularity=granularity, missing=Missing.HOLD
    ),
    duration=st.sampled_from([0, 1, 60, 90]),
    granularity=st.sampled_from(Granularity),
)


def logs_of(said: Sequence[Said], limit: int | None) -> list[StateLog]:
    staleness = None if limit is None else timedelta(seconds=limit)
    return [
        log_of(StreamId(UUID(int=number)), [StateChange(second(at), state) for at, state in each.items()], staleness)
        for number, each in enumerate(said)
    ]


def over(
    said: Sequence[Said],
    limit: int | None,
    *,
    bounds: tuple[int, int] = (0, WORLD),
    excluded: Sequence[Exclusion] = (),
    objective: Objective | None = None,
    at: int = WORLD,
) -> Attainment:
    return judged(
        facts=on_one_service(*logs_of(said, limit)),
        exclusions=excluded,
        objective=objective,
        metric=a_state_metric(),
        period=a_period(second(bounds[0]), second(bounds[1])),
        at=second(at),
    )


@dataclass(frozen=True)
class Cells:
    """Seconds counted one by one; `bad` by weight."""

    down: int
    short: int
    weightless: int
    missing: int
    bad: Fraction


def cell_by_cell(
    said: Sequence[Said],
    limit: int | None,
    bounds: tuple[int, int],
    excluded: Sequence[Exclusion],
    objective: Objective,
    at: int,
) -> Cells:
    """The rules on lists of seconds, from 50 before the world on; no runs and no spans."""
    weights = {"up": Fraction(0), "down": Fraction(1), **WEIGHTS}
    span = range(-50, at)

    def holds(one: Said, cell: int) -> str | None:
        last = max((instant for instant in one if instant <= cell), default=None)
        if last is None or (limit is not None and cell - last >= limit):
            return None
        return one[last]

    heard = {(number, cell): holds(one, cell) for number, one in enumerate(said) for cell in span}
    weight = {place: weights[state] if state else Fraction(0) for place, state in heard.items()}
    counted: dict[int, Fraction] = {}
    for number in range(len(said)):
        for is_bad, cells in groupby(span, key=lambda cell, number=number: weight[number, cell] > 0):  # type: ignore[misc]
            run = list(cells)
            if is_bad and len(run) >= objective.minimum_duration.total_seconds():
                kept = len(run) // 60 * 60 if objective.granularity is Granularity.WHOLE_MINUTES else len(run)
                for cell in run[:kept]:
                    counted[cell] = max(counted.get(cell, Fraction(0)), weight[number, cell])
    free = {cell for each in excluded for cell in range(*bounds) if each.span.contains(second(cell))}
    allowed = [cell for cell in range(*bounds) if cell < at and cell not in free]
    bad = {cell for (_, cell), each in weight.items() if each > 0}
    begun = {cell: [n for n, one in enumerate(said) if any(instant <= cell for instant in one)] for cell in span}
    silent = {cell for cell in span if not begun[cell] or any(heard[n, cell] is None for n in begun[cell])}
    idle = {cell for (_, cell), state in heard.items() if state not in (None, "up") and weights[state or "up"] == 0}
    return Cells(
        down=sum(cell in counted for cell in allowed),
        short=sum(cell in bad and cell not in counted for cell in allowed),
        weightless=sum(cell in idle and cell not in counted for cell in allowed),
        missing=sum(cell in silent and cell not in bad for cell in allowed),
        bad=sum((counted[cell] for cell in allowed if cell in counted), start=Fraction(0)),
    )


@given(said=said_by_many, limit=limits, bounds=edges, excluded=many_exclusions, objective=objectives, at=seconds)
def test_the_evidence_of_states_is_what_a_count_second_by_second_finds(
    said: Sequence[Said],
    limit: int | None,
    bounds: tuple[int, int],
    excluded: Sequence[Exclusion],
    objective: Objective,
    at: int,
) -> None:
    evidence = over(said, limit, bounds=bounds, excluded=excluded, objective=objective, at=at).evidence
    assert isinstance(evidence, TimeEvidence)
    assert Cells(
        down=evidence.down_us // SECOND_US,
        short=evidence.short_us // SECOND_US,
        weightless=evidence.weightless_us // SECOND_US,
        missing=evidence.missing_us // SECOND_US,
        bad=Fraction(evidence.bad_units, evidence.units_per_us * SECOND_US),
    ) == cell_by_cell(said, limit, bounds, excluded, objective, at)


@given(said=said_by_many, limit=limits, cut=st.integers(1, WORLD - 1), objective=objectives)
def test_the_parts_of_a_split_period_of_states_sum_to_the_whole(
    said: Sequence[Said], limit: int | None, cut: int, objective: Objective
) -> None:
    def sizes(bounds: tuple[int, int]) -> tuple[int, ...]:
        evidence = over(said, limit, bounds=bounds, objective=objective).evidence
        assert isinstance(evidence, TimeEvidence)
        return evidence.down_us, evidence.missing_us, evidence.short_us, evidence.bad_units, evidence.weightless_us

    left, right = sizes((0, cut)), sizes((cut, WORLD))
    assert tuple(map(sum, zip(left, right, strict=True))) == sizes((0, WORLD))


@given(said=said_by_many, limit=limits, objective=objectives, at=seconds, data=st.data())
def test_no_verdict_on_states_changes_before_the_next_look(
    said: Sequence[Said], limit: int | None, objective: Objective, at: int, data: st.DataObject
) -> None:
    before = over(said, limit, objective=objective, at=at)
    assert before.next_at is not None
    ahead = int((before.next_at - DAY).total_seconds())
    if ahead > at + 1:
        between = data.draw(st.integers(at + 1, min(ahead, WORLD) - 1)) if min(ahead, WORLD) > at + 1 else at
        assert over(said, limit, objective=objective, at=between).status == before.status

"""Verdicts on a service that rests on others: the state follows from what its components suffered."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from uuid import UUID

import pytest

from domain.attainment import Attainment, Status, TimeEvidence, Use
from domain.fact import Outage
from domain.ids import ServiceId, StreamId
from domain.instants import EARLIEST
from domain.metric import Metric
from domain.objective import Objective
from domain.outage_time import OutageFacts
from domain.structure import AllOf, AnyOf, Component, KOfN, Structure
from tests.builders import SERVICE, a_log, a_metric, a_service, an_exclusion, an_objective, an_outage, judged, moment

A, B, C = (ServiceId(UUID(int=number)) for number in (0xA, 0xB, 0xC))
PARTS = (Component(A), Component(B), Component(C))
LONG_AFTER = "4000 0:00"
HALVES = a_metric(weights={"critical": Fraction(1), "half": Fraction(1, 2)})
OUTAGES = {
    A: [an_outage("10:00", "10:40")],
    B: [an_outage("10:20", "11:00")],
    C: [an_outage("10:30", "11:30")],
}


def composed_of(
    *structures: tuple[str, Structure],
    outages: dict[ServiceId, list[Outage]],
    through: dict[ServiceId, str | None] | None = None,
) -> OutageFacts:
    """The first structure is in force from the beginning, whatever it says."""
    versions = [(EARLIEST if index == 0 else moment(start), each) for index, (start, each) in enumerate(structures)]
    reported = {A: LONG_AFTER, B: LONG_AFTER, C: LONG_AFTER} | (through or {})
    logs = {
        each: [a_log(*outages.get(each, []), reported_through=reported[each], stream=StreamId(each))]
        for each in (A, B, C)
    }
    services = {SERVICE: a_service(SERVICE, *versions), **{each: a_service(each) for each in (A, B, C)}}
    return OutageFacts(services=services, logs=logs)


def down_minutes(attainment: Attainment) -> tuple[int, int]:
    """Minutes down, and the same by weight; whole ones."""
    evidence = attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    down, down_rest = divmod(evidence.down_us, 60_000_000)
    bad, bad_rest = divmod(evidence.bad_units, evidence.units_per_us * 60_000_000)
    assert (down_rest, bad_rest) == (0, 0)
    return down, bad


def of(
    structure: Structure,
    *,
    outages: dict[ServiceId, list[Outage]] = OUTAGES,
    metric: Metric | None = None,
    objective: Objective | None = None,
) -> tuple[int, int]:
    facts = composed_of(("0:00", structure), outages=outages)
    return down_minutes(judged(facts=facts, metric=metric, objective=objective))


@pytest.mark.parametrize(
    ("structure", "minutes"),
    [
        (AllOf(PARTS), 90),
        (AnyOf(PARTS), 10),
        (KOfN(k=2, parts=PARTS), 40),
        (KOfN(k=1, parts=PARTS), 10),
        (KOfN(k=3, parts=PARTS), 90),
        (AllOf((Component(A), AnyOf((Component(B), Component(C))))), 60),
        (Component(B), 40),
    ],
)
def test_a_composed_service_is_down_as_its_structure_says(structure: Structure, minutes: int) -> None:
    assert of(structure) == (minutes, minutes)


@pytest.mark.parametrize(
    ("structure", "by_weight"),
    [
        (AllOf(PARTS[:2]), 5 + 10 + 10),
        (AnyOf(PARTS[:2]), 5),
    ],
)
def test_degraded_components_take_the_largest_badness_in_series_and_the_smallest_in_parallel(
    structure: Structure, by_weight: int
) -> None:
    outages = {A: [an_outage("10:00", "10:20", "half")], B: [an_outage("10:10", "10:30")]}
    assert of(structure, outages=outages, metric=HALVES)[1] == by_weight


def test_the_minimum_duration_tests_the_composed_outage() -> None:
    outages = {A: [an_outage("10:00", "10:06")], B: [an_outage("10:06", "10:12"), an_outage("12:00", "12:06")]}
    objective = an_objective(minimum_duration=timedelta(minutes=10))
    assert of(AllOf(PARTS[:2]), outages=outages, objective=objective) == (12, 12)
    assert of(AnyOf(PARTS[:2]), outages=outages, objective=objective) == (0, 0)


def test_a_structure_changes_at_its_instant() -> None:
    serial, parallel = AllOf(PARTS), AnyOf(PARTS)
    facts = composed_of(("0:00", serial), ("10:35", parallel), outages=OUTAGES)
    assert down_minutes(judged(facts=facts)) == (40, 40)


def test_before_its_first_structure_a_service_is_measured_by_itself() -> None:
    facts = composed_of(("0:00", AllOf(PARTS)), outages=OUTAGES)
    service = a_service(SERVICE, (moment("10:20"), AllOf(PARTS)))
    own = a_log(an_outage("9:00", "9:10"), an_outage("10:15", "12:00"))
    facts = OutageFacts(services={**facts.services, SERVICE: service}, logs={**facts.logs, SERVICE: [own]})
    assert down_minutes(judged(facts=facts)) == (10 + 5 + 70, 85)


def test_structures_nest_through_services() -> None:
    inner = ServiceId(UUID(int=0xD))
    facts = composed_of(("0:00", AllOf((Component(inner), Component(C)))), outages=OUTAGES)
    services = {**facts.services, inner: a_service(inner, (EARLIEST, AnyOf(PARTS[:2])))}
    assert down_minutes(judged(facts=OutageFacts(services=services, logs=facts.logs))) == (70, 70)


@pytest.mark.parametrize(
    ("structure", "missing_minutes"),
    [
        # C reports up to 10:50. In series what it does then is unknown, unless another is down; in parallel no matter.
        (AllOf(PARTS), 13 * 60 + 10 - 40),
        (AnyOf(PARTS), 0),
        (KOfN(k=2, parts=PARTS), 10),
    ],
)
def test_what_a_component_does_not_report_is_unknown_only_where_it_matters(
    structure: Structure, missing_minutes: int
) -> None:
    outages = {A: OUTAGES[A], B: [an_outage("10:50", "11:00")], C: [an_outage("11:00", "11:30")]}
    facts = composed_of(("0:00", structure), outages=outages, through={C: "10:50"})
    evidence = judged(facts=facts).evidence
    assert isinstance(evidence, TimeEvidence)
    assert evidence.missing_us == missing_minutes * 60_000_000


def test_exclusions_of_the_judged_service_excuse_it_and_those_of_a_component_do_not() -> None:
    facts = composed_of(("0:00", AllOf(PARTS)), outages=OUTAGES)
    excused = judged(facts=facts, exclusions=[an_exclusion("10:00", "11:00")])
    counted = judged(facts=facts, exclusions=[an_exclusion("10:00", "11:00", service=A)])
    assert (down_minutes(excused)[0], down_minutes(counted)[0]) == (30, 90)


def test_a_certain_miss_of_a_composed_service_is_told_before_the_end() -> None:
    outages = {A: [an_outage("10:00", None)], B: [an_outage("10:05", None)]}
    facts = composed_of(("0:00", AnyOf(PARTS[:2])), outages=outages)
    statuses = [judged(facts=facts, at=at).status for at in ("10:19:24", "10:19:24.000001")]
    assert statuses == [Status.PENDING, Status.MISSED]


def test_the_next_look_is_when_the_composed_outage_becomes_long_enough() -> None:
    objective = an_objective("90", minimum_duration=timedelta(hours=3))
    outages = {A: [an_outage("9:00", None)], B: [an_outage("9:50", "10:00")], C: [an_outage("10:00", None)]}
    facts = composed_of(("0:00", AllOf((AnyOf(PARTS[:2]), Component(C)))), outages=outages)
    verdict = judged(facts=facts, objective=objective, at="12:10")
    assert (verdict.status, verdict.next_at) == (Status.PENDING, moment("12:50"))
    assert judged(facts=facts, objective=objective, at="12:50").status is Status.MISSED


def test_a_redundant_component_that_failed_alone_had_no_effect() -> None:
    facts = composed_of(("0:00", AnyOf((Component(A), Component(B)))), outages={A: [an_outage("10:00", "10:40")]})
    evidence = judged(facts=facts).evidence
    assert isinstance(evidence, TimeEvidence)
    assert [used.use for used in evidence.outages] == [Use.NO_EFFECT]

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise, product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import ServiceId
from domain.spans import Span
from domain.structure import (
    DEPTH_MAX,
    NODES_MAX,
    AllOf,
    AnyOf,
    Component,
    KOfN,
    Piece,
    State,
    Structure,
    StructureInvalid,
    Timeline,
    badness_of,
    check_structure,
    components,
    composed,
    find_cycle,
    state_of,
)

A, B, C, D = (ServiceId(UUID(int=number)) for number in range(1, 5))
SERVICES = [A, B, C, D]
UP, UNKNOWN, DOWN = State.UP, State.UNKNOWN, State.DOWN
HALF = Fraction(1, 2)

BASE = datetime(2025, 1, 1, tzinfo=UTC)
MINUTES = 30


def at(minute: int) -> datetime:
    return BASE + timedelta(minutes=minute)


def span(start: int, end: int) -> Span:
    return Span(at(start), at(end))


WHOLE = span(0, MINUTES)


def parts(*services: ServiceId) -> tuple[Structure, ...]:
    return tuple(Component(service) for service in services)


def groups(inner: st.SearchStrategy[Structure]) -> st.SearchStrategy[Structure]:
    some = st.lists(inner, min_size=1, max_size=4).map(tuple)
    k_of_n = some.flatmap(lambda of: st.integers(1, len(of)).map(lambda k: KOfN(k=k, parts=of)))
    return st.one_of(st.builds(AllOf, some), st.builds(AnyOf, some), k_of_n)


structures: st.SearchStrategy[Structure] = st.recursive(st.sampled_from(SERVICES).map(Component), groups, max_leaves=8)
known_badness = st.sampled_from([Fraction(0), Fraction(1, 3), HALF, Fraction(1)])
states = st.fixed_dictionaries(dict.fromkeys(SERVICES, st.sampled_from(State)))
badnesses = st.fixed_dictionaries(dict.fromkeys(SERVICES, known_badness))


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Pieces that may touch and may be alike, and may reach over the whole's edges."""
    edges = draw(st.lists(st.integers(-5, MINUTES + 5), unique=True, max_size=8).map(sorted))
    found = []
    for start, end in pairwise(edges):
        badness = draw(st.sampled_from([None, Fraction(0), HALF, Fraction(1)]))
        if badness != 0:
            found.append(Piece(span(start, end), badness))
    return Timeline(tuple(found))


def is_up(structure: Structure, up: Mapping[ServiceId, bool]) -> bool:
    """The plain meaning, two-valued and by recursion."""
    match structure:
        case Component(service):
            return up[service]
        case AllOf(of):
            return all(is_up(part, up) for part in of)
        case AnyOf(of):
            return any(is_up(part, up) for part in of)
        case KOfN(k=k, parts=of):
            return sum(is_up(part, up) for part in of) >= k


def badness_at(timeline: Timeline, instant: datetime) -> Fraction | None:
    for piece in timeline.pieces:
        if piece.span.contains(instant):
            return piece.badness
    return Fraction(0)


@pytest.mark.parametrize(
    ("structure", "seen", "expected"),
    [
        (AllOf(parts(A, B)), [DOWN, UNKNOWN], DOWN),
        (AllOf(parts(A, B)), [UP, UNKNOWN], UNKNOWN),
        (AllOf(parts(A, B)), [UP, UP], UP),
        (AnyOf(parts(A, B)), [UP, UNKNOWN], UP),
        (AnyOf(parts(A, B)), [DOWN, UNKNOWN], UNKNOWN),
        (AnyOf(parts(A, B)), [DOWN, DOWN], DOWN),
        (KOfN(k=2, parts=parts(A, B, C)), [UP, UP, UNKNOWN], UP),
        (KOfN(k=2, parts=parts(A, B, C)), [UP, DOWN, UNKNOWN], UNKNOWN),
        (KOfN(k=2, parts=parts(A, B, C)), [DOWN, DOWN, UNKNOWN], DOWN),
        (AllOf((Component(A), AnyOf(parts(B, C)))), [UP, DOWN, UP], UP),
        (AllOf((Component(A), AnyOf(parts(B, C)))), [UP, DOWN, DOWN], DOWN),
    ],
)
def test_composition_is_three_valued(structure: Structure, seen: list[State], expected: State) -> None:
    assert state_of(structure, dict(zip(SERVICES, seen, strict=False))) == expected


def test_a_service_that_the_states_lack_is_unknown_never_up() -> None:
    assert state_of(AllOf(parts(A, B)), {A: UP}) == UNKNOWN
    assert state_of(AnyOf(parts(A, B)), {A: UP}) == UP


@given(structures, states)
def test_a_state_is_known_exactly_where_no_unknown_could_change_it(
    structure: Structure, seen: dict[ServiceId, State]
) -> None:
    open_services = [service for service in SERVICES if seen[service] is UNKNOWN]
    known = {service: seen[service] is UP for service in SERVICES}
    possible = {
        is_up(structure, known | dict(zip(open_services, guess, strict=True)))
        for guess in product([False, True], repeat=len(open_services))
    }
    expected = UNKNOWN if len(possible) == 2 else UP if possible == {True} else DOWN
    assert state_of(structure, seen) == state_of(structure, seen.__getitem__) == expected


@given(structures, states, states)
def test_a_component_that_gets_worse_never_makes_the_whole_better(
    structure: Structure, seen: dict[ServiceId, State], other: dict[ServiceId, State]
) -> None:
    worse = {service: max(seen[service], other[service]) for service in SERVICES}
    assert state_of(structure, worse) >= state_of(structure, seen)


@given(structures, badnesses, badnesses)
def test_more_badness_of_a_component_never_means_less_of_the_whole(
    structure: Structure, badness: dict[ServiceId, Fraction], other: dict[ServiceId, Fraction]
) -> None:
    worse = {service: max(badness[service], other[service]) for service in SERVICES}
    assert badness_of(structure, worse) >= badness_of(structure, badness)


@given(structures, badnesses)
def test_badness_crosses_a_threshold_exactly_where_the_states_cut_there_are_down(
    structure: Structure, badness: dict[ServiceId, Fraction]
) -> None:
    for threshold in (Fraction(1, 3), HALF, Fraction(1)):
        cut = {service: DOWN if badness[service] >= threshold else UP for service in SERVICES}
        assert (badness_of(structure, badness) >= threshold) == (state_of(structure, cut) is DOWN)


@given(st.lists(structures, min_size=1, max_size=4).map(tuple), states, badnesses)
def test_one_of_n_is_any_of_and_n_of_n_is_all_of(
    of: tuple[Structure, ...], seen: dict[ServiceId, State], badness: dict[ServiceId, Fraction]
) -> None:
    one, every = KOfN(k=1, parts=of), KOfN(k=len(of), parts=of)
    assert (state_of(one, seen), badness_of(one, badness)) == (
        state_of(AnyOf(of), seen),
        badness_of(AnyOf(of), badness),
    )
    assert (state_of(every, seen), badness_of(every, badness)) == (
        state_of(AllOf(of), seen),
        badness_of(AllOf(of), badness),
    )


def test_degraded_parts_give_the_largest_the_smallest_and_the_kth_best() -> None:
    badness = {A: Fraction(1, 4), B: HALF, C: Fraction(1)}
    of = parts(C, A, B)
    assert badness_of(AllOf(of), badness) == 1
    assert badness_of(AnyOf(of), badness) == Fraction(1, 4)
    assert badness_of(KOfN(k=2, parts=of), badness) == HALF


def test_the_badness_of_every_component_is_needed() -> None:
    with pytest.raises(KeyError):
        badness_of(AnyOf(parts(A, B)), {A: Fraction(0)})


def test_golden_serial_outages_compose_to_an_hour_down() -> None:
    ten = {A: Timeline((Piece(span(0, 40), Fraction(1)),)), B: Timeline((Piece(span(20, 60), Fraction(1)),))}
    assert composed(AllOf(parts(A, B)), ten, span(0, 120)) == Timeline((Piece(span(0, 60), Fraction(1)),))
    assert composed(AnyOf(parts(A, B)), ten, span(0, 120)) == Timeline((Piece(span(20, 40), Fraction(1)),))


@pytest.mark.parametrize(
    ("structure", "known", "expected"),
    [
        (AllOf(parts(A, B)), Fraction(1), Fraction(1)),
        (AllOf(parts(A, B)), HALF, None),
        (AnyOf(parts(A, B)), Fraction(0), Fraction(0)),
        (AnyOf(parts(A, B)), HALF, None),
        (KOfN(k=1, parts=parts(A, B)), Fraction(0), Fraction(0)),
        # The unknown lies between 0 and 1/2 in the inner part, so the outer largest is known after all.
        (AllOf((AnyOf(parts(A, B)), Component(A))), HALF, HALF),
    ],
)
def test_beside_an_unknown_a_badness_is_known_only_where_both_bounds_agree(
    structure: Structure, known: Fraction, expected: Fraction | None
) -> None:
    seen = {A: Timeline((Piece(WHOLE, known),) if known else ()), B: Timeline((Piece(WHOLE, None),))}
    assert composed(structure, seen, WHOLE) == Timeline(() if expected == 0 else (Piece(WHOLE, expected),))


def test_a_component_without_a_timeline_is_unknown_throughout() -> None:
    assert composed(AllOf(parts(A, B)), {A: Timeline()}, WHOLE) == Timeline((Piece(WHOLE, None),))


@settings(max_examples=200)
@given(structures, st.fixed_dictionaries(dict.fromkeys(SERVICES, timelines())))
def test_a_composed_timeline_equals_the_judgement_of_each_instant(
    structure: Structure, seen: dict[ServiceId, Timeline]
) -> None:
    result = composed(structure, seen, WHOLE)
    for minute in range(-5, MINUTES + 5):
        now = {service: badness_at(seen[service], at(minute)) for service in SERVICES}
        best = badness_of(structure, {service: value or Fraction(0) for service, value in now.items()})
        worst = badness_of(
            structure, {service: Fraction(1) if value is None else value for service, value in now.items()}
        )
        inside = best if best == worst else None
        assert badness_at(result, at(minute)) == (inside if 0 <= minute < MINUTES else 0)
    assert not any(
        before.span.end == after.span.start and before.badness == after.badness
        for before, after in pairwise(result.pieces)
    )


@given(structures, states)
def test_outages_of_full_weight_compose_as_states_do(structure: Structure, seen: dict[ServiceId, State]) -> None:
    pieces: dict[State, tuple[Piece, ...]] = {
        UP: (),
        UNKNOWN: (Piece(WHOLE, None),),
        DOWN: (Piece(WHOLE, Fraction(1)),),
    }
    lines = {service: Timeline(pieces[seen[service]]) for service in SERVICES}
    assert composed(structure, lines, WHOLE) == Timeline(pieces[state_of(structure, seen)])


@given(
    structures,
    st.fixed_dictionaries(dict.fromkeys(SERVICES, timelines())),
    st.integers(1, MINUTES - 1),
)
def test_composing_the_halves_of_a_span_composes_the_whole(
    structure: Structure, seen: dict[ServiceId, Timeline], cut: int
) -> None:
    whole = composed(structure, seen, WHOLE)
    for half in (span(0, cut), span(cut, MINUTES)):
        clipped = ((piece.span.clip(half), piece.badness) for piece in whole.pieces)
        assert composed(structure, seen, half) == Timeline(tuple(Piece(inside, b) for inside, b in clipped if inside))


@given(structures)
def test_components_are_the_services_that_the_structure_names(structure: Structure) -> None:
    assert components(structure) == {service for service in SERVICES if str(service) in repr(structure)}


@pytest.mark.parametrize("badness", [Fraction(0), Fraction(-1), Fraction(3, 2)])
def test_a_piece_that_is_up_or_out_of_range_is_refused(badness: Fraction) -> None:
    with pytest.raises(ValueError, match=r"in \(0, 1\]"):
        Piece(WHOLE, badness)


def test_a_timeline_with_overlapping_or_unsorted_pieces_is_refused() -> None:
    for first, second in [(span(0, 2), span(1, 3)), (span(4, 5), span(0, 1))]:
        with pytest.raises(ValueError, match="disjoint and sorted"):
            Timeline((Piece(first, None), Piece(second, None)))


@pytest.mark.parametrize("k", [0, -1, 3])
def test_k_outside_one_to_n_is_refused(k: int) -> None:
    with pytest.raises(StructureInvalid, match="k between 1 and its 2 parts"):
        KOfN(k=k, parts=parts(A, B))


def test_a_group_without_parts_is_refused() -> None:
    for build in (AllOf, AnyOf, lambda of: KOfN(k=1, parts=of)):
        with pytest.raises(StructureInvalid, match="at least one part"):
            build(())


def nested(depth: int) -> Structure:
    structure: Structure = Component(A)
    for _ in range(depth - 1):
        structure = AllOf((structure,))
    return structure


def test_a_structure_is_taken_up_to_its_limits_and_refused_beyond() -> None:
    check_structure(nested(DEPTH_MAX))
    check_structure(AnyOf(parts(A) * (NODES_MAX - 1)))
    with pytest.raises(StructureInvalid) as deep:
        check_structure(nested(DEPTH_MAX + 1))
    assert deep.value.reason == "a structure is at most 10 deep"
    with pytest.raises(StructureInvalid) as large:
        check_structure(AnyOf(parts(A) * NODES_MAX))
    assert large.value.reason == "a structure has at most 200 nodes"


def test_a_part_shared_many_times_is_refused_without_walking_it_all() -> None:
    structure: Structure = Component(A)
    for _ in range(9):
        structure = AllOf((structure,) * 150)
    with pytest.raises(StructureInvalid, match="200 nodes"):
        check_structure(structure)
    assert state_of(structure, {A: DOWN}) == DOWN


def test_no_depth_ends_in_a_recursion_error() -> None:
    deep = nested(sys.getrecursionlimit() * 10)
    with pytest.raises(StructureInvalid, match="10 deep"):
        check_structure(deep)
    assert components(deep) == {A}
    assert state_of(deep, {A: DOWN}) == DOWN


graphs = st.dictionaries(st.sampled_from(SERVICES), st.frozensets(st.sampled_from(SERVICES)))


def test_a_cycle_is_told_from_its_smallest_service_on() -> None:
    assert find_cycle({C: frozenset({A}), D: frozenset({C}), A: frozenset({B}), B: frozenset({C})}) == (A, B, C)
    assert find_cycle({A: frozenset({B}), B: frozenset({B})}) == (B,)
    assert find_cycle({A: frozenset({B, C}), B: frozenset({D}), C: frozenset({D})}) is None


@given(graphs)
def test_a_cycle_is_found_exactly_where_a_service_reaches_itself(edges: dict[ServiceId, frozenset[ServiceId]]) -> None:
    reached = {service: set(edges.get(service, ())) for service in SERVICES}
    for through, service in product(SERVICES, repeat=2):
        if through in reached[service]:
            reached[service] |= reached[through]
    cycle = find_cycle(edges)
    assert (cycle is None) == all(service not in reached[service] for service in SERVICES)
    if cycle is not None:
        assert len(set(cycle)) == len(cycle)
        assert all(after in edges[before] for before, after in zip(cycle, cycle[1:] + cycle[:1], strict=True))
        assert cycle[0] == min(cycle)
    assert find_cycle(dict(reversed(edges.items()))) == cycle


def test_a_long_chain_of_services_is_searched_without_recursion() -> None:
    chain = [ServiceId(UUID(int=number)) for number in range(20_000)]
    edges = {before: frozenset({after}) for before, after in pairwise(chain)}
    assert find_cycle(edges) is None
    assert find_cycle(edges | {chain[-1]: frozenset({chain[0]})}) == tuple(chain)

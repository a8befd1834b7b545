"""What a service is made of: serial, redundant and k-of-n parts, and what follows from the state of the components.

Invariant: a structure only ever takes the k-th best of its parts (k = all for `AllOf`, 1 for `AnyOf`), so it is
monotone: a component that gets worse never makes the whole better. Hence the two bounds, every unknown at its best and
every unknown at its worst, are reached, and the whole is known exactly where they agree (rules.md, Time down).
Parts are walked with a stack, so that no depth ends in a RecursionError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from fractions import Fraction
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias, TypeVar, assert_never

from domain.ids import ServiceId
from domain.spans import Span

DEPTH_MAX = 10
NODES_MAX = 200

BEST = Fraction(0)
WORST = Fraction(1)


class StructureInvalid(ValueError):
    """A structure that can't be built or is beyond the limits."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class State(IntEnum):
    """Ordered from best to worst, so that the k-th best of three-valued parts is the k-th smallest."""

    UP = 0
    UNKNOWN = 1
    DOWN = 2


@dataclass(frozen=True, slots=True)
class Component:
    service: ServiceId


@dataclass(frozen=True, slots=True)
class AllOf:
    """Serial: needs every part."""

    parts: tuple[Structure, ...]

    def __post_init__(self) -> None:
        _require_parts("all_of", self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Redundant: needs one part."""

    parts: tuple[Structure, ...]

    def __post_init__(self) -> None:
        _require_parts("any_of", self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class KOfN:
    """Needs `k` of its parts, where 1 <= k <= number of parts."""

    k: int
    parts: tuple[Structure, ...]

    def __post_init__(self) -> None:
        _require_parts("k_of_n", self.parts)
        if not 1 <= self.k <= len(self.parts):
            raise StructureInvalid(f"k_of_n needs k between 1 and its {len(self.parts)} parts, not {self.k}")


Structure: TypeAlias = Component | AllOf | AnyOf | KOfN


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch that isn't plainly up: a badness in (0, 1], or None where nothing is known."""

    span: Span
    badness: Fraction | None

    def __post_init__(self) -> None:
        if self.badness is not None and not 0 < self.badness <= 1:
            raise ValueError(f"the badness of a piece lies in (0, 1] or is unknown, not {self.badness}")


@dataclass(frozen=True, slots=True)
class Timeline:
    """How one service fared: up outside its pieces, which are disjoint and sorted."""

    pieces: tuple[Piece, ...] = ()

    def __post_init__(self) -> None:
        for before, after in pairwise(self.pieces):
            if after.span.start < before.span.end:
                raise ValueError(f"the pieces of a timeline are disjoint and sorted: {before.span} then {after.span}")


def check_structure(structure: Structure) -> None:
    """Refuses what is deeper than DEPTH_MAX or has more than NODES_MAX nodes; a lone component is one deep.

    A part that occurs twice counts twice. Ends after at most NODES_MAX nodes, however large the structure is.
    """
    nodes = 0
    ahead: list[tuple[Structure, int]] = [(structure, 1)]
    while ahead:
        node, depth = ahead.pop()
        nodes += 1
        if depth > DEPTH_MAX:
            raise StructureInvalid(f"a structure is at most {DEPTH_MAX} deep")
        if nodes + len(ahead) + len(_parts(node)) > NODES_MAX:
            raise StructureInvalid(f"a structure has at most {NODES_MAX} nodes")
        ahead.extend((part, depth + 1) for part in _parts(node))


def components(structure: Structure) -> frozenset[ServiceId]:
    return frozenset(node.service for node in _parts_first(structure) if isinstance(node, Component))


def state_of(structure: Structure, states: Mapping[ServiceId, State] | Callable[[ServiceId], State]) -> State:
    """Three-valued; a service that a mapping lacks is unknown, never up."""
    if isinstance(states, Mapping):
        known = states
        return _kth_best(structure, lambda service: known.get(service, State.UNKNOWN))
    return _kth_best(structure, states)


def badness_of(structure: Structure, badness: Mapping[ServiceId, Fraction]) -> Fraction:
    """Needs the badness of every component, in [0, 1]; a KeyError where one is missing."""
    return _kth_best(structure, badness.__getitem__)


def composed(structure: Structure, timelines: Mapping[ServiceId, Timeline], within: Span) -> Timeline:
    """The timeline of the whole inside `within`; pieces that touch and are alike are one.

    A component without a timeline is unknown throughout. Only instants at which a component changes are looked at.
    """
    unknown = Timeline((Piece(within, None),))
    concerned = {service: timelines.get(service, unknown) for service in components(structure)}
    return Timeline(tuple(_joined(_swept(structure, concerned, within))))


def find_cycle(edges: Mapping[ServiceId, frozenset[ServiceId]]) -> tuple[ServiceId, ...] | None:
    """Services of which each depends on the next and the last on the first, from the smallest id on; None without any.

    The answer depends on the edges alone, not on their order in the mapping.
    """
    done: set[ServiceId] = set()
    for root in sorted(edges):
        if root in done:
            continue
        path = [root]
        position = {root: 0}
        branches = [iter(sorted(edges[root]))]
        while path:
            service = next(branches[-1], None)
            if service is None:
                branches.pop()
                left = path.pop()
                del position[left]
                done.add(left)
            elif service in position:
                return _from_smallest(path[position[service] :])
            elif service not in done:
                position[service] = len(path)
                path.append(service)
                branches.append(iter(sorted(edges.get(service, ()))))
    return None


V = TypeVar("V", State, Fraction)


def _kth_best(structure: Structure, value_of: Callable[[ServiceId], V]) -> V:
    # Keyed by the object, as hashing a structure walks all of it.
    values: dict[int, V] = {}
    for node in _parts_first(structure):
        match node:
            case Component(service):
                values[id(node)] = value_of(service)
            case AllOf(parts):
                values[id(node)] = max(values[id(part)] for part in parts)
            case AnyOf(parts):
                values[id(node)] = min(values[id(part)] for part in parts)
            case KOfN(k=k, parts=parts):
                values[id(node)] = sorted(values[id(part)] for part in parts)[k - 1]
            case _ as never:
                assert_never(never)
    return values[id(structure)]


def _known_badness(structure: Structure, badness: Mapping[ServiceId, Fraction | None]) -> Fraction | None:
    """A component that the mapping lacks is up; None is unknown, in the mapping and as the answer."""

    def at_best(service: ServiceId) -> Fraction:
        known = badness.get(service, BEST)
        return BEST if known is None else known

    def at_worst(service: ServiceId) -> Fraction:
        known = badness.get(service, BEST)
        return WORST if known is None else known

    low = _kth_best(structure, at_best)
    if None not in badness.values():
        return low
    return low if low == _kth_best(structure, at_worst) else None


def _swept(structure: Structure, timelines: Mapping[ServiceId, Timeline], within: Span) -> Iterator[Piece]:
    changes = _changes(timelines, within)
    now: dict[ServiceId, Fraction | None] = {}
    # The same few combinations of failed components come back again and again.
    judged: dict[frozenset[tuple[ServiceId, Fraction | None]], Fraction | None] = {}
    since = within.start
    for instant, changed in groupby(changes, key=itemgetter(0)):
        if now and since < instant:
            together = frozenset(now.items())
            if together not in judged:
                judged[together] = _known_badness(structure, now)
            badness = judged[together]
            if badness != BEST:
                yield Piece(Span(since, instant), badness)
        for _, starts, service, value in changed:
            if starts:
                now[service] = value
            else:
                del now[service]
        since = instant


def _changes(
    timelines: Mapping[ServiceId, Timeline], within: Span
) -> list[tuple[datetime, bool, ServiceId, Fraction | None]]:
    """At one instant what ends comes before what starts, so that a component's next piece isn't lost with its last."""
    changes: list[tuple[datetime, bool, ServiceId, Fraction | None]] = []
    for service, timeline in timelines.items():
        for piece in timeline.pieces:
            inside = piece.span.clip(within)
            if inside is not None:
                changes.append((inside.start, True, service, piece.badness))
                changes.append((inside.end, False, service, None))
    changes.sort(key=itemgetter(0, 1))
    return changes


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    last: Piece | None = None
    for piece in pieces:
        if last is not None and last.span.end == piece.span.start and last.badness == piece.badness:
            last = Piece(Span(last.span.start, piece.span.end), last.badness)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _parts(node: Structure) -> tuple[Structure, ...]:
    return () if isinstance(node, Component) else node.parts


def _parts_first(structure: Structure) -> list[Structure]:
    """Every distinct node object once, each after its parts."""
    ordered: list[Structure] = []
    seen: set[int] = set()
    ahead: list[tuple[Structure, bool]] = [(structure, False)]
    while ahead:
        node, parts_done = ahead.pop()
        if parts_done:
            ordered.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            ahead.append((node, True))
            ahead.extend((part, False) for part in _parts(node))
    return ordered


def _from_smallest(cycle: list[ServiceId]) -> tuple[ServiceId, ...]:
    first = cycle.index(min(cycle))
    return tuple(cycle[first:] + cycle[:first])


def _require_parts(kind: str, parts: tuple[Structure, ...]) -> None:
    if not parts:
        raise StructureInvalid(f"{kind} needs at least one part")

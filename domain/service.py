"""What is delivered: a provider, its consumers, and from each instant on a structure over other services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from domain.errors import CycleRefused, Invalid, OutOfRange
from domain.ids import PartyId, ServiceId
from domain.spans import Span
from domain.structure import Structure, StructureInvalid, check_structure, components, find_cycle
from domain.text import checked_code, checked_name

CONSUMERS_MAX = 500
STRUCTURES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureVersion:
    """How a service rests on others, from an instant on, until the next version."""

    effective_from: datetime
    structure: Structure

    def __post_init__(self) -> None:
        try:
            check_structure(self.structure)
        except StructureInvalid as wrong:
            raise Invalid(str(wrong), path=("structure",)) from wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Invariant: structures are in order of `effective_from`; before the first, the service is measured by itself."""

    id: ServiceId
    code: str
    name: str
    provider: PartyId
    consumers: frozenset[PartyId] = frozenset()
    structures: tuple[StructureVersion, ...] = ()

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)
        if len(self.structures) > STRUCTURES_MAX:
            raise OutOfRange(f"a service has at most {STRUCTURES_MAX} structures", path=("structure",))
        if len(self.consumers) > CONSUMERS_MAX:
            raise Invalid(f"a service has at most {CONSUMERS_MAX} consumers", path=("consumers",))

    @property
    def components(self) -> frozenset[ServiceId]:
        """Every service that any version of the structure rests on."""
        return frozenset().union(*(components(version.structure) for version in self.structures))

    def structures_within(self, span: Span) -> tuple[tuple[Span, Structure | None], ...]:
        """The span cut at the instants where the structure changes; None where the service is measured by itself."""
        cuts = [version.effective_from for version in self.structures if span.start < version.effective_from < span.end]
        edges = [span.start, *cuts, span.end]
        return tuple((Span(start, end), self._structure_at(start)) for start, end in pairwise(edges))

    def _structure_at(self, instant: datetime) -> Structure | None:
        found: Structure | None = None
        for version in self.structures:
            if version.effective_from <= instant:
                found = version.structure
        return found


def refuse_cycles(services: Iterable[Service]) -> None:
    """No service may rest on itself, through any versions of any structures."""
    edges: Mapping[ServiceId, frozenset[ServiceId]] = {service.id: service.components for service in services}
    cycle = find_cycle(edges)
    if cycle is not None:
        raise CycleRefused(f"the structure has a cycle of {len(cycle)} services", path=("structure",))

"""Structures as clients write them."""

from __future__ import annotations

import strawberry

from domain.errors import Invalid
from domain.ids import ServiceId
from domain.structure import DEPTH_MAX, NODES_MAX, AllOf, AnyOf, Component, KOfN, Structure, StructureInvalid
from graph.mutating import id_of


@strawberry.input(description="Needs `k` of its parts.")
class KOfNInput:
    k: int = strawberry.field(description="How many it needs, 1 to the number of its parts.")
    parts: list[StructureInput] = strawberry.field(description="Its parts, 1 or more.")


@strawberry.input(
    one_of=True,
    description=f"What a service rests on: exactly one of these. At most {DEPTH_MAX} deep, {NODES_MAX} nodes.",
)
class StructureInput:
    component: strawberry.ID | None = strawberry.field(description="A service.")
    all_of: list[StructureInput] | None = strawberry.field(description="Serial: needs every part.")
    any_of: list[StructureInput] | None = strawberry.field(description="Redundant: needs one part.")
    k_of_n: KOfNInput | None = strawberry.field(description="Needs some of its parts.")

    def meant(self, *path: str | int) -> Structure:
        """The door bounds the nesting of inputs, so this recursion ends soon."""
        try:
            if self.all_of is not None:
                return AllOf(_parts(self.all_of, *path, "allOf"))
            if self.any_of is not None:
                return AnyOf(_parts(self.any_of, *path, "anyOf"))
            if self.k_of_n is not None:
                return KOfN(k=self.k_of_n.k, parts=_parts(self.k_of_n.parts, *path, "kOfN", "parts"))
        except StructureInvalid as wrong:
            raise Invalid(wrong.reason, path=path) from wrong
        assert self.component is not None, "exactly one of the fields is given"
        return Component(id_of(ServiceId, "Service", self.component, *path, "component"))


def _parts(parts: list[StructureInput], *path: str | int) -> tuple[Structure, ...]:
    return tuple(part.meant(*path, place) for place, part in enumerate(parts))

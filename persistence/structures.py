"""A structure as JSON: {"service": id}, {"all_of": [..]}, {"any_of": [..]} or {"k_of_n": [..], "k": n}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never
from uuid import UUID

from domain.ids import ServiceId
from domain.structure import AllOf, AnyOf, Component, KOfN, Structure


def to_json(structure: Structure) -> dict[str, object]:
    """A checked structure is at most DEPTH_MAX deep, so this ends soon."""
    match structure:
        case Component(service):
            return {"service": str(service)}
        case AllOf(parts):
            return {"all_of": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any_of": [to_json(part) for part in parts]}
        case KOfN(k=k, parts=parts):
            return {"k_of_n": [to_json(part) for part in parts], "k": k}
        case _ as never:
            assert_never(never)


def to_structure(kept: Mapping[str, Any]) -> Structure:
    if "service" in kept:
        return Component(ServiceId(UUID(kept["service"])))
    if "all_of" in kept:
        return AllOf(tuple(to_structure(part) for part in kept["all_of"]))
    if "any_of" in kept:
        return AnyOf(tuple(to_structure(part) for part in kept["any_of"]))
    return KOfN(k=kept["k"], parts=tuple(to_structure(part) for part in kept["k_of_n"]))

"""How schema types read domain values: types are views, their fields read attributes, nothing is copied.

A view is never made: resolvers return the domain's own frozen values, whose class says which type shows them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from operator import attrgetter
from typing import Any, Self, TypeVar
from uuid import UUID

import strawberry
from strawberry.types.field import StrawberryField

from graph.desk import Desk, Info, desk
from graph.ids import encode

C = TypeVar("C", bound=type)

_shown_as: dict[type, str] = {}
_ID = "Opaque and stable: compare it, keep it, pass it on, no more."


class Viewed:
    """Base of interfaces whose values are domain values: the class decides, and is not asked about again."""

    @classmethod
    def resolve_type(cls, value: object, _info: object, _abstract: object) -> str:
        return _shown_as[type(value)]

    @classmethod
    def is_type_of(cls, _value: object, _info: object) -> bool:
        return True


@strawberry.interface(description="Anything that has an id of its own, to be asked for by `node` and `nodes`.")
class Node(Viewed):
    id: strawberry.ID = strawberry.field(description=_ID)


def view(shows: type, description: str, *, name: str | None = None) -> Callable[[C], C]:
    """Makes a class the schema type of values of the class `shows`; its own name is the type's unless one is given."""

    def decorate(cls: C) -> C:
        _shown_as[shows] = name or cls.__name__
        return strawberry.type(cls, name=name, description=description)

    return decorate


class _Read(StrawberryField):
    """A field read from its value by a plain function. Strawberry builds no `Info` for it and parses no arguments."""

    read: Callable[[Any], object]

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin.read = self.read
        return twin

    def get_result(self, source: Any, info: object, args: object, kwargs: object) -> Any:
        return self.read(source)


def told(description: str, read: str | Callable[[Any], object] | None = None) -> Any:
    """A field read from its value: from the attribute of its own name, of a dotted name, or by a plain function."""
    if read is None:
        return strawberry.field(description=description)
    field = _Read(description=description)
    field.read = attrgetter(read) if isinstance(read, str) else read
    return field


def node_id(type_name: str, read: str = "id") -> Any:
    """The `id` of a node."""
    uuid: Callable[[Any], UUID] = attrgetter(read)
    return told(_ID, lambda value: encode(type_name, uuid(value)))


def loaded(
    description: str, load: Callable[[Desk, Any], Awaitable[object] | object], *, graphql_type: Any = None
) -> Any:
    """A field that a loader answers, for all values of one list at once."""

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return load(desk(info), root)

    return strawberry.field(resolver=resolve, description=description, graphql_type=graphql_type)


def described(cls: type[Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Makes an enum, of the domain or ours, one of the schema, with a word about each of its values."""
    definition = strawberry.enum(cls, name=name, description=description)
    held = definition.__strawberry_definition__.values  # type: ignore[attr-defined]
    assert {value.name for value in held} == set(values), f"each value of {cls.__name__} is described"
    for value in held:
        value.description = values[value.name]

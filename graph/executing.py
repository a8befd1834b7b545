"""How operations are executed: as the library does it, but plain fields at once and long lists a piece at a time.

A field that is read from its value, takes no argument and has no fields of its own needs nothing of what the library
makes for each field: no info, no path, no arguments. Whatever does not go plainly well is left to the library, which
then says what is wrong.

The library completes a list in one go, and nobody else is served meanwhile: a page of a hundred rows with ten rows each
takes tens of milliseconds. So between two rows the process turns to whoever waits, where it was busy for long enough.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    TypeNameMetaFieldDef,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from graphql.pyutils import Path, gather_with_cancel
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.turns import rest

BUSY_SECONDS_MAX = 0.002
"""How long lists are completed until others are served."""

_LEFT = object()
"""Stands for a value that the library is left to find."""

Plain = Callable[[Any], object]
"""Reads a field of a value, as it stands in the answer; raises, or gives _LEFT, where the library should do it."""


class _Busy:
    """Since when the process has been at it, in this round of its event loop."""

    def __init__(self) -> None:
        self._since: float | None = None

    def long_enough(self) -> bool:
        now = perf_counter()
        if self._since is None:
            self._since = now
            get_running_loop().call_soon(self._over)
        return now - self._since > BUSY_SECONDS_MAX

    def _over(self) -> None:
        self._since = None


_busy = _Busy()
_plain_fields: WeakKeyDictionary[GraphQLSchema, dict[tuple[str, str], Plain | None]] = WeakKeyDictionary()


@dataclass(slots=True)
class _List:
    """A list, how far it is completed, and which of its items are still awaited."""

    items: Sequence[Any]
    item_type: GraphQLOutputType
    details: Any
    info: GraphQLResolveInfo[Any]
    path: Path
    position: Any
    completed: list[Any] = field(default_factory=list)
    awaited: list[int] = field(default_factory=list)


class Execution(StrawberryGraphQLCoreExecutionContext):
    """What `strawberry.Schema` takes as its `execution_context_class`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plain = _plain_fields.setdefault(self.schema, {})

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Mapping[str, Any],
        position_context: Any,
    ) -> Any:
        results: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for response_name, details in grouped_field_set.items():
            value = self._plainly(parent_type, source_value, details[0].node.name.value)
            results[response_name] = value
            if value is _LEFT:
                rest[response_name] = details
        if not rest:
            return results
        found = super().execute_fields(parent_type, source_value, path, rest, position_context)
        return _with(results, found) if isinstance(found, dict) else _with_awaited(results, found)

    def _plainly(self, parent_type: GraphQLObjectType, source: Any, field_name: str) -> Any:
        key = parent_type.name, field_name
        try:
            read = self._plain[key]
        except KeyError:
            read = self._plain[key] = _plain(self.schema.get_field(parent_type, field_name), parent_type)
        if read is None:
            return _LEFT
        try:
            return read(source)
        except Exception:  # noqa: BLE001 - the library reads it once more, and tells what is wrong
            return _LEFT

    def complete_iterable_value(
        self,
        item_type: GraphQLOutputType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        if not isinstance(items, Sequence) or is_leaf_type(get_named_type(item_type)):
            return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)
        found = _List(items, item_type, field_details_list, info, path, position_context)
        if not self._complete(found):
            return self._in_pieces(found)
        return self._gathered(found) if found.awaited else found.completed

    def _complete(self, found: _List) -> bool:
        """As far as it goes until others are to be served; True where nothing is left.

        Where an item is awaited the rest follow at once: what loaders are asked for in one go is one question.
        """
        try:
            while len(found.completed) < len(found.items):
                if not found.awaited and _busy.long_enough():
                    return False
                self._complete_next(found)
        except Exception:
            self.settle_in_background([found.completed[index] for index in found.awaited])
            raise
        return True

    def _complete_next(self, found: _List) -> None:
        index = len(found.completed)
        item, path = found.items[index], found.path.add_key(index, None)
        if self.is_awaitable(item):
            found.completed.append(
                self.complete_awaitable_list_item_value(
                    item, found.item_type, found.details, found.info, path, found.position
                )
            )
            found.awaited.append(index)
        elif self.complete_list_item_value(
            item, found.completed, found.item_type, found.details, found.info, path, found.position
        ):
            found.awaited.append(index)

    async def _in_pieces(self, found: _List) -> list[Any]:
        complete = False
        while not complete:
            await rest(BUSY_SECONDS_MAX)
            complete = self._complete(found)
        return await self._gathered(found) if found.awaited else found.completed

    async def _gathered(self, found: _List) -> list[Any]:
        for index, value in zip(
            found.awaited, await gather_with_cancel(*(found.completed[at] for at in found.awaited)), strict=True
        ):
            found.completed[index] = value
        return found.completed


def _with(results: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """In the order of the document. A field that the schema does not have has no value."""
    results.update(found)
    return {name: value for name, value in results.items() if value is not _LEFT}


async def _with_awaited(results: dict[str, Any], found: Awaitable[Mapping[str, Any]]) -> dict[str, Any]:
    return _with(results, await found)


def _plain(found: GraphQLField | None, parent_type: GraphQLObjectType) -> Plain | None:
    if found is None or found.args:
        return None
    if found is TypeNameMetaFieldDef:
        return lambda _source: parent_type.name
    is_required = isinstance(found.type, GraphQLNonNull)
    kind = found.type.of_type if isinstance(found.type, GraphQLNonNull) else found.type
    resolve = found.resolve
    if not isinstance(kind, GraphQLScalarType | GraphQLEnumType) or not getattr(resolve, "_is_default", False):
        return None
    assert resolve is not None
    coerce = kind.coerce_output_value
    nothing = _LEFT if is_required else None

    def read(source: Any) -> object:
        value = resolve(source)
        if value is None:
            return nothing
        # An exception is a value that says what went wrong; what is coerced to nothing is wrong too.
        shown = _LEFT if isinstance(value, Exception) else coerce(value)
        return _LEFT if shown is None or shown is Undefined else shown

    return read

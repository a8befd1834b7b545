"""What may be asked of the schema itself, and its answers, kept.

The standard query's answer is the dearest of all that most clients ever ask for, so anything much larger is refused.
And it is the same for everybody until the process ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from statistics import fmean
from typing import Any, TypeGuard

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

ROOTS = ("__schema", "__type")
ANSWERS_MAX = 8
"""Some 2 MB each."""
_WRAPPED = 0.5
"""How often a type has another one within it."""


@lru_cache(maxsize=8)
def sizes(schema: GraphQLSchema) -> Mapping[tuple[str, str], float]:
    """How many items the fields of introspection have, by type and name, on the average of those that have any."""
    types = list(schema.type_map.values())
    composite = [type_ for type_ in types if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)]
    interfaces = [type_ for type_ in composite if isinstance(type_, GraphQLInterfaceType)]
    inputs = [len(type_.fields) for type_ in types if isinstance(type_, GraphQLInputObjectType)]
    enums = [len(type_.values) for type_ in types if isinstance(type_, GraphQLEnumType)]
    arguments = [len(field.args) for type_ in composite for field in type_.fields.values()]
    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(schema.directives),
        ("__Directive", "args"): _mean([len(directive.args) for directive in schema.directives]),
        ("__Type", "fields"): _mean([len(type_.fields) for type_ in composite]),
        ("__Type", "inputFields"): _mean(inputs),
        ("__Type", "enumValues"): _mean(enums),
        ("__Type", "possibleTypes"): _mean([len(schema.get_possible_types(i)) for i in interfaces]),
        ("__Type", "ofType"): _WRAPPED,
        ("__Field", "args"): _mean(arguments),
    }


class Introspections:
    """Answers by the text that asked for them, comments and blanks left out, and the operation's name."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str | None], ExecutionResult] = OrderedDict()

    def answer(self, key: tuple[str, str | None], run: Callable[[], ExecutionResult]) -> ExecutionResult:
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = run()
            if len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return found


class _Introspecting(Executor[Any]):
    """Most of a schema's description are the types of its fields, which are few: each is told once for each selection.

    It waits for nothing, and nothing in it depends on where in the answer it stands.
    """

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if return_type.name != "__Type":
            return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)
        known: dict[tuple[int, str], tuple[object, Any]] = self.__dict__.setdefault("known", {})
        # The list is kept with the answer, so that its number stays its own.
        key = id(field_details_list), str(result)
        if key not in known:
            answer = super().complete_object_value(
                return_type, field_details_list, info, path, result, position_context
            )
            known[key] = field_details_list, answer
        return known[key][1]


def introspect(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> ExecutionResult:
    """The answer to an operation of which `only_introspects` holds. The document is valid."""
    executor = _Introspecting.build(
        schema, document, operation_name=operation_name, is_awaitable=_never, hide_suggestions=True
    )
    assert not isinstance(executor, list), "there are no variables that could be wrong"
    result = executor.execute_operation()
    assert isinstance(result, ExecutionResult), "it waits for nothing"
    return result


def _never(_value: object) -> TypeGuard[Awaitable[Any]]:
    return False


def only_introspects(operation: OperationDefinitionNode) -> bool:
    """Whether the answer rests on the schema alone: no field of our own, no variable."""
    return (
        operation.operation is OperationType.QUERY
        and not operation.variable_definitions
        and all(
            isinstance(selection, FieldNode) and selection.name.value in (*ROOTS, "__typename")
            for selection in operation.selection_set.selections
        )
    )


def _mean(counts: list[int]) -> float:
    return fmean(counts) if counts else 0

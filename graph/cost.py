"""What an operation may cost at most, told from its text and its variables before it is run.

An object counts 1, a list as many times as it may hold items, and what is below an item as often as the item. So the
cost is near the number of objects of the largest answer. Fragments are priced once each, after those that they spread,
so the work grows with the document's text alone. What directives skip is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
)

from graph.prices import (
    COMPUTED,
    COUNTED_AS,
    COUNTED_AS_DEFAULT,
    INTROSPECTION,
    ITEMS_PER_UNIT,
    LEAVES_PER_UNIT,
    LISTED_BY,
    MUTATION,
    PAGE_SIZES,
    ROWS,
    TOTAL_COUNT,
)

SATURATED = 10**12


@dataclass(slots=True)
class _Price:
    """Of one selection set. A page's rows are priced by the field that says how many there are."""

    leaves: int = 0
    fixed: int = 0
    a_row: int = 0

    def of(self, size: int) -> int:
        return min(1 + self.leaves // LEAVES_PER_UNIT + self.fixed + self.a_row * size, SATURATED)

    def add(self, other: _Price) -> None:
        self.leaves += other.leaves
        self.fixed = min(self.fixed + other.fixed, SATURATED)
        self.a_row = min(self.a_row + other.a_row, SATURATED)


@dataclass(frozen=True, slots=True)
class Cost:
    """`settled`: it is the same whatever the variables are. `steps` counts the work: selections that were touched."""

    requested: int
    settled: bool
    steps: int


def cost_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Sequence[FragmentDefinitionNode],
    variables: Mapping[str, Any] | None,
) -> Cost:
    """`fragments`: those of the document, which is valid, each after those that it spreads."""
    return _Pricing(schema, operation, variables or {}).run(fragments)


class _Pricing:
    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.operation = operation
        self.settled = True
        self.steps = 0
        self.fragments: dict[str, _Price] = {}
        defaults = {
            node.variable.name.value: value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
            if node.default_value
        }
        self.variables = {**defaults, **variables}

    def run(self, fragments: Sequence[FragmentDefinitionNode]) -> Cost:
        for fragment in fragments:
            on = self.schema.get_type(fragment.type_condition.name.value)
            self.fragments[fragment.name.value] = self._set(fragment.selection_set, on)
        root = self.schema.get_root_type(self.operation.operation)
        return Cost(self._set(self.operation.selection_set, root).of(1), self.settled, self.steps)

    def _set(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None) -> _Price:
        price = _Price()
        self.steps += len(selection_set.selections)
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    self._field(selection, parent, price)
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    on = self.schema.get_type(condition.name.value) if condition else parent
                    price.add(self._set(inner, on))
                case FragmentSpreadNode(name=name):
                    price.add(self.fragments[name.value])
        return price

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, price: _Price) -> None:
        name = node.name.value
        if name in {"__schema", "__type"}:
            price.fixed += INTROSPECTION
            return
        if node.selection_set is None:
            price.leaves += 1
            price.fixed += TOTAL_COUNT if name == "totalCount" else 0
        field = self.schema.get_field(parent, name) if parent and is_composite_type(parent) else None
        if field is None or parent is None:
            return
        on = parent.name
        price.fixed += COMPUTED.get(f"{on}.{name}", 0)
        if parent is self.schema.mutation_type:
            price.fixed += MUTATION + self._items(node) // ITEMS_PER_UNIT
        if node.selection_set is None:
            return
        size = self._page_size(node, field)
        each = self._set(node.selection_set, get_named_type(field.type)).of(size or 1)
        if name in ROWS and on.endswith("Connection"):
            price.a_row = min(price.a_row + each, SATURATED)
        else:
            times = self._times(node, field, f"{on}.{name}", size) if _is_list(field) else 1
            price.fixed = min(price.fixed + times * each, SATURATED)

    def _times(self, node: FieldNode, field: GraphQLField, place: str, size: int | None) -> int:
        listed_by = LISTED_BY.get(place)
        if listed_by is not None:
            given = self._given(node, listed_by)
            return max(len(given), 1) if isinstance(given, list) else 1
        return COUNTED_AS.get(place, COUNTED_AS_DEFAULT) if size is None else size

    def _page_size(self, node: FieldNode, field: GraphQLField) -> int | None:
        """How many rows the field's arguments ask for; None where it has no such arguments."""
        names = [name for name in PAGE_SIZES if name in field.args]
        if not names:
            return None
        for name in names:
            given = self._given(node, name)
            if isinstance(given, int) and not isinstance(given, bool):
                return min(max(given, 1), SATURATED)
        default = field.args[names[0]].default_value
        return default if isinstance(default, int) and default > 0 else PAGE_SIZES[names[0]]

    def _items(self, node: FieldNode) -> int:
        return sum(_items(self._value(argument.value)) for argument in node.arguments or ())

    def _given(self, node: FieldNode, name: str) -> Any:
        for argument in node.arguments or ():
            if argument.name.value == name:
                return self._value(argument.value)
        return None

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            self.settled = False
            return self.variables.get(node.name.value)
        if isinstance(node, IntValueNode):
            return int(node.value)
        # A literal may hold variables further down.
        self.settled = False
        value = value_from_ast_untyped(node, self.variables)
        return None if value is Undefined else value


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)


def _items(value: Any) -> int:
    """Objects in lists, and rows of columns: lists of one object that hold no objects count as the longest of them."""
    items = 0
    stack = [value]
    while stack:
        holder = stack.pop()
        if isinstance(holder, list):
            items += len(holder)
            stack.extend(each for each in holder if isinstance(each, dict))
            continue
        columns = 0
        for each in holder.values() if isinstance(holder, dict) else ():
            if isinstance(each, list) and each and not isinstance(each[0], dict):
                columns = max(columns, len(each))
            else:
                stack.append(each)
        items += columns
    return items

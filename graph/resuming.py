"""A subscription that goes on after what its client saw last: the `after` argument of its root field, given anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphql import (
    ArgumentNode,
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
)

AFTER = "after"


class Resuming:
    """A valid document and its variables, so that its subscription begins after a cursor.

    An argument that stands in the document as text is left as it is. One that comes by a variable is not: a browser
    that connects again repeats its request word by word, and tells by its header alone how far it has come.
    """

    def __init__(self, schema: GraphQLSchema, variables: dict[str, Any] | None, cursor: str) -> None:
        self._root = schema.subscription_type or GraphQLObjectType("None", {})
        self._cursor = cursor
        self.variables: dict[str, Any] = dict(variables or {})

    def document(self, document: DocumentNode) -> DocumentNode:
        return replace(document, definitions=tuple(map(self._definition, document.definitions)))

    def _definition(self, node: DefinitionNode) -> DefinitionNode:
        match node:
            case OperationDefinitionNode(operation=OperationType.SUBSCRIPTION):
                return replace(node, selection_set=self._selections(node.selection_set))
            case FragmentDefinitionNode(type_condition=on) if on.name.value == self._root.name:
                return replace(node, selection_set=self._selections(node.selection_set))
            case _:
                return node

    def _selections(self, node: SelectionSetNode) -> SelectionSetNode:
        return replace(node, selections=tuple(map(self._selection, node.selections)))

    def _selection(self, node: SelectionNode) -> SelectionNode:
        match node:
            case FieldNode():
                return self._field(node)
            case InlineFragmentNode():
                return replace(node, selection_set=self._selections(node.selection_set))
            case _:
                return node

    def _field(self, node: FieldNode) -> FieldNode:
        field = self._root.fields.get(node.name.value)
        if field is None or AFTER not in field.args:
            return node
        others = tuple(each for each in node.arguments or () if each.name.value != AFTER)
        (given,) = [each.value for each in node.arguments or () if each.name.value == AFTER] or [NullValueNode()]
        match given:
            case VariableNode(name=name):
                self.variables[name.value] = self._cursor
            case NullValueNode():
                value = StringValueNode(value=self._cursor)
                return replace(node, arguments=(*others, ArgumentNode(name=NameNode(value=AFTER), value=value)))
        return node

"""One pass over a parsed document that refuses it before anything dear happens: validation, or execution.

Fragments are measured once each, in an order in which every fragment comes after those that it spreads, and what they
measure is added up where they are spread. So a chain of fragments that doubles at each step, which stands for 2^n
selections, costs as much as its own text. Counts saturate. The one thing that grows faster than the text, adding up the
keys of wide fragments along long chains, has a limit of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_introspection_query,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    parse,
)

from graph.errors import problem
from graph.introspection import ROOTS, sizes
from graph.limits import Limits

SATURATED = 10**9


@dataclass(slots=True)
class _Key:
    """A response key of one selection set, its fragments included."""

    times: int = 0
    """Selected on an interface or union, so whatever the object's type is."""
    times_on: dict[str, int] = field(default_factory=dict)
    """Selected on one object type; an object has but one."""
    most_on: int = 0
    below: int = 1
    """The most selections that merge into one place below it, when it stands there once."""

    def add(self, type_name: str, times: int) -> None:
        if not type_name:
            self.times = min(self.times + times, SATURATED)
            return
        self.times_on[type_name] = min(self.times_on.get(type_name, 0) + times, SATURATED)
        self.most_on = max(self.most_on, self.times_on[type_name])


@dataclass(slots=True)
class _Shape:
    """What a selection set stands for once its fragments are spread."""

    depth: int = 0
    introspection_depth: int = 0
    introspected: float = 0
    """Values that it may ask of the schema itself: an estimate, and one that adds up over fragments."""
    list_depth: int = 0
    input_depth: int = 0
    aliases: int = 0
    directives: int = 0
    width: int = 0
    """Fields of the set itself, without those below them."""
    same_key: int = 0
    keys: dict[str, _Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """`steps` counts the work: selections, values and keys that were touched.

    `fragments`: the document's, each after those that it spreads.
    """

    errors: Sequence[GraphQLError]
    steps: int
    fragments: Sequence[FragmentDefinitionNode] = ()


def precheck(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> Findings:
    return _Precheck(schema, document, limits).run()


@lru_cache(maxsize=8)
def standard_introspection(schema: GraphQLSchema) -> float:
    """What the standard query asks of the schema, as a document's own is measured."""
    text = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    return _Precheck(schema, parse(text), Limits()).shape_of_first().introspected


class _Precheck:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> None:
        self.schema = schema
        self.limits = limits
        self.sizes = sizes(schema)
        self.steps = 0
        self.spread_keys = 0
        self.operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.shapes: dict[str, _Shape] = {}
        self.worst: dict[str, tuple[int, GraphQLError]] = {}

    def shape_of_first(self) -> _Shape:
        """Of the first operation; fragments are in no circle."""
        for fragment in self._in_order_of_spreading()[0]:
            on = self.schema.get_type(fragment.type_condition.name.value)
            self.shapes[fragment.name.value] = self._measured(fragment, on)
        first = self.operations[0]
        return self._measured(first, self.schema.get_root_type(first.operation))

    def run(self) -> Findings:
        ordered, cycle = self._in_order_of_spreading()
        if cycle:
            names = ", ".join(f"`{node.name.value}`" for node in cycle)
            return Findings([problem("FRAGMENT_CYCLE", f"Fragments spread themselves: {names}.", cycle)], self.steps)
        for fragment in ordered:
            shape = self._measured(fragment, self.schema.get_type(fragment.type_condition.name.value))
            self.shapes[fragment.name.value] = shape
            self._judge(fragment, shape)
        if self.operations:
            count, first = len(self.operations), self.operations[0]
            self._over("TOO_MANY_OPERATIONS", "operations", first, count, self.limits.operations_max)
        for operation in self.operations:
            shape = self._measured(operation, self.schema.get_root_type(operation.operation))
            self._judge(operation, shape)
            self._over(
                "TOO_MANY_SPREAD_KEYS",
                "keys spread by fragments",
                operation,
                self.spread_keys,
                self.limits.spread_keys_max,
            )
            self._over("TOO_MANY_ROOT_FIELDS", "root fields", operation, shape.width, self.limits.root_fields_max)
        return Findings([error for _, error in self.worst.values()], self.steps, ordered)

    def _in_order_of_spreading(self) -> tuple[list[FragmentDefinitionNode], list[FragmentDefinitionNode]]:
        """Fragments, each after those that it spreads; and a cycle, where there is one. Without recursion."""
        spreads = {name: self._spread_names(node.selection_set) for name, node in self.fragments.items()}
        ordered: dict[str, FragmentDefinitionNode] = {}
        for first in self.fragments:
            if first in ordered:
                continue
            path: dict[str, Iterator[str]] = {first: iter(spreads[first])}
            while path:
                name = next(reversed(path))
                following = next((other for other in path[name] if other not in ordered), None)
                if following is None:
                    del path[name]
                    ordered[name] = self.fragments[name]
                elif following in path:
                    names = list(path)
                    return [], [self.fragments[other] for other in names[names.index(following) :]]
                else:
                    path[following] = iter(spreads[following])
        return list(ordered.values()), []

    def _spread_names(self, selection_set: SelectionSetNode) -> list[str]:
        """The defined fragments that a set spreads, at any depth; unknown ones are for validation to tell."""
        names: dict[str, None] = {}
        stack = [selection_set]
        while stack:
            for selection in stack.pop().selections:
                self.steps += 1
                match selection:
                    case FragmentSpreadNode(name=name) if name.value in self.fragments:
                        names[name.value] = None
                    case FieldNode(selection_set=inner) | InlineFragmentNode(selection_set=inner) if inner:
                        stack.append(inner)
        return list(names)

    def _measured(
        self, definition: OperationDefinitionNode | FragmentDefinitionNode, parent: GraphQLNamedType | None
    ) -> _Shape:
        shape = _Shape()
        self._directives(definition.directives, shape)
        for variable in definition.variable_definitions or ():
            self._directives(variable.directives, shape)
            if variable.default_value:
                self._value(variable.default_value, shape)
        self._selections(definition.selection_set, parent, shape)
        return shape

    def _selections(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None, shape: _Shape) -> None:
        """Add a set to a shape, inline fragments as part of the set around them. The parser bounds the nesting."""
        typenames = 0
        for selection in selection_set.selections:
            self.steps += 1
            self._directives(selection.directives, shape)
            match selection:
                case FieldNode():
                    self._field(selection, parent, shape)
                    typenames += selection.name.value == "__typename"
                case InlineFragmentNode(type_condition=condition, selection_set=inner):
                    narrowed = self.schema.get_type(condition.name.value) if condition else parent
                    self._selections(inner, narrowed, shape)
                case FragmentSpreadNode(name=name) if name.value in self.shapes:
                    self._spread(self.shapes[name.value], shape)
        # Clients add `__typename` to each set of each fragment by themselves, so it counts within a set alone.
        shape.same_key = max(shape.same_key, typenames)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, shape: _Shape) -> None:
        name = node.name.value
        definition = self.schema.get_field(parent, name) if parent and is_composite_type(parent) else None
        below = _Shape()
        if node.selection_set:
            self._selections(node.selection_set, get_named_type(definition.type) if definition else None, below)
        for argument in node.arguments or ():
            self._value(argument.value, shape)
        depth = 1 + max(below.depth, below.introspection_depth)
        if name in ROOTS or (parent and parent.name.startswith("__")):
            shape.introspection_depth = max(shape.introspection_depth, depth)
            size = self.sizes.get((parent.name if parent else "", name), 1)
            shape.introspected = min(shape.introspected + size * (1 + below.introspected), SATURATED)
        else:
            shape.depth = max(shape.depth, depth)
        lists = _lists_of_objects(definition.type) if definition else 0
        shape.list_depth = max(shape.list_depth, lists + below.list_depth)
        shape.input_depth = max(shape.input_depth, below.input_depth)
        shape.aliases = min(shape.aliases + below.aliases + (node.alias is not None), SATURATED)
        shape.directives = min(shape.directives + below.directives, SATURATED)
        shape.width += 1
        if node.alias or name != "__typename":
            on = parent.name if is_object_type(parent) else ""
            self._key(shape, (node.alias or node.name).value, {on: 1}, below.same_key)

    def _spread(self, spread: _Shape, shape: _Shape) -> None:
        shape.depth = max(shape.depth, spread.depth)
        shape.introspection_depth = max(shape.introspection_depth, spread.introspection_depth)
        shape.introspected = min(shape.introspected + spread.introspected, SATURATED)
        shape.list_depth = max(shape.list_depth, spread.list_depth)
        shape.input_depth = max(shape.input_depth, spread.input_depth)
        shape.aliases = min(shape.aliases + spread.aliases, SATURATED)
        shape.directives = min(shape.directives + spread.directives, SATURATED)
        shape.width = min(shape.width + spread.width, SATURATED)
        shape.same_key = max(shape.same_key, spread.same_key)
        self.spread_keys += len(spread.keys)
        # Beyond either limit the document is refused whatever else it holds, so there is no need to add to the set.
        if self.spread_keys <= self.limits.spread_keys_max and shape.same_key <= self.limits.same_key_max:
            for name, key in spread.keys.items():
                self._key(shape, name, {"": key.times, **key.times_on}, key.below)

    def _key(self, shape: _Shape, name: str, times: Mapping[str, int], below: int) -> None:
        """Note a response key that is selected so many times on each type."""
        self.steps += 1
        key = shape.keys.setdefault(name, _Key())
        for type_name, times_on in times.items():
            key.add(type_name, times_on)
        key.below = max(key.below, below)
        # A key that stands twice merges the sets below it, which may repeat keys again, and so on down.
        shape.same_key = min(max(shape.same_key, (key.times + key.most_on) * key.below), SATURATED)

    def _directives(self, directives: Iterable[DirectiveNode] | None, shape: _Shape) -> None:
        for directive in directives or ():
            shape.directives += 1
            for argument in directive.arguments or ():
                self._value(argument.value, shape)

    def _value(self, value: ValueNode, shape: _Shape) -> None:
        """How deep a literal nests. Level by level, without recursion."""
        depth = 0
        level: list[ValueNode] = [value]
        while True:
            self.steps += len(level)
            holders = [node for node in level if isinstance(node, ListValueNode | ObjectValueNode)]
            if not holders:
                break
            depth += 1
            level = [item for node in holders for item in _items(node)]
        shape.input_depth = max(shape.input_depth, depth)

    def _judge(self, node: Node, shape: _Shape) -> None:
        limits = self.limits
        self._over("QUERY_TOO_DEEP", "levels of fields", node, shape.depth, limits.depth_max)
        self._over(
            "INTROSPECTION_TOO_DEEP",
            "levels of introspection",
            node,
            shape.introspection_depth,
            limits.introspection_depth_max,
        )
        if shape.introspected:
            limit = round(standard_introspection(self.schema) * limits.introspections_max)
            what = "values or so that it asks of the schema"
            self._over("INTROSPECTION_TOO_LARGE", what, node, round(shape.introspected), limit)
        self._over("LISTS_TOO_DEEP", "lists within lists", node, shape.list_depth, limits.list_depth_max)
        self._over("INPUT_TOO_DEEP", "levels of input", node, shape.input_depth, limits.input_depth_max)
        self._over("TOO_MANY_ALIASES", "aliases", node, shape.aliases, limits.aliases_max)
        self._over("TOO_MANY_DIRECTIVES", "directives", node, shape.directives, limits.directives_max)
        self._over("SAME_KEY_REPEATED", "selections of one response key", node, shape.same_key, limits.same_key_max)

    def _over(self, code: str, what: str, node: Node, seen: int, limit: int) -> None:
        """Keep one error for each limit, that of the worst definition."""
        if seen > limit and seen > self.worst.get(code, (0, None))[0]:
            at_least = " or more" if seen >= SATURATED else ""
            message = f"The document has {seen}{at_least} {what}; at most {limit} are allowed."
            self.worst[code] = (seen, problem(code, message, [node], limit=limit, seen=seen))


def _lists_of_objects(type_: GraphQLOutputType) -> int:
    """How many lists the type wraps around an object; lists of scalars are leaves."""
    if not is_composite_type(get_named_type(type_)):
        return 0
    lists = 0
    while is_list_type(type_) or is_non_null_type(type_):
        lists += is_list_type(type_)
        type_ = type_.of_type
    return lists


def _items(node: ListValueNode | ObjectValueNode) -> Iterator[ValueNode]:
    if isinstance(node, ListValueNode):
        yield from node.values
    else:
        yield from (entry.value for entry in node.fields)

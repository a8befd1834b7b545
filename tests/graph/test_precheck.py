"""The pre-check: each limit at its edge, and the work that nasty documents cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from graphql import get_introspection_query, parse

from graph.limits import Limits
from graph.precheck import Findings, precheck
from tests.graph.service import SCHEMA

CORE = SCHEMA._schema
LIMITS = Limits()


def checked(text: str) -> Findings:
    return precheck(CORE, parse(text), LIMITS)


def codes(text: str) -> list[object]:
    return [(error.extensions or {})["code"] for error in checked(text).errors]


def nested(depth: int, field: str = "child") -> str:
    """`depth` levels of fields, the last one a leaf."""
    return "{ thing {" + f"{field} {{" * (depth - 2) + "a" + "}" * depth


def nested_in_inline_fragments(depth: int) -> str:
    return "{ thing {" + "... { child {" * (depth - 2) + "a" + "}}" * (depth - 2) + "}}"


def nested_in_fragments(depth: int, field: str = "child") -> str:
    steps = [f"fragment F{i} on Thing {{ {field} {{ ...F{i + 1} }} }}" for i in range(depth - 2)]
    return " ".join(["{ thing { ...F0 } }", *steps, f"fragment F{depth - 2} on Thing {{ a tags }}"])


def keys(count: int, field: str = "a") -> str:
    return " ".join(f"k{i}: {field}" for i in range(count))


def aliases_in_fragments(count: int) -> str:
    """Three in a fragment that is spread in three places count as nine."""
    below = "child { ...F child { ...F child { ...F } } }"
    return f"{{ thing {{ {keys(count - 9)} {below} }} }} fragment F on Thing {{ {keys(3)} }}"


def directives(count: int) -> str:
    """One on the operation, one on a spread, one on an inline fragment; the rest on fields."""
    fields = " ".join(f"{name} @skip(if: false)" for name in "abcdefghi"[: count - 3])
    fragment = "fragment F on Thing { ... @include(if: true) { a } }"
    return f"query @a {{ thing {{ {fields} ...F @include(if: true) }} }} {fragment}"


def root_fields_in_fragments(count: int) -> str:
    return f"{{ hello ...F ... {{ x: hello }} }} fragment F on Query {{ {keys(count - 2, 'hello')} }}"


def input_nested(depth: int) -> str:
    """A list in an object in a list, and so on; an empty object at the end where the depth is odd."""
    return "{ tree(tree: " + "{ branches: [" * (depth // 2) + "{}" * (depth % 2) + "] }" * (depth // 2) + ") }"


@dataclass
class Edge:
    """A way to write a document with n of something: `limit` of it pass, one more is refused."""

    claim: str
    code: str
    limit: int
    write: Callable[[int], str]


EDGES = [
    Edge("depth", "QUERY_TOO_DEEP", 12, nested),
    Edge("depth in inline fragments", "QUERY_TOO_DEEP", 12, nested_in_inline_fragments),
    Edge("depth in fragments", "QUERY_TOO_DEEP", 12, nested_in_fragments),
    Edge("lists in lists", "LISTS_TOO_DEEP", 3, lambda n: nested(n + 2, "children")),
    Edge("lists in lists in fragments", "LISTS_TOO_DEEP", 3, lambda n: nested_in_fragments(n + 2, "children")),
    Edge(
        "a list of lists counts twice", "LISTS_TOO_DEEP", 3, lambda n: nested(n, "children").replace("a", "grid { a }")
    ),
    Edge("aliases", "TOO_MANY_ALIASES", 30, lambda n: f"{{ thing {{ {keys(n)} }} }}"),
    Edge("aliases in fragments", "TOO_MANY_ALIASES", 30, aliases_in_fragments),
    Edge("directives", "TOO_MANY_DIRECTIVES", 10, directives),
    Edge("directives on one field", "TOO_MANY_DIRECTIVES", 10, lambda n: "{ hello" + " @a" * n + " }"),
    Edge("root fields", "TOO_MANY_ROOT_FIELDS", 20, lambda n: f"{{ {keys(n, 'hello')} }}"),
    Edge("root fields in fragments", "TOO_MANY_ROOT_FIELDS", 20, root_fields_in_fragments),
    Edge("one key", "SAME_KEY_REPEATED", 5, lambda n: "{ thing {" + " a" * n + "} }"),
    Edge(
        "one key in fragments",
        "SAME_KEY_REPEATED",
        5,
        lambda n: "{ thing {" + " ...F" * n + "} } fragment F on Thing { a }",
    ),
    Edge("one key in inline fragments", "SAME_KEY_REPEATED", 5, lambda n: "{ thing {" + " ... { a }" * n + "} }"),
    Edge("one key by alias", "SAME_KEY_REPEATED", 5, lambda n: "{ thing { a" + " a: b" * (n - 1) + "} }"),
    Edge("__typename in one set", "SAME_KEY_REPEATED", 5, lambda n: "{ thing {" + " __typename" * n + "} }"),
    Edge(
        "one key of an interface and one of its types",
        "SAME_KEY_REPEATED",
        5,
        lambda n: "{ named { name name ... on Cat {" + " name" * (n - 2) + "} ... on Dog { name name } } }",
    ),
    Edge("levels of input", "INPUT_TOO_DEEP", 32, input_nested),
]


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.claim)
def test_a_document_at_a_limit_passes_and_one_beyond_it_is_refused(edge: Edge) -> None:
    assert codes(edge.write(edge.limit)) == []
    (error,) = checked(edge.write(edge.limit + 1)).errors
    assert error.extensions == {"code": edge.code, "limit": edge.limit, "seen": edge.limit + 1}
    assert error.locations


def test_repeats_multiply_down_a_path() -> None:
    """Two selections of a key merge what is below them, and the sets below may repeat keys again."""
    assert codes("{ thing { child { a b } child { a c } } thing { child { a } child { b } } }") == []
    (error,) = checked("{" + "thing { child { a } child { a } child { a } } " * 2 + "}").errors
    assert error.extensions == {"code": "SAME_KEY_REPEATED", "limit": 5, "seen": 6}


def test_a_key_may_stand_once_for_each_type_of_an_interface() -> None:
    """An object has one type, so these never merge."""
    inline = " ".join(f"... on {kind} {{ name{' name' * 4} }}" for kind in ("Cat", "Dog"))
    assert codes(f"{{ named {{ {inline} }} }}") == []
    spread = "{ named { ...C ...D } } fragment C on Cat { name name name } fragment D on Dog { name name name }"
    assert codes(spread) == []


def test_typename_may_stand_in_every_fragment() -> None:
    spreads = " ".join(f"...F{i}" for i in range(9))
    fragments = " ".join(f"fragment F{i} on Thing {{ {'abcdefghi'[i]} __typename }}" for i in range(9))
    assert codes(f"{{ thing {{ {spreads} __typename }} }} {fragments}") == []


def test_every_operation_is_checked_by_itself() -> None:
    assert codes(f"query A {{ {keys(20, 'hello')} }} query B {{ {keys(20, 'hello')} }}") == []


@pytest.mark.parametrize("depth", [9, 12])
def test_the_standard_introspection_query_passes(depth: int) -> None:
    text = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, one_of=True, type_depth=depth
    )
    assert codes(text) == []


def test_introspection_in_circles_is_refused() -> None:
    circles = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert codes(circles) == ["INTROSPECTION_TOO_LARGE", "LISTS_TOO_DEEP"]
    assert codes("{ __schema { queryType {" + "ofType {" * 18 + "name" + "}" * 21) == ["INTROSPECTION_TOO_DEEP"]


@pytest.mark.parametrize(
    "text",
    [
        "{ thing { ...F } } fragment F on Thing { ...F }",
        "{ thing { ...F } } fragment F on Thing { child { ...G } } fragment G on Thing { a ...F }",
        "{ hello } fragment F on Thing { ... { ...F } }",
    ],
)
def test_fragments_in_a_circle_are_refused(text: str) -> None:
    assert codes(text) == ["FRAGMENT_CYCLE"]


def doubling(fragments: int) -> str:
    """Each fragment spreads the next one twice, under two keys: 2^fragments leaves from some 30 characters each."""
    steps = "".join(
        f" fragment F{i} on Thing {{ child {{ ...F{i + 1} }} x: child {{ ...F{i + 1} }} }}" for i in range(fragments)
    )
    return "{ thing { ...F0 } }" + steps + f" fragment F{fragments} on Thing {{ a }}"


def test_a_doubling_chain_of_fragments_costs_as_much_as_its_text() -> None:
    steps = {n: checked(doubling(n)).steps for n in (10, 20, 40)}
    assert steps[40] - steps[20] == 2 * (steps[20] - steps[10])
    assert set(codes(doubling(40))) == {"QUERY_TOO_DEEP", "TOO_MANY_ALIASES"}


def test_counts_saturate() -> None:
    errors = {(error.extensions or {})["code"]: error for error in checked(doubling(60)).errors}
    assert (errors["TOO_MANY_ALIASES"].extensions or {})["seen"] == 1_000_000_000
    assert "or more" in errors["TOO_MANY_ALIASES"].message


def chain(fragments: int, width: int) -> str:
    """A long chain of fragments that passes on a wide set: the work is their product, of a text that is their sum."""
    steps = "".join(f" fragment F{i} on Thing {{ ...F{i + 1} }}" for i in range(fragments))
    last = f" fragment F{fragments} on Thing {{" + " ".join(f"k{i}" for i in range(width)) + "}"
    return "{ thing { ...F0 } }" + steps + last


def test_a_long_chain_of_wide_fragments_is_refused() -> None:
    assert codes(chain(99, 100)) == []
    (error,) = checked(chain(100, 100)).errors
    assert error.extensions == {"code": "TOO_MANY_SPREAD_KEYS", "limit": 10_000, "seen": 10_100}


@pytest.mark.parametrize(
    "text",
    [
        chain(60, 450),
        "{ thing {" + " ".join(f"...F{i}" for i in range(80)) + "} }"
        + "".join(f" fragment F{i} on Thing {{ a b c d }}" for i in range(80)),
        "{ thing { ...F0 } }" + "".join(f" fragment F{i} on Thing {{ ...F{i + 1} ...F{i + 1} }}" for i in range(70))
        + " fragment F70 on Thing { a }",
        "{ thing {" + "... {" * 190 + "a" + "}" * 192,
        "{ tree(tree: [" + " 1" * 950 + "]) }",
        "{ thing {" + " a" * 950 + "} }",
        doubling(45),
    ],
    ids=["chain", "many spreads", "spread twice each", "inline fragments", "a list", "one key", "doubling"],
)  # fmt: skip
def test_the_work_is_bounded_by_the_tokens(text: str) -> None:
    document = parse(text, max_lexical_tokens=1_000)
    tokens = getattr(document, "token_count", 0)
    assert precheck(CORE, document, LIMITS).steps <= 3 * tokens + LIMITS.spread_keys_max

"""Documents: prepared once, hit afterwards; what validation costs; what its errors give away."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import graphql
import pytest
from graphql import GraphQLError

from graph import documents
from graph.context import Context, Request
from graph.documents import Counts, Documents
from graph.errors import RequestError
from graph.limits import Limits
from tests.graph.service import ADMIN, SCHEMA

QUERY = "{ thing { a b } }"


def prepared(kept: Documents, text: str) -> None:
    kept.operation(Request(text=text))


def refused(text: str) -> list[GraphQLError]:
    with pytest.raises(RequestError) as caught:
        prepared(Documents(SCHEMA, Limits()), text)
    return list(caught.value.errors)


def test_the_second_execution_neither_parses_nor_validates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted at graphql-core's own functions, wherever they are called from."""
    calls: list[str] = []

    def counted(name: str) -> Any:
        original = getattr(graphql, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return original(*args, **kwargs)

        return call

    for name in ("parse", "validate"):
        monkeypatch.setattr(documents, name, counted(name))
    kept = Documents(SCHEMA, Limits())
    prepared(kept, QUERY)
    assert (calls, kept.counts) == (["parse", "validate"], Counts(parsed=1, validated=1, hits=0))
    prepared(kept, QUERY)
    assert (calls, kept.counts) == (["parse", "validate"], Counts(parsed=1, validated=1, hits=1))


def test_a_refused_document_is_not_kept() -> None:
    kept = Documents(SCHEMA, Limits())
    for _ in range(2):
        with pytest.raises(RequestError):
            prepared(kept, "{ nothing }")
    assert kept.counts == Counts(parsed=2, validated=2, hits=0)


@pytest.mark.parametrize(
    "limits",
    [
        replace(Limits(), documents_cached_max=2),
        replace(Limits(), documents_cached_chars_max=3 * len("{ k1: hello }") - 1),
    ],
    ids=["by number", "by characters"],
)
def test_the_least_recently_used_document_is_let_go(limits: Limits) -> None:
    kept = Documents(SCHEMA, limits)
    for name in ("k1", "k2", "k1", "k3"):
        prepared(kept, f"{{ {name}: hello }}")
    assert kept.counts.hits == 1
    prepared(kept, "{ k1: hello }")
    assert kept.counts.hits == 2
    prepared(kept, "{ k2: hello }")
    assert kept.counts == Counts(parsed=4, validated=4, hits=2)


@pytest.mark.parametrize(
    "text",
    [
        "{ helo }",
        "{ thing { aa } }",
        '{ hello(nam: "x") }',
        "{ hello @includ(if: true) }",
        "query ($x: Strin) { hello(name: $x) }",
        "{ thing { ...F } } fragment F on Thig { a }",
        '{ tree(tree: { leef: "x" }) }',
    ],
)
def test_errors_suggest_nothing_of_the_schema(text: str) -> None:
    for error in refused(text):
        assert "mean" not in error.message
        assert error.extensions == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_errors_on_variables_suggest_nothing_either() -> None:
    request = Request(text="query ($tree: Tree!) { tree(tree: $tree) }", variables={"tree": {"leef": "x"}})
    operation = Documents(SCHEMA, Limits()).operation(request)
    with pytest.raises(RequestError) as caught:
        await operation.answer(Context(actor=ADMIN, request_id="r", deadline=math.inf))
    assert caught.value.errors
    for error in caught.value.errors:
        assert "mean" not in error.message
        assert error.extensions == {"code": "BAD_USER_INPUT", "inputPath": ["tree"]}


def repeated_overlaps(fields: int) -> str:
    """Fields that all merge, so each pair would be compared, and each pair of what is below them."""
    return "{ thing {" + " child { child { a } }" * fields + "} }"


@pytest.mark.parametrize("text", [repeated_overlaps(110), "{ thing {" + " a" * 990 + "} }"], ids=["nested", "flat"])
def test_documents_that_make_validation_quadratic_are_refused_before_it(text: str) -> None:
    kept = Documents(SCHEMA, Limits())
    with pytest.raises(RequestError) as caught:
        prepared(kept, text)
    assert [(error.extensions or {})["code"] for error in caught.value.errors] == ["SAME_KEY_REPEATED"]
    assert kept.counts == Counts(parsed=1, validated=0, hits=0)


def widest_overlap() -> str:
    """As much overlap as the limits let through: five times each key, at three levels, from different fragments."""
    names = "abcdefghi"
    spreads = " ".join(f"...F{i}" for i in range(5))
    leaves = " ".join(names)
    fragments = " ".join(
        f"fragment F{i} on Thing {{ {leaves} child {{ {leaves} children {{ {leaves} }} }} }}" for i in range(5)
    )
    return f"{{ thing {{ {spreads} }} }} {fragments}"


def test_the_widest_overlap_that_passes_is_cheap_to_validate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule has a budget of comparisons, and aborts beyond it; a hundredth of the budget is enough."""
    rule = graphql.validation.rules.overlapping_fields_can_be_merged
    monkeypatch.setattr(rule, "MAX_COMPLEXITY_BUDGET", rule.MAX_COMPLEXITY_BUDGET // 100)
    prepared(Documents(SCHEMA, Limits()), widest_overlap())

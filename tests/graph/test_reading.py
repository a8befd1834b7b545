"""A long document is parsed and validated beside the event loop, once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import graphql
import pytest

from graph import documents
from graph.context import Request
from graph.documents import LONG_CHARS, Counts, Documents
from graph.errors import RequestError
from graph.limits import Limits
from tests.graph.service import SCHEMA

SHORT = "{ hello }"
LONG = f"{SHORT}#{' ' * LONG_CHARS}"
INVALID = f"{{ nothing }}#{' ' * LONG_CHARS}"


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Those that graphql-core validated on."""
    seen: list[threading.Thread] = []
    validate = graphql.validate

    def validated(*arguments: Any, **options: Any) -> Any:
        seen.append(threading.current_thread())
        return validate(*arguments, **options)

    monkeypatch.setattr(documents, "validate", validated)
    return seen


async def read(kept: Documents, text: str) -> str | None:
    """What the operation is, or the code of its refusal."""
    try:
        return (await kept.read(Request(text=text))).kind.value
    except RequestError as error:
        return str((error.errors[0].extensions or {})["code"])


async def test_a_long_document_is_read_on_a_thread_the_first_time(threads: list[threading.Thread]) -> None:
    kept = Documents(SCHEMA, Limits())
    assert [await read(kept, text) for text in (SHORT, LONG, LONG, SHORT)] == ["query"] * 4
    assert [thread is threading.main_thread() for thread in threads] == [True, False]
    assert kept.counts.validated == 2


async def test_a_document_that_comes_many_times_at_once_is_kept_once(threads: list[threading.Thread]) -> None:
    """Room for one of them: were it counted as often as it came, there would be none."""
    kept = Documents(SCHEMA, Limits(documents_cached_chars_max=len(LONG)))
    assert await asyncio.gather(*(read(kept, LONG) for _ in range(5))) == ["query"] * 5
    hits = kept.counts.hits
    assert await read(kept, LONG) == "query"
    assert kept.counts.hits == hits + 1
    assert len(set(threads)) == 1


async def test_what_is_wrong_with_a_long_document_is_told_as_of_any(threads: list[threading.Thread]) -> None:
    kept = Documents(SCHEMA, Limits())
    assert [await read(kept, text) for text in (INVALID, INVALID)] == ["GRAPHQL_VALIDATION_FAILED"] * 2
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    assert await read(kept, " " * (kept.limits.document_chars_max + 1)) == "DOCUMENT_TOO_LONG"
    assert kept.counts == Counts(parsed=2, validated=2, hits=0)

"""Lines of the log: what they carry, and what is struck out of them."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from runtime import logs
from runtime.logs import JsonLines, TextLines, about, struck


@pytest.fixture
def root() -> Iterator[None]:
    """The root logger as it was, after the test."""
    held = logging.getLogger()
    handlers, level = list(held.handlers), held.level
    yield
    held.handlers[:], held.level = handlers, level
    logging.captureWarnings(capture=False)


def a_record(message: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("graph.app", logging.WARNING, "app.py", 1, message, values, exc_info)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("key ipk_aaaa_bbbb_01234567 was used", "key ipk_*** was used"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2ln", "***"),
        ("postgresql://interpact_service:pass-word@db/interpact", "postgresql://interpact_service:***@db/interpact"),
        ("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.", "duplicate key"),
        ("null value: Failing row contains (ada@example.org, 1).", "null value: Failing row: ***"),
        ("an outage of 5 minutes", "an outage of 5 minutes"),
    ],
)
def test_secrets_and_rows_are_struck_out(said: str, kept: str) -> None:
    assert struck(said) == kept
    assert json.loads(JsonLines().format(a_record("%s", said)))["message"] == kept


def test_a_stack_is_told_without_the_row_that_the_database_quotes() -> None:
    try:
        raise ValueError("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.")
    except ValueError as error:
        record = a_record("it failed", error=error)
    for line in (JsonLines().format(record), TextLines().format(record)):
        assert "ValueError: duplicate key" in line
        assert "ada@example.org" not in line


def test_no_text_begins_a_line_of_its_own() -> None:
    assert TextLines().format(a_record("one\ntwo\x1b[31m")).endswith(" WARNING graph.app: one\\ntwo\\x1b[31m")
    assert "\n" not in JsonLines().format(a_record("one\ntwo"))


async def test_a_line_carries_the_facts_of_its_own_task() -> None:
    async def line(tenant: str) -> dict[str, str]:
        with about(tenant=tenant, role=None):
            await asyncio.sleep(0)
            told: dict[str, str] = json.loads(JsonLines().format(a_record("here")))
            return told

    with about(request_id="r1"):
        first, second = await asyncio.gather(line("a"), line("b"))
    assert [(each["request_id"], each["tenant"]) for each in (first, second)] == [("r1", "a"), ("r1", "b")]
    assert "role" not in first
    assert logs.known() == {}


@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("text", False), ("", True)])
def test_every_logger_and_warning_goes_through_one_handler(root: None, form: str, is_json: bool) -> None:
    stream = io.StringIO()
    logs.begin("DEBUG", form, stream)
    logging.getLogger("alembic.runtime").info("upgraded")
    logging.getLogger("runtime").debug("ours")
    logging.getLogger("uvicorn.error").info("a path with a key in it")
    logging.getLogger("websockets.server").debug("< TEXT")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)
    lines = stream.getvalue().splitlines()
    assert len([line for line in lines if "upgraded" in line or "ours" in line]) == 2
    assert "a path" not in stream.getvalue()
    assert "TEXT" not in stream.getvalue()
    assert any("old" in line for line in lines)
    assert all(line.startswith("{") for line in lines[:2]) is is_json

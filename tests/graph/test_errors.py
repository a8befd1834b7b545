"""What a client is told, and what only the log is."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, located_error

from domain.errors import CursorExpired, TenantMissing
from graph.errors import problem, told, told_exception
from graph.limits import Limits

LIMITS = Limits(errors_returned_max=3, message_chars_max=40)
MASKED = {"message": "Internal error", "extensions": {"code": "INTERNAL", "requestId": "r1"}}


def test_an_error_of_the_field_keeps_its_words_code_and_input_path() -> None:
    error = located_error(CursorExpired("the feed is past it", path=("after",)), path=["breachEvents"])
    assert told([error], "r1", LIMITS) == [
        {
            "message": "the feed is past it",
            "path": ["breachEvents"],
            "extensions": {"code": "CURSOR_EXPIRED", "inputPath": ["after"]},
        }
    ]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("password=hunter2"),
        GraphQLError("password=hunter2", original_error=KeyError("hunter2")),
        GraphQLError("password=hunter2", original_error=GraphQLError("x", original_error=OSError("hunter2"))),
        GraphQLError("Int cannot represent hunter2"),
        TenantMissing("no tenant bound to hunter2"),
    ],
    ids=[
        "an exception",
        "wrapped",
        "wrapped twice",
        "an answer that does not fit",
        "an error that only a bug can cause",
    ],
)
def test_anything_else_is_masked_and_logged_with_its_traceback(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    assert told_exception(error, "r1", LIMITS) == [MASKED]
    (record,) = caplog.records
    assert "r1" in record.message
    assert record.exc_info


def test_long_messages_are_cut() -> None:
    (answer,) = told([problem("X", "x" * 100, None)], "r1", LIMITS)
    assert answer["message"] == "x" * 39 + "…"


def test_so_many_errors_are_told_and_only_those_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    errors = [GraphQLError("bug", original_error=KeyError(number)) for number in range(5)]
    assert told(errors, "r1", LIMITS) == [
        MASKED,
        MASKED,
        {"message": "3 more errors are not shown.", "extensions": {"code": "TOO_MANY_ERRORS", "limit": 3, "seen": 5}},
    ]
    assert len(caplog.records) == 2

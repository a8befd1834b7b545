"""What is told of statements, and by which word the end of an operation is counted."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from domain.errors import NotFound
from graph.errors import RequestError, deadline_exceeded, refused
from persistence.connecting import engine
from persistence.database import raw_of
from persistence.statements import Statement
from runtime.metrics import Metrics
from runtime.watching import Watcher, outcome_of, outcome_of_exception
from tests.servers import Urls

WRITTEN, COMPOSED = "SELECT 1 / ($1::int - 1)", "SELECT 2 / (CAST(:n AS int) - 1)"


async def test_each_statement_is_told_by_whichever_way_it_goes_and_with_its_sqlstate(urls: Urls) -> None:
    told: list[Statement] = []
    watched = engine(urls.service, name="test", settings={}, watch=told.append)
    async with watched.connect() as connection:
        raw = await raw_of(connection)
        await asyncio.sleep(0)
        told.clear()
        await raw.fetch(WRITTEN, 2)
        await connection.execute(text(COMPOSED), {"n": 2})
        with pytest.raises(asyncpg.DivisionByZeroError):
            await raw.fetch(WRITTEN, 1)
        with pytest.raises(DBAPIError):
            await connection.execute(text(COMPOSED), {"n": 1})
        await asyncio.sleep(0.01)
    await watched.dispose()
    ours = [(each.text.startswith("SELECT 1"), each.failed) for each in told if " / " in each.text]
    assert sorted(ours, key=str) == [(False, "22012"), (False, None), (True, "22012"), (True, None)]
    assert all(each.seconds >= 0 for each in told)


def test_failed_statements_are_counted_by_class() -> None:
    metrics = Metrics()
    watcher = Watcher(metrics)
    for failed in (None, "40P01", "40001", "connection"):
        watcher.statement(Statement(text="SELECT", seconds=0.1, failed=failed))
    lines = metrics.text().decode().splitlines()
    assert {line for line in lines if line.startswith("interpact_database_errors_total")} == {
        'interpact_database_errors_total{class="40"} 2.0',
        'interpact_database_errors_total{class="connection"} 1.0',
    }


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError(), "ended"),
        (GeneratorExit(), "ended"),
        (deadline_exceeded(15), "deadline"),
        (refused("BAD_USER_INPUT", "no"), "refused"),
        (NotFound("breach", "b1"), "refused"),
        (RuntimeError("a bug"), "failed"),
    ],
)
def test_an_exception_ends_an_operation_by_its_kind(error: BaseException | RequestError, outcome: str) -> None:
    assert outcome_of_exception(error) == outcome


@pytest.mark.parametrize(
    ("codes", "outcome"), [([], "ok"), (["NOT_FOUND"], "errors"), (["NOT_FOUND", "INTERNAL"], "failed")]
)
def test_an_answer_ends_an_operation_by_its_errors(codes: list[str], outcome: str) -> None:
    errors = {"errors": [{"extensions": {"code": code}} for code in codes]} if codes else {}
    assert outcome_of({"data": None, **errors}) == outcome

"""Every statement that a connection runs, told once it has ended: for metrics and traces, never with its values."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

CONNECTION = "connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`failed`: the SQLSTATE, or `connection` where there is none; None where all went well."""

    text: str
    seconds: float
    failed: str | None


WatchStatements = Callable[[Statement], None]
"""Called in the context of the task that ran the statement; it must not block."""


def watch_driver(connection: asyncpg.Connection, watch: WatchStatements) -> None:
    """Written statements go to the driver directly."""

    def told(query: Any) -> None:
        watch(Statement(text=query.query, seconds=query.elapsed, failed=_failed(query.exception)))

    connection.add_query_logger(told)


def watch_engine(engine: AsyncEngine, watch: WatchStatements) -> None:
    """Composed statements are prepared by SQLAlchemy, past the driver's own log."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def before(_c: Connection, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
        context.interpact_began = time.monotonic()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def after(_c: Connection, _cursor: Any, text: str, _values: Any, context: Any, _many: bool) -> None:
        watch(Statement(text=text, seconds=time.monotonic() - context.interpact_began, failed=None))

    @event.listens_for(engine.sync_engine, "handle_error")
    def failed(error: ExceptionContext) -> None:
        began = getattr(error.execution_context, "interpact_began", None)
        if error.statement is not None and began is not None:
            cause = getattr(error.original_exception, "__cause__", None) or error.original_exception
            watch(Statement(text=error.statement, seconds=time.monotonic() - began, failed=_failed(cause)))


def _failed(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return getattr(error, "sqlstate", None) or CONNECTION

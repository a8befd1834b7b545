"""Hears what the doors and the database tell of each operation and statement; counts, logs and traces it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from domain.errors import DomainError, OutOfTime, Overloaded, Unavailable, Unserved
from graph.errors import DEADLINE_EXCEEDED, INTERNAL, RequestError
from graph.watching import Begun, Seen
from persistence.statements import CONNECTION, Statement
from runtime.logs import about
from runtime.metrics import Metrics

NAME_CHARS_MAX = 100
"""Of an operation's name, which the client chose."""

OK, ERRORS, REFUSED, DEADLINE, FAILED, ENDED = "ok", "errors", "refused", "deadline", "failed", "ended"
"""How an operation ends. ENDED: by who asked for it, or with its connection."""

_FAULTS = frozenset({INTERNAL, Overloaded.code, Unavailable.code})
"""Codes of what is no fault of the request."""

_log = logging.getLogger(__name__)


class Tracing(Protocol):
    def operation(self, begun: Begun) -> AbstractContextManager[Callable[[str], None]]:
        """Entered with the operation; told how it ended before it is left."""
        ...

    def statement(self, statement: Statement) -> None: ...


class Watcher:
    def __init__(self, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._metrics = metrics
        self._tracing = tracing

    @contextmanager
    def operation(self, begun: Begun) -> Iterator[Seen]:
        """A `graph.watching.Watch`."""
        context = begun.context
        actor = context.actor
        traced = nullcontext(_nobody) if self._tracing is None else self._tracing.operation(begun)
        outcome = OK
        codes: set[str] = set()

        def seen(answer: Mapping[str, Any]) -> None:
            nonlocal outcome
            outcome = outcome_of(answer)
            codes.update(codes_of(answer))
            if is_subscription:
                self._metrics.events.inc()

        is_subscription = begun.kind == "subscription"
        who = {"tenant": str(actor.tenant), "caller": str(actor.caller), "role": actor.role.value}
        with about(request_id=context.request_id, **who), traced as tell:
            started = time.perf_counter()
            if is_subscription:
                self._metrics.subscriptions_open.inc()
            try:
                yield seen
            except BaseException as error:
                outcome = outcome_of_exception(error)
                raise
            finally:
                tell(outcome)
                self._ended(begun, outcome, codes, time.perf_counter() - started)

    def statement(self, statement: Statement) -> None:
        """A `persistence.statements.WatchStatements`."""
        self._metrics.statements.observe(statement.seconds)
        if statement.failed is not None:
            kind = CONNECTION if statement.failed == CONNECTION else statement.failed[:2]
            self._metrics.database_errors.labels(kind).inc()
        if self._tracing is not None:
            self._tracing.statement(statement)

    def _ended(self, begun: Begun, outcome: str, codes: set[str], seconds: float) -> None:
        for (mutation, came_of), lines in begun.context.facts.items():
            self._metrics.facts.labels(mutation, came_of).inc(lines)
        if begun.kind == "subscription":
            self._metrics.subscriptions_open.dec()
            self._metrics.subscriptions.labels(outcome).inc()
        else:
            self._metrics.operations.labels(begun.kind, outcome).observe(seconds)
        level = logging.DEBUG if begun.kind == "query" and outcome == OK else logging.INFO
        if _log.isEnabledFor(level):
            refused = begun.context.refused
            told = {
                "codes": sorted(codes | {code for _, code in refused}),
                "refused": sorted({field for field, _ in refused}),
            }
            facts = {
                "kind": begun.kind,
                "operation": (begun.name or "")[:NAME_CHARS_MAX],
                "outcome": outcome,
                "ms": round(seconds * 1000, 1),
                **{name: found for name, found in told.items() if found},
            }
            _log.log(level, "%s ended: %s", begun.kind, outcome, extra={"facts": facts})


def outcome_of(answer: Mapping[str, Any]) -> str:
    """Of a query or mutation that was executed, or of a subscription's event."""
    codes = codes_of(answer)
    if codes & _FAULTS:
        return FAILED
    if DEADLINE_EXCEEDED in codes:
        return DEADLINE
    return ERRORS if codes else OK


def codes_of(answer: Mapping[str, Any]) -> set[str]:
    found = (error.get("extensions", {}).get("code") for error in answer.get("errors", ()))
    return {code for code in found if code is not None}


def outcome_of_exception(error: BaseException) -> str:
    match error:
        case asyncio.CancelledError() | GeneratorExit():
            return ENDED
        case RequestError(errors=errors):
            codes = {(each.extensions or {}).get("code") for each in errors}
            if codes & _FAULTS:
                return FAILED
            return DEADLINE if DEADLINE_EXCEEDED in codes else REFUSED
        case OutOfTime():
            return DEADLINE
        case Unserved():
            return FAILED
        case DomainError():
            return REFUSED
        case _:
            return FAILED


def _nobody(_outcome: str) -> None:
    """Who is told where nothing is traced."""

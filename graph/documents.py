"""A document's way: parsed, pre-checked and validated once, kept by its hash, and run as often as it is asked for.

Execution is graphql-core's, with the schema and the executor class that strawberry built. Strawberry's own `execute`
would parse and validate each time, log every error of the field as a failure, and give a whole subscription one
context.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeGuard, TypeVar, cast

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    map_source_to_response_event,
    parse,
    specified_rules,
    strip_ignored_characters,
    validate,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from domain.errors import OutOfTime, Unserved
from graph.context import Context, Request
from graph.cost import Cost, cost_of
from graph.errors import (
    OPERATION_UNKNOWN,
    PARSE_FAILED,
    VALIDATION_FAILED,
    RequestError,
    deadline_exceeded,
    document_refused,
    problem,
    told,
    unserved,
    variables_refused,
    why_unserved,
)
from graph.introspection import Introspections, introspect, only_introspects
from graph.limits import Limits
from graph.precheck import precheck
from graph.resuming import Resuming
from graph.trusted import NONE_TRUSTED, Trusted
from graph.watching import Begun, Watch, unwatched

T = TypeVar("T")

Known = Callable[[], ExecutionResult]
Answer = dict[str, Any]
"""The map that GraphQL calls a response: `data`, and `errors` where there are any."""

# Strawberry's is the faster one, and says only bool.
_is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)

LONG_CHARS = 1_000
"""From here on a document is read on a thread: the hop costs less than the others would wait (decision 0010)."""
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(slots=True)
class Counts:
    """What the cache did since the start, for metrics and for the test that it hits."""

    parsed: int = 0
    validated: int = 0
    hits: int = 0


@dataclass(frozen=True, slots=True)
class _Prepared:
    document: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    """By name; the one without a name stands under the empty string, which is no name."""
    fragments: Sequence[FragmentDefinitionNode]
    text: str
    costs: dict[str | None, Cost] = field(default_factory=dict)
    """Of the operations whose cost does not depend on variables, by name."""


class Documents:
    """The documents of one schema under one set of limits, valid ones kept, least recently used ones let go."""

    def __init__(
        self, schema: strawberry.Schema, limits: Limits, watch: Watch = unwatched, trusted: Trusted = NONE_TRUSTED
    ) -> None:
        self.limits = limits
        self._trusted = trusted
        self._watch = watch
        self.counts = Counts()
        # Strawberry has no public name for the schema that it built for graphql-core.
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001
        self._executor_class = cast("type[Executor[Any]]", schema.execution_context_class)
        self._kept: OrderedDict[str, _Prepared] = OrderedDict()
        self._kept_chars = 0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._introspections = Introspections()

    async def read(self, request: Request) -> Operation:
        """`operation`, so that nobody else waits while a long document is parsed and validated for the first time.

        One thread does that for all: several would take more of the interpreter's time from the event loop.
        """
        text = self._trusted.text(request)
        if LONG_CHARS < len(text) <= self.limits.document_chars_max and _key(text) not in self._kept:
            prepared = await asyncio.get_running_loop().run_in_executor(self._reader, self._prepare, text)
            self._keep(_key(text), prepared)
        return self.operation(request)

    def operation(self, request: Request) -> Operation:
        """The operation that is asked for, ready to run; raises RequestError when there is none that may be run."""
        prepared = self._prepared(self._trusted.text(request))
        operation = _chosen(prepared.operations, request.operation_name)
        cost = self._cost(prepared, operation, request.variables)
        return Operation(
            schema=self._schema,
            executor_class=self._executor_class,
            document=prepared.document,
            name=operation.name.value if operation.name else None,
            kind=operation.operation,
            variables=request.variables,
            cost=cost,
            limits=self.limits,
            watch=self._watch,
            known=self._known(prepared, operation),
        )

    def _known(self, prepared: _Prepared, operation: OperationDefinitionNode) -> Known | None:
        """The answer to what asks about the schema alone, run when it is wanted and not known yet."""
        if not only_introspects(operation):
            return None

        name = operation.name.value if operation.name else None
        key = strip_ignored_characters(prepared.text), name
        return lambda: self._introspections.answer(key, lambda: introspect(self._schema, prepared.document, name))

    def check(self, request: Request) -> None:
        """Raises RequestError where the document may not be run whatever its variables are."""
        self._prepared(self._trusted.text(request))

    def _cost(self, prepared: _Prepared, operation: OperationDefinitionNode, variables: dict[str, Any] | None) -> int:
        name = operation.name.value if operation.name else None
        cost = prepared.costs.get(name)
        if cost is None:
            cost = cost_of(self._schema, operation, prepared.fragments, variables)
            if cost.settled:
                prepared.costs[name] = cost
        seen, limit = cost.requested, self.limits.cost_max
        if seen > limit:
            message = f"The operation may cost {seen}; at most {limit} is allowed. Ask for fewer rows, or less of each."
            raise document_refused([problem("COST_TOO_HIGH", message, [operation], limit=limit, seen=seen)], "")
        return seen

    def _prepared(self, text: str) -> _Prepared:
        if len(text) > self.limits.document_chars_max:
            limit = self.limits.document_chars_max
            message = f"The document has {len(text)} characters; at most {limit} are allowed."
            raise document_refused([problem("DOCUMENT_TOO_LONG", message, None, limit=limit, seen=len(text))], "")
        key = _key(text)
        kept = self._kept.get(key)
        if kept is not None:
            self.counts.hits += 1
            self._kept.move_to_end(key)
            return kept
        prepared = self._prepare(text)
        self._keep(key, prepared)
        return prepared

    def _prepare(self, text: str) -> _Prepared:
        self.counts.parsed += 1
        document = _parsed(text, self.limits)
        findings = precheck(self._schema, document, self.limits)
        if findings.errors:
            raise document_refused(findings.errors, VALIDATION_FAILED)
        self.counts.validated += 1
        errors = validate(
            self._schema, document, _RULES, max_errors=self.limits.errors_returned_max, hide_suggestions=True
        )
        if errors:
            raise document_refused(errors, VALIDATION_FAILED)
        operations = {
            node.name.value if node.name else "": node
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return _Prepared(document, operations, findings.fragments, text)

    def _keep(self, key: str, prepared: _Prepared) -> None:
        if key in self._kept:
            return
        self._kept[key] = prepared
        self._kept_chars += len(prepared.text)
        while (
            len(self._kept) > self.limits.documents_cached_max
            or self._kept_chars > self.limits.documents_cached_chars_max
        ):
            _, dropped = self._kept.popitem(last=False)
            self._kept_chars -= len(dropped.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a valid document, with its variables."""

    schema: GraphQLSchema
    executor_class: type[Executor[Any]]
    document: DocumentNode
    name: str | None
    kind: OperationType
    variables: dict[str, Any] | None
    cost: int
    """At most; of a subscription that of each event."""
    limits: Limits
    watch: Watch
    known: Known | None = None
    """Where it asks about the schema alone."""

    @property
    def seconds_max(self) -> float:
        """Of a query or mutation, and of each event of a subscription."""
        if self.kind is OperationType.MUTATION:
            return self.limits.mutation_seconds_max
        return self.limits.query_seconds_max

    def resumed(self, cursor: str) -> Operation:
        """The same subscription after a cursor, where it can be told to begin there."""
        resuming = Resuming(self.schema, self.variables, cursor)
        return replace(self, document=resuming.document(self.document), variables=resuming.variables)

    async def answer(self, context: Context) -> Answer:
        """Run a query or mutation. Raises RequestError when the variables do not do, or the deadline has passed."""
        with self.watch(Begun(kind=self.kind.value, name=self.name, context=context)) as seen:
            answer = await self._answer(context)
            seen(answer)
            return answer

    async def _answer(self, context: Context) -> Answer:
        result = self.known() if self.known else self._executor(context).execute_operation()
        if not isinstance(result, ExecutionResult):
            result = await self._in_time(cast("Awaitable[ExecutionResult]", result), context.deadline)
        reason = why_unserved(result)
        if reason is not None:
            raise self._refusal(reason)
        cost = {"requested": self.cost, "limit": self.limits.cost_max}
        return {**self._told(result, context), "extensions": {"cost": cost}}

    async def answers(self, new_context: Callable[[float], Context]) -> AsyncGenerator[Answer, None]:
        """Run a subscription. Each event has a context of its own, so that loaders never serve what they read before.

        Whatever the event source raises comes out of here.
        """
        source = new_context(math.inf)
        with self.watch(Begun(kind=self.kind.value, name=self.name, context=source)) as seen:
            async with aclosing(self._answers(source, new_context)) as answers:
                async for answer in answers:
                    seen(answer)
                    yield answer

    async def _answers(self, context: Context, new_context: Callable[[float], Context]) -> AsyncGenerator[Answer, None]:
        loop = asyncio.get_running_loop()
        executor = self._executor(context)
        source = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await self._in_time(source, loop.time() + self.seconds_max)
        context = executor.context_value
        if not isinstance(source, AsyncIterable):
            assert isinstance(source, ExecutionResult)
            assert source.errors, "there is no event source, so there is an error that says why"
            raise RequestError(source.errors)

        def run_event(event: Executor[Any]) -> Any:
            nonlocal context
            context = event.context_value = new_context(loop.time() + self.seconds_max)
            result = event.execute_operation(False)
            if isinstance(result, ExecutionResult):
                return result
            return self._in_time(cast("Awaitable[ExecutionResult]", result), context.deadline)

        async with aclosing(map_source_to_response_event(executor, source, run_event)) as results:
            async for result in results:
                yield self._told(result, context)

    def _executor(self, context: Context) -> Executor[Any]:
        executor = self.executor_class.build(
            self.schema,
            self.document,
            context_value=context,
            raw_variable_values=self.variables,
            operation_name=self.name,
            max_coercion_errors=self.limits.errors_returned_max,
            is_awaitable=_is_awaitable,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            raise variables_refused(executor)
        return executor

    async def _in_time(self, result: Awaitable[T], deadline: float) -> T:
        timeout = asyncio.timeout_at(deadline)
        try:
            async with timeout:
                return await result
        except TimeoutError:
            if timeout.expired():
                raise deadline_exceeded(self.seconds_max) from None
            raise

    def _refusal(self, reason: Unserved) -> RequestError:
        return deadline_exceeded(self.seconds_max) if isinstance(reason, OutOfTime) else unserved(reason)

    def _told(self, result: ExecutionResult, context: Context) -> Answer:
        if not result.errors:
            return {"data": result.data}
        return {"data": result.data, "errors": told(result.errors, context.request_id, self.limits)}


def _key(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _parsed(text: str, limits: Limits) -> DocumentNode:
    limit = limits.document_tokens_max
    try:
        # Comments are kept as tokens too, so they have the same limit.
        return parse(text, max_lexical_tokens=limit, max_comments=limit)
    except GraphQLSyntaxError as error:
        raise document_refused([_parser_error(error, limit)], PARSE_FAILED) from None


def _parser_error(error: GraphQLSyntaxError, limit: int) -> GraphQLError:
    """The parser stops at the first token too many, so how many there are is not known."""
    for what in ("tokens", "comments"):
        if error.description == f"Document contains more than {limit} {what}. Parsing aborted.":
            message = f"The document has more than {limit} {what}."
            return problem("TOO_MANY_TOKENS", message, None, limit=limit, seen=limit + 1)
    return error


def _chosen(operations: Mapping[str, OperationDefinitionNode], name: str | None) -> OperationDefinitionNode:
    if name:
        found = operations.get(name)
        message = "The document has no operation of this name."
    elif len(operations) == 1:
        (found,) = operations.values()
        message = ""
    else:
        found = None
        message = "The document has several operations, so `operationName` must name one."
    if found is None:
        raise document_refused([problem(OPERATION_UNKNOWN, message, None, operationName=name)], OPERATION_UNKNOWN)
    return found

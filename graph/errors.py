"""What a client is told when something fails.

Errors of the field keep their words and code. Limits and malformed requests are refused with a code and facts. Anything
else is a bug: it is logged under the request's id, and the client learns that id and nothing more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError, Node

from domain.errors import DomainError, OutOfTime, TenantMissing, Unserved
from graph.limits import Limits

log = logging.getLogger(__name__)

# As in: Variable '$input' has invalid value at .tallies[0].good[3]: …
_VARIABLE = re.compile(r"Variable '\$(?P<variable>\w+)' has invalid value(?: at (?P<place>(?:\.\w+|\[\d+\])+))?: ")
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]")

# The first five are the names that GraphQL clients already know.
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"
OPERATION_UNKNOWN = "OPERATION_RESOLUTION_FAILURE"
BAD_REQUEST = "BAD_REQUEST"
DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
INTERNAL = "INTERNAL"
TOO_MANY_ERRORS = "TOO_MANY_ERRORS"

RETRY_AFTER_SECONDS = 5
"""Where nobody knows when it will be better."""


class RequestError(Exception):
    """A request that was not executed, or not to its end: it is answered with errors and without data.

    `status` is the HTTP status. `plain_json_status` is the one for clients that ask for `application/json`, which
    expect 200 for whatever happens to a well-formed request.
    """

    def __init__(
        self,
        errors: Sequence[GraphQLError],
        *,
        status: int = 400,
        plain_json_status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.status = status
        self.plain_json_status = status if plain_json_status is None else plain_json_status
        self.headers = headers or {}


def problem(code: str, message: str, nodes: Sequence[Node] | None, **facts: object) -> GraphQLError:
    """An error for the client, with its code and the facts that it needs to mend the request."""
    return GraphQLError(message, nodes, extensions={"code": code, **facts})


def refused(
    code: str, message: str, *, status: int = 400, headers: Mapping[str, str] | None = None, **facts: object
) -> RequestError:
    """A request that is malformed, or that may not be made at all."""
    return RequestError([problem(code, message, None, **facts)], status=status, headers=headers)


def variables_refused(errors: Iterable[GraphQLError]) -> RequestError:
    """Variables that their types cannot read, each with the way to it; the library tells that in its message only."""
    return document_refused([_with_input_path(error) for error in errors], BAD_USER_INPUT)


def document_refused(errors: Iterable[GraphQLError], code: str) -> RequestError:
    """A well-formed request whose document, operation or variables do not do. Errors without a code get this one."""
    coded = [error if _code(error) else _with_code(error, code) for error in errors]
    return RequestError(coded, status=400, plain_json_status=200)


def deadline_exceeded(seconds_max: float) -> RequestError:
    message = f"The operation took longer than {seconds_max:g} seconds and was stopped."
    error = problem(DEADLINE_EXCEEDED, message, None, limitSeconds=seconds_max)
    return RequestError([error], status=504, plain_json_status=200)


def unserved(error: Unserved) -> RequestError:
    """The refusal of what could not be served just now."""
    told_so = problem(error.code, _sentence(error.message), None)
    if isinstance(error, OutOfTime):
        return RequestError([told_so], status=504, plain_json_status=200)
    return RequestError([told_so], status=503, headers={"retry-after": str(RETRY_AFTER_SECONDS)})


def why_unserved(result: ExecutionResult) -> Unserved | None:
    """Why nothing at all could be answered, where it is no fault of the request; None where there is some answer."""
    if result.data is not None and any(value is not None for value in result.data.values()):
        return None
    causes = map(_cause, result.errors or ())
    return next((cause for cause in causes if isinstance(cause, Unserved)), None)


def told(errors: Sequence[GraphQLError], request_id: str, limits: Limits) -> list[dict[str, Any]]:
    """The errors as the client sees them: masked, at most `errors_returned_max`, the last one telling of the rest."""
    shown = errors
    if len(errors) > limits.errors_returned_max:
        shown = errors[: limits.errors_returned_max - 1]
    answer = [_told(error, request_id, limits) for error in shown]
    if len(shown) < len(errors):
        rest = len(errors) - len(shown)
        facts = {"code": TOO_MANY_ERRORS, "limit": limits.errors_returned_max, "seen": len(errors)}
        answer.append({"message": f"{rest} more errors are not shown.", "extensions": facts})
    return answer


def told_exception(error: Exception, request_id: str, limits: Limits) -> list[dict[str, Any]]:
    """The same for an exception that came past the executor."""
    if isinstance(error, RequestError):
        return told(error.errors, request_id, limits)
    if not isinstance(error, GraphQLError):
        error = GraphQLError(str(error), original_error=error)
    return told([error], request_id, limits)


def _told(error: GraphQLError, request_id: str, limits: Limits) -> dict[str, Any]:
    message, extensions = _message_and_extensions(error, request_id)
    answer: dict[str, Any] = {"message": _cut(message, limits.message_chars_max)}
    if error.locations:
        answer["locations"] = [location.formatted for location in error.locations]
    if error.path:
        answer["path"] = error.path
    answer["extensions"] = extensions
    return answer


def _message_and_extensions(error: GraphQLError, request_id: str) -> tuple[str, dict[str, Any]]:
    cause = _cause(error)
    if isinstance(cause, DomainError) and not isinstance(cause, TenantMissing):
        facts: dict[str, Any] = {"code": cause.code}
        if cause.path:
            facts["inputPath"] = list(cause.path)
        return cause.message, facts
    if _code(error):
        return error.message, error.extensions or {}
    if _is_of_the_request(cause):
        return error.message, {"code": BAD_USER_INPUT}
    log.error("request %s failed at %s", request_id, error.path, exc_info=cause)
    return "Internal error", {"code": INTERNAL, "requestId": request_id}


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."


def _cause(error: GraphQLError) -> Exception:
    """The innermost exception; the executor wraps what a resolver raised, sometimes twice."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_of_the_request(cause: Exception) -> bool:
    """Whether the executor found the request at fault: it then points at the document's own nodes.

    An answer that does not fit its own type is the other kind of GraphQLError in execution, and that is a bug of ours.
    """
    return isinstance(cause, GraphQLError) and bool(cause.nodes)


def _code(error: GraphQLError) -> object:
    return (error.extensions or {}).get("code")


def _with_code(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code}
    return error


def _with_input_path(error: GraphQLError) -> GraphQLError:
    found = _VARIABLE.match(error.message)
    if found is not None:
        steps = [step["name"] or int(step["index"]) for step in _STEP.finditer(found["place"] or "")]
        error.extensions = {**(error.extensions or {}), "inputPath": [found["variable"], *steps]}
    return error


def _cut(message: str, chars_max: int) -> str:
    return message if len(message) <= chars_max else message[: chars_max - 1] + "…"

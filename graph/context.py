"""What one operation is asked with and run with. A WebSocket has one context per operation, not one per connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.actor import Actor
from domain.audit import Origin
from graph.errors import BAD_REQUEST, RequestError, refused
from graph.limits import Limits


@dataclass(slots=True, kw_only=True)
class Context:
    """Given to every resolver as `info.context`.

    `deadline` is in the event loop's time. A subscription's source has none (infinity); each of its events has one.
    `app` holds the use cases and loaders, made afresh for each context. `facts` counts the lines that were posted, by
    mutation and what came of them: recorded, duplicate or refused. `refused` holds the root fields that were refused
    to the caller, each with the code, for the log: in the answer clients give fields names of their own.
    """

    actor: Actor
    request_id: str
    deadline: float
    app: object = None
    facts: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: set[tuple[str, str]] = field(default_factory=set)


MakeContext = Callable[[Actor, str, float], Context]
"""From actor, request id and deadline."""


class IdentityUnavailable(Exception):
    """Who calls cannot be told just now, by no fault of theirs."""


class Authenticate(Protocol):
    def __call__(
        self, authorization: str | None, *, tenant: str | None, origin: Origin | None = None
    ) -> Awaitable[Actor]:
        """From the values of the headers Authorization and Interpact-Tenant, and from where they came.

        Raises `domain.errors.Unauthenticated`, or IdentityUnavailable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The parameters of GraphQL over HTTP, which are also the payload of a `subscribe` message."""

    text: str
    document_id: str | None = None
    """In place of the text."""
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


def request_from(parameters: object, limits: Limits) -> Request:
    """The request that decoded JSON holds. Null stands for absent; parameters that we do not know are left alone."""
    if not isinstance(parameters, dict):
        raise refused(BAD_REQUEST, f"A request is a JSON object, not {_named(parameters)}.")
    text, document_id = parameters.get("query"), parameters.get("documentId")
    if not isinstance(document_id, str | None):
        raise _mistyped("documentId", "a string or null", document_id)
    if document_id is not None and text is not None:
        raise refused(BAD_REQUEST, "Send either `query` or `documentId`, not both.", parameter="documentId")
    if document_id is None and not isinstance(text, str):
        raise _mistyped("query", "a string with a GraphQL document", text)
    operation_name = parameters.get("operationName")
    if not isinstance(operation_name, str | None):
        raise _mistyped("operationName", "a string or null", operation_name)
    variables = parameters.get("variables")
    if not isinstance(variables, dict | None):
        raise _mistyped("variables", "an object or null", variables)
    extensions = parameters.get("extensions")
    if not isinstance(extensions, dict | None):
        raise _mistyped("extensions", "an object or null", extensions)
    _check_size(variables, limits)
    return Request(
        text=text if isinstance(text, str) else "",
        document_id=document_id,
        variables=variables,
        operation_name=operation_name,
        extensions=extensions,
    )


def _mistyped(parameter: str, expected: str, found: object) -> RequestError:
    return refused(BAD_REQUEST, f"`{parameter}` must be {expected}, not {_named(found)}.", parameter=parameter)


def _named(value: object) -> str:
    """What JSON calls the type of a decoded value."""
    match value:
        case None:
            return "null or absent"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _check_size(variables: object, limits: Limits) -> None:
    """Refuse variables that are deep or many before anything walks them by recursion, or reads each by its type.

    Level by level; each value is touched once, and none of a level that is too large.
    """
    level: list[dict[str, object] | list[object]] = [variables] if isinstance(variables, dict) else []
    depth = -1  # the object that holds the variables is not one of them
    values = objects = 0
    while level:
        depth += 1
        if depth > limits.input_depth_max:
            message = f"Variables are nested more than {limits.input_depth_max} deep."
            raise refused("INPUT_TOO_DEEP", message, limit=limits.input_depth_max, seen=depth)
        values += sum(map(len, level))
        _require_few("values", values, limits.input_values_max)
        level = [item for holder in level for item in _items(holder) if isinstance(item, (dict, list))]
        objects += sum(isinstance(holder, dict) for holder in level)
        _require_few("objects", objects, limits.input_objects_max)


def require_few_brackets(text: bytes, limits: Limits) -> None:
    """Before it is read as JSON: each opens a list or an object to be made, and the makers of lists are the dearest.

    Those within strings are counted too; no string that we take has nearly as many.
    """
    seen = text.count(b"[") + text.count(b"{")
    if seen > limits.input_values_max:
        message = f"The request has {seen} opening brackets; at most {limits.input_values_max} are allowed."
        raise refused("INPUT_TOO_LARGE", message, limit=limits.input_values_max, seen=seen)


def _require_few(what: str, seen: int, limit: int) -> None:
    if seen > limit:
        message = f"Variables hold {seen} {what} or more; at most {limit} are allowed. Send them in several requests."
        raise refused("INPUT_TOO_LARGE", message, limit=limit, seen=seen)


def _items(holder: dict[str, object] | list[object]) -> Iterable[object]:
    return holder.values() if isinstance(holder, dict) else holder

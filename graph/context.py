"""What one operation is asked with and run with. A WebSocket has one context per operation, not one per connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.actor import Actor
from graph.errors import BAD_REQUEST, RequestError, refused
from graph.limits import Limits


@dataclass(slots=True, kw_only=True)
class Context:
    """Given to every resolver as `info.context`.

    `deadline` is in the event loop's time. A subscription's source has none (infinity); each of its events has one.
    `app` holds the use cases and loaders, made afresh for each context. `facts` counts the lines that were posted, by
    mutation and what came of them: recorded, duplicate or refused.
    """

    actor: Actor
    request_id: str
    deadline: float
    app: object = None
    facts: Counter[tuple[str, str]] = field(default_factory=Counter)


MakeContext = Callable[[Actor, str, float], Context]
"""From actor, request id and deadline."""


class IdentityUnavailable(Exception):
    """Who calls cannot be told just now, by no fault of theirs."""


class Authenticate(Protocol):
    def __call__(self, authorization: str | None, *, tenant: str | None) -> Awaitable[Actor]:
        """From the values of the headers Authorization and Interpact-Tenant.

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
    _check_nesting(variables, limits.input_depth_max)
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


def _check_nesting(variables: object, depth_max: int) -> None:
    """Refuse deep variables before anything walks them by recursion. Level by level, each value is touched once."""
    level: list[dict[str, object] | list[object]] = [variables] if isinstance(variables, dict) else []
    depth = -1  # the object that holds the variables is not one of them
    while level:
        depth += 1
        if depth > depth_max:
            message = f"Variables are nested more than {depth_max} deep."
            raise refused("INPUT_TOO_DEEP", message, limit=depth_max, seen=depth)
        level = [item for holder in level for item in _items(holder) if isinstance(item, (dict, list))]


def _items(holder: dict[str, object] | list[object]) -> Iterable[object]:
    return holder.values() if isinstance(holder, dict) else holder

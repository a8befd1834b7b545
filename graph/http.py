"""The HTTP door: GraphQL over HTTP, POST and GET, in both of its media types, and as a stream of events."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from secrets import token_hex
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.actor import Actor
from domain.audit import Door, Origin
from domain.errors import Forbidden, Unauthenticated, Unserved
from graph.context import Authenticate, IdentityUnavailable, MakeContext, Request, request_from, require_few_brackets
from graph.documents import Documents, Operation
from graph.errors import BAD_REQUEST, RequestError, refused, told, unserved
from graph.gate import Gate
from graph.limits import Limits
from graph.sse import EVENT_STREAM, EventStream, Following, RefusedStream
from graph.watching import Leaving, stays
from graph.whence import whence

T = TypeVar("T")

TENANT = "interpact-tenant"
"""The header, and the name in the payload of `connection_init`, that says which of a person's tenants is meant."""
CREDENTIALS = ("authorization", TENANT)
PLAIN_JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
_PARAMETERS_MAX = 20
"""Of a query string; we read four of them."""


class HttpDoor:
    """An ASGI application for `/graphql`."""

    def __init__(
        self,
        documents: Documents,
        gate: Gate,
        *,
        authenticate: Authenticate,
        make_context: MakeContext,
        leaving: Leaving = stays,
    ) -> None:
        self._documents = documents
        self._gate = gate
        self._leaving = leaving
        self._limits = documents.limits
        self._authenticate = authenticate
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        media = PLAIN_JSON
        response: ASGIApp
        try:
            if _wants_page(scope, headers):
                await HTMLResponse(PAGE, headers=_PAGE_HEADERS)(scope, receive, send)
                return
            _check_method(scope["method"])
            media = negotiated(headers)
            door = Door.EVENT_STREAM if media == EVENT_STREAM else Door.HTTP
            actor = await authenticated(self._authenticate, headers, whence(scope, door, request_id_of(scope)))
            request = await self._request(scope, headers, receive)
            async with self._gate.turn(actor.tenant):
                operation = await self._operation(request, scope["method"], headers)
                left = await self._gate.charge(actor.tenant, operation.cost)
                streams = media == EVENT_STREAM or operation.kind is OperationType.SUBSCRIPTION
                if not streams:
                    answer = await self._answer(operation, actor, scope, receive)
                    response = _json(answer, 200, media, left)
            if streams:
                with ExitStack() as place:
                    place.enter_context(self._gate.subscription(actor.tenant))
                    following = self._following(operation, actor, scope, headers, place.close)
                    await EventStream(following, left)(scope, receive, send)
                return
        except _ClientGoneError:
            return
        except RequestError as error:
            response = _refusal(error, request_id_of(scope), self._limits, media)
        except Unserved as error:
            response = _refusal(unserved(error), request_id_of(scope), self._limits, media)
        await response(scope, receive, send)

    async def _request(self, scope: Scope, headers: Headers, receive: Receive) -> Request:
        if scope["method"] == "GET":
            parameters: object = _from_query(scope["query_string"])
        else:
            _check_content(headers)
            parameters = await self._from_body(headers, receive)
        return request_from(parameters, self._limits)

    async def _operation(self, request: Request, method: str, headers: Headers) -> Operation:
        operation = await self._documents.read(request)
        streams = takes_events(headers)
        by_get = (OperationType.QUERY, OperationType.SUBSCRIPTION) if streams else (OperationType.QUERY,)
        if method == "GET" and operation.kind not in by_get:
            message = f"GET is for queries only; POST the {operation.kind.value}."
            raise refused("METHOD_NOT_ALLOWED", message, status=405, headers={"allow": "POST"})
        if operation.kind is not OperationType.SUBSCRIPTION:
            return operation
        if not streams:
            message = f"Subscribe with `Accept: {EVENT_STREAM}`, or over a WebSocket (graphql-transport-ws), here."
            raise refused("SUBSCRIPTION_NEEDS_STREAM", message)
        last = headers.get("last-event-id")
        return operation.resumed(last) if last else operation

    async def _answer(self, operation: Operation, actor: Actor, scope: Scope, receive: Receive) -> dict[str, Any]:
        deadline = asyncio.get_running_loop().time() + operation.seconds_max
        context = self._make_context(actor, request_id_of(scope), deadline)
        return await _unless_gone(operation.answer(context), receive)

    def _following(
        self, operation: Operation, actor: Actor, scope: Scope, headers: Headers, leave: Callable[[], None]
    ) -> Following:
        request_id = request_id_of(scope)
        return Following(
            operation=operation,
            actor=actor,
            authenticate=partial(
                self._authenticate, headers.get("authorization"), tenant=headers.get(TENANT), origin=actor.origin
            ),
            new_context=partial(self._make_context, actor, request_id),
            request_id=request_id,
            limits=self._limits,
            leaving=self._leaving,
            leave=leave,
        )

    async def _from_body(self, headers: Headers, receive: Receive) -> object:
        try:
            async with asyncio.timeout(self._limits.body_seconds_max):
                body = await self._body(headers, receive)
        except TimeoutError:
            seconds = self._limits.body_seconds_max
            message = f"The body took longer than {seconds:g} seconds to arrive."
            raise refused(
                "BODY_TIMEOUT", message, status=408, headers={"connection": "close"}, limitSeconds=seconds
            ) from None
        require_few_brackets(body, self._limits)
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise refused("BODY_NOT_JSON", f"The body is not UTF-8: byte {error.start} is wrong.") from None
        return parsed_json(body, "The body", "BODY_NOT_JSON")

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._limits.body_bytes_max
        declared = headers.get("content-length", "")
        if declared.isdecimal() and (len(declared) > len(str(limit)) or int(declared) > limit):
            raise _body_too_large(limit)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            body += message.get("body", b"")
            if len(body) > limit:
                raise _body_too_large(limit)
            if not message.get("more_body", False):
                return bytes(body)


class _ClientGoneError(Exception):
    """The client closed its connection before it had its answer."""


async def authenticated(authenticate: Authenticate, headers: Headers, origin: Origin) -> Actor:
    """The actor, as it comes from there, or the refusal that HTTP has for it."""
    try:
        for name in CREDENTIALS:
            require_one(name, headers.getlist(name))
        actor = await authenticate(headers.get("authorization"), tenant=headers.get(TENANT), origin=origin)
        return replace(actor, origin=origin)
    except IdentityUnavailable:
        message = "Who you are cannot be checked just now: try again soon."
        raise refused("IDENTITY_UNAVAILABLE", message, status=503, headers={"retry-after": "5"}) from None
    except Unauthenticated as error:
        challenge = {"www-authenticate": "Bearer"}
        raise refused(error.code, error.message, status=401, headers=challenge) from None
    except Forbidden as error:
        raise refused(error.code, error.message, status=403) from None


def require_one(name: str, values: Sequence[str]) -> None:
    """Of two, whatever stands before us may have looked at the other one. Raises Unauthenticated."""
    if len(values) > 1:
        raise Unauthenticated(f"send the header `{name}` once, not {len(values)} times")


def request_id_of(scope: Scope) -> str:
    """One id for the request, minted once: it is in the answer's header, in masked errors and in the log."""
    state = scope.setdefault("state", {})
    request_id: str = state.setdefault("request_id", token_hex(8))
    return request_id


def refusal(error: RequestError, request_id: str, limits: Limits, media: str = PLAIN_JSON) -> Response:
    """The answer to a request that was not executed: errors, and no `data` at all."""
    status = error.status if media == GRAPHQL_JSON else error.plain_json_status
    response = _json({"errors": told(error.errors, request_id, limits)}, status, media)
    response.headers.update(error.headers)
    return response


def negotiated(headers: Headers) -> str:
    """The media type of the answer. Only clients that name the newer one get it; `*/*` stands for plain JSON.

    A stream of events is for clients that take nothing else; others get one for a subscription alone.
    """
    wanted = _accepted(headers)
    if not wanted:
        return PLAIN_JSON
    graphql = wanted.get(GRAPHQL_JSON, 0.0)
    fallback = wanted.get("application/*", wanted.get("*/*", 0.0))
    plain = wanted.get(PLAIN_JSON, fallback)
    if max(graphql, plain) <= 0:
        if takes_events(headers):
            return EVENT_STREAM
        message = f"The answer can be {GRAPHQL_JSON}, {PLAIN_JSON} or {EVENT_STREAM}; the Accept header takes none."
        raise refused("NOT_ACCEPTABLE", message, status=406)
    return GRAPHQL_JSON if graphql >= plain else PLAIN_JSON


def takes_events(headers: Headers) -> bool:
    return _accepted(headers).get(EVENT_STREAM, 0.0) > 0


def parsed_json(text: bytes | str, what: str, code: str) -> object:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refused(code, f"{what} is not JSON: {error}.") from None
    return value


def _accepted(headers: Headers) -> Mapping[str, float]:
    """The media types of the Accept header with their qualities; empty where it says nothing."""
    accept = ",".join(headers.getlist("accept")).strip()
    return {media: quality for media, quality in map(_media_range, accept.split(",")) if media}


def _media_range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media.lower(), quality if math.isfinite(quality) else 0.0


def _refusal(error: RequestError, request_id: str, limits: Limits, media: str) -> ASGIApp:
    """For a client that takes events alone: a malformed request keeps its status, what is wrong in it is streamed."""
    if media != EVENT_STREAM:
        return refusal(error, request_id, limits, media)
    if error.plain_json_status == 200:
        return RefusedStream(error, request_id, limits)
    return refusal(error, request_id, limits, GRAPHQL_JSON)


def _check_method(method: str) -> None:
    if method not in {"GET", "POST"}:
        raise refused("METHOD_NOT_ALLOWED", "Use GET or POST.", status=405, headers={"allow": "GET, POST"})


def _body_too_large(limit: int) -> RequestError:
    return refused("BODY_TOO_LARGE", f"The body is larger than {limit} bytes.", status=413, limit=limit)


def _check_content(headers: Headers) -> None:
    media, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = {part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")}
    if media != PLAIN_JSON or not charsets <= {"utf-8", "utf8"}:
        message = f"The body must be sent as {PLAIN_JSON} in UTF-8."
        raise refused("UNSUPPORTED_MEDIA_TYPE", message, status=415, headers={"accept": PLAIN_JSON})
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "The body must not be compressed here."
        raise refused("UNSUPPORTED_MEDIA_TYPE", message, status=415, headers={"accept-encoding": "identity"})


def _from_query(query_string: bytes) -> dict[str, object]:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError:
        message = f"The query string is not UTF-8, percent-encoded, with at most {_PARAMETERS_MAX} parameters."
        raise refused(BAD_REQUEST, message) from None
    parameters: dict[str, object] = dict(pairs)
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        if isinstance(text, str):
            parameters[name] = parsed_json(text, f"`{name}`", BAD_REQUEST) if text else None
    return parameters


def _wants_page(scope: Scope, headers: Headers) -> bool:
    """A person with a browser, at the bare address."""
    return scope["method"] == "GET" and not scope["query_string"] and "text/html" in headers.get("accept", "")


def _json(answer: object, status: int, media: str, more: Mapping[str, str] | None = None) -> Response:
    headers = {"content-type": f"{media}; charset=utf-8", "cache-control": "no-store", **(more or {})}
    return Response(orjson.dumps(answer), status, headers)


async def _unless_gone(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """The work's result. When the client goes away before, the work is cancelled, and has ended when this returns."""
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _ClientGoneError
        return task.result()
    finally:
        watcher.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "no-store",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Interpact: GraphQL</title>
<style>
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #1c1c1c }
  pre { background: #f3f3f0; padding: 1rem; overflow-x: auto; border-radius: .3rem }
  code { font-family: ui-monospace, monospace; font-size: .9em }
</style>
<h1>Interpact speaks GraphQL here</h1>
<p>Every request carries a key or a token. Send queries and mutations by POST; queries may also come by GET.</p>
<pre><code>curl --json '{"query": "{ __typename }"}' \\
  -H 'Authorization: Bearer YOUR_KEY' \\
  "$INTERPACT/graphql"</code></pre>
<p>Subscriptions come over a WebSocket at this address, in the protocol <code>graphql-transport-ws</code>, with
<code>{"authorization": "Bearer YOUR_KEY"}</code> as the payload of <code>connection_init</code>;
or as events, where the request says <code>Accept: text/event-stream</code>.</p>
<p>The schema is in the source as <code>graph/schema.graphql</code>; <code>interpact schema</code> prints it, and any
key may introspect it. A client such as GraphiQL or Altair works when it sends the same header.</p>
</html>
"""

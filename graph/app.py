"""The ASGI application: its routes, and the net below them that makes an answer of whatever falls through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from graph.context import Authenticate, MakeContext
from graph.documents import Documents
from graph.errors import INTERNAL, refused
from graph.gate import Gate, Spend, unmetered
from graph.http import HttpDoor, refusal, request_id_of
from graph.limits import Limits
from graph.origins import Origins
from graph.trusted import NONE_TRUSTED, Trusted
from graph.watching import Leaving, Watch, stays, unwatched
from graph.websocket import WebSocketDoor
from graph.wire import http_protocol, websocket_protocol

log = logging.getLogger(__name__)

Readiness = Callable[[], Awaitable[None]]
"""Returns when the service can answer, raises with a plain reason when it cannot."""

_READINESS_SECONDS_MAX = 5


def create_app(
    schema: strawberry.Schema,
    *,
    authenticate: Authenticate,
    make_context: MakeContext,
    limits: Limits,
    readiness: Readiness,
    origins: Collection[str] = (),
    spend: Spend = unmetered,
    trusted: Trusted = NONE_TRUSTED,
    lifespan: Lifespan[Starlette] | None = None,
    watch: Watch = unwatched,
    leaving: Leaving = stays,
) -> Starlette:
    documents = Documents(schema, limits, watch, trusted)
    gate = Gate(limits, spend)
    http = HttpDoor(documents, gate, authenticate=authenticate, make_context=make_context, leaving=leaving)
    websocket = WebSocketDoor(documents, gate, authenticate=authenticate, make_context=make_context, leaving=leaving)

    async def readyz(_request: Request) -> Response:
        return await _ready(readiness)

    async def not_routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "NOT_FOUND" if error.status_code == 404 else "METHOD_NOT_ALLOWED"
        answer = refused(code, error.detail, status=error.status_code, headers=error.headers)
        return refusal(answer, request_id_of(request.scope), limits)

    app = Starlette(
        routes=[
            Route("/graphql", http),
            WebSocketRoute("/graphql", websocket),
            Route("/livez", _livez),
            Route("/readyz", readyz),
        ],
        middleware=[Middleware(_Net, limits=limits), Middleware(Origins, allowed=origins)],
        exception_handlers={HTTPException: not_routed},
        lifespan=lifespan,
    )
    app.state.documents = documents
    return app


def server_options(limits: Limits) -> Mapping[str, Any]:
    """What uvicorn must be told so that it holds the same limits before we see a message.

    No deflate per message: it costs each socket a window's memory, and a bomb could be sent in it.
    """
    return {
        "http": http_protocol(limits),
        "ws": websocket_protocol(limits),
        "ws_max_size": limits.socket_message_bytes_max,
        "ws_per_message_deflate": False,
    }


async def _livez(_request: Request) -> Response:
    return _status(200, {"status": "live"})


async def _ready(readiness: Readiness) -> Response:
    try:
        async with asyncio.timeout(_READINESS_SECONDS_MAX):
            await readiness()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the reason
        reason = str(error) or type(error).__name__
        log.warning("not ready: %s", reason)
        return _status(503, {"status": "not ready", "reason": reason})
    return _status(200, {"status": "ready"})


def _status(status: int, answer: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(answer), status, {"cache-control": "no-store"}, "application/json")


class _Net:
    """Gives each request its id, names it in the answer, and answers for what was not caught."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("request %s failed", request_id)
            if started:
                raise
            answer = refused(INTERNAL, "Internal error", status=500, requestId=request_id)
            await refusal(answer, request_id, self._limits)(scope, receive, send_with_id)

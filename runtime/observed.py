"""Around the whole application: what is answered and which sockets are open, counted; and `/metrics`."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.http import request_id_of
from runtime.logs import about
from runtime.metrics import CONTENT_TYPE, Metrics

METRICS_PATH = "/metrics"
_ROUTES = frozenset({"/graphql", "/livez", "/readyz", METRICS_PATH})
_EVENT_STREAM = b"text/event-stream"
_CLOSE_CODES = frozenset({1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013, *range(4400, 4500)})
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})


class Observed:
    """An ASGI application around another one. `metrics_here`: whether `/metrics` is answered, to this machine alone."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, metrics_here: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._metrics_here = metrics_here
        self.streams_open = 0
        """Sockets and streams of events."""
        self._still = asyncio.Event()
        self._still.set()

    async def until_still(self) -> None:
        """Returns where no stream is open."""
        await self._still.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with about(request_id=request_id_of(scope)):
            if scope["type"] == "websocket":
                await self._socket(scope, receive, send)
            else:
                await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = scope["path"] if scope["path"] in _ROUTES else "other"
        streams = False

        async def counted(message: Message) -> None:
            nonlocal streams
            if message["type"] == "http.response.start":
                self._metrics.responses.labels(route, message["status"]).inc()
                if not streams and _is_stream(message):
                    streams = True
                    self._opened()
            await send(message)

        try:
            if route == METRICS_PATH and self._metrics_here and _is_from_here(scope):
                await MetricsApp(self._metrics)(scope, receive, counted)
            else:
                await self._app(scope, receive, counted)
        finally:
            if streams:
                self._closed()

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        code = 1006

        async def heard() -> Message:
            nonlocal code
            message = await receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or 1006
            return message

        async def said(message: Message) -> None:
            nonlocal code
            if message["type"] == "websocket.close":
                code = message.get("code", 1000)
            await send(message)

        self._opened()
        self._metrics.sockets_open.inc()
        try:
            await self._app(scope, heard, said)
        finally:
            self._closed()
            self._metrics.sockets_open.dec()
            self._metrics.sockets_closed.labels(code if code in _CLOSE_CODES else "other").inc()

    def _opened(self) -> None:
        self.streams_open += 1
        self._still.clear()

    def _closed(self) -> None:
        self.streams_open -= 1
        if not self.streams_open:
            self._still.set()


class MetricsApp:
    """Answers every GET with the metrics, whoever asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        known = scope["path"] == METRICS_PATH and scope["method"] in ("GET", "HEAD")
        body = self._metrics.text() if known else b"See /metrics.\n"
        headers = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if known else 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _is_stream(message: Message) -> bool:
    headers: list[tuple[bytes, bytes]] = message.get("headers", [])
    return any(name.lower() == b"content-type" and value.startswith(_EVENT_STREAM) for name, value in headers)


def _is_from_here(scope: Scope) -> bool:
    """Whether a process of this machine asks for itself: no proxy hands on what somebody else asks."""
    client: Any = scope.get("client")
    try:
        is_loopback = client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
    return is_loopback and not any(name.lower() in _FORWARDED for name, _ in scope["headers"])

"""Which web pages may use the service from a browser: CORS for HTTP and streams, and the same list for WebSockets.

No cookie lets anybody in here, only a key that the page itself must hold; so this is the second wall, not the first.
A browser names its page's origin by itself. What sends no `Origin` is no page, and is not asked for one.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DEFAULT_PORTS = {"http": 80, "https": 443}
PREFLIGHT_SECONDS = 600
"""How long a browser may keep the answer to its question what it may send."""
_REQUEST_HEADERS = "authorization, content-type, interpact-tenant, last-event-id"
_RESPONSE_HEADERS = "x-request-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset"


class Origins:
    """ASGI middleware. `allowed` are the origins that may use the service beside its own."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] in {"http", "websocket"} else Headers()
        origin = headers.get("origin")
        if scope["type"] == "websocket" and origin is not None and not self._may(origin, headers):
            await receive()
            # Closed before it is accepted: the server answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._http(scope, receive, send, headers, origin)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: Headers, origin: str | None) -> None:
        """A page from elsewhere learns nothing of the answer: its browser keeps it from what lacks these headers."""
        if origin not in self._allowed:
            await self._app(scope, receive, send if not self._allowed else _with({"vary": "Origin"}, send))
            return
        shared = {"vary": "Origin", "access-control-allow-origin": origin}
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            granted = {
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": _REQUEST_HEADERS,
                "access-control-max-age": str(PREFLIGHT_SECONDS),
            }
            await Response(status_code=204, headers={**shared, **granted})(scope, receive, send)
            return
        shared["access-control-expose-headers"] = _RESPONSE_HEADERS
        await self._app(scope, receive, _with(shared, send))

    def _may(self, origin: str, headers: Headers) -> bool:
        return origin in self._allowed or _is_own(origin, headers.get("host", ""))


def _is_own(origin: str, host: str) -> bool:
    """Whether the page comes from the address that it now talks to, whatever stands between us and its browser."""
    try:
        parts = urlsplit(origin)
        asked = urlsplit(f"//{host}")
        default = _DEFAULT_PORTS[parts.scheme]
        return parts.hostname is not None and (parts.hostname, parts.port or default) == (
            asked.hostname,
            asked.port or default,
        )
    except (ValueError, KeyError):
        return False


def _with(headers: dict[str, str], send: Send) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            held = MutableHeaders(scope=message)
            for name, value in headers.items():
                if name == "vary":
                    held.add_vary_header(value)
                else:
                    held[name] = value
        await send(message)

    return send_with

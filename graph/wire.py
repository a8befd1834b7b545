"""Below the application: uvicorn's two protocols, with limits of ours on what it would wait for or hold without end.

Heads have a size and a time; so has the rest of a body after its answer. A peer that stops reading is let go, whether
it is owed an answer, an event, a close or pongs. A message comes in so many fragments at most.
"""

from __future__ import annotations

import asyncio
import logging

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from graph.errors import BAD_REQUEST
from graph.limits import MIB, Limits

log = logging.getLogger(__name__)

PIECES_MAX = 2_000
"""Of a head, and for each megabyte of a body: reads from the connection, and chunks. Each costs as much as 1 kB."""
LINGER_SECONDS = 1
"""After a refusal: closed at once, a connection on which the peer still writes would lose the answer on its way."""
FRAGMENTS_MAX = 1_000
"""Of one message. An empty one costs its sender six bytes, and would be kept until the last."""
LINE_BYTES_MAX = 8_192
"""Of the head of a WebSocket's handshake, as its library has it."""
_LATE_GRACE_SECONDS = 2
"""After the time that the application gives a body, so that its own refusal comes first."""
_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


def http_protocol(limits: Limits) -> type[asyncio.Protocol]:
    class Limited(_Http):
        _limits = limits

    return Limited


def websocket_protocol(limits: Limits) -> type[asyncio.Protocol]:
    class Limited(_WebSocket):
        _limits = limits

    return Limited


class _Stalled:
    """Watches one transport whose writing is paused, and cuts it off where nothing leaves it."""

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        # Told of every byte that waits: what is left at a close is never too little to be waited for without end.
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._seconds = seconds
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.end()
        self._waiting = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._check)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if self._transport.get_write_buffer_size() < self._waiting:
            self.begin()
        else:
            self._transport.abort()


class _Refused(Exception):
    """Raised through the parser, so that it stops."""


class _Http(HttpToolsProtocol):
    _limits: Limits
    _empty_bytes = 0
    """What came since the parser last had a whole head or a part of a body to hand on: it keeps all of that."""
    _handed_on = False
    _in_body = False
    _has_begun = False
    """Whether any request has, so that there is a `cycle`."""
    _is_upgraded = False
    _pieces = 0
    _late: asyncio.TimerHandle | None = None
    _refusal: tuple[int, str, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._stalled = _Stalled(transport, self._limits.socket_send_seconds_max)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalled.end()
        self._in_time()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.begin()

    def resume_writing(self) -> None:
        self._stalled.end()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_over():
            return
        self._handed_on = False
        self._pieces += 1
        super().data_received(data)
        if self._is_over():
            return
        self._empty_bytes = 0 if self._handed_on else self._empty_bytes + len(data)
        if self._empty_bytes > self._limits.head_bytes_max:
            self._too_large()
            self.send_400_response("")
        elif self._pieces > self._pieces_max:
            self._too_many_pieces()
            self.send_400_response("")
        elif not self._in_body and self._late is None and self.cycle.response_complete:
            # Of a request after the first, which has begun; until then the server's own time for silence runs.
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """What trails a body is no header: who calls has been told by the head, and nothing may change that."""
        if not self._in_body:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._handed_on = True
        self._pieces += 1
        if self._pieces > self._pieces_max:
            self._too_many_pieces()
            raise _Refused
        super().on_body(body)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.head_bytes_max:
            self._too_large()
            raise _Refused
        self._in_time()
        super().on_headers_complete()
        self._has_begun = self._handed_on = self._in_body = True
        self._pieces = 0
        self._await_body()

    def on_message_complete(self) -> None:
        self._in_time()
        self._in_body = False
        self._pieces = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._in_time()
        self._stalled.end()
        self._is_upgraded = True
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Whatever the parser refuses, in the shape of all our errors."""
        if self._refusal is None:
            self._refusal = (400, BAD_REQUEST, "The request is not HTTP/1.1.")
        self._in_time()
        if self._has_begun and not self.cycle.response_complete:
            if self.cycle.response_started or not self._in_body:
                # The answer under way is to another request, or to this one: nothing may come in between.
                self.transport.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_refused(*self._refusal, self._limits))
        self.transport.write_eof()
        self._late = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)

    def _is_over(self) -> bool:
        return self._refusal is not None or self._is_upgraded or self.transport.is_closing()

    @property
    def _pieces_max(self) -> int:
        return PIECES_MAX * max(1, self._limits.body_bytes_max // MIB)

    def _too_large(self) -> None:
        limit = self._limits.head_bytes_max
        message = f"The request's address and headers have at most {limit} bytes together."
        self._refusal = (431, "HEAD_TOO_LARGE", message)

    def _too_many_pieces(self) -> None:
        message = f"The request came in more than {self._pieces_max} pieces: send larger ones."
        self._refusal = (400, BAD_REQUEST, message)

    def _await_head(self) -> None:
        self._late = asyncio.get_running_loop().call_later(self._limits.head_seconds_max, self._head_late)

    def _await_body(self) -> None:
        seconds = self._limits.body_seconds_max + _LATE_GRACE_SECONDS
        self._late = asyncio.get_running_loop().call_later(seconds, self._body_late)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_late(self) -> None:
        if not self._empty_bytes:
            self.transport.close()
            return
        seconds = self._limits.head_seconds_max
        self._refusal = (408, "HEAD_TIMEOUT", f"The request's head took longer than {seconds:g} seconds to arrive.")
        self.send_400_response("")

    def _body_late(self) -> None:
        """The application sees to a body that it waits for. When it has answered, nobody waits for the rest."""
        if self.cycle.response_complete:
            self.transport.abort()
        else:
            self._await_body()


class _WebSocket(WebSocketsSansIOProtocol):
    _limits: Limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._stalled = _Stalled(self.transport, self._limits.socket_send_seconds_max)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalled.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled.begin()

    def resume_writing(self) -> None:
        self._stalled.end()
        super().resume_writing()

    def handle_ping(self) -> None:
        """A pong may be left out where later ones follow (RFC 6455, 5.5.3): none waits for who does not read them."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(1009, f"A message has at most {FRAGMENTS_MAX} fragments")
            self.handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        """Text that is none closes the socket, and is no failure of ours that a log should tell at length."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.conn.send_close(1007, "Messages are UTF-8")
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is None or self.handshake_initiated:
            return
        # The library found no handshake in it, and would say nothing at all.
        self.handshake_initiated = True
        message = f"No WebSocket: a line of the handshake has at most {LINE_BYTES_MAX} bytes."
        self.transport.write(_refused(431, "HEAD_TOO_LARGE", message, self._limits))
        self.transport.close()


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refused(status: int, code: str, message: str, limits: Limits) -> bytes:
    """The whole answer. The application never saw this request, so it has no id."""
    facts = {"limit": limits.head_bytes_max} if status == 431 else {}
    body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code, **facts}}]})
    return (
        b"HTTP/1.1 %d %s\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n"
        b"cache-control: no-store\r\nconnection: close\r\n\r\n%s"
    ) % (status, _REASONS[status], len(body), body)

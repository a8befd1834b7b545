"""Answers as server-sent events: the distinct connections mode of the GraphQL over SSE protocol.

One request, one operation, one stream: an event `next` for each answer, then `complete`. Beside the operation one task
keeps the stream alive with comments, one checks the credentials again, one hears the client go. Every event is awaited
into the connection before the next is made, so a slow reader grows nothing here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from domain.actor import Actor
from domain.errors import Forbidden, Unauthenticated
from graph.context import Context
from graph.documents import Answer, Operation
from graph.errors import RequestError, told, told_exception
from graph.limits import Limits
from graph.watching import Leaving, stays

log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
_HEADERS = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "cache-control": "no-store",
    # Proxies that gather an answer before they pass it on know this one.
    "x-accel-buffering": "no",
}
_COMMENT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """One operation of one actor, with what it takes to run it and to ask again who the actor is.

    `leave` gives its place among the tenant's subscriptions up: before the end is told, as the client may take it again
    as soon as it has read that.
    """

    operation: Operation
    actor: Actor
    authenticate: Callable[[], Awaitable[Actor]]
    new_context: Callable[[float], Context]
    request_id: str
    limits: Limits
    leaving: Leaving
    leave: Callable[[], None]


class _OverError(Exception):
    """The stream has ended, by us or by the client; whatever runs for it ends."""


class EventStream:
    """An ASGI response. `headers`: what it bears beside its own."""

    def __init__(self, following: Following, headers: Mapping[str, str]) -> None:
        self._following = following
        self._headers = headers
        self._limits = following.limits
        self._over = False

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        await self._send(_start(self._headers))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(receive))
                tasks.create_task(self._breathe())
                tasks.create_task(self._recheck())
                tasks.create_task(self._hand_over())
                await self._answer()
        except* _OverError:
            pass

    async def _answer(self) -> NoReturn:
        following = self._following
        try:
            if following.operation.kind is OperationType.SUBSCRIPTION:
                async with aclosing(following.operation.answers(following.new_context)) as answers:
                    async for answer in answers:
                        await self._write(_next(answer, _cursor(answer)))
                        # A source that never waits would keep the client's going from being heard.
                        await asyncio.sleep(0)
            else:
                deadline = asyncio.get_running_loop().time() + following.operation.seconds_max
                await self._write(_next(await following.operation.answer(following.new_context(deadline))))
        except _OverError:
            raise
        except Exception as error:  # noqa: BLE001 - told_exception logs what nobody foresaw
            await self._end(_next({"errors": told_exception(error, following.request_id, self._limits)}))
        await self._end()

    async def _hear(self, receive: Receive) -> NoReturn:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._over = True
        raise _OverError

    async def _breathe(self) -> NoReturn:
        """A comment now and then: it keeps proxies from giving the connection up, and finds the dead ones."""
        while True:
            await asyncio.sleep(self._limits.socket_ping_seconds)
            await self._write(_COMMENT)

    async def _hand_over(self) -> NoReturn:
        """The process stops. The stream ends without `complete`, so that the client connects again and resumes."""
        await self._following.leaving()
        if self._following.operation.kind is not OperationType.SUBSCRIPTION:
            await stays()
        await self._write(b"", more=False)
        raise _OverError

    async def _recheck(self) -> NoReturn:
        """Ask again who this is. A revoked key, or one with other rights, may not go on with what it had begun."""
        seconds = self._limits.socket_recheck_seconds
        while True:
            await asyncio.sleep(seconds)
            try:
                async with asyncio.timeout(seconds):
                    now = await self._following.authenticate()
                if now != self._following.actor:
                    raise Unauthenticated("the rights of these credentials have changed: connect again")
            except (Unauthenticated, Forbidden) as error:
                await self._end(_next({"errors": told_exception(error, self._following.request_id, self._limits)}))
            except Exception:
                log.warning(
                    "stream %s: credentials could not be checked, trying again",
                    self._following.request_id,
                    exc_info=True,
                )

    async def _end(self, last_words: bytes = b"") -> NoReturn:
        self._following.leave()
        await self._write(last_words + _COMPLETE, more=False)
        raise _OverError

    async def _write(self, text: bytes, *, more: bool = True) -> None:
        if self._over:
            raise _OverError
        self._over = not more
        try:
            async with asyncio.timeout(self._limits.socket_send_seconds_max):
                await self._send({"type": "http.response.body", "body": text, "more_body": more})
        except (TimeoutError, OSError):
            # The answer stays unfinished, so that the server closes the connection and the client connects again.
            self._over = True
            raise _OverError from None


class RefusedStream:
    """An ASGI response: a stream that tells why a well-formed request was not executed.

    The protocol wants these in the stream, because a browser's event source reads no answer but one of status 200.
    """

    def __init__(self, error: RequestError, request_id: str, limits: Limits) -> None:
        self._text = _next({"errors": told(error.errors, request_id, limits)}) + _COMPLETE

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start({}))
        await send({"type": "http.response.body", "body": self._text})


def _start(more: Mapping[str, str]) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in (*_HEADERS.items(), *more.items())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _next(answer: Answer, cursor: str | None = None) -> bytes:
    identified = b"" if cursor is None else f"id: {cursor}\n".encode()
    return b"event: next\n" + identified + b"data: " + orjson.dumps(answer) + b"\n\n"


def _cursor(answer: Answer) -> str | None:
    """The `cursor` of what the event is about, where the client asked for it: its browser sends it back as it resumes.

    A client may give any field this name, so only what fits into a line and a header is taken.
    """
    for item in (answer.get("data") or {}).values():
        cursor = item.get("cursor") if isinstance(item, dict) else None
        if isinstance(cursor, str) and cursor and cursor.isascii() and cursor.isprintable():
            return cursor
    return None

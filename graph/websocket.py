"""The WebSocket door: the graphql-transport-ws protocol, and no other.

One task reads, one pings, one checks the credentials again, and each operation has one. All belong to one group, so
that none outlives the socket. Every message is awaited into the socket before the next is made: a slow reader slows its
own operations down and grows nothing here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from domain.actor import Actor
from domain.audit import Door
from domain.errors import Forbidden, Unauthenticated, Unserved
from graph.context import (
    Authenticate,
    Context,
    IdentityUnavailable,
    MakeContext,
    Request,
    request_from,
    require_few_brackets,
)
from graph.documents import Answer, Documents, Operation
from graph.errors import RequestError, refused, told_exception
from graph.gate import Gate
from graph.http import CREDENTIALS, TENANT, request_id_of, require_one
from graph.watching import Leaving, stays
from graph.whence import whence

log = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
_CLIENT_MESSAGES = ("connection_init", "ping", "pong", "subscribe", "complete")
_REASON_BYTES_MAX = 123
_LAST_WORDS_SECONDS = 1
"""How long the close frame may wait; behind a slow reader it may never get through."""


class WebSocketDoor:
    """An ASGI application for the WebSockets at `/graphql`."""

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
        self._authenticate = authenticate
        self._make_context = make_context
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if PROTOCOL not in scope["subprotocols"]:
            # Accepted first: a client reads the code and reason of a close, and nothing from a refused handshake.
            await send({"type": "websocket.accept"})
            await send(
                {"type": "websocket.close", "code": 4406, "reason": f"Subprotocol not acceptable: use {PROTOCOL}"}
            )
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        socket = _Socket(self._documents, self._gate, self._authenticate, self._make_context, scope, receive, send)
        await socket.serve(self._leaving)


class _ClosedError(Exception):
    """The socket is closed, by us or by the client; whatever runs for it ends."""


class _Socket:
    def __init__(
        self,
        documents: Documents,
        gate: Gate,
        authenticate: Authenticate,
        make_context: MakeContext,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._documents = documents
        self._gate = gate
        self._limits = documents.limits
        self._authenticate = authenticate
        self._make_context = make_context
        headers = Headers(scope=scope)
        self._headers = headers
        self._authorization = headers.get("authorization")
        self._tenant = headers.get(TENANT)
        self._id = request_id_of(scope)
        self._origin = whence(scope, Door.WEBSOCKET, self._id)
        self._receive = receive
        self._send = send
        self._closed = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._running = 0
        """Operations that have not ended, those that were told to among them."""
        self._started = 0
        self._answering = 0
        """Queries and mutations under way."""
        self._answered = asyncio.Event()
        self._answered.set()

    async def serve(self, leaving: Leaving) -> None:
        try:
            with ExitStack() as place:
                actor = await self._greet(place)
                await self._serve(actor, leaving)
        except* _ClosedError:
            pass
        except* Exception:
            log.exception("socket %s failed", self._id)
            with suppress(_ClosedError):
                await self._close(1011, "Internal error")

    async def _serve(self, actor: Actor, leaving: Leaving) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ping())
            tasks.create_task(self._recheck(actor))
            tasks.create_task(self._hand_over(leaving))
            await self._read(actor, tasks)

    async def _greet(self, place: ExitStack) -> Actor:
        """Wait for `connection_init`, and let in whom it names."""
        timeout = asyncio.timeout(self._limits.socket_init_seconds_max)
        try:
            async with timeout:
                message = await self._next()
                while message["type"] != "connection_init":
                    if message["type"] == "subscribe":
                        await self._close(4401, "Unauthorized: connection_init comes first")
                    await self._answer_ping(message)
                    message = await self._next()
                actor = await self._let_in(message)
        except TimeoutError:
            if not timeout.expired():
                raise
            await self._close(4408, "Connection initialisation timeout")
        try:
            place.enter_context(self._gate.socket(actor.tenant))
        except RequestError as error:
            await self._close(1013, str(error))
        await self._say({"type": "connection_ack"})
        return actor

    async def _let_in(self, message: Mapping[str, Any]) -> Actor:
        payload = message.get("payload")
        if not isinstance(payload, dict | None):
            await self._close(4400, "The payload of connection_init must be an object")
        told: set[str] = set()
        for name, value in (payload or {}).items():
            if name.lower() not in CREDENTIALS:
                continue
            if name.lower() in told:
                await self._close(4400, f"Say `{name.lower()}` once in the payload of connection_init")
            told.add(name.lower())
            if not isinstance(value, str):
                await self._close(4400, f"`{name.lower()}` must be a string")
            if name.lower() == TENANT:
                self._tenant = value
            else:
                self._authorization = value
        try:
            for name in CREDENTIALS:
                require_one(name, self._headers.getlist(name))
            return await self._authenticate(self._authorization, tenant=self._tenant, origin=self._origin)
        except IdentityUnavailable:
            await self._close(1013, "Who you are cannot be checked just now: try again soon")
        except Unserved as error:
            await self._close(1013, error.message)
        except (Unauthenticated, Forbidden) as error:
            # Clients try again after 4403, perhaps with a fresh token, and not after 4401.
            await self._close(4401 if self._authorization is None else 4403, error.message)

    async def _read(self, actor: Actor, tasks: asyncio.TaskGroup) -> NoReturn:
        while True:
            message = await self._next()
            match message["type"]:
                case "connection_init":
                    await self._close(4429, "Too many initialisation requests")
                case "subscribe":
                    await self._subscribe(message, actor, tasks)
                case "complete":
                    operation = self._operations.pop(await self._id_of(message), None)
                    if operation:
                        operation.cancel()
                case _:
                    await self._answer_ping(message)

    async def _next(self) -> Mapping[str, Any]:
        """The next message: an object with a `type` that clients may send. Anything else ends the socket."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            self._closed = True
            raise _ClosedError
        text = event.get("text")
        if text is None:
            await self._close(4400, "Messages are text, not binary")
        frame = text.encode()
        if len(frame) > self._limits.socket_message_bytes_max:
            await self._close(1009, f"A message has at most {self._limits.socket_message_bytes_max} bytes")
        try:
            require_few_brackets(frame, self._limits)
            message = orjson.loads(frame)
        except RequestError as error:
            await self._close(4400, str(error))
        except orjson.JSONDecodeError:
            await self._close(4400, "A message must be JSON")
        if not isinstance(message, dict):
            await self._close(4400, "A message must be an object")
        if message.get("type") not in _CLIENT_MESSAGES:
            await self._close(4400, "A message needs a `type` that clients may send")
        return message

    async def _answer_ping(self, message: Mapping[str, Any]) -> None:
        payload = message.get("payload")
        if not isinstance(payload, dict | None):
            await self._close(4400, f"The payload of {message['type']} must be an object")
        if message["type"] == "ping":
            await self._say({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})

    async def _id_of(self, message: Mapping[str, Any]) -> str:
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not operation_id:
            await self._close(4400, f"The message {message['type']} needs an `id`, a string that is not empty")
        return operation_id

    async def _subscribe(self, message: Mapping[str, Any], actor: Actor, tasks: asyncio.TaskGroup) -> None:
        operation_id = await self._id_of(message)
        try:
            request = request_from(message.get("payload"), self._limits)
        except RequestError as error:
            await self._close(4400, str(error))
        if operation_id in self._operations:
            await self._close(4409, f"Subscriber for {operation_id} already exists")
        limit = self._limits.socket_operations_max
        if self._running >= limit:
            too_many = refused("TOO_MANY_OPERATIONS", f"A socket runs at most {limit} operations at once.", limit=limit)
            payload = told_exception(too_many, self._id, self._limits)
            await self._say({"id": operation_id, "type": "error", "payload": payload})
            return
        self._started += 1
        self._running += 1
        task = tasks.create_task(self._run(operation_id, request, actor, f"{self._id}-{self._started}"))
        self._operations[operation_id] = task
        task.add_done_callback(partial(self._ended, operation_id))

    def _ended(self, operation_id: str, task: asyncio.Task[None]) -> None:
        self._running -= 1
        if self._operations.get(operation_id) is task:
            del self._operations[operation_id]

    async def _run(self, operation_id: str, request: Request, actor: Actor, request_id: str) -> None:
        """Answer one operation. What goes wrong in it ends it, not the socket."""
        actor = replace(actor, origin=replace(self._origin, request=request_id))
        try:
            await self._answer(operation_id, request, actor, partial(self._make_context, actor, request_id))
            last: dict[str, Any] = {"type": "complete"}
        except _ClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - told_exception logs what nobody foresaw
            last = {"type": "error", "payload": told_exception(error, request_id, self._limits)}
        if self._is_current(operation_id):
            # The client may use the id again as soon as it has read this.
            del self._operations[operation_id]
            await self._say({"id": operation_id, **last})

    async def _answer(
        self, operation_id: str, request: Request, actor: Actor, new_context: Callable[[float], Context]
    ) -> None:
        self._answering += 1
        self._answered.clear()
        try:
            answer = None
            async with self._gate.turn(actor.tenant):
                operation = await self._documents.read(request)
                await self._gate.charge(actor.tenant, operation.cost)
                streams = operation.kind is OperationType.SUBSCRIPTION
                if not streams:
                    deadline = asyncio.get_running_loop().time() + operation.seconds_max
                    answer = await operation.answer(new_context(deadline))
            if answer is not None:
                await self._say_next(operation_id, answer)
        finally:
            self._answering -= 1
            if not self._answering:
                self._answered.set()
        if not streams:
            return
        with self._gate.subscription(actor.tenant):
            await self._follow(operation_id, operation, new_context)

    async def _follow(self, operation_id: str, operation: Operation, new_context: Callable[[float], Context]) -> None:
        async with aclosing(operation.answers(new_context)) as answers:
            async for answer in answers:
                await self._say_next(operation_id, answer)
                # A source that never waits would keep the reader from hearing `complete`.
                await asyncio.sleep(0)

    def _is_current(self, operation_id: str) -> bool:
        """Whether the running task still answers this id: a client may complete an operation and use its id again."""
        return self._operations.get(operation_id) is asyncio.current_task()

    async def _hand_over(self, leaving: Leaving) -> None:
        """The process stops: what is being answered is finished, then the client is sent elsewhere."""
        await leaving()
        await self._answered.wait()
        await self._close(1012, "Service restart: connect again and resume")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._limits.socket_ping_seconds)
            await self._say({"type": "ping"})

    async def _recheck(self, actor: Actor) -> None:
        """Ask again who this is. A revoked key, or one with other rights, may not go on with what it had begun."""
        seconds = self._limits.socket_recheck_seconds
        while True:
            await asyncio.sleep(seconds)
            try:
                async with asyncio.timeout(seconds):
                    now = await self._authenticate(self._authorization, tenant=self._tenant, origin=self._origin)
            except (Unauthenticated, Forbidden) as error:
                await self._close(4403, error.message)
            except Exception:
                log.warning("socket %s: credentials could not be checked, trying again", self._id, exc_info=True)
            else:
                if now != actor:
                    await self._close(4403, "The rights of these credentials have changed: connect again")

    async def _say_next(self, operation_id: str, answer: Answer) -> None:
        if self._is_current(operation_id):
            await self._say({"id": operation_id, "type": "next", "payload": answer})

    async def _say(self, message: Mapping[str, Any]) -> None:
        if self._closed:
            raise _ClosedError
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(self._limits.socket_send_seconds_max):
                await self._send({"type": "websocket.send", "text": text})
        except TimeoutError:
            await self._close(1013, "Messages are read too slowly: connect again and resume")
        except OSError:
            self._closed = True
            raise _ClosedError from None

    async def _close(self, code: int, reason: str) -> NoReturn:
        if not self._closed:
            self._closed = True
            short = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await self._send({"type": "websocket.close", "code": code, "reason": short})
        raise _ClosedError

"""Clients in Python: one question after another over HTTP, and a subscription over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

HEAR_S_MAX = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whoever holds the key, at the address."""

    http: httpx.AsyncClient
    graphql: str
    key: str

    async def post(self, query: str, **variables: object) -> httpx.Response:
        return await self.http.post(
            self.graphql,
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"},
        )

    async def said(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole answer, errors and all."""
        response = await self.post(query, **variables)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data; there must be no errors at the top."""
        answer = await self.said(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def do(self, mutation: str, **given: object) -> dict[str, Any]:
        """The payload of a document's one mutation, which must have gone well."""
        (payload,) = (await self.ask(mutation, input=given)).values()
        assert payload["userErrors"] == [], payload["userErrors"]
        done: dict[str, Any] = payload
        return done


class Subscriber:
    """One operation on a socket of its own."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, message: object) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self, seconds: float = HEAR_S_MAX) -> dict[str, Any]:
        """The next message that is no ping."""
        async with asyncio.timeout(seconds):
            while True:
                message: dict[str, Any] = orjson.loads(await self.connection.recv())
                if message["type"] != "ping":
                    return message
                await self.say({"type": "pong"})

    async def event(self, seconds: float = HEAR_S_MAX) -> dict[str, Any]:
        """What the subscription's one field tells next."""
        message = await self.hear(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        told: dict[str, Any] = value
        return told

    async def closed(self) -> tuple[int | None, str | None]:
        async with asyncio.timeout(HEAR_S_MAX):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def let_in(address: str, key: str) -> AsyncIterator[Subscriber]:
    url = f"{address.replace('http', 'ws', 1)}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        subscriber = Subscriber(connection)
        await subscriber.say({"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}})
        assert await subscriber.hear() == {"type": "connection_ack"}
        yield subscriber


@asynccontextmanager
async def subscribed(address: str, key: str, query: str, **variables: object) -> AsyncIterator[Subscriber]:
    async with let_in(address, key) as subscriber:
        payload = {"query": query, "variables": variables}
        await subscriber.say({"id": "1", "type": "subscribe", "payload": payload})
        yield subscriber

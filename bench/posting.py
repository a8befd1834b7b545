"""An HTTP client that costs next to nothing: requests are made beforehand and written over one kept connection each."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import orjson

from bench.serving import Address


def request(address: Address, key: str, document: str, variables: dict[str, object]) -> bytes:
    """A whole POST, head and body."""
    body = orjson.dumps({"query": document, "variables": variables})
    head = (
        "POST /graphql HTTP/1.1\r\n"
        f"host: {address.host}:{address.port}\r\n"
        f"authorization: Bearer {key}\r\n"
        "content-type: application/json\r\n"
        "accept: application/graphql-response+json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client:
    """One connection, one request at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._address.host, self._address.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def post(self, whole: bytes) -> dict[str, Any]:
        """The `data` of the answer; anything but plain success is an error here."""
        status, body = await self.ask(whole)
        answer = orjson.loads(body)
        if status != 200 or "errors" in answer:
            raise RuntimeError(f"{status}: {body[:2_000].decode(errors='replace')}")
        data: dict[str, Any] = answer["data"]
        return data

    async def ask(self, whole: bytes) -> tuple[int, bytes]:
        """The status and the body, whatever they are."""
        self._writer.write(whole)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return int(status.split(" ")[1]), body

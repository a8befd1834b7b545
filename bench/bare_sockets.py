"""The other side of bench/idle_sockets.py: uvicorn as we start it, with an application that only accepts sockets."""

from __future__ import annotations

import socket

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

PROTOCOL = "graphql-transport-ws"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio", ws_per_message_deflate=False
    )
    print(listener.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(_serve())

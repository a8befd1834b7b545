"""Listening sockets, and uvicorn on them without its own ideas about signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from runtime.settings import SettingsError, Variable


class Server(uvicorn.Server):
    """Tells when it accepts, and leaves signals to `until_stopped`, so that all around it ends in good order too."""

    def __init__(self, config: uvicorn.Config, accepting: Callable[[], None]) -> None:
        super().__init__(config)
        self._accepting = accepting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._accepting()

    def stop_accepting(self) -> None:
        """Connections that are open go on."""
        for listener in self.servers:
            listener.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(
    app: ASGIApp, accepting: Callable[[], None], options: Mapping[str, Any], proxies: Sequence[str] = ()
) -> Server:
    """It has no log of its own, and neither starts nor ends the application.

    `proxies` are believed in what address they hand on; by itself uvicorn would believe every process of this machine.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        **options,
    )
    return Server(config, accepting)


@contextmanager
def listening(host: str, port: int, variable: Variable) -> Iterator[socket.socket]:
    """A listening socket. An address in use is told plainly."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SettingsError((f"{variable.name}: cannot listen on {host}:{port}: {error.strerror}",)) from error
        yield listener


@asynccontextmanager
async def beside(app: ASGIApp, address: tuple[str, int] | None, variable: Variable) -> AsyncIterator[None]:
    """Serves a small application at an address of its own while the block runs; at none where there is none."""
    if address is None:
        yield
        return
    with listening(*address, variable) as listener:
        small = server(app, lambda: None, {"timeout_graceful_shutdown": 1, "ws": "none"})
        task = asyncio.create_task(small.serve(sockets=[listener]))
        try:
            yield
        finally:
            small.should_exit = True
            await task

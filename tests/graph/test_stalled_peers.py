"""A peer that stops reading is let go: its operation ends, its place is free again, and its connection is gone."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from graph.limits import Limits
from tests.graph.service import Service, a_service

BLOBS = {"query": "subscription { blobs(chars: 200000) }"}
EVENTS = {"authorization": "Bearer good", "accept": "text/event-stream"}
INIT = json.dumps({"type": "connection_init", "payload": {"authorization": "Bearer good"}})
PROTOCOL = Subprotocol("graphql-transport-ws")
ONE_EACH = Limits(socket_send_seconds_max=0.3, tenant_subscriptions_max=1, tenant_sockets_max=1)


@pytest.fixture
def service() -> Iterator[Service]:
    with a_service(ONE_EACH) as running:
        yield running


@contextmanager
def a_stalled_stream(service: Service) -> Iterator[None]:
    """It asks and never reads; its side of the connection stays open, as behind a proxy that has lost its client."""
    host, _, port = service.address.rpartition(":")
    with socket.create_connection((host, int(port))) as peer:
        body = json.dumps(BLOBS).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in EVENTS.items())
        peer.sendall(
            f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{head}"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        yield


def until_gone(service: Service) -> None:
    end = time.monotonic() + 5
    while service.server.server_state.connections:
        assert time.monotonic() < end, "the service still holds a connection"
        time.sleep(0.01)


def test_a_stalled_stream_is_let_go_and_leaves_its_place_to_others(service: Service) -> None:
    with a_stalled_stream(service):
        service.journal.wait_for("blob")
        refused = httpx.post(service.graphql, json=BLOBS, headers=EVENTS)
        assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        service.journal.wait_for("blobs ended")
        until_gone(service)
        with httpx.stream("POST", service.graphql, json=BLOBS, headers=EVENTS) as answer:
            assert answer.status_code == 200


async def test_a_stalled_socket_is_let_go_and_leaves_its_place_to_others(service: Service) -> None:
    async with connect(service.websocket, subprotocols=[PROTOCOL], max_queue=1, ping_interval=None) as stalled:
        await stalled.send(INIT)
        assert json.loads(await stalled.recv()) == {"type": "connection_ack"}
        stalled.transport.pause_reading()
        await stalled.send(json.dumps({"id": "1", "type": "subscribe", "payload": BLOBS}))
        await asyncio.to_thread(service.journal.wait_for, "blobs ended")
        await asyncio.to_thread(until_gone, service)
        async with connect(service.websocket, subprotocols=[PROTOCOL]) as other:
            await other.send(INIT)
            assert json.loads(await other.recv()) == {"type": "connection_ack"}
        stalled.transport.abort()


def test_a_stalled_stream_does_not_hold_up_a_stop() -> None:
    with a_service(Limits(socket_send_seconds_max=0.3)) as service, a_stalled_stream(service):
        service.journal.wait_for("blob")
        service.server.should_exit = True
        until_gone(service)

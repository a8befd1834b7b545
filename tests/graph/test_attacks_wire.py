"""Peers that send too slowly, too finely or too much, and peers that do not read: they are let go, no others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson
import pytest

from graph.limits import Limits
from graph.wire import PIECES_MAX
from tests.graph.service import Service, a_service
from tests.graph.test_websocket import happened, let_in

HEAD = (
    b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)
QUERY = b'{"query": "{ hello }"}'
ASKED = HEAD % len(QUERY) + QUERY
HELLO = b'{"data":{"hello":"hello world"}'
LARGE = 10
"""Megabytes."""
SHORT = Limits(head_seconds_max=0.3, body_seconds_max=0.3, socket_send_seconds_max=0.3)


@contextmanager
def connected(service: Service, *, buffer: int | None = None) -> Iterator[socket.socket]:
    """`buffer`: how little the kernel keeps for a peer that does not read."""
    host, _, port = service.address.partition(":")
    with socket.socket() as peer:
        if buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        peer.settimeout(10)
        peer.connect((host, int(port)))
        yield peer


def the_rest(peer: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := peer.recv(65_536):
            received += piece
    return received


def answer(peer: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"}}}"):
        received += peer.recv(65_536)
    return received


def until_alone(service: Service) -> None:
    """No connection is left, so nothing is held for anybody."""
    end = time.monotonic() + 5
    while service.server.server_state.connections:
        assert time.monotonic() < end, service.server.server_state.connections
        time.sleep(0.01)


@pytest.mark.parametrize("start", [b"G", b"POST /graphql HTTP/1.1\r\nhost: x\r\nx: "], ids=["a letter", "half a head"])
def test_a_head_has_its_time_on_a_new_connection_and_on_a_kept_one(start: bytes) -> None:
    with a_service(SHORT) as service:
        for before in (b"", ASKED):
            with connected(service) as peer:
                if before:
                    peer.sendall(before)
                    assert HELLO in answer(peer)
                peer.sendall(start)
                told = the_rest(peer)
            assert told.startswith(b"HTTP/1.1 408 Request Timeout")
            assert b'"code":"HEAD_TIMEOUT"' in told
        until_alone(service)


@pytest.mark.parametrize("between", [b"", b"\r\n"], ids=["nothing", "an empty line"])
def test_a_connection_on_which_nothing_comes_is_closed_without_a_word(between: bytes) -> None:
    with a_service(SHORT) as service:
        with connected(service) as peer:
            peer.sendall(between)
            told = the_rest(peer)
        assert told == b"" or b'"code":"HEAD_TIMEOUT"' in told
        until_alone(service)


def test_the_rest_of_a_body_that_was_answered_is_not_waited_for() -> None:
    with a_service(SHORT) as service, connected(service) as peer:
        peer.sendall((HEAD % 1_000).replace(b"good", b"bad") + b" ")
        with suppress(OSError):
            for _ in range(60):
                time.sleep(0.1)
                peer.sendall(b" ")
        assert b"UNAUTHENTICATED" in the_rest(peer)
        until_alone(service)


def test_requests_on_one_connection_are_answered_one_after_the_other(service: Service) -> None:
    with connected(service) as peer:
        peer.sendall(ASKED * 3)
        told = b""
        while told.count(HELLO) < 3:
            told += peer.recv(65_536)
        peer.sendall(b"\r\n" + ASKED[:50])
        time.sleep(0.05)
        peer.sendall(ASKED[50:])
        assert HELLO in answer(peer)


def test_a_request_behind_another_s_answer_breaks_nothing_into_it(service: Service) -> None:
    """What is no request, or too large a one, ends the connection instead."""
    for bad in (b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"x" * 200_000):
        body = orjson.dumps({"query": "{ slow(seconds: 1) }"})
        with connected(service) as peer:
            peer.sendall(HEAD % len(body) + body)
            service.journal.wait_for("slow begun")
            with suppress(OSError):
                peer.sendall(bad)
            assert the_rest(peer) == b""
        service.journal.wait_for("slow cancelled")
        service.journal.notes.clear()


def test_a_body_of_a_megabyte_may_come_in_the_packets_of_any_network(service: Service) -> None:
    body = QUERY + b" " * (1_048_576 - len(QUERY))
    with connected(service) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(HEAD % len(body))
        for start in range(0, len(body), 1_400):
            peer.sendall(body[start : start + 1_400])
        assert HELLO in answer(peer)


def test_a_body_in_ever_so_many_pieces_is_refused(service: Service) -> None:
    start = b"POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\n"
    with connected(service) as peer:
        peer.sendall(start + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * (PIECES_MAX + 1))
        told = the_rest(peer)
    assert told.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"The request came in more than 2000 pieces: send larger ones." in told
    assert service.journal.notes == []


def asking_for_megabytes(accept: bytes = b"application/json") -> bytes:
    """More than the kernel takes off our hands."""
    fields = " ".join(f"a{number}: hello(name: $name)" for number in range(LARGE))
    variables = {"name": "x" * 1_000_000}
    body = orjson.dumps({"query": f"query ($name: String!) {{ {fields} }}", "variables": variables})
    return (HEAD % len(body)).replace(b"\r\n\r\n", b"\r\naccept: " + accept + b"\r\n\r\n") + body


@pytest.mark.parametrize("accept", [b"application/json", b"text/event-stream"])
def test_who_does_not_read_an_answer_is_cut_off_and_nothing_is_kept_for_them(accept: bytes) -> None:
    with a_service(SHORT) as service, connected(service, buffer=4_096) as peer:
        peer.sendall(asking_for_megabytes(accept))
        time.sleep(0.1)
        until_alone(service)
        assert len(the_rest(peer)) < LARGE * 1_000_000


def test_who_reads_slowly_but_reads_gets_all_of_it() -> None:
    with a_service(SHORT) as service, connected(service) as peer:
        peer.sendall(asking_for_megabytes())
        received = bytearray()
        while not received.endswith(b"}}}"):
            received += peer.recv(200_000)
            time.sleep(0.02)
        assert received.count(b"x") > LARGE * 1_000_000


async def test_a_socket_that_pings_and_does_not_read_is_cut_off() -> None:
    """Nothing is kept for it meanwhile: a pong that does not get through is left out."""
    with a_service(SHORT) as service:
        async with let_in(service, ping_interval=None) as client:
            await client.subscribe("subscription { ticks(count: 9, seconds: 9) { number } }")
            await happened(service, "ticks begun")
            transport = client.connection.transport
            transport.pause_reading()
            ping = bytes([0x89, 0x80 | 125, 0, 0, 0, 0]) + b"x" * 125
            async with asyncio.timeout(10):
                while not transport.is_closing():
                    transport.write(ping * 1_000)
                    await asyncio.sleep(0.01)
            transport.abort()
        await happened(service, "ticks ended")
        until_alone(service)

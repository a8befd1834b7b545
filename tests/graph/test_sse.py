"""Answers as server-sent events, through a real server and client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from domain.actor import Actor
from domain.policy import Role
from graph.limits import Limits
from tests.graph.service import ADMIN, Service, a_service

EVENTS = {"authorization": "Bearer good", "accept": "text/event-stream"}
TICKS = "subscription ($count: Int!, $seconds: Float! = 0) { ticks(count: $count, seconds: $seconds) { number } }"
SECONDS_MAX = 10


@dataclass(frozen=True)
class Event:
    kind: str
    data: Any = None
    id: str | None = None


COMPLETE = Event("complete")


class Stream:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments = 0
        self._events = self._read()

    def hear(self) -> Event:
        return next(self._events)

    def rest(self) -> list[Event]:
        return list(self._events)

    def _read(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self.response.iter_lines():
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif fields:
                data = fields["data"]
                yield Event(fields["event"], json.loads(data) if data else None, fields.get("id"))
                fields = {}


@contextmanager
def following(service: Service, text: str, headers: dict[str, str] | None = None, **variables: Any) -> Iterator[Stream]:
    body = {"query": text, "variables": variables}
    sent = {**EVENTS, **(headers or {})}
    with httpx.stream("POST", service.graphql, json=body, headers=sent, timeout=SECONDS_MAX) as response:
        yield Stream(response)


def heard(service: Service, text: str, headers: dict[str, str] | None = None, **variables: Any) -> list[Event]:
    with following(service, text, headers, **variables) as stream:
        assert stream.response.status_code == 200
        return stream.rest()


def tick(number: int) -> Event:
    return Event("next", {"data": {"ticks": {"number": number}}})


def news(number: int) -> Event:
    return Event("next", {"data": {"news": {"cursor": str(number)}}}, str(number))


def code_of(event: Event) -> str:
    assert event.kind == "next"
    assert "data" not in event.data
    return str(event.data["errors"][0]["extensions"]["code"])


def test_a_subscription_is_answered_event_by_event_and_completed(service: Service) -> None:
    with following(service, TICKS, count=2) as stream:
        assert stream.rest() == [tick(0), tick(1), COMPLETE]
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["cache-control"] == "no-store"
    assert stream.response.headers["x-request-id"]


def test_a_browser_may_subscribe_by_get(service: Service) -> None:
    parameters = {"query": TICKS, "variables": '{"count": 1}'}
    with httpx.stream("GET", service.graphql, params=parameters, headers=EVENTS) as response:
        assert Stream(response).rest() == [tick(0), COMPLETE]


def test_a_mutation_by_get_is_refused_for_streams_too(service: Service) -> None:
    answer = httpx.get(service.graphql, params={"query": 'mutation { rename(name: "x") }'}, headers=EVENTS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert service.journal.notes == []


def test_queries_and_mutations_are_streamed_to_clients_that_take_nothing_else(service: Service) -> None:
    assert [event.kind for event in heard(service, "{ hello }")] == ["next", "complete"]
    assert heard(service, 'mutation { rename(name: "x") }')[0].data["data"] == {"rename": "x"}
    both = {"accept": "application/json, text/event-stream"}
    with following(service, "{ hello }", both) as stream:
        assert stream.response.headers["content-type"].startswith("application/json")
    assert heard(service, TICKS, both, count=1) == [tick(0), COMPLETE]


def test_an_event_bears_the_cursor_of_its_item_where_the_client_asked_for_it(service: Service) -> None:
    assert heard(service, "subscription { news(count: 2) { cursor } }") == [news(1), news(2), COMPLETE]
    assert [event.id for event in heard(service, "subscription { news { number } }")] == [None] * 4


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("subscription { news(count: 1) { cursor } }", {}),
        ("subscription { news(after: null, count: 1) { cursor } }", {}),
        ("subscription ($after: String) { news(after: $after, count: 1) { cursor } }", {}),
        ("subscription ($after: String) { news(after: $after, count: 1) { cursor } }", {"after": "2"}),
        ("subscription { ... { ...F } } fragment F on Subscription { news(count: 1) { cursor } }", {}),
    ],
    ids=["absent", "null", "a variable without value", "a variable of the first request", "in a fragment"],
)
def test_a_client_that_connects_again_goes_on_after_the_last_event_it_saw(
    service: Service, text: str, variables: dict[str, Any]
) -> None:
    assert heard(service, text, {"last-event-id": "7"}, **variables) == [news(8), COMPLETE]
    assert service.journal.notes == ["news after 7"]


def test_a_cursor_in_the_document_itself_stands(service: Service) -> None:
    text = 'subscription { news(after: "2", count: 1) { cursor } }'
    assert heard(service, text, {"last-event-id": "7"}) == [news(3), COMPLETE]


def test_the_header_means_nothing_to_what_cannot_be_resumed(service: Service) -> None:
    assert heard(service, TICKS, {"last-event-id": "7"}, count=1) == [tick(0), COMPLETE]
    assert [event.kind for event in heard(service, "{ hello }", {"last-event-id": "7"})] == ["next", "complete"]


def test_what_cannot_be_resumed_is_told_in_the_stream(service: Service) -> None:
    error, last = heard(service, "subscription { news { cursor } }", {"last-event-id": "13"})
    assert (code_of(error), last) == ("NOT_FOUND", COMPLETE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { ticks(count: 1) { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ thing { " + "a " * 6 + "} }", "SAME_KEY_REPEATED"),
        ("subscription ($n: Int!) { ticks(count: $n) { number } }", "BAD_USER_INPUT"),
    ],
)
def test_a_refused_operation_is_told_in_the_stream(service: Service, text: str, code: str) -> None:
    error, last = heard(service, text)
    assert (code_of(error), last) == (code, COMPLETE)


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"authorization": "Bearer bad"}, b'{"query": "{ hello }"}', 401, "UNAUTHENTICATED"),
        ({}, b"[]", 400, "BAD_REQUEST"),
        ({}, b"{", 400, "BODY_NOT_JSON"),
        ({"content-type": "text/plain"}, b'{"query": "{ hello }"}', 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_malformed_request_has_its_status(
    service: Service, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    sent = {**EVENTS, "content-type": "application/json", **headers}
    answer = httpx.post(service.graphql, content=body, headers=sent)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)


def test_what_a_source_raises_is_the_last_event_masked(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    first, error, last = heard(service, "subscription { breaks { number } }")
    assert (first.kind, code_of(error), last) == ("next", "INTERNAL", COMPLETE)
    assert "hunter2" not in json.dumps(error.data)
    assert error.data["errors"][0]["extensions"]["requestId"] in caplog.text


def test_an_event_has_the_deadline_of_a_query() -> None:
    with a_service(Limits(query_seconds_max=0.1)) as service:
        for text in ("{ slow }", "subscription { ticks(count: 1) { slow(seconds: 30) } }"):
            error, last = heard(service, text)
            assert (code_of(error), last) == ("DEADLINE_EXCEEDED", COMPLETE)


@pytest.mark.parametrize(
    ("text", "begun", "ended"),
    [
        ("subscription { ticks(count: 9, seconds: 30) { number } }", "ticks begun", "ticks ended"),
        ("subscription { blobs(chars: 100) }", "blob", "blobs ended"),
        ("{ slow(seconds: 30) }", "slow begun", "slow cancelled"),
    ],
    ids=["one that waits", "one that never waits", "a query"],
)
def test_a_client_that_goes_away_ends_its_operation(service: Service, text: str, begun: str, ended: str) -> None:
    with following(service, text):
        service.journal.wait_for(begun)
    service.journal.wait_for(ended)


def test_comments_keep_a_silent_stream_alive() -> None:
    with (
        a_service(Limits(socket_ping_seconds=0.05)) as service,
        following(service, TICKS, count=1, seconds=0.5) as stream,
    ):
        assert stream.rest() == [tick(0), COMPLETE]
        assert stream.comments >= 3


@pytest.mark.parametrize(
    "actor", [None, Actor(tenant=ADMIN.tenant, caller=ADMIN.caller, role=Role.ANALYST)], ids=["revoked", "other rights"]
)
def test_a_stream_ends_when_its_key_does_not_hold_any_more(actor: Actor | None) -> None:
    with a_service(Limits(socket_recheck_seconds=0.1)) as service:
        with following(service, TICKS, count=9, seconds=30) as stream:
            service.journal.wait_for("ticks begun")
            service.journal.tokens = {"good": actor} if actor else {}
            error, last = stream.rest()
        assert (code_of(error), last) == ("UNAUTHENTICATED", COMPLETE)
        service.journal.wait_for("ticks ended")


def test_a_stream_outlives_a_check_that_could_not_be_made() -> None:
    with a_service(Limits(socket_recheck_seconds=0.1)) as service:
        with following(service, TICKS, count=1, seconds=1) as stream:
            service.journal.wait_for("ticks begun")
            service.journal.broken = True
            assert stream.rest() == [tick(0), COMPLETE]
        assert service.journal.checks > 2


def test_a_slow_reader_is_sent_no_more_than_buffers_hold_and_is_let_go() -> None:
    with a_service(Limits(socket_send_seconds_max=0.3)) as service:
        with following(service, "subscription { blobs(chars: 200000) }"):
            service.journal.wait_for("blobs ended")
        assert service.journal.notes.count("blob") < 100

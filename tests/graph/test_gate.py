"""What a tenant may take: quotas and places, through the real doors."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from domain.ids import TenantId
from graph.limits import Limits
from persistence.quotas import Lease
from runtime.quota import Quota
from tests.graph.service import Service, a_service
from tests.graph.test_sse import TICKS, following, tick
from tests.graph.test_websocket import INIT, a_client, happened, let_in

KEY = {"authorization": "Bearer good"}
UNITS = 12


class Bucket:
    """Holds so many units once, and never gets more."""

    def __init__(self, units: int) -> None:
        self.units = units

    async def take(self, _tenant: TenantId, *, wanted: int, needed: int) -> Lease:
        granted = min(wanted, self.units) if self.units >= needed else 0
        self.units -= granted
        return Lease(granted=granted, left=self.units)


@pytest.fixture
def metered() -> Iterator[Service]:
    """A service whose tenants have twelve units, and get no more while a test runs."""
    with a_service(spend=Quota(Bucket(UNITS).take, per_minute=1, units_max=UNITS, clock=lambda: 0.0)) as service:
        yield service


def post(service: Service, text: str, **headers: str) -> httpx.Response:
    return httpx.post(service.graphql, json={"query": text}, headers={**KEY, **headers})


def test_an_answer_tells_what_is_left_and_a_refusal_when_to_come_back(metered: Service) -> None:
    answer = post(metered, "{ hello }")
    assert answer.json()["extensions"] == {"cost": {"requested": 1, "limit": 10_000}}
    assert rates_of(answer) == {"ratelimit-limit": "1", "ratelimit-remaining": "11", "ratelimit-reset": "60"}
    for accept in ("application/json", "application/graphql-response+json", "text/event-stream"):
        refused = post(metered, 'mutation { rename(name: "x") a: rename(name: "y") }', accept=accept)
        assert refused.status_code == 429
        assert rates_of(refused) == {
            "ratelimit-limit": "1", "ratelimit-remaining": "11", "ratelimit-reset": "60", "retry-after": "600",
        }  # fmt: skip
        (error,) = refused.json()["errors"]
        assert error["extensions"] == {
            "code": "QUOTA_EXCEEDED", "limit": 1, "requested": 21, "remaining": 11, "retryAfterSeconds": 600,
        }  # fmt: skip
    assert metered.journal.notes == []
    assert rates_of(post(metered, "{ hello }"))["ratelimit-remaining"] == "10"


def rates_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith(("ratelimit-", "retry-"))}


def test_a_service_without_quotas_tells_of_none(service: Service) -> None:
    assert rates_of(post(service, "{ hello }")) == {}


def test_what_is_not_run_is_not_charged(metered: Service) -> None:
    for text in ("{", "{ nothing }"):
        post(metered, text)
    assert rates_of(post(metered, "{ hello }"))["ratelimit-remaining"] == "11"


def test_a_stream_is_charged_as_it_begins(metered: Service) -> None:
    with following(metered, TICKS, count=3) as stream:
        assert stream.response.headers["ratelimit-remaining"] == "10"
        assert stream.hear() == tick(0)


async def test_over_a_socket_the_operation_ends_with_the_same_error(metered: Service) -> None:
    async with let_in(metered) as client:
        await client.subscribe('mutation { rename(name: "x") a: rename(name: "y") }')
        heard = await client.hear()
        assert (heard["type"], heard["payload"][0]["extensions"]["code"]) == ("error", "QUOTA_EXCEEDED")
        await client.subscribe("{ hello }", "2")
        assert (await client.hear())["type"] == "next"


async def test_a_tenant_s_subscriptions_are_counted_over_both_doors() -> None:
    with a_service(Limits(tenant_subscriptions_max=2)) as service:
        async with let_in(service) as client:
            await client.subscribe(TICKS, "1", count=1, seconds=30)
            await happened(service, "ticks begun")
            with following(service, TICKS, count=2, seconds=1) as stream:
                await happened(service, "tick 0")
                await client.subscribe(TICKS, "2", count=1)
                heard = await client.hear()
                assert heard["payload"][0]["extensions"] == {"code": "TOO_MANY_SUBSCRIPTIONS", "limit": 2}
                with following(service, TICKS, count=1) as refused:
                    assert (refused.response.status_code, refused.response.headers["retry-after"]) == (429, "10")
                assert len(stream.rest()) == 3
            await client.subscribe(TICKS, "3", count=1)
            assert (await client.hear())["type"] == "next"


async def test_a_tenant_has_so_many_sockets_and_no_more() -> None:
    with a_service(Limits(tenant_sockets_max=1)) as service:
        async with let_in(service), a_client(service) as second:
            await second.say(INIT)
            assert await second.closed() == (
                1013, "This tenant has 1 sockets open here, and no more are allowed at once.",
            )  # fmt: skip
        async with let_in(service) as third:
            await third.subscribe("{ hello }")
            assert (await third.hear())["type"] == "next"

from __future__ import annotations

import httpx

from tests.graph.service import Service


def test_livez_and_readyz_tell_how_the_service_is(service: Service) -> None:
    base = f"http://{service.address}"
    assert httpx.get(f"{base}/livez").json() == {"status": "live"}
    assert httpx.get(f"{base}/readyz").json() == {"status": "ready"}
    service.journal.ready = ConnectionError("the database does not answer")
    try:
        answer = httpx.get(f"{base}/readyz")
        assert (answer.status_code, answer.json()) == (
            503,
            {"status": "not ready", "reason": "the database does not answer"},
        )
        assert httpx.get(f"{base}/livez").status_code == 200
    finally:
        service.journal.ready = None


def test_an_unknown_address_and_method_are_told_in_json(service: Service) -> None:
    base = f"http://{service.address}"
    answers = [httpx.get(f"{base}/nowhere"), httpx.post(f"{base}/livez")]
    told = [(answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) for answer in answers]
    assert told == [(404, "NOT_FOUND"), (405, "METHOD_NOT_ALLOWED")]
    assert all(answer.headers["x-request-id"] for answer in answers)

"""A sample of the matrix over HTTP and WebSocket, with keys: the doors tell what the schema tells, and no more."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import Urls
from tests.stories import processes
from tests.stories.matrix import following, reading, writing
from tests.stories.matrix.scene import Answer, Operation, Scene, complaints
from tests.stories.matrix.test_matrix import COUNTED
from tests.stories.talking import Client, let_in

EACH, FOLLOWED = 61, 13
"""Of all operations one in so many: primes, so that they fall on each sort."""
PARTS = (reading.by_id, reading.fields, reading.lists, reading.filters, reading.effective, writing.writing)


@pytest.fixture(scope="module")
async def doors(matrix_urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[processes.Running]:
    """`interpact serve` on the matrix's own database."""
    folder: Path = tmp_path_factory.mktemp("doors")
    more = {
        "DATABASE_URL": matrix_urls.service,
        # The same as in this process, so that cursors are good at both.
        "INTERPACT_SECRET": base64.b64encode(b"s" * 32).decode(),
        "INTERPACT_HEARTBEAT_SECONDS": "1",
    }
    async with processes.serving(folder / "data", "--no-worker", more=more, log=folder / "log") as served:
        yield served


async def test_a_sample_over_http_is_told_the_same(
    scene: Scene,
    doors: processes.Running,
    record_property: Callable[[str, object], None],
) -> None:
    every = [each for who in scene.keys for part in PARTS for each in part(scene, who)]
    # What goes well would be kept here.
    sample = [each for each in every[::EACH] if not each.harmless]
    wanted = {each.unknown for each in sample}
    sample += [each for each in every if each.is_unknown and each.unknown in wanted and each not in sample]
    async with httpx.AsyncClient(timeout=30) as http:

        async def answer(operation: Operation) -> Answer:
            client = Client(http=http, graphql=doors.graphql, key=scene.keys[operation.who])
            return await client.said(operation.text, **operation.variables)

        found = await complaints(scene, sample, answer)
    record_property(COUNTED, (len(sample), len(found)))
    assert found == [], "\n".join(found[:5])
    assert len(sample) > 200


async def test_a_sample_over_websockets_is_told_the_same(
    scene: Scene,
    doors: processes.Running,
    record_property: Callable[[str, object], None],
) -> None:
    """Each on a socket of its own."""
    sample = [each for who in scene.keys for each in list(following.following(scene, who))[::FOLLOWED]]
    found = await complaints(scene, sample, lambda it: _heard(doors, scene.keys[it.who], it))
    record_property(COUNTED, (len(sample), len(found)))
    assert found == [], "\n".join(found[:5])


async def _heard(doors: processes.Running, key: str, operation: Operation) -> Answer:
    """All that comes before there is nothing more to tell."""
    events: list[Any] = []
    async with let_in(doors.address, key) as subscriber:
        payload = {"query": operation.text, "variables": operation.variables}
        await subscriber.say({"id": "1", "type": "subscribe", "payload": payload})
        while True:
            message = await subscriber.hear()
            if message["type"] == "error":
                return {"data": None, "errors": message["payload"]}
            (item,) = message["payload"]["data"].values()
            if item["__typename"] == "Heartbeat":
                return {"data": events}
            events.append(item)

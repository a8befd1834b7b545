"""Every field, mutation, subscription, id, filter and cursor of the schema, asked for in every role: nothing leaks.

The operations are made from the schema and the world (reading.py, following.py, writing.py). What each has to answer is
said by an oracle that knows neither the service's policy nor its queries (oracle.py, expected.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import asyncpg
import pytest

from domain.policy import Role
from tests.servers import Urls
from tests.stories.matrix import following, reading, writing
from tests.stories.matrix.calling import Writer
from tests.stories.matrix.furnishing import HOME
from tests.stories.matrix.oracle import Who
from tests.stories.matrix.scene import Operation, Scene, complaints, everybody
from tests.stories.storage import Store

OPERATIONS_MIN = 100_000
COUNTED = "access matrix"
PARTS: Mapping[str, Callable[[Scene, Who], Iterator[Operation]]] = {
    "oneself": reading.about_oneself,
    "by id": reading.by_id,
    "fields": reading.fields,
    "lists": reading.lists,
    "filters": reading.filters,
    "cursors": reading.cursors,
    "effective objectives": reading.effective,
    "of nobody": reading.of_nobody,
    "subscriptions": following.following,
}
"""Those that only read."""


@pytest.fixture
async def store(matrix_urls: Urls) -> AsyncIterator[Store]:
    connection = await asyncpg.connect(matrix_urls.superuser)
    yield Store(connection)
    await connection.close()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("who", everybody(), ids=str)
async def test_nothing_leaks_and_nothing_is_missing(
    scene: Scene, who: Who, part: str, record_property: Callable[[str, object], None]
) -> None:
    operations = list(PARTS[part](scene, who))
    found = await complaints(scene, operations)
    record_property(COUNTED, (len(operations), len(found)))
    assert found == [], f"{len(found)} of {len(operations)}:\n" + "\n".join(found[:5])


@pytest.mark.parametrize("who", everybody(), ids=str)
async def test_no_refused_change_changes_anything(
    scene: Scene, store: Store, who: Who, record_property: Callable[[str, object], None]
) -> None:
    """What goes well is taken back at its end, in the same transaction; what is refused gets as far as it gets."""
    operations = list(writing.writing(scene, who))
    before = await store.digests()
    found = await complaints(scene, operations)
    record_property(COUNTED, (len(operations), len(found)))
    assert found == [], f"{len(found)} of {len(operations)}:\n" + "\n".join(found[:5])
    assert await store.digests() == before


@pytest.mark.parametrize("name", writing.NEEDS)
async def test_each_sort_of_call_goes_well_for_who_may_make_it(scene: Scene, name: str) -> None:
    """Else its refusals would prove nothing."""
    steward = Who(mark=HOME, role=Role.SERVICE_LEVEL_MANAGER)
    for operation in writing.usual_calls(scene, steward, name):
        assert writing.refusals(await scene.answer(operation)) == []


def test_every_place_of_the_schema_where_a_thing_is_named_is_tried(scene: Scene) -> None:
    writer = Writer(scene, Who(mark=HOME, role=Role.ADMIN))
    tried = {
        place
        for name, templates in writer.templates().items()
        for template in templates
        for place in writing.places_of(writing.input_of(name), template)
    }
    assert tried == writing.places_of_the_schema()


async def test_these_are_more_than_a_hundred_thousand_operations(scene: Scene) -> None:
    every = {**PARTS, "mutations": writing.writing}
    counts = {name: sum(1 for who in everybody() for _ in make(scene, who)) for name, make in every.items()}
    assert sum(counts.values()) >= OPERATIONS_MIN, counts

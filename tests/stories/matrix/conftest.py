from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import servers
from tests.servers import Urls
from tests.stories.matrix.building import built
from tests.stories.matrix.scene import Scene


@pytest.fixture(scope="package")
def matrix_urls(server: Urls) -> Iterator[Urls]:
    """One database for all tests of this folder that a process runs."""
    with servers.database(server, f"matrix_{os.getpid()}") as found:
        yield found


@pytest.fixture(scope="package")
async def scene(matrix_urls: Urls) -> AsyncIterator[Scene]:
    async with built(matrix_urls) as scene:
        yield scene

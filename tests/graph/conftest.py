from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.graph.service import Service, a_service


@pytest.fixture(scope="package")
def shared_service() -> Iterator[Service]:
    with a_service() as running:
        yield running


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The service with the default limits and an empty journal."""
    shared_service.journal.notes.clear()
    shared_service.journal.contexts.clear()
    return shared_service

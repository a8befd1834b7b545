"""The operations of the matrix that one action of the policy decides: enough to notice any change of its rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from domain.policy import Role
from tests.stories import walking
from tests.stories.matrix import following, reading, writing
from tests.stories.matrix.expected import READ_BY, THE_OPERATORS
from tests.stories.matrix.oracle import Who
from tests.stories.matrix.scene import BOUND_TO, Operation, Scene, everybody

PER_CELL = 4
"""Of each sort of operation: a role that may at all, or may not, is told so by any."""


def probe_of_role(scene: Scene, action: str, role: Role) -> Iterator[Operation]:
    """Whoever has the role, for the whole tenant and for one party."""
    for who in everybody():
        if who.role is role and who.mark == "home" and who.party in (None, BOUND_TO[0]):
            for operations in _by(scene, action, who):
                yield from islice(operations, PER_CELL)


def probe_of_relation(scene: Scene, action: str) -> Iterator[Operation]:
    """For each party somebody whose role may."""
    for party in BOUND_TO:
        for who in everybody():
            if who.party == party and who.has(action):
                for operations in _by(scene, action, who):
                    yield from operations
                break


def _by(scene: Scene, action: str, who: Who) -> Iterator[Iterator[Operation]]:
    """Each sort of operation that the action decides."""
    assert action not in THE_OPERATORS
    if action == "read who one is":
        yield reading.about_oneself(scene, who)
    elif action == "read by id":
        yield reading.no_ids(scene, who)
    elif action == "follow breaches":
        yield following.whole(scene, who)
    elif action in READ_BY.values():
        for name, type_name in walking.connections().items():
            if READ_BY[type_name] == action:
                yield reading.pages(scene, who, name)
        for type_name, needed in READ_BY.items():
            if needed == action and who.has("read by id"):
                yield reading.together(scene, who, type_name)
    else:
        for name, needed in writing.NEEDS.items():
            if needed == action:
                yield writing.calls(scene, who, name)

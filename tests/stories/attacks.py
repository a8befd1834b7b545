"""The table of attacks: each named, made against a running service, and told by how it ends for who makes it.

`test_attacks.py` holds that each is refused and runs nothing; `bench/attacks.py` measures what each costs the service.
"""

from __future__ import annotations

from tests.stories.attacking import Attack
from tests.stories.attacks_documents import COP, DOCUMENTS, VALUES
from tests.stories.attacks_requests import REQUESTS, TOKENS
from tests.stories.attacks_sockets import SLOW, SOCKETS

ATTACKS: list[Attack] = [*COP, *DOCUMENTS, *VALUES, *REQUESTS, *TOKENS, *SOCKETS]

__all__ = ["ATTACKS", "SLOW", "Attack"]

"""Who may do what, as people agreed on it: written a second time, by hand and apart from domain/policy.py.

The matrix holds the service to this page. A change of the policy is made here too, knowingly: a test names each
difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ADMIN, MANAGER, ANALYST, FINANCE, AUDITOR, VENDOR, CUSTOMER, INGEST = EVERYONE = (
    "admin",
    "service level manager",
    "analyst",
    "finance",
    "auditor",
    "vendor",
    "customer",
    "ingest",
)
READERS = frozenset(EVERYONE) - {INGEST}
STEWARDS = frozenset({ADMIN, MANAGER})
REPORTERS = frozenset({ADMIN, MANAGER, VENDOR, INGEST})
NOBODY: frozenset[str] = frozenset()

NEEDS_A_PARTY = frozenset({VENDOR, CUSTOMER})
TAKES_NO_PARTY = frozenset({ADMIN})


@dataclass(frozen=True, slots=True)
class Right:
    """Which roles may, and what a caller's party has to be to the thing. Nothing: only callers of the whole tenant."""

    roles: frozenset[str]
    as_one_of: frozenset[str]


def _may(roles: frozenset[str], *as_one_of: str) -> Right:
    return Right(roles, frozenset(as_one_of))


RIGHTS: Mapping[str, Right] = {
    "read who one is": _may(frozenset(EVERYONE), "anyone"),
    "read by id": _may(READERS, "anyone"),
    "read parties": _may(READERS, "the party itself", "the other side of one of its agreements"),
    "read metrics": _may(READERS, "anyone"),
    "read services": _may(READERS, "provider", "consumer", "named in one of its agreements"),
    "read agreements": _may(READERS, "provider", "customer"),
    "read facts": _may(READERS, "vendor of the stream"),
    "read exclusions": _may(READERS, "sees the service that it is on", "sees the agreement that it is under"),
    "read verdicts": _may(READERS, "provider", "customer"),
    "follow breaches": _may(READERS, "provider", "customer"),
    "read the audit log": _may(frozenset({ADMIN, AUDITOR}), "party of who called"),
    "manage access": _may(NOBODY),
    "erase addresses": _may(NOBODY),
    "trim the feed": _may(NOBODY),
    "manage parties": _may(STEWARDS, "the party itself"),
    "manage metrics": _may(STEWARDS),
    "manage services": _may(STEWARDS, "provider"),
    "manage agreements": _may(STEWARDS, "provider", "customer"),
    "record outages": _may(REPORTERS, "vendor of the stream"),
    "record cases": _may(REPORTERS, "vendor of the stream"),
    "record measurements": _may(REPORTERS, "vendor of the stream"),
    "record exclusions": _may(STEWARDS, "sees the service that it is on", "sees the agreement that it is under"),
}
THE_OPERATORS = frozenset({"manage access", "erase addresses", "trim the feed"})
"""Without a door in the schema."""

READ_BY: Mapping[str, str] = {
    "Party": "read parties",
    "Metric": "read metrics",
    "Service": "read services",
    "Agreement": "read agreements",
    "Objective": "read agreements",
    "Stream": "read facts",
    "Outage": "read facts",
    "Case": "read facts",
    "Exclusion": "read exclusions",
    "Attainment": "read verdicts",
    "Breach": "read verdicts",
    "AuditEntry": "read the audit log",
}
"""By type of node, what it takes to read one."""

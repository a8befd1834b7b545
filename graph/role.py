"""The roles, as the schema names them."""

from __future__ import annotations

from domain.policy import Role
from graph.fields import described

__all__ = ["Role"]

described(
    Role,
    "What a key may do.",
    ADMIN="Everything within the tenant.",
    SERVICE_LEVEL_MANAGER="Reads, and keeps the catalog, agreements, exclusions and facts.",
    ANALYST="Reads.",
    FINANCE="Reads.",
    AUDITOR="Reads, the audit log too.",
    VENDOR="Reads what its party provides or consumes, and records facts of its party's services.",
    CUSTOMER="Reads what its party provides or consumes.",
    INGEST="Records facts, and reads nothing.",
)

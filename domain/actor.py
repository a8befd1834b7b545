"""Who calls, and what each role may do. One table; deny by default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.errors import Forbidden
from domain.ids import KeyId, PartyId, PersonId, TenantId


class Role(Enum):
    ADMIN = "admin"
    SERVICE_LEVEL_MANAGER = "service_level_manager"
    ANALYST = "analyst"
    FINANCE = "finance"
    AUDITOR = "auditor"
    VENDOR = "vendor"
    CUSTOMER = "customer"
    INGEST = "ingest"


class Action(Enum):
    READ = "read"
    MANAGE_CATALOG = "manage_catalog"
    """Parties, services and metrics."""
    MANAGE_TERMS = "manage_terms"
    """Agreements, versions and objectives."""
    RECORD_FACTS = "record_facts"
    """Outages and measurements, their corrections and withdrawals."""
    RECORD_EXCLUSIONS = "record_exclusions"
    FOLLOW_BREACHES = "follow_breaches"


_EVERYONE = frozenset(Role)
_STEWARDS = frozenset({Role.ADMIN, Role.SERVICE_LEVEL_MANAGER})

POLICY: dict[Action, frozenset[Role]] = {
    Action.READ: _EVERYONE - {Role.INGEST},
    Action.MANAGE_CATALOG: _STEWARDS,
    Action.MANAGE_TERMS: _STEWARDS,
    Action.RECORD_FACTS: _STEWARDS | {Role.VENDOR, Role.INGEST},
    Action.RECORD_EXCLUSIONS: _STEWARDS,
    Action.FOLLOW_BREACHES: _EVERYONE - {Role.INGEST},
}
"""Action by role. What is not listed is denied."""

PARTY_BOUND = frozenset({Role.VENDOR, Role.CUSTOMER})
"""Roles that mean nothing without a party."""

TENANT_WIDE = frozenset({Role.ADMIN})
"""Roles that may not be narrowed to a party."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An integration or a person, bound to one tenant. With a party, it sees and touches that party's slice only.

    A slice is what the party, or a party below it in the tree, provides or consumes.
    """

    tenant: TenantId
    caller: KeyId | PersonId
    role: Role
    party: PartyId | None = None

    def __post_init__(self) -> None:
        if self.role in PARTY_BOUND and self.party is None:
            raise Forbidden(f"the role {self.role.value} needs a party")
        if self.role in TENANT_WIDE and self.party is not None:
            raise Forbidden(f"the role {self.role.value} is for the whole tenant and takes no party")

    def must(self, action: Action) -> None:
        """Raise Forbidden unless the policy table lists the actor's role for the action."""
        if self.role not in POLICY.get(action, frozenset()):
            raise Forbidden(f"the role {self.role.value} may not {action.value.replace('_', ' ')}")

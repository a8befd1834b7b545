"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.audit import CallerKind, Origin
from domain.errors import Forbidden
from domain.ids import KeyId, PartyId, PersonId, TenantId
from domain.policy import PARTY_BOUND, TENANT_WIDE, Action, Role, rule_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An integration or a person, bound to one tenant. With a party, it sees and touches that party's slice only.

    A slice is what the party, or a party below it in the tree, provides or consumes. `origin` is where this call came
    from: an actor is the same from wherever it calls.
    """

    tenant: TenantId
    caller: KeyId | PersonId
    role: Role
    party: PartyId | None = None
    kind: CallerKind = CallerKind.KEY
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.role in PARTY_BOUND and self.party is None:
            raise Forbidden(f"the role {self.role.value} needs a party")
        if self.role in TENANT_WIDE and self.party is not None:
            raise Forbidden(f"the role {self.role.value} is for the whole tenant and takes no party")

    def must(self, action: Action) -> None:
        """Raise Forbidden unless the policy lets the role do this at all. To what, the party's relations say."""
        rule = rule_of(action)
        if self.role not in rule.roles:
            raise Forbidden(f"the role {self.role.value} may not {action.value}")
        if self.party is not None and not rule.relations:
            raise Forbidden(f"for one party, the role {self.role.value} may not {action.value}")

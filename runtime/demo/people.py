"""The demo's people: who they are to its issuer, and what they are in its tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from domain.ids import MembershipId, PersonId
from domain.policy import Role
from domain.ports import Mint
from persistence.operator import Operator
from persistence.people import Membership, MembershipState, People
from runtime.issuer import is_loopback_address

MANAGER, AUDITOR, VENDOR = "manager", "auditor", "vendor"
SUBJECTS: Mapping[str, str] = {name: f"demo-{name}" for name in (MANAGER, AUDITOR, VENDOR)}
"""By the name that a token is asked for."""

_ROLES = {MANAGER: Role.SERVICE_LEVEL_MANAGER, AUDITOR: Role.AUDITOR, VENDOR: Role.VENDOR}
_HOLDS = timedelta(days=1)


async def enrol(
    operator: Operator, *, tenant: str, vendor: str, issuer: str, clock: Callable[[], datetime], mint: Mint
) -> None:
    """Invites them afresh, and forgets those of former runs, whose issuer is gone. `tenant` and `vendor` are codes."""
    found = await operator.tenant(tenant)
    assert found is not None, "the demo has made it"
    people, now = People(operator), clock()
    for former in await people.memberships(found.id):
        if former.issuer is not None and is_loopback_address(former.issuer):
            await people.remove(former.id)
    for name, subject in SUBJECTS.items():
        await people.invite(
            Membership(
                id=MembershipId(mint()),
                tenant=found.id,
                tenant_code=tenant,
                role=_ROLES[name],
                party=await operator.party(found.id, vendor) if name == VENDOR else None,
                state=MembershipState.INVITED,
                invited_at=now,
                expires_at=now + _HOLDS,
                person=PersonId(mint()),
                issuer=issuer,
                subject=subject,
            )
        )

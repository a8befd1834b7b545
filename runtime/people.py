"""People at the door: from a token, and the tenant that the request names, to what the person is there."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from domain.actor import Actor
from domain.audit import CallerKind, Origin
from domain.errors import DomainError, Unauthenticated
from domain.ids import AuditEntryId, MembershipId, PersonId, TenantId
from domain.ports import Mint
from graph.context import IdentityUnavailable
from persistence.people import Membership, MembershipState
from runtime.invitations import PREFIX, read_code
from runtime.jwks import IssuerUnavailable
from runtime.oidc import Identity, TokenRefused

log = logging.getLogger(__name__)

REFUSED = "the token does not hold here: get a fresh one, and name one of your tenants in Interpact-Tenant"
"""For a token that is none of ours, a person without a tenant, and a tenant without the person, all alike."""

Verify = Callable[[str], Awaitable[Identity]]


class Memberships(Protocol):
    """The part of the directory that knows people."""

    async def memberships(self, issuer: str, subject: str) -> Sequence[Membership]: ...

    async def invitation(self, tenant: TenantId, membership: MembershipId) -> Membership | None: ...

    async def join(
        self,
        invitation: Membership,
        person: PersonId,
        *,
        issuer: str,
        subject: str,
        at: datetime,
        entry: AuditEntryId,
        origin: Origin | None,
    ) -> PersonId | None: ...


class PersonDoor:
    """Every refusal says the same. An invitation is taken up by the first request that is for its tenant."""

    def __init__(self, verify: Verify, directory: Memberships, *, clock: Callable[[], datetime], mint: Mint) -> None:
        self._verify = verify
        self._directory = directory
        self._clock = clock
        self._mint = mint

    async def __call__(self, token: str, *, tenant: str | None, origin: Origin | None = None) -> Actor:
        """`tenant`: its code, or that of an invitation to it; None means the only one.

        Raises Unauthenticated, or IdentityUnavailable where it cannot be told who this is.
        """
        try:
            identity = await self._verify(token)
        except IssuerUnavailable:
            raise IdentityUnavailable from None
        except TokenRefused as refusal:
            log.debug("a token was refused: %s", refusal)
            raise Unauthenticated(REFUSED) from None
        if tenant is not None and tenant.startswith(PREFIX):
            membership = await self._invited_by(tenant, identity)
        else:
            known = await self._directory.memberships(identity.issuer, identity.subject)
            membership = _meant(known, tenant)
        return await self._actor(membership, identity, origin)

    async def _invited_by(self, text: str, identity: Identity) -> Membership | None:
        """Whoever took the invitation up may show its code again until it expires: an answer may get lost."""
        code = read_code(text)
        if code is None:
            return None
        found = await self._directory.invitation(code.tenant, code.membership)
        opens = code.opens(found.code_hash if found is not None else None)
        if found is None or not opens or self._clock() >= found.expires_at:
            return None
        theirs = (found.issuer, found.subject) == (identity.issuer, identity.subject)
        return found if found.person is None or theirs else None

    async def _actor(self, membership: Membership | None, identity: Identity, origin: Origin | None) -> Actor:
        person = None if membership is None else await self._person(membership, identity, origin)
        if membership is None or person is None:
            raise Unauthenticated(REFUSED)
        try:
            return Actor(
                tenant=membership.tenant,
                caller=person,
                role=membership.role,
                party=membership.party,
                kind=CallerKind.PERSON,
            )
        except DomainError as error:
            raise Unauthenticated(REFUSED) from error

    async def _person(self, membership: Membership, identity: Identity, origin: Origin | None) -> PersonId | None:
        """Who acts by the membership; taking it up, if it is an invitation that still holds."""
        if membership.state is MembershipState.ACTIVE:
            return membership.person
        now = self._clock()
        if not membership.invites(now):
            return None
        return await self._directory.join(
            membership,
            PersonId(self._mint()),
            issuer=identity.issuer,
            subject=identity.subject,
            at=now,
            entry=AuditEntryId(self._mint()),
            origin=origin,
        )


def _meant(known: Sequence[Membership], tenant: str | None) -> Membership | None:
    """That of the named tenant. Where none is named: the only one, of those taken up if there are any.

    So an invitation from elsewhere changes nothing for who named no tenant before, and a suspension in one tenant never
    sends what was meant for it into another.
    """
    if tenant is not None:
        return next((each for each in known if each.tenant_code == tenant), None)
    joined = [each for each in known if each.joined_at is not None]
    meant = joined or known
    return meant[0] if len(meant) == 1 else None

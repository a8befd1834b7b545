"""Who calls: an integration by its API key, or a person by a token. Told apart by how the credential begins."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from domain.actor import Actor
from domain.audit import Origin
from domain.errors import Unauthenticated
from domain.ids import TenantId
from domain.ports import Mint
from persistence.directory import Directory
from runtime.jwks import IssuerKeys
from runtime.keys import PREFIX, REFUSED, KeyDoor
from runtime.lookups import Lookups
from runtime.oidc import Verifier
from runtime.people import PersonDoor
from runtime.settings import Settings

FindTenant = Callable[[str], Awaitable[TenantId | None]]

SEND = "send an API key or your token: Authorization: Bearer …"


def door_of(directory: Directory, settings: Settings, *, clock: Callable[[], datetime], mint: Mint) -> Door:
    keys = KeyDoor(Lookups(directory.keys), clock)
    if settings.oidc is None:
        return Door(keys, None, directory.tenant)
    issuer_keys = IssuerKeys(
        settings.oidc.issuer, outage_s_max=settings.oidc.outage_s_max, seconds=time.monotonic, demo=settings.demo
    )
    verify = Verifier(settings.oidc, issuer_keys, clock)
    return Door(keys, PersonDoor(verify, directory, clock=clock, mint=mint), directory.tenant)


class Door:
    """`people` is None where no issuer is configured: then there are keys only."""

    def __init__(self, keys: KeyDoor, people: PersonDoor | None, find_tenant: FindTenant) -> None:
        self._keys = keys
        self._people = people
        self._find_tenant = find_tenant

    async def __call__(self, authorization: str | None, *, tenant: str | None, origin: Origin | None = None) -> Actor:
        """`tenant`: what the request names. A key has one tenant, and may name that one only."""
        named = (tenant or "").strip() or None
        if self._people is not None:
            scheme, _, credential = (authorization or "").strip().partition(" ")
            if scheme.lower() != "bearer" or not credential.strip():
                raise Unauthenticated(SEND)
            if not credential.strip().startswith(f"{PREFIX}_"):
                return await self._people(credential.strip(), tenant=named, origin=origin)
        actor = await self._keys(authorization)
        # A NUL, which the payload of a socket may hold, is in no code, and no database would take it.
        if named is not None and (not named.isprintable() or await self._find_tenant(named) != actor.tenant):
            raise Unauthenticated(REFUSED)
        return actor

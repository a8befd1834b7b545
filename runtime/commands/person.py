"""`interpact person invite|list|suspend|restore|remove`: what people, known by their tokens, are in a tenant."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from domain.errors import Invalid, NotFound
from domain.ids import MembershipId, PersonId
from domain.policy import Role
from persistence.people import Membership, MembershipState, People
from runtime.clock import Mint, system_clock
from runtime.commands.key import operator_at, party_of, require_fit, tenant_of
from runtime.invitations import new_code
from runtime.service import owner_address
from runtime.settings import OIDC_ISSUER, Settings, SettingsError, owner_settings

DAYS = 7
DAYS_MAX = 60
SUBJECT_LENGTH_MAX = 255


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    invite = actions.add_parser("invite", help="invite a person, by subject or by a code that is shown once")
    invite.add_argument("tenant", help="the tenant's code")
    invite.add_argument("role", choices=[role.value for role in Role])
    invite.add_argument("--party", help="the code of the party that the person acts for")
    invite.add_argument("--subject", help="the `sub` of the person's tokens; without it, whoever shows the code first")
    invite.add_argument("--days", type=int, default=DAYS, help=f"how long it holds, 1 to {DAYS_MAX} days; {DAYS}")
    listed = actions.add_parser("list", help="list the people of a tenant, and those who are invited")
    listed.add_argument("tenant", help="the tenant's code")
    for action, summary in (
        ("suspend", "keep a person out at once, until it is restored"),
        ("restore", "let a suspended person in again"),
        ("remove", "end a membership or an invitation; who has no other is forgotten"),
    ):
        command = actions.add_parser(action, help=summary)
        command.add_argument("membership", type=UUID, help="its id, as `person list` shows it")


def run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "invite":
            print(asyncio.run(_invite(arguments)))
        case "list":
            print(asyncio.run(_list(arguments.tenant)))
        case "suspend":
            print(asyncio.run(_changed(arguments.membership, People.suspend, "suspended")))
        case "restore":
            print(asyncio.run(_changed(arguments.membership, People.restore, "restored")))
        case _:
            print(asyncio.run(_changed(arguments.membership, People.remove, "removed")))
    return 0


async def _invite(arguments: argparse.Namespace) -> str:
    settings = owner_settings(os.environ)
    if not 1 <= arguments.days <= DAYS_MAX:
        raise Invalid(f"an invitation holds 1 to {DAYS_MAX} days", path=("days",))
    subject = None if arguments.subject is None else _checked_subject(arguments.subject)
    issuer = None if subject is None else _issuer(settings)
    mint, now = Mint(), system_clock()
    async with owner_address(settings) as owner_url:
        operator = operator_at(owner_url)
        tenant = await tenant_of(operator, arguments.tenant)
        party = None if arguments.party is None else await party_of(operator, tenant, arguments.party)
        role = Role(arguments.role)
        require_fit(role, party)
        membership = MembershipId(mint())
        code, code_hash = new_code(tenant, membership) if subject is None else ("", None)
        invitation = Membership(
            id=membership,
            tenant=tenant,
            tenant_code=arguments.tenant,
            role=role,
            party=party,
            state=MembershipState.INVITED,
            invited_at=now,
            expires_at=now + timedelta(days=arguments.days),
            person=None if subject is None else PersonId(mint()),
            issuer=issuer,
            subject=subject,
            code_hash=code_hash,
        )
        await People(operator).invite(invitation)
    until = f"until {invitation.expires_at:%Y-%m-%d %H:%M}Z"
    if subject is not None:
        return f"Invitation {membership} is made: it is taken up by the first request to {arguments.tenant}, {until}."
    return (
        f"Invitation {membership} is made: whoever signs in and first sends its code as Interpact-Tenant takes it up, "
        f"{until}. The code, shown once:\n{code}"
    )


async def _list(code: str) -> str:
    async with owner_address(owner_settings(os.environ)) as owner_url:
        operator = operator_at(owner_url)
        people = await People(operator).memberships(await tenant_of(operator, code))
    lines = [f"{each.id}  {each.role.value:<22} {_state(each):<32} {_who(each)}" for each in people]
    return "\n".join(lines) if lines else f"Tenant {code} has no people."


async def _changed(membership: UUID, change: Callable[[People, MembershipId], Awaitable[bool]], done: str) -> str:
    async with owner_address(owner_settings(os.environ)) as owner_url:
        if not await change(People(operator_at(owner_url)), MembershipId(membership)):
            raise NotFound("membership", membership)
    return f"Membership {membership} is {done}."


def _checked_subject(text: str) -> str:
    if not text or len(text) > SUBJECT_LENGTH_MAX or not text.isprintable():
        raise Invalid(f"a subject is 1 to {SUBJECT_LENGTH_MAX} printable characters", path=("subject",))
    return text


def _issuer(settings: Settings) -> str:
    """A subject means something to its issuer only."""
    if settings.oidc is None:
        raise SettingsError((f"{OIDC_ISSUER.name} is not set, but needed for --subject: {OIDC_ISSUER.expected}",))
    return settings.oidc.issuer


def _state(membership: Membership) -> str:
    match membership.state:
        case MembershipState.INVITED:
            word = "invited until" if membership.invites(system_clock()) else "invitation expired"
            return f"{word} {membership.expires_at:%Y-%m-%d %H:%M}Z"
        case MembershipState.ACTIVE:
            return f"active since {membership.joined_at:%Y-%m-%d %H:%M}Z"
        case MembershipState.SUSPENDED:
            return "suspended"


def _who(membership: Membership) -> str:
    return "by code" if membership.subject is None else f"{membership.subject} as person {membership.person}"

"""The world of the matrix: both tenants, everybody who asks, what each sees, and how an operation is carried out.

An operation is one GraphQL document that one caller has executed, by the real schema over the real database.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson

from domain.actor import Actor
from domain.audit import CallerKind
from domain.ids import KeyId, PartyId, PersonId
from domain.policy import PARTY_BOUND, TENANT_WIDE, Role
from domain.ports import Work
from graph.application import Application, OpenWorkInTime
from graph.context import Request
from graph.desk import make_context
from graph.documents import Documents
from graph.errors import RequestError, told
from graph.limits import Limits
from graph.schema import schema
from tests.graph.asking import Asker
from tests.stories.matrix.furnishing import AWAY, HOME, Household
from tests.stories.matrix.oracle import TOKEN, Tenant, Thing, Who

BOUND_TO = ("left", "right", "buyer", "ops", "team")
"""Two rival vendors, a customer, an internal party, and one with parties below it."""
UNDER_WAY = 4
EVENTS_MAX = 100
_NODE = re.compile(r"[A-Za-z0-9_-]{24,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# Whole lists are asked for with all that they lead to, which a service lets nobody do by itself.
LIMITS = Limits(cost_max=10_000_000, documents_cached_max=100_000, documents_cached_chars_max=50_000_000)
DOCUMENTS = Documents(schema, LIMITS)

Answer: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[Answer], object]
"""What is wrong with an answer; nothing where it is as it has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`named`: the ids and codes that it is all about. Its answer equals that of `unknown`, which names nothing at all,
    but for those.
    """

    who: Who
    text: str
    variables: Mapping[str, Any]
    check: Check
    named: tuple[str, ...] = ()
    unknown: str | None = None
    is_unknown: bool = False
    follows: bool = False
    carries: frozenset[str] = frozenset()
    """Words that come with what the caller sees."""
    harmless: bool = False
    """It goes well, so nothing of it is kept."""

    def __str__(self) -> str:
        return f"{self.who}: {self.text} {orjson.dumps(self.variables).decode()}"


def everybody() -> list[Who]:
    """Every role, for the whole tenant and for each sort of party, where it may be; and the other tenant's admin."""
    whole = [Who(mark=HOME, role=role) for role in Role if role not in PARTY_BOUND]
    bound = [Who(mark=HOME, role=role, party=party) for role in Role if role not in TENANT_WIDE for party in BOUND_TO]
    return [*whole, *bound, Who(mark=AWAY, role=Role.ADMIN)]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one caller sees: things by type, and the words, node ids and UUIDs that answers may tell."""

    who: Who
    seen: Mapping[str, frozenset[Thing]]
    words: frozenset[str]
    ids: frozenset[str]


@dataclass(kw_only=True)
class Scene:
    houses: Mapping[str, Household]
    tenants: Mapping[str, Tenant]
    asker: Asker
    keys: Mapping[Who, str] = field(default_factory=dict)
    careful: bool = False
    """Nothing at all is kept, whatever is expected of it."""
    cursors: dict[str, dict[Who, str]] = field(default_factory=dict)
    """By list, and by the subscription's name, one of each caller's own."""
    views: dict[Who, View] = field(default_factory=dict)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Each id that some thing of the world has, as a node's or as it is."""
        things = [each for tenant in self.tenants.values() for every in tenant.things.values() for each in every]
        linked = {str(uuid) for each in things for uuids in each.links.values() for uuid in uuids}
        tenants = {str(UUID(int=tenant.tenant.int)) for tenant in self.tenants.values()}
        return frozenset({*(each.id for each in things), *(str(each.uuid) for each in things), *linked, *tenants})

    @cached_property
    def harmless(self) -> Application:
        application = self.asker.application
        return replace(application, open_work=_never_kept(application.open_work))

    @cached_property
    def nodes(self) -> Mapping[UUID, str]:
        """By UUID the id of its node."""
        every = (things for tenant in self.tenants.values() for things in tenant.things.values())
        return {each.uuid: each.id for things in every for each in things}

    def view(self, who: Who) -> View:
        if who not in self.views:
            tenant = self.tenants[who.mark]
            seen = {name: tenant.seen(who, name) for name in tenant.things}
            things = [each for every in seen.values() for each in every]
            told_ids = {self.nodes.get(it, str(it)) for entry in seen["AuditEntry"] for it in entry.links["subjects"]}
            callers = {str(uuid) for entry in seen["AuditEntry"] for uuid in _linked(entry)}
            ids = {*(each.id for each in things), *told_ids, *callers, str(UUID(int=tenant.tenant.int))}
            if who.party is not None:
                ids.add(tenant.party(who.party).id)
            words = frozenset().union(*(each.words for each in things))
            self.views[who] = View(who=who, seen=seen, words=words, ids=frozenset(ids))
        return self.views[who]

    def actor(self, who: Who) -> Actor:
        tenant = self.tenants[who.mark]
        party = None if who.party is None else PartyId(tenant.party(who.party).uuid)
        key = KeyId(uuid5(NAMESPACE_OID, str(who)))
        actor = Actor(tenant=tenant.tenant, caller=key, role=who.role, party=party)
        # People and keys are alike to the policy; half of them are the one and half the other.
        return replace(actor, caller=PersonId(key), kind=CallerKind.PERSON) if key.int % 2 else actor

    async def answer(self, operation: Operation) -> Answer:
        actor = self.actor(operation.who)
        prepared = DOCUMENTS.operation(Request(text=operation.text, variables=dict(operation.variables)))
        application = self.harmless if operation.harmless or self.careful else self.asker.application
        new = make_context(application, LIMITS)
        if not operation.follows:
            return await prepared.answer(new(actor, "test", math.inf))
        events: list[Any] = []
        try:
            async for answer in prepared.answers(lambda deadline: new(actor, "test", deadline)):
                (item,) = answer["data"].values()
                if item["__typename"] == "Heartbeat":
                    return {"data": events, "cursor": item["cursor"]}
                events.append(item)
                assert len(events) < EVENTS_MAX
        except RequestError as error:
            return {"data": None, "errors": told(error.errors, "test", LIMITS)}
        raise AssertionError("a subscription ended by itself")

    def leaked(self, operation: Operation, text: str) -> set[str]:
        """What the answer tells of things that the caller neither sees nor named."""
        view, asked = self.view(operation.who), orjson.dumps(operation.variables).decode()
        words = set(TOKEN.findall(text)) - view.words - operation.carries - set(TOKEN.findall(asked))
        ids = self.secrets.intersection(_NODE.findall(text) + _UUID.findall(text))
        return words | (ids - view.ids - set(_NODE.findall(asked)) - set(_UUID.findall(asked)))


def _linked(entry: Thing) -> Iterable[UUID]:
    return entry.links["callers"] | entry.links["subjects"]


async def complaints(
    scene: Scene, operations: Sequence[Operation], answer: Callable[[Operation], Awaitable[Answer]] | None = None
) -> list[str]:
    """Carries out all of them, those that name nothing first; and what was wrong, of each the first thing."""
    ask = answer or scene.answer
    unknowns: dict[str, str] = {}
    found: list[str] = []

    async def carry_out(operation: Operation) -> None:
        told_now = await ask(operation)
        text = orjson.dumps({name: told_now.get(name) for name in ("data", "errors")}).decode()
        plain = _without(text, operation.named)
        if operation.is_unknown and operation.unknown is not None:
            unknowns[operation.unknown] = plain
        wrong: object = scene.leaked(operation, text) or operation.check(told_now)
        if not wrong and operation.unknown is not None and plain != unknowns[operation.unknown]:
            wrong = f"what names nothing is told {unknowns[operation.unknown]}"
        if wrong:
            found.append(f"{operation}\n    told {text[:600]}\n    wrong: {wrong}")

    for stage in (True, False):
        waiting = iter([each for each in operations if each.is_unknown is stage])
        await _together(waiting, carry_out)
    return found


async def _together(waiting: Any, carry_out: Callable[[Operation], Awaitable[None]]) -> None:
    async def one_after_the_other() -> None:
        for operation in waiting:
            await carry_out(operation)

    await asyncio.gather(*(one_after_the_other() for _ in range(UNDER_WAY)))


def _without(text: str, named: tuple[str, ...]) -> str:
    for name in sorted(named, key=len, reverse=True):
        text = text.replace(name, "…")
    return text


class _TakenBack(Exception):
    """Ends a unit of work that went well, so that nothing of it is kept."""


def _never_kept(open_work: OpenWorkInTime) -> OpenWorkInTime:
    """The same units of work, of which none is ever kept."""

    @asynccontextmanager
    async def opened(actor: Actor, *, deadline: float = math.inf) -> AsyncIterator[Work]:
        try:
            async with open_work(actor, deadline=deadline) as work:
                yield work
                raise _TakenBack
        except _TakenBack:
            pass

    return opened

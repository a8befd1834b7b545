"""What everybody sees, said by the facts of the world and by expected.py: without the service's queries or its policy.

The things are read from the tables as their superuser sees them; relations are sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from domain.ids import TenantId
from domain.policy import Role
from graph.ids import encode
from tests.stories.matrix.expected import READ_BY, RIGHTS, Right

Links: TypeAlias = Mapping[str, frozenset[UUID]]

TOKEN = re.compile(r"\b(?:home|away)\.[a-z0-9-]+")

TABLES: Mapping[str, tuple[str, str, str]] = {
    "Party": ("party_id", "FROM party it WHERE it.tenant_id = $1", "ARRAY[parent_id] AS parents"),
    "Metric": ("metric_id", "FROM metric it WHERE it.tenant_id = $1", ""),
    "Service": (
        "service_id",
        "FROM service it WHERE it.tenant_id = $1",
        (
            "ARRAY[provider_id] AS providers, ARRAY(SELECT party_id FROM service_consumer used"
            " WHERE used.tenant_id = $1 AND used.service_id = it.service_id) AS consumers"
        ),
    ),
    "Agreement": (
        "agreement_id",
        (
            "FROM (SELECT agreement.*, (SELECT string_agg(clauses::text, ' ') FROM agreement_version version"
            " WHERE version.agreement_id = agreement.agreement_id) AS clauses FROM agreement) it"
            " WHERE it.tenant_id = $1"
        ),
        (
            "ARRAY[provider_id] AS providers, ARRAY[customer_id] AS customers, ARRAY[service_id] AS services,"
            " EXISTS(SELECT FROM agreement_version bound WHERE bound.agreement_id = it.agreement_id"
            " AND activated_at IS NOT NULL) AS binds"
        ),
    ),
    "Objective": (
        "objective_id",
        "FROM objective it JOIN agreement_version USING (tenant_id, version_id) WHERE it.tenant_id = $1",
        "ARRAY[agreement_id] AS agreements",
    ),
    "Stream": (
        "stream_id",
        "FROM stream it WHERE it.tenant_id = $1",
        "ARRAY[vendor_id] AS vendors, ARRAY[service_id] AS services",
    ),
    "Outage": (
        "outage_id",
        "FROM outage it JOIN stream USING (tenant_id, stream_id) WHERE it.tenant_id = $1",
        "ARRAY[vendor_id] AS vendors, ARRAY[service_id] AS services",
    ),
    "Case": (
        "case_id",
        "FROM service_case it JOIN stream USING (tenant_id, stream_id) WHERE it.tenant_id = $1",
        "ARRAY[vendor_id] AS vendors, ARRAY[service_id] AS services",
    ),
    "Exclusion": (
        "exclusion_id",
        (
            "FROM exclusion it WHERE it.tenant_id = $1 AND NOT EXISTS (SELECT FROM exclusion later"
            " WHERE later.exclusion_id = it.exclusion_id AND later.revision > it.revision)"
        ),
        "ARRAY[service_id] AS services, ARRAY[agreement_id] AS agreements, withdrawn",
    ),
    "Attainment": (
        "period_id",
        (
            "FROM attainment it WHERE it.tenant_id = $1 AND NOT EXISTS (SELECT FROM attainment later"
            " WHERE later.period_id = it.period_id AND later.revision > it.revision)"
        ),
        "ARRAY[objective_id] AS objectives, ARRAY[agreement_id] AS agreements, ARRAY[service_id] AS services",
    ),
    "Breach": (
        "breach_id",
        "FROM breach it WHERE it.tenant_id = $1",
        "ARRAY[agreement_id] AS agreements, ARRAY[service_id] AS services",
    ),
    "AuditEntry": (
        "entry_id",
        "FROM audit_entry it WHERE it.tenant_id = $1",
        (
            "ARRAY[party_id] AS parties, ARRAY[caller_id] AS callers, ARRAY(SELECT subject_id FROM audit_subject named"
            " WHERE named.tenant_id = $1 AND named.entry_id = it.entry_id) AS subjects"
        ),
    ),
}
"""By type of node: its id's column, where it is, and what it is linked to, by the names of the filters' conditions."""
TOLD_BY_OTHERS = frozenset({"Attainment", "Breach", "AuditEntry"})
"""What their rows hold of names is told by those whose names they are: an outage that was used, by its stream."""
EVENTS = """
SELECT number, body->>'breach' AS breach, transition, agreement_id, service_id, provider_id, customer_id, body::text
FROM feed WHERE tenant_id = $1 AND kind = 'breach' ORDER BY number
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thing:
    """A node. `words`: the tokens that reading it tells; `listed`: whether lists have it; `binds`: it is no draft."""

    type: str
    uuid: UUID
    id: str
    words: frozenset[str]
    links: Links
    listed: bool = True
    binds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A breach event in the feed, in its order."""

    breach: UUID
    transition: str
    links: Links
    words: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody with a role, for the whole tenant or for a party, by the party's name without the tenant's mark."""

    mark: str
    role: Role
    party: str | None = None

    def __str__(self) -> str:
        return f"{self.mark} {self.role.value}" + ("" if self.party is None else f" for {self.party}")

    def has(self, action: str) -> bool:
        right = RIGHTS[action]
        named = self.role.value.replace("_", " ") in right.roles
        return named and (self.party is None or bool(right.as_one_of))


class Tenant:
    """All of one tenant, and who sees what of it."""

    def __init__(self, mark: str, tenant: TenantId, things: Mapping[str, list[Thing]], events: list[Told]) -> None:
        self.mark = mark
        self.tenant = tenant
        self.things = things
        self.events = events
        self._own: dict[str, frozenset[UUID]] = {}
        self._related: dict[tuple[str | None, Right, str], frozenset[Thing]] = {}

    @cached_property
    def parents(self) -> Mapping[UUID, frozenset[UUID]]:
        return {each.uuid: each.links["parents"] for each in self.things["Party"]}

    def thing(self, type_name: str, name: str) -> Thing:
        """By its name without the mark."""
        code = f"{self.mark}.{name}"
        return next(each for each in self.things[type_name] if code in each.words)

    def own(self, party: str) -> frozenset[UUID]:
        """The party and all that are below it."""
        if party not in self._own:
            found = {self.party(party).uuid}
            while more := {each for each, parents in self.parents.items() if parents & found} - found:
                found |= more
            self._own[party] = frozenset(found)
        return self._own[party]

    def party(self, name: str) -> Thing:
        return self._parties[f"{self.mark}.{name}"]

    @cached_property
    def _parties(self) -> Mapping[str, Thing]:
        return {code: each for each in self.things["Party"] for code in each.words}

    def seen(self, who: Who, type_name: str) -> frozenset[Thing]:
        if who.mark != self.mark or not who.has(READ_BY[type_name]):
            return frozenset()
        return self.all_related(who.party, RIGHTS[READ_BY[type_name]], type_name)

    def related(self, party: str | None, right: Right, thing: Thing) -> bool:
        """Whether the party has to the thing one of the relations that the right asks for."""
        return thing in self.all_related(party, right, thing.type)

    def all_related(self, party: str | None, right: Right, type_name: str) -> frozenset[Thing]:
        """The things of a type that the right is about, for the party; all of them for the whole tenant."""
        key = (party, right, type_name)
        if key not in self._related:
            every = self.things[type_name]
            if party is not None:
                own = self.own(party)
                every = [each for each in every if any(RELATIONS[it](self, party, own, each) for it in right.as_one_of)]
            self._related[key] = frozenset(every)
        return self._related[key]

    def ids_related(self, party: str, action: str, type_name: str) -> frozenset[UUID]:
        return frozenset(each.uuid for each in self.all_related(party, RIGHTS[action], type_name))

    def hears(self, who: Who) -> list[Told]:
        right = RIGHTS["follow breaches"]
        if who.mark != self.mark or not who.has("follow breaches"):
            return []
        if who.party is None:
            return self.events
        own = self.own(who.party)
        by = {"provider": "providers", "customer": "customers"}
        return [each for each in self.events if any(each.links[by[relation]] & own for relation in right.as_one_of)]


def _linked(thing: Thing, name: str, to: Iterable[UUID]) -> bool:
    return bool(thing.links.get(name, frozenset()) & frozenset(to))


def _agreements(tenant: Tenant, party: str) -> frozenset[Thing]:
    return tenant.all_related(party, RIGHTS["read agreements"], "Agreement")


def _by_agreement(link: str) -> Callable[[Tenant, str, frozenset[UUID], Thing], bool]:
    """For what an agreement is linked to, and for what is under one."""

    def related(tenant: Tenant, _party: str, own: frozenset[UUID], thing: Thing) -> bool:
        if thing.type in ("Agreement", "Service"):
            return _linked(thing, link, own)
        under = thing.links["agreements"]
        return any(_linked(each, link, own) for each in tenant.things["Agreement"] if each.uuid in under)

    return related


Relation: TypeAlias = Callable[[Tenant, str, frozenset[UUID], Thing], bool]
RELATIONS: Mapping[str, Relation] = {
    "anyone": lambda _tenant, _party, _own, _thing: True,
    "the party itself": lambda _tenant, _party, own, thing: thing.uuid in own,
    "the other side of one of its agreements": lambda tenant, party, _own, thing: any(
        thing.uuid in each.links["providers"] | each.links["customers"] for each in _agreements(tenant, party)
    ),
    "provider": _by_agreement("providers"),
    "customer": _by_agreement("customers"),
    "consumer": lambda _tenant, _party, own, thing: _linked(thing, "consumers", own),
    "vendor of the stream": lambda _tenant, _party, own, thing: _linked(thing, "vendors", own),
    "named in one of its agreements": lambda tenant, party, _own, thing: any(
        thing.uuid in each.links["services"] for each in _agreements(tenant, party)
    ),
    "sees the service that it is on": lambda tenant, party, _own, thing: _linked(
        thing, "services", tenant.ids_related(party, "read services", "Service")
    ),
    "sees the agreement that it is under": lambda tenant, party, _own, thing: _linked(
        thing, "agreements", tenant.ids_related(party, "read agreements", "Agreement")
    ),
    "party of who called": lambda _tenant, _party, own, thing: _linked(thing, "parties", own),
}
"""In the words of expected.py."""


async def tenant_of(connection: asyncpg.Connection, mark: str, tenant: TenantId) -> Tenant:
    """As the tables have it now."""
    things = {name: await _things(connection, name, tenant) for name in TABLES}
    rows = await connection.fetch(EVENTS, tenant)
    events = [
        Told(
            breach=UUID(row["breach"]),
            transition=row["transition"].upper(),
            links={
                "agreements": _ids(row["agreement_id"]),
                "services": _ids(row["service_id"]),
                "providers": _ids(row["provider_id"]),
                "customers": _ids(row["customer_id"]),
            },
            words=frozenset(TOKEN.findall(row["body"])),
        )
        for row in rows
    ]
    return Tenant(mark, tenant, things, events)


async def _things(connection: asyncpg.Connection, type_name: str, tenant: TenantId) -> list[Thing]:
    column, where, links = TABLES[type_name]
    more = f", {links}" if links else ""
    text = "''" if type_name in TOLD_BY_OTHERS else "it::text"
    rows = await connection.fetch(f"SELECT it.{column} AS uuid, {text} AS text{more} {where}", tenant)
    return [_thing(type_name, dict(row)) for row in rows]


def _thing(type_name: str, row: dict[str, Any]) -> Thing:
    uuid, text, withdrawn, binds = (
        row.pop(n, d) for n, d in (("uuid", None), ("text", ""), ("withdrawn", False), ("binds", True))
    )
    return Thing(
        type=type_name,
        uuid=uuid,
        id=encode(type_name, uuid),
        words=frozenset(TOKEN.findall(text)),
        links={name: frozenset(each for each in ids if each is not None) for name, ids in row.items()},
        listed=not withdrawn,
        binds=binds,
    )


def _ids(*found: UUID | None) -> frozenset[UUID]:
    return frozenset(each for each in found if each is not None)

"""Who may do what, in one table: action × role × relation of the actor's party to the thing. The rest is denied.

The checks (actor.py, usecases/, persistence/slices.py), docs/policy.md and the tests are made from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    ADMIN = "admin"
    SERVICE_LEVEL_MANAGER = "service_level_manager"
    ANALYST = "analyst"
    FINANCE = "finance"
    AUDITOR = "auditor"
    VENDOR = "vendor"
    CUSTOMER = "customer"
    INGEST = "ingest"


PARTY_BOUND = frozenset({Role.VENDOR, Role.CUSTOMER})
"""Roles that mean nothing without a party."""

TENANT_WIDE = frozenset({Role.ADMIN})
"""Roles that may not be narrowed to a party."""


class Action(Enum):
    READ_SELF = "read who one is"
    READ_NODES = "read by id"
    """Each node then by its own action."""
    READ_PARTIES = "read parties"
    READ_METRICS = "read metrics"
    READ_SERVICES = "read services"
    """With their structures."""
    READ_AGREEMENTS = "read agreements"
    """With their versions, objectives and clauses."""
    READ_FACTS = "read facts"
    """Streams, outages, cases and measurements."""
    READ_EXCLUSIONS = "read exclusions"
    READ_VERDICTS = "read verdicts"
    """Attainments and breaches."""
    FOLLOW_BREACHES = "follow breaches"
    READ_AUDIT = "read the audit log"
    MANAGE_ACCESS = "manage access"
    """Tenants, keys and people, at the operator's command line; whoever is invited takes the invitation up."""
    ERASE_ADDRESSES = "erase addresses"
    """Of callers from the audit log, at the operator's command line."""
    TRIM_FEED = "trim the feed"
    """Of old events, at the operator's command line."""
    MANAGE_PARTIES = "manage parties"
    MANAGE_METRICS = "manage metrics"
    MANAGE_SERVICES = "manage services"
    """And change their structures."""
    MANAGE_AGREEMENTS = "manage agreements"
    """Draft, amend and activate them."""
    RECORD_OUTAGES = "record outages"
    """And correct and withdraw them."""
    RECORD_CASES = "record cases"
    """And correct and withdraw them."""
    RECORD_MEASUREMENTS = "record measurements"
    """And correct and withdraw them."""
    RECORD_EXCLUSIONS = "record exclusions"
    """And correct and withdraw them."""


class Relation(Enum):
    """What an actor's party, or a party below it in the tree, is to a thing."""

    ANYONE = "anyone"
    """No relation is asked for: what all parties of a tenant share."""
    SELF = "the party itself"
    COUNTERPART = "the other side of one of its agreements"
    PROVIDER = "provider"
    CONSUMER = "consumer"
    CUSTOMER = "customer"
    VENDOR = "vendor of the stream"
    NAMED = "named in one of its agreements"
    ON_SERVICE = "sees the service that it is on"
    ON_AGREEMENT = "sees the agreement that it is under"
    CALLER = "party of who called"


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may, and what the party of an actor that has one must be to the thing: any of the relations.

    Without a relation the action is for actors of the whole tenant alone.
    """

    roles: frozenset[Role]
    relations: frozenset[Relation]


def _rule(roles: frozenset[Role], *relations: Relation) -> Rule:
    return Rule(roles, frozenset(relations))


_EVERYONE = frozenset(Role)
_NOBODY: frozenset[Role] = frozenset()
"""The operator's alone, who has no role in any tenant."""
_READERS = _EVERYONE - {Role.INGEST}
_STEWARDS = frozenset({Role.ADMIN, Role.SERVICE_LEVEL_MANAGER})
_REPORTERS = _STEWARDS | {Role.VENDOR, Role.INGEST}

POLICY: Mapping[Action, Rule] = {
    Action.READ_SELF: _rule(_EVERYONE, Relation.ANYONE),
    Action.READ_NODES: _rule(_READERS, Relation.ANYONE),
    Action.READ_PARTIES: _rule(_READERS, Relation.SELF, Relation.COUNTERPART),
    Action.READ_METRICS: _rule(_READERS, Relation.ANYONE),
    Action.READ_SERVICES: _rule(_READERS, Relation.PROVIDER, Relation.CONSUMER, Relation.NAMED),
    Action.READ_AGREEMENTS: _rule(_READERS, Relation.PROVIDER, Relation.CUSTOMER),
    Action.READ_FACTS: _rule(_READERS, Relation.VENDOR),
    Action.READ_EXCLUSIONS: _rule(_READERS, Relation.ON_SERVICE, Relation.ON_AGREEMENT),
    Action.READ_VERDICTS: _rule(_READERS, Relation.PROVIDER, Relation.CUSTOMER),
    Action.FOLLOW_BREACHES: _rule(_READERS, Relation.PROVIDER, Relation.CUSTOMER),
    Action.READ_AUDIT: _rule(frozenset({Role.ADMIN, Role.AUDITOR}), Relation.CALLER),
    Action.MANAGE_ACCESS: _rule(_NOBODY),
    Action.ERASE_ADDRESSES: _rule(_NOBODY),
    Action.TRIM_FEED: _rule(_NOBODY),
    Action.MANAGE_PARTIES: _rule(_STEWARDS, Relation.SELF),
    Action.MANAGE_METRICS: _rule(_STEWARDS),
    Action.MANAGE_SERVICES: _rule(_STEWARDS, Relation.PROVIDER),
    Action.MANAGE_AGREEMENTS: _rule(_STEWARDS, Relation.PROVIDER, Relation.CUSTOMER),
    Action.RECORD_OUTAGES: _rule(_REPORTERS, Relation.VENDOR),
    Action.RECORD_CASES: _rule(_REPORTERS, Relation.VENDOR),
    Action.RECORD_MEASUREMENTS: _rule(_REPORTERS, Relation.VENDOR),
    Action.RECORD_EXCLUSIONS: _rule(_STEWARDS, Relation.ON_SERVICE, Relation.ON_AGREEMENT),
}


def rule_of(action: Action) -> Rule:
    """An action without a rule is nobody's."""
    return POLICY.get(action, Rule(frozenset(), frozenset()))

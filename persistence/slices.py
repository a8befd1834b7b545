"""What an actor with a party may see, as conditions. Without a party every condition is true: the whole tenant.

Which relations count is the policy's (domain/policy.py); here is what each of them means in rows. An actor's own
parties are its party and those below it in the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.sql.selectable import Select

from domain.policy import Action, Relation, rule_of
from persistence import tables
from persistence.session import Session, one_of

Related: TypeAlias = Mapping[Relation, Callable[[], ColumnElement[bool]]]
"""By relation the rows to which the actor's parties stand in it."""


def own_parties(session: Session) -> Select[tuple[UUID]]:
    """The actor's party and those below it. Only for an actor with a party."""
    line = tables.party_line.c
    return select(line.party_id).where(line.tenant_id == session.tenant, line.ancestor_id == session.actor.party)


def agreements(session: Session) -> ColumnElement[bool]:
    row = tables.agreement.c
    return between(session, Action.READ_AGREEMENTS, row.provider_id, row.customer_id)


def between(
    session: Session, action: Action, provider_id: ColumnElement[Any], customer_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Rows with a provider and a customer, who may be absent."""
    own = own_parties(session)
    return _slice(
        session,
        action,
        {Relation.PROVIDER: lambda: provider_id.in_(own), Relation.CUSTOMER: lambda: customer_id.in_(own)},
    )


def verdicts(session: Session, agreement_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Attainments and breaches, by the agreement that promised."""
    if session.actor.party is None:
        return true()
    row = tables.agreement.c
    seen = between(session, Action.READ_VERDICTS, row.provider_id, row.customer_id)
    return agreement_id.in_(select(row.agreement_id).where(row.tenant_id == session.tenant, seen))


def parties(session: Session) -> ColumnElement[bool]:
    return of_parties(session, tables.party.c.party_id)


def of_parties(session: Session, party_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Itself and those below it, and who stands on the other side of its agreements."""
    row = tables.agreement.c
    return _slice(
        session,
        Action.READ_PARTIES,
        {
            Relation.SELF: lambda: party_id.in_(own_parties(session)),
            Relation.COUNTERPART: lambda: or_(
                party_id.in_(_of_seen_agreements(session, row.provider_id)),
                party_id.in_(_of_seen_agreements(session, row.customer_id)),
            ),
        },
    )


def services(session: Session) -> ColumnElement[bool]:
    return of_services(session, tables.service.c.service_id)


def of_services(session: Session, service_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """What it provides or consumes, and what its agreements name."""
    provided, consumed = tables.service.alias("provided").c, tables.service_consumer.c
    of_provider = select(provided.service_id).where(
        provided.tenant_id == session.tenant, provided.provider_id.in_(own_parties(session))
    )
    of_consumer = select(consumed.service_id).where(
        consumed.tenant_id == session.tenant, consumed.party_id.in_(own_parties(session))
    )
    return _slice(
        session,
        Action.READ_SERVICES,
        {
            Relation.PROVIDER: lambda: service_id.in_(of_provider),
            Relation.CONSUMER: lambda: service_id.in_(of_consumer),
            Relation.NAMED: lambda: service_id.in_(_of_seen_agreements(session, tables.agreement.c.service_id)),
        },
    )


def streams(session: Session) -> ColumnElement[bool]:
    vendor_id = tables.stream.c.vendor_id
    return _slice(session, Action.READ_FACTS, {Relation.VENDOR: lambda: vendor_id.in_(own_parties(session))})


def exclusions(session: Session) -> ColumnElement[bool]:
    row = tables.exclusion.c
    return _slice(
        session,
        Action.READ_EXCLUSIONS,
        {
            Relation.ON_SERVICE: lambda: and_(row.service_id.is_not(None), of_services(session, row.service_id)),
            Relation.ON_AGREEMENT: lambda: row.agreement_id.in_(
                _of_seen_agreements(session, tables.agreement.c.agreement_id)
            ),
        },
    )


def audit(session: Session) -> ColumnElement[bool]:
    party_id = tables.audit_entry.c.party_id
    return _slice(session, Action.READ_AUDIT, {Relation.CALLER: lambda: party_id.in_(own_parties(session))})


def of_agreements(session: Session, agreement_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows that name an agreement of the slice."""
    if session.actor.party is None:
        return true()
    return agreement_id.in_(_of_seen_agreements(session, tables.agreement.c.agreement_id))


async def visible_streams(session: Session, ids: Collection[UUID]) -> list[UUID]:
    """Those of the streams that the actor sees, sorted. Asks the database only for an actor with a party."""
    if session.actor.party is None or not ids:
        return sorted(set(ids))
    row = tables.stream.c
    wanted = select(row.stream_id).where(row.tenant_id == session.tenant, one_of(row.stream_id, list(ids)))
    return sorted(found["stream_id"] for found in await session.rows(wanted.where(streams(session))))


def _slice(session: Session, action: Action, related: Related) -> ColumnElement[bool]:
    """Nothing where the policy takes none of the relations."""
    if session.actor.party is None:
        return true()
    return or_(
        false(), *(condition() for relation, condition in related.items() if relation in rule_of(action).relations)
    )


def _of_seen_agreements(session: Session, what: ColumnElement[Any]) -> Select[tuple[Any]]:
    return select(what).where(tables.agreement.c.tenant_id == session.tenant, what.is_not(None), agreements(session))

"""What an actor with a party may see, as conditions. Without a party every condition is true: the whole tenant.

A slice is what the party, or one below it in the tree, provides or consumes (domain/ports.py says it for each list).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.sql.selectable import Select

from persistence import tables
from persistence.session import Session, one_of


def own_parties(session: Session) -> Select[tuple[UUID]]:
    """The actor's party and those below it. Only for an actor with a party."""
    line = tables.party_line.c
    return select(line.party_id).where(line.tenant_id == session.tenant, line.ancestor_id == session.actor.party)


def agreements(session: Session) -> ColumnElement[bool]:
    if session.actor.party is None:
        return true()
    row = tables.agreement.c
    return or_(row.provider_id.in_(own_parties(session)), row.customer_id.in_(own_parties(session)))


def of_agreements(session: Session, agreement_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows that belong to agreements of the slice."""
    if session.actor.party is None:
        return true()
    return agreement_id.in_(_seen_agreements(session, tables.agreement.c.agreement_id))


def parties(session: Session) -> ColumnElement[bool]:
    return of_parties(session, tables.party.c.party_id)


def of_parties(session: Session, party_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Itself and those below it, and who stands on the other side of its agreements."""
    if session.actor.party is None:
        return true()
    return or_(
        party_id.in_(own_parties(session)),
        party_id.in_(_seen_agreements(session, tables.agreement.c.provider_id)),
        party_id.in_(_seen_agreements(session, tables.agreement.c.customer_id)),
    )


def services(session: Session) -> ColumnElement[bool]:
    return of_services(session, tables.service.c.service_id)


def of_services(session: Session, service_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """What it provides or consumes, and what its agreements name."""
    if session.actor.party is None:
        return true()
    provided, consumed = tables.service.alias("provided").c, tables.service_consumer.c
    return or_(
        service_id.in_(
            select(provided.service_id).where(
                provided.tenant_id == session.tenant, provided.provider_id.in_(own_parties(session))
            )
        ),
        service_id.in_(
            select(consumed.service_id).where(
                consumed.tenant_id == session.tenant, consumed.party_id.in_(own_parties(session))
            )
        ),
        service_id.in_(_seen_agreements(session, tables.agreement.c.service_id)),
    )


def streams(session: Session) -> ColumnElement[bool]:
    if session.actor.party is None:
        return true()
    return tables.stream.c.vendor_id.in_(own_parties(session))


def exclusions(session: Session) -> ColumnElement[bool]:
    """Those whose service or agreement it sees."""
    if session.actor.party is None:
        return true()
    row = tables.exclusion.c
    return or_(
        and_(row.service_id.is_not(None), of_services(session, row.service_id)),
        and_(row.agreement_id.is_not(None), of_agreements(session, row.agreement_id)),
    )


async def visible_streams(session: Session, ids: Collection[UUID]) -> list[UUID]:
    """Those of the streams that the actor sees, sorted. Asks the database only for an actor with a party."""
    if session.actor.party is None or not ids:
        return sorted(set(ids))
    row = tables.stream.c
    wanted = select(row.stream_id).where(row.tenant_id == session.tenant, one_of(row.stream_id, list(ids)))
    return sorted(found["stream_id"] for found in await session.rows(wanted.where(streams(session))))


def _seen_agreements(session: Session, what: ColumnElement[Any]) -> Select[tuple[Any]]:
    return select(what).where(tables.agreement.c.tenant_id == session.tenant, what.is_not(None), agreements(session))

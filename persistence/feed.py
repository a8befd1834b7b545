"""The tenant's feed. Numbers are dense and in commit order: the head's row is updated last in each transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, true

from domain.breach import Severity, Transition
from domain.feed import BreachChange, BreachEvent, BreachFilter, FeedRead
from domain.ids import AgreementId, BreachId, ObjectiveId, PartyId, PeriodId, Position, ServiceId
from domain.ratio import Ratio
from domain.spans import Span
from persistence import slices, tables
from persistence.session import Found, Session, one_of


class StoredFeed:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def append(self, changes: Sequence[BreachChange]) -> None:
        self._session.closing.changes.extend(changes)

    async def breaches_after(self, position: Position, where: BreachFilter, limit: int) -> FeedRead:
        """The head and the events are of one statement, so of one snapshot: nothing between them is passed over."""
        head, event = tables.feed_head.c, self._matching(position, where).limit(limit).lateral("event")
        found = await self._session.rows(
            select(head.last_number, event)
            .select_from(tables.feed_head.outerjoin(event, true()))
            .where(head.tenant_id == self._session.tenant)
            .order_by(event.c.number)
        )
        if not found:
            return FeedRead(events=(), through=position, head=Position(0))
        last = Position(found[0]["last_number"])
        events = tuple(_to_event(row) for row in found if row["number"] is not None)
        through = events[-1].position if len(events) == limit else max(position, last)
        return FeedRead(events=events, through=through, head=last)

    async def head(self) -> Position:
        row = tables.feed_head.c
        found = await self._session.rows(select(row.last_number).where(row.tenant_id == self._session.tenant))
        return Position(found[0]["last_number"]) if found else Position(0)

    def _matching(self, position: Position, where: BreachFilter) -> Select[Any]:
        row = tables.feed.c
        wanted = select(row.number, row.recorded_at, row.transition, row.severity, row.body).where(
            row.tenant_id == self._session.tenant,
            row.kind == "breach",
            row.number > position,
            row.number <= tables.feed_head.c.last_number,
        )
        if self._session.actor.party is not None:
            own = slices.own_parties(self._session)
            wanted = wanted.where(
                or_(row.provider_id.in_(own), and_(row.customer_id.is_not(None), row.customer_id.in_(own)))
            )
        if where.agreements:
            wanted = wanted.where(one_of(row.agreement_id, where.agreements))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        if where.transitions:
            wanted = wanted.where(one_of(row.transition, [each.value for each in where.transitions]))
        if where.severities:
            wanted = wanted.where(one_of(row.severity, [each.value for each in where.severities]))
        return wanted.order_by(row.number)


def to_body(change: BreachChange) -> dict[str, object]:
    return {
        "breach": str(change.breach),
        "objective": str(change.objective),
        "objective_code": change.objective_code,
        "agreement": str(change.agreement),
        "agreement_code": change.agreement_code,
        "service": str(change.service),
        "service_code": change.service_code,
        "provider": str(change.provider),
        "customer": None if change.customer is None else str(change.customer),
        "attainment": str(change.attainment),
        "starts_at": change.period.start.isoformat(),
        "ends_at": change.period.end.isoformat(),
        "value": _ratio_to_json(change.value),
        "target": _ratio_to_json(change.target),
        "shown_value": change.shown_value,
        "shown_target": change.shown_target,
    }


def _to_event(row: Found) -> BreachEvent:
    return BreachEvent(
        position=Position(row["number"]),
        recorded_at=row["recorded_at"],
        change=_to_change(row, row["body"]),
    )


def _to_change(row: Found, body: Mapping[str, Any]) -> BreachChange:
    target = _to_ratio(body["target"])
    assert target is not None
    return BreachChange(
        transition=Transition(row["transition"]),
        breach=BreachId(UUID(body["breach"])),
        objective=ObjectiveId(UUID(body["objective"])),
        objective_code=body["objective_code"],
        agreement=AgreementId(UUID(body["agreement"])),
        agreement_code=body["agreement_code"],
        service=ServiceId(UUID(body["service"])),
        service_code=body["service_code"],
        provider=PartyId(UUID(body["provider"])),
        customer=None if body["customer"] is None else PartyId(UUID(body["customer"])),
        attainment=PeriodId(UUID(body["attainment"])),
        period=Span(datetime.fromisoformat(body["starts_at"]), datetime.fromisoformat(body["ends_at"])),
        severity=Severity(row["severity"]),
        value=_to_ratio(body["value"]),
        target=target,
        shown_value=body["shown_value"],
        shown_target=body["shown_target"],
    )


def _ratio_to_json(ratio: Ratio | None) -> list[int] | None:
    return None if ratio is None else [ratio.numerator, ratio.denominator]


def _to_ratio(kept: Sequence[int] | None) -> Ratio | None:
    return None if kept is None else Ratio(*kept)

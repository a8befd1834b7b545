"""The tenant's feed. Numbers are dense and in commit order: the head's row is updated last in each transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, true

from domain.attainment import Status
from domain.breach import Severity, Transition
from domain.feed import BreachChange, BreachEvent, BreachFilter, FeedRead, Restatement, RestatementEvent
from domain.ids import AgreementId, BreachId, ObjectiveId, PartyId, PeriodId, Position, ServiceId
from domain.policy import Action
from domain.ratio import Ratio
from domain.risk import Cause
from domain.spans import Span
from persistence import slices, tables
from persistence.session import Found, Session, one_of

BREACH, RESTATED = "breach", "restated"
"""The kinds of events, of which each has a body; the others are postings."""


class StoredFeed:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def append(self, changes: Sequence[BreachChange | Restatement]) -> None:
        self._session.closing.changes.extend(changes)

    async def breaches_after(self, position: Position, where: BreachFilter, limit: int) -> FeedRead:
        """Head, floor and events are of one statement, so of one snapshot: nothing between them is passed over."""
        head, event = tables.feed_head.c, self._matching(position, where).limit(limit).lateral("event")
        found = await self._session.rows(
            select(head.last_number, head.floor_number, event)
            .select_from(tables.feed_head.outerjoin(event, true()))
            .where(head.tenant_id == self._session.tenant)
            .order_by(event.c.number)
        )
        if not found:
            return FeedRead(events=(), through=position, head=Position(0), floor=Position(0))
        last = Position(found[0]["last_number"])
        rows = [row for row in found if row["number"] is not None]
        return FeedRead(
            events=tuple(_to_event(row) for row in rows if row["kind"] == BREACH),
            restatements=tuple(_to_restatement(row) for row in rows if row["kind"] == RESTATED),
            through=Position(rows[-1]["number"]) if len(rows) == limit else max(position, last),
            head=last,
            floor=Position(found[0]["floor_number"]),
        )

    async def head(self) -> Position:
        row = tables.feed_head.c
        found = await self._session.rows(select(row.last_number).where(row.tenant_id == self._session.tenant))
        return Position(found[0]["last_number"]) if found else Position(0)

    def _matching(self, position: Position, where: BreachFilter) -> Select[Any]:
        row = tables.feed.c
        wanted = select(row.number, row.kind, row.recorded_at, row.transition, row.severity, row.body).where(
            row.tenant_id == self._session.tenant,
            row.body.is_not(None),
            row.number > position,
            row.number <= tables.feed_head.c.last_number,
        )
        wanted = wanted.where(slices.between(self._session, Action.FOLLOW_BREACHES, row.provider_id, row.customer_id))
        if where.agreements:
            wanted = wanted.where(one_of(row.agreement_id, where.agreements))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        if where.transitions:
            wanted = wanted.where(one_of(row.transition, [each.value for each in where.transitions]))
        if where.severities:
            wanted = wanted.where(one_of(row.severity, [each.value for each in where.severities]))
        return wanted.order_by(row.number)


def to_body(change: BreachChange | Restatement) -> dict[str, object]:
    return _breach_body(change) if isinstance(change, BreachChange) else _restatement_body(change)


def _breach_body(change: BreachChange) -> dict[str, object]:
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
        "ended_at": None if change.ended_at is None else change.ended_at.isoformat(),
        "causes": [cause.value for cause in change.causes],
    }


def _restatement_body(restated: Restatement) -> dict[str, object]:
    return {
        "attainment": str(restated.attainment),
        "revision": restated.revision,
        "objective": str(restated.objective),
        "objective_code": restated.objective_code,
        "agreement": str(restated.agreement),
        "agreement_code": restated.agreement_code,
        "service": str(restated.service),
        "service_code": restated.service_code,
        "provider": str(restated.provider),
        "customer": None if restated.customer is None else str(restated.customer),
        "starts_at": restated.period.start.isoformat(),
        "ends_at": restated.period.end.isoformat(),
        "former_status": restated.former_status.value,
        "former_shown_value": restated.former_shown_value,
        "status": restated.status.value,
        "shown_value": restated.shown_value,
    }


def _to_restatement(row: Found) -> RestatementEvent:
    body: Mapping[str, Any] = row["body"]
    restated = Restatement(
        attainment=PeriodId(UUID(body["attainment"])),
        revision=body["revision"],
        objective=ObjectiveId(UUID(body["objective"])),
        objective_code=body["objective_code"],
        agreement=AgreementId(UUID(body["agreement"])),
        agreement_code=body["agreement_code"],
        service=ServiceId(UUID(body["service"])),
        service_code=body["service_code"],
        provider=PartyId(UUID(body["provider"])),
        customer=None if body["customer"] is None else PartyId(UUID(body["customer"])),
        period=Span(datetime.fromisoformat(body["starts_at"]), datetime.fromisoformat(body["ends_at"])),
        former_status=Status(body["former_status"]),
        former_shown_value=body["former_shown_value"],
        status=Status(body["status"]),
        shown_value=body["shown_value"],
    )
    return RestatementEvent(position=Position(row["number"]), recorded_at=row["recorded_at"], restatement=restated)


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
        # Events from before there were episodes, or risks, have none.
        ended_at=None if body.get("ended_at") is None else datetime.fromisoformat(body["ended_at"]),
        causes=tuple(Cause(cause) for cause in body.get("causes", ())),
    )


def _ratio_to_json(ratio: Ratio | None) -> list[int] | None:
    return None if ratio is None else [ratio.numerator, ratio.denominator]


def _to_ratio(kept: Sequence[int] | None) -> Ratio | None:
    return None if kept is None else Ratio(*kept)

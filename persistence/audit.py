"""The audit log. The service adds to it and reads it; no login of the service may change or delete a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from domain.audit import Act, AuditEntry, CallerKind, Door, Origin, Subject, SubjectType
from domain.filters import AuditFilter
from domain.ids import AuditEntryId, TenantId
from domain.paging import Page, PageRequest
from domain.paging import Row as PageRow
from domain.policy import Action, Role
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of

# The subjects are in a table of their own, for under row-level security an array's containment uses no index.
_INTO = """
INSERT INTO audit_entry (tenant_id, entry_id, at, caller_kind, caller_id, role, party_id, action, operation,
    subject_count, door, address, request_id, posting_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_SUBJECTS_INTO = """
INSERT INTO audit_subject (tenant_id, entry_id, ordinal, subject_type, subject_id)
SELECT $1, $2, named.ordinal, named.type, named.id
FROM unnest($15::text[], $16::uuid[]) WITH ORDINALITY AS named (type, id, ordinal)
"""

_POSTING = """
INSERT INTO feed (tenant_id, number, kind, recorded_at, caller_id, posting_id) VALUES ($1, $17, $18, $3, $5, $14)
"""

ENTRY = f"WITH entry AS ({_INTO}) {_SUBJECTS_INTO}"
POSTING_WITH_ENTRY = f"WITH posting AS ({_POSTING}), entry AS ({_INTO}) {_SUBJECTS_INTO}"

ORDER = pages.Order(tables.audit_entry.c.at, tables.audit_entry.c.entry_id)


def entry_arguments(tenant: TenantId, entry: AuditEntry) -> tuple[object, ...]:
    """Of `ENTRY`, and the first ones of `POSTING_WITH_ENTRY`, which goes on with the feed's number and kind."""
    act, origin = entry.act, entry.origin
    return (
        tenant,
        entry.id,
        entry.at,
        entry.caller_kind.value,
        entry.caller,
        None if entry.role is None else entry.role.value,
        entry.party,
        _action_name(act.action),
        act.operation,
        act.subject_count,
        None if origin is None else origin.door.value,
        None if origin is None else origin.address,
        None if origin is None else origin.request,
        entry.posting,
        [each.type.value for each in act.subjects],
        [each.id for each in act.subjects],
    )


class StoredAuditLog:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_ids(self, ids: Collection[AuditEntryId]) -> Mapping[AuditEntryId, AuditEntry]:
        if not ids:
            return {}
        rows = await self._session.rows(self._seen().where(one_of(tables.audit_entry.c.entry_id, list(ids))))
        return {entry.id: entry for entry in await self._entries(rows)}

    async def page(self, wanted: PageRequest, where: AuditFilter) -> Page[AuditEntry]:
        rows, more = await pages.rows_of(self._session, self._matching(where), ORDER, wanted)
        entries = await self._entries(rows)
        placed = [PageRow(place=ORDER.place(row), item=item) for row, item in zip(rows, entries, strict=True)]
        return pages.paged(placed, wanted, more=more)

    async def count(self, where: AuditFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _seen(self) -> Select[Any]:
        row = tables.audit_entry.c
        return select(tables.audit_entry).where(row.tenant_id == self._session.tenant, slices.audit(self._session))

    def _matching(self, where: AuditFilter) -> Select[Any]:
        row, wanted = tables.audit_entry.c, self._seen()
        if where.actions:
            wanted = wanted.where(one_of(row.action, [_action_name(each) for each in where.actions]))
        if where.operations:
            wanted = wanted.where(one_of(row.operation, where.operations))
        if where.callers:
            wanted = wanted.where(one_of(row.caller_id, where.callers))
        if where.subjects:
            named = tables.audit_subject.c
            wanted = wanted.where(
                row.entry_id.in_(
                    select(named.entry_id).where(
                        named.tenant_id == self._session.tenant, one_of(named.subject_id, where.subjects)
                    )
                )
            )
        if where.since is not None:
            wanted = wanted.where(row.at >= where.since)
        if where.until is not None:
            wanted = wanted.where(row.at < where.until)
        return wanted

    async def _entries(self, rows: Sequence[Found]) -> list[AuditEntry]:
        """With the subjects of them all, in one statement."""
        if not rows:
            return []
        named = tables.audit_subject.c
        found = await self._session.rows(
            select(named.entry_id, named.subject_type, named.subject_id)
            .where(named.tenant_id == self._session.tenant, one_of(named.entry_id, [row["entry_id"] for row in rows]))
            .order_by(named.entry_id, named.ordinal)
        )
        subjects: dict[UUID, list[Subject]] = {}
        for row in found:
            subject = Subject(SubjectType(row["subject_type"]), row["subject_id"])
            subjects.setdefault(row["entry_id"], []).append(subject)
        return [_to_entry(row, tuple(subjects.get(row["entry_id"], ()))) for row in rows]


def _to_entry(row: Found, subjects: tuple[Subject, ...]) -> AuditEntry:
    return AuditEntry(
        id=row["entry_id"],
        at=row["at"],
        caller_kind=CallerKind(row["caller_kind"]),
        caller=row["caller_id"],
        role=None if row["role"] is None else Role(row["role"]),
        party=row["party_id"],
        act=Act(
            action=Action[row["action"].upper()],
            operation=row["operation"],
            subjects=subjects,
            subject_count=row["subject_count"],
        ),
        origin=_origin(row),
        posting=row["posting_id"],
    )


def _origin(row: Found) -> Origin | None:
    if row["door"] is None:
        return None
    return Origin(door=Door(row["door"]), address=row["address"], request=row["request_id"])


def _action_name(action: Action) -> str:
    """Its value is a text for people, which may be worded anew."""
    return action.name.lower()

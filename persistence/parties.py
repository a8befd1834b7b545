"""Parties and their tree."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select

from domain.ids import PartyId
from domain.paging import Page, PageRequest
from domain.party import Party, PartyKind
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of, printable

# Upwards from each new party; parents may be new ones of the same call. The bound only stops what a check of the domain
# would have refused: parties that are above themselves.
LINES = """
WITH RECURSIVE up (party_id, ancestor_id, distance) AS (
    SELECT party_id, party_id, 0 FROM party WHERE tenant_id = $1 AND party_id = ANY ($2::uuid[])
    UNION ALL
    SELECT up.party_id, above.parent_id, up.distance + 1
    FROM up JOIN party above ON above.tenant_id = $1 AND above.party_id = up.ancestor_id
    WHERE above.parent_id IS NOT NULL AND up.distance < 100
)
INSERT INTO party_line (tenant_id, ancestor_id, party_id, distance)
SELECT $1, ancestor_id, party_id, distance FROM up ORDER BY ancestor_id, party_id
"""

ORDER = pages.Order(tables.party.c.code, tables.party.c.party_id)


class StoredParties:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, parties: Sequence[Party]) -> None:
        if not parties:
            return
        await self._session.insert(tables.party, [_to_row(party) for party in parties])
        await self._session.fetch(LINES, self._session.tenant, [party.id for party in parties])

    async def by_ids(self, ids: Collection[PartyId]) -> Mapping[PartyId, Party]:
        wanted = self._seen().where(one_of(tables.party.c.party_id, list(ids)))
        return {row["party_id"]: to_party(row) for row in await self._session.rows(wanted)} if ids else {}

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Party]:
        wanted = self._seen().where(one_of(tables.party.c.code, printable(codes)))
        return {row["code"]: to_party(row) for row in await self._session.rows(wanted)} if codes else {}

    async def lineages(self, ids: Collection[PartyId]) -> Mapping[PartyId, tuple[PartyId, ...]]:
        line = tables.party_line.c
        wanted = select(line.party_id, line.ancestor_id).where(
            line.tenant_id == self._session.tenant, one_of(line.party_id, list(ids))
        )
        found: dict[PartyId, list[PartyId]] = {}
        for row in await self._session.rows(wanted.order_by(line.party_id, line.distance)):
            found.setdefault(row["party_id"], []).append(row["ancestor_id"])
        return {party: tuple(line_up) for party, line_up in found.items()}

    async def below(self, ids: Collection[PartyId]) -> Mapping[PartyId, frozenset[PartyId]]:
        line = tables.party_line.c
        wanted = select(line.ancestor_id, line.party_id).where(
            line.tenant_id == self._session.tenant, one_of(line.ancestor_id, list(ids))
        )
        found: dict[PartyId, set[PartyId]] = {}
        for row in await self._session.rows(wanted):
            found.setdefault(row["ancestor_id"], set()).add(row["party_id"])
        return {party: frozenset(each) for party, each in found.items()}

    async def page(self, wanted: PageRequest, kinds: Collection[PartyKind]) -> Page[Party]:
        return await pages.page(self._session, self._of_kinds(kinds), ORDER, wanted, to_party)

    async def count(self, kinds: Collection[PartyKind]) -> int:
        return await pages.count(self._session, self._of_kinds(kinds))

    def _seen(self) -> Select[Any]:
        return select(tables.party).where(
            tables.party.c.tenant_id == self._session.tenant, slices.parties(self._session)
        )

    def _of_kinds(self, kinds: Collection[PartyKind]) -> Select[Any]:
        if not kinds:
            return self._seen()
        return self._seen().where(one_of(tables.party.c.kind, [kind.value for kind in kinds]))


def _to_row(party: Party) -> dict[str, object]:
    return {
        "party_id": party.id,
        "code": party.code,
        "name": party.name,
        "kind": party.kind.value,
        "parent_id": party.parent,
    }


def to_party(row: Found) -> Party:
    return Party(
        id=row["party_id"],
        code=row["code"],
        name=row["name"],
        kind=PartyKind(row["kind"]),
        parent=row["parent_id"],
    )

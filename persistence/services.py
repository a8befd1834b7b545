"""Services with their consumers and structures, and the graph that structures make of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true

from domain.filters import ServiceFilter
from domain.ids import PartyId, ServiceId
from domain.paging import Page, PageRequest
from domain.paging import Row as PageRow
from domain.service import Service, StructureVersion
from domain.structure import components
from persistence import pages, slices, tables
from persistence.session import Found, Session, one_of, printable
from persistence.structures import to_json, to_structure

ORDER = pages.Order(tables.service.c.code, tables.service.c.service_id)

# UNION, not UNION ALL: a service that several rest on is met once, and a cycle would end.
DOWNWARDS = """
WITH RECURSIVE below (service_id) AS (
    SELECT unnest($2::uuid[])
    UNION
    SELECT edge.component_id FROM below
    JOIN service_component edge ON edge.tenant_id = $1 AND edge.service_id = below.service_id
)
SELECT service_id FROM below
"""

UPWARDS = """
WITH RECURSIVE above (service_id) AS (
    SELECT unnest($2::uuid[])
    UNION
    SELECT edge.service_id FROM above
    JOIN service_component edge ON edge.tenant_id = $1 AND edge.component_id = above.service_id
)
SELECT service_id FROM above
"""

# A new edge closes a cycle only where a service that got one rests on itself. Two structures that each are fine may
# make one together: so this is asked at the transaction's end, when no other of the tenant can end before it.
CYCLE = """
WITH RECURSIVE below (origin, service_id) AS (
    SELECT edge.service_id, edge.component_id FROM unnest($2::uuid[]) AS changed (service_id)
    JOIN service_component edge ON edge.tenant_id = $1 AND edge.service_id = changed.service_id
    UNION
    SELECT below.origin, edge.component_id FROM below
    JOIN service_component edge ON edge.tenant_id = $1 AND edge.service_id = below.service_id
)
SELECT 1 FROM below WHERE service_id = origin LIMIT 1
"""


class StoredServices:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, services: Sequence[Service]) -> None:
        await self._session.insert(tables.service, [_to_row(service) for service in services])
        await self._session.insert(
            tables.service_consumer,
            [
                {"service_id": service.id, "party_id": consumer}
                for service in services
                for consumer in sorted(service.consumers)
            ],
        )
        structured = [(service.id, version) for service in services for version in service.structures]
        if structured:
            await self._add_structures(structured)

    async def add_structure(self, service: ServiceId, version: StructureVersion) -> None:
        await self._add_structures([(service, version)])

    async def by_ids(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]:
        return await self._loaded(one_of(tables.service.c.service_id, list(ids)), seen=slices.services(self._session))

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Service]:
        found = await self._loaded(one_of(tables.service.c.code, printable(codes)), seen=slices.services(self._session))
        return {service.code: service for service in found.values()}

    async def with_components(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]:
        found = await self._session.fetch(DOWNWARDS, self._session.tenant, list(ids))
        return await self._loaded(
            one_of(tables.service.c.service_id, [row["service_id"] for row in found]), seen=true()
        )

    async def resting_on(self, ids: Collection[ServiceId]) -> frozenset[ServiceId]:
        found = await self._session.fetch(UPWARDS, self._session.tenant, list(ids))
        return frozenset(ServiceId(row["service_id"]) for row in found)

    async def provided_by(self, provider: PartyId) -> Sequence[Service]:
        found = await self._loaded(tables.service.c.provider_id == provider, seen=true())
        return sorted(found.values(), key=lambda each: each.code)

    async def page(self, wanted: PageRequest, where: ServiceFilter) -> Page[Service]:
        rows, more = await pages.rows_of(self._session, self._matching(where), ORDER, wanted)
        services = await self._completed(rows)
        listed = [PageRow(place=ORDER.place(row), item=services[row["service_id"]]) for row in rows]
        return pages.paged(listed, wanted, more=more)

    async def count(self, where: ServiceFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    async def _add_structures(self, structured: Sequence[tuple[ServiceId, StructureVersion]]) -> None:
        await self._session.insert(
            tables.service_structure,
            [
                {
                    "service_id": service,
                    "effective_from": version.effective_from,
                    "structure": to_json(version.structure),
                    "posting_id": self._session.posting,
                }
                for service, version in structured
            ],
        )
        edges = _edges(structured)
        await self._session.insert_new(
            tables.service_component,
            [{"service_id": service, "component_id": component} for service, component in sorted(edges)],
        )
        self._session.closing.structured |= {service for service, _ in structured}

    async def _loaded(self, which: ColumnElement[bool], *, seen: ColumnElement[bool]) -> dict[ServiceId, Service]:
        row = tables.service.c
        wanted = select(tables.service).where(row.tenant_id == self._session.tenant, which, seen)
        return await self._completed(await self._session.rows(wanted))

    async def _completed(self, rows: Sequence[Found]) -> dict[ServiceId, Service]:
        if not rows:
            return {}
        ids = [row["service_id"] for row in rows]
        consumers: dict[ServiceId, set[PartyId]] = {}
        consumer = tables.service_consumer.c
        wanted = select(consumer.service_id, consumer.party_id).where(
            consumer.tenant_id == self._session.tenant, one_of(consumer.service_id, ids)
        )
        for found in await self._session.rows(wanted):
            consumers.setdefault(found["service_id"], set()).add(found["party_id"])
        structures: dict[ServiceId, list[StructureVersion]] = {}
        version = tables.service_structure.c
        wanted_versions = select(version.service_id, version.effective_from, version.structure).where(
            version.tenant_id == self._session.tenant, one_of(version.service_id, ids)
        )
        for found in await self._session.rows(wanted_versions.order_by(version.service_id, version.effective_from)):
            structures.setdefault(found["service_id"], []).append(
                StructureVersion(effective_from=found["effective_from"], structure=to_structure(found["structure"]))
            )
        return {
            row["service_id"]: _to_service(
                row, consumers.get(row["service_id"], set()), structures.get(row["service_id"], [])
            )
            for row in rows
        }

    def _matching(self, where: ServiceFilter) -> Select[Any]:
        row, consumer = tables.service.c, tables.service_consumer.c
        wanted = select(tables.service).where(row.tenant_id == self._session.tenant, slices.services(self._session))
        # By a party that the actor does not see nothing is found, or the filter would tell who else is served.
        if where.providers:
            seen = slices.of_parties(self._session, row.provider_id)
            wanted = wanted.where(one_of(row.provider_id, where.providers), seen)
        if where.consumers:
            consumed = select(consumer.service_id).where(
                consumer.tenant_id == self._session.tenant,
                one_of(consumer.party_id, where.consumers),
                slices.of_parties(self._session, consumer.party_id),
            )
            wanted = wanted.where(row.service_id.in_(consumed))
        return wanted


def _edges(structured: Sequence[tuple[ServiceId, StructureVersion]]) -> set[tuple[ServiceId, ServiceId]]:
    return {(service, component) for service, version in structured for component in components(version.structure)}


def _to_row(service: Service) -> dict[str, object]:
    return {
        "service_id": service.id,
        "code": service.code,
        "name": service.name,
        "provider_id": service.provider,
    }


def _to_service(row: Found, consumers: set[PartyId], structures: list[StructureVersion]) -> Service:
    return Service(
        id=row["service_id"],
        code=row["code"],
        name=row["name"],
        provider=row["provider_id"],
        consumers=frozenset(consumers),
        structures=tuple(structures),
    )

"""Agreements with their versions and objectives. A version is only ever added, and comes into force once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, true, update

from domain.agreement import Agreement, AgreementKind, Clause, ClauseKind, ObjectivePlace, Version
from domain.errors import WrongState
from domain.filters import AgreementFilter
from domain.ids import AgreementId, ObjectiveId, PartyId, VersionId
from domain.objective import Objective
from domain.paging import Page, PageRequest
from domain.paging import Row as PageRow
from domain.service import Service
from persistence import objectives, pages, slices, tables
from persistence.session import Found, Session, one_of
from persistence.terms_json import exclusion_terms_to_json, recurrence_to_json, to_exclusion_terms, to_recurrence

ORDER = pages.Order(tables.agreement.c.code, tables.agreement.c.agreement_id)

# Whoever compares a provider's agreements waits for the end of the last one who did, so that of two that are fine alone
# the second is compared with the first. Only this statement locks the row so; foreign keys don't wait for it.
ONE_AT_A_TIME = "SELECT 1 FROM party WHERE tenant_id = $1 AND party_id = $2 FOR NO KEY UPDATE"


class StoredAgreements:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, agreement: Agreement) -> None:
        await self._session.insert(tables.agreement, [self._to_row(agreement)])
        for_all = [self._version_row(agreement, version) for version in agreement.versions]
        await self._session.insert(tables.agreement_version, for_all)
        promised = [row for version in agreement.versions for row in objectives.to_rows(version)]
        await self._session.insert(tables.objective, promised)

    async def add_version(self, agreement: Agreement) -> None:
        last = agreement.versions[-1]
        await self._session.insert(tables.agreement_version, [self._version_row(agreement, last)])
        await self._session.insert(tables.objective, objectives.to_rows(last))

    async def activate(self, agreement: Agreement) -> None:
        last, row = agreement.versions[-1], tables.agreement_version.c
        changed = await self._session.run(
            update(tables.agreement_version)
            .where(row.tenant_id == self._session.tenant, row.version_id == last.id, row.activated_at.is_(None))
            .values(activated_at=last.activated_at, activation_posting_id=self._session.posting)
        )
        if not changed:
            raise WrongState("the version is in force already")

    async def by_ids(self, ids: Collection[AgreementId]) -> Mapping[AgreementId, Agreement]:
        if not ids:
            return {}
        return await self._loaded(
            one_of(tables.agreement.c.agreement_id, list(ids)), seen=slices.agreements(self._session)
        )

    async def by_objectives(self, ids: Collection[ObjectiveId]) -> Mapping[ObjectiveId, ObjectivePlace]:
        if not ids:
            return {}
        version, objective = tables.agreement_version.c, tables.objective.c
        standing = select(version.agreement_id).where(
            version.tenant_id == self._session.tenant,
            version.version_id.in_(
                select(objective.version_id).where(
                    objective.tenant_id == self._session.tenant, one_of(objective.objective_id, list(ids))
                )
            ),
        )
        found = await self._loaded(tables.agreement.c.agreement_id.in_(standing), seen=slices.agreements(self._session))
        wanted = frozenset(ids)
        return {
            objective.id: ObjectivePlace(objective=objective, agreement=agreement, version=version.id)
            for agreement in found.values()
            for version in agreement.versions
            for objective in version.objectives
            if objective.id in wanted
        }

    async def of_provider(self, provider: PartyId) -> Sequence[Agreement]:
        await self._session.fetch(ONE_AT_A_TIME, self._session.tenant, provider)
        found = await self._loaded(tables.agreement.c.provider_id == provider, seen=true())
        return tuple(sorted(found.values(), key=lambda each: each.code))

    async def concerning(self, service: Service, lineage: Sequence[PartyId]) -> Sequence[Agreement]:
        row = tables.agreement.c
        on_service = or_(
            row.service_id == service.id, and_(row.service_id.is_(None), row.provider_id == service.provider)
        )
        for_customer = or_(row.customer_id.is_(None), one_of(row.customer_id, lineage))
        found = await self._loaded(and_(on_service, for_customer), seen=slices.agreements(self._session))
        return tuple(sorted(found.values(), key=lambda each: each.code))

    async def page(self, wanted: PageRequest, where: AgreementFilter) -> Page[Agreement]:
        rows, more = await pages.rows_of(self._session, self._matching(where), ORDER, wanted)
        agreements = await self._completed(rows)
        listed = [PageRow(place=ORDER.place(row), item=agreements[row["agreement_id"]]) for row in rows]
        return pages.paged(listed, wanted, more=more)

    async def count(self, where: AgreementFilter) -> int:
        return await pages.count(self._session, self._matching(where))

    def _matching(self, where: AgreementFilter) -> Select[Any]:
        row = tables.agreement.c
        wanted = select(tables.agreement).where(row.tenant_id == self._session.tenant, slices.agreements(self._session))
        if where.kinds:
            wanted = wanted.where(one_of(row.kind, [kind.value for kind in where.kinds]))
        if where.providers:
            wanted = wanted.where(one_of(row.provider_id, where.providers))
        if where.customers:
            wanted = wanted.where(one_of(row.customer_id, where.customers))
        if where.services:
            wanted = wanted.where(one_of(row.service_id, where.services))
        return wanted

    async def _loaded(self, which: ColumnElement[bool], *, seen: ColumnElement[bool]) -> dict[AgreementId, Agreement]:
        wanted = select(tables.agreement).where(tables.agreement.c.tenant_id == self._session.tenant, which, seen)
        return await self._completed(await self._session.rows(wanted))

    async def _completed(self, rows: Sequence[Found]) -> dict[AgreementId, Agreement]:
        if not rows:
            return {}
        version = tables.agreement_version.c
        wanted = select(tables.agreement_version).where(
            version.tenant_id == self._session.tenant,
            one_of(version.agreement_id, [row["agreement_id"] for row in rows]),
        )
        version_rows = await self._session.rows(wanted.order_by(version.agreement_id, version.number))
        promised = await self._objectives([row["version_id"] for row in version_rows])
        versions: dict[AgreementId, list[Version]] = {}
        for row in version_rows:
            versions.setdefault(row["agreement_id"], []).append(_to_version(row, promised.get(row["version_id"], [])))
        return {row["agreement_id"]: _to_agreement(row, versions.get(row["agreement_id"], [])) for row in rows}

    async def _objectives(self, versions: Sequence[VersionId]) -> dict[VersionId, list[Objective]]:
        row = tables.objective.c
        wanted = select(tables.objective).where(row.tenant_id == self._session.tenant, one_of(row.version_id, versions))
        found: dict[VersionId, list[Objective]] = {}
        for each in await self._session.rows(wanted.order_by(row.version_id, row.ordinal)):
            found.setdefault(each["version_id"], []).append(objectives.to_objective(each))
        return found

    def _to_row(self, agreement: Agreement) -> dict[str, object]:
        return {
            "agreement_id": agreement.id,
            "code": agreement.code,
            "name": agreement.name,
            "kind": agreement.kind.value,
            "provider_id": agreement.provider,
            "customer_id": agreement.customer,
            "service_id": agreement.service,
            "starts_at": agreement.starts_at,
            "ends_at": agreement.ends_at,
            "posting_id": self._session.posting,
        }

    def _version_row(self, agreement: Agreement, version: Version) -> dict[str, object]:
        return {
            "version_id": version.id,
            "agreement_id": agreement.id,
            "number": version.number,
            "effective_from": version.effective_from,
            "grace": version.grace,
            "judge_partial_periods": version.judge_partial_periods,
            "clauses": [{"kind": clause.kind.value, "text": clause.text} for clause in version.clauses],
            "exclusion_terms": [exclusion_terms_to_json(terms) for terms in version.exclusion_terms],
            "recurring": [recurrence_to_json(recurrence) for recurrence in version.recurring],
            "posting_id": self._session.posting,
            "activated_at": version.activated_at,
            "activation_posting_id": None if version.activated_at is None else self._session.posting,
        }


def _to_agreement(row: Found, versions: list[Version]) -> Agreement:
    return Agreement(
        id=row["agreement_id"],
        code=row["code"],
        name=row["name"],
        kind=AgreementKind(row["kind"]),
        provider=row["provider_id"],
        customer=row["customer_id"],
        service=row["service_id"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        versions=tuple(versions),
    )


def _to_version(row: Found, promised: list[Objective]) -> Version:
    return Version(
        id=row["version_id"],
        number=row["number"],
        effective_from=row["effective_from"],
        objectives=tuple(promised),
        clauses=tuple(Clause(kind=ClauseKind(each["kind"]), text=each["text"]) for each in row["clauses"]),
        grace=row["grace"],
        judge_partial_periods=row["judge_partial_periods"],
        exclusion_terms=tuple(to_exclusion_terms(each) for each in row["exclusion_terms"]),
        recurring=tuple(to_recurrence(each) for each in row["recurring"]),
        activated_at=row["activated_at"],
    )

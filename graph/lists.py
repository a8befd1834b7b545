"""The lists of the schema: each a page of one noun, under a filter and an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import strawberry

from domain.attainment import Attainment as AttainmentFound
from domain.paging import Page, PageRequest
from domain.ports import Work
from graph.agreement import Agreement, AgreementFilter, AgreementOrder
from graph.attainment import Attainment, AttainmentFilter, AttainmentOrder
from graph.audit import AuditEntry, AuditFilter, AuditOrder
from graph.breach import Breach, BreachFilter, BreachOrder
from graph.case import Case, CaseFilter, CaseOrder
from graph.connections import After, Before, Connection, First, Last, Listed, Wanted, listed, shown_as
from graph.desk import Info
from graph.exclusion import Exclusion, ExclusionFilter, ExclusionOrder
from graph.metric import Metric, MetricFilter, MetricOrder
from graph.outage import Outage, OutageFilter, OutageOrder
from graph.party import Party, PartyFilter, PartyOrder
from graph.placed import verdicts
from graph.rights import ROOT_FIELDS, admitted
from graph.service import Service, ServiceFilter, ServiceOrder

UNSET: Any = strawberry.UNSET
Repository = Callable[[Work], Any]
"""The port of a noun: it has `page` and `count`, which take what the noun's filter means."""


def _list(noun: Any, filter_type: Any, order_type: Any, description: str, port: Repository) -> Any:
    """A field that is a list: always with the same arguments, and so written once."""
    default_order = order_type()

    async def resolve(
        info: Info,
        first: Any = UNSET,
        after: Any = UNSET,
        last: Any = UNSET,
        before: Any = UNSET,
        where: Any = UNSET,
        order_by: Any = default_order,
    ) -> Listed[Any]:
        at = admitted(info)
        meant = (where or filter_type()).meant()
        wanted = Wanted(
            info.field_name, ROOT_FIELDS[info.field_name], meant, order_by.direction, first, after, last, before
        )
        return await listed(
            at, wanted, lambda work, page: _page(port(work), page, meant), lambda work: port(work).count(meant)
        )

    # The types differ from list to list, so strawberry is told of them as values.
    resolve.__annotations__ = {
        "info": Info,
        "first": First,
        "after": After,
        "last": Last,
        "before": Before,
        "where": Annotated[
            filter_type | None, strawberry.argument(name="filter", description="Which of them. Default: all.")
        ],
        "order_by": Annotated[order_type, strawberry.argument(description="In which order.")],
    }
    return strawberry.field(resolver=resolve, graphql_type=Connection[noun], description=description)


async def _page(port: Any, wanted: PageRequest, meant: object) -> Page[Any]:
    page: Page[Any] = await port.page(wanted, meant)
    return page


class _Verdicts:
    """Attainments, each with what it takes to show it, read in the same unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.count = work.attainments.count

    async def page(self, wanted: PageRequest, where: Any) -> Page[Any]:
        found = await self._work.attainments.page(wanted, where)
        attainments: Sequence[AttainmentFound] = [row.item for row in found.rows]
        return shown_as(found, await verdicts(self._work, attainments))


@strawberry.type
class Lists:
    parties = _list(Party, PartyFilter, PartyOrder, "Parties.", lambda work: work.parties)
    metrics = _list(Metric, MetricFilter, MetricOrder, "Metrics.", lambda work: work.metrics)
    services = _list(Service, ServiceFilter, ServiceOrder, "Services.", lambda work: work.services)
    agreements = _list(
        Agreement, AgreementFilter, AgreementOrder, "Agreements, drafts too.", lambda work: work.agreements
    )
    outages = _list(
        Outage, OutageFilter, OutageOrder, "Outages as known now, without withdrawn ones.", lambda work: work.outages
    )
    cases = _list(Case, CaseFilter, CaseOrder, "Cases as known now, without withdrawn ones.", lambda work: work.cases)
    exclusions = _list(
        Exclusion,
        ExclusionFilter,
        ExclusionOrder,
        "Exclusions as known now, without withdrawn ones.",
        lambda work: work.exclusions,
    )
    attainments = _list(
        Attainment, AttainmentFilter, AttainmentOrder, "Verdicts, each in its latest revision.", _Verdicts
    )
    breaches = _list(
        Breach,
        BreachFilter,
        BreachOrder,
        "Breaches, withdrawn ones too. What is or was only at risk is listed where the filter names its state.",
        lambda work: work.breaches,
    )
    audit_entries = _list(
        AuditEntry,
        AuditFilter,
        AuditOrder,
        "The audit log: every act that changed something. For administrators and auditors; a caller with a party sees"
        " what was done by callers of it, or of one below it.",
        lambda work: work.audit_log,
    )

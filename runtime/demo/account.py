"""What the demo tells: the verdicts and breaches of its tenant, read from storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.actor import Actor
from domain.agreement import Agreement
from domain.attainment import Attainment
from domain.breach import AtRisk, Breach, RiskPassed
from domain.filters import AttainmentFilter
from domain.ids import AgreementId, ObjectiveId, PeriodId, ServiceId
from domain.metric import Metric
from domain.objective import Objective
from domain.party import Party
from domain.ports import OpenWork
from domain.service import Service
from domain.spans import Span
from runtime.demo.catalog import Catalog
from runtime.demo.contracts import CONTRACTS
from runtime.demo.naming import Names
from runtime.demo.plan import Plan, first_instant
from runtime.demo.records import Record
from runtime.demo.replay import Counts
from runtime.demo.story import UNDER_CONTRACT, RecordName
from runtime.demo.whole import every

PERIODS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An attainment with what it is about. `breach` is None where nothing was missed."""

    agreement: Agreement
    objective: Objective
    metric: Metric
    service: Service
    attainment: Attainment
    breach: Breach | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """How many breaches were at risk before they opened, and how many periods were at risk and never opened one."""

    opened: int
    passed: int
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncontracted:
    """A component under no contract, and the records of it."""

    name: RecordName
    code: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`verdicts`: on all periods that had begun by the replay's end, agreement by agreement, in order of time."""

    tenant: str
    file: str
    records: int
    first: datetime
    last: datetime
    began: datetime
    ended: datetime
    counts: Counts
    uncontracted: tuple[Uncontracted, ...]
    parties: Mapping[str, Party]
    verdicts: tuple[Verdict, ...]
    risks: Risks

    @property
    def finished(self) -> tuple[Verdict, ...]:
        """On periods that ended within the replay."""
        return tuple(each for each in self.verdicts if each.attainment.period.span.end <= self.ended)

    @property
    def running(self) -> tuple[Verdict, ...]:
        """On periods that had begun by the replay's end, and not ended."""
        return tuple(each for each in self.verdicts if each.attainment.period.span.end > self.ended)

    @property
    def latest(self) -> list[Verdict]:
        """Of each objective on each service the last finished period; the running one where none has ended."""
        found = {_promise(each): each for each in (*self.running, *self.finished)}
        return [each for each in self.verdicts if found[_promise(each)] is each]

    @property
    def breached(self) -> list[Verdict]:
        """Verdicts with a breach, in the order in which they opened."""
        found = [(each.breach.opened_at, each.breach.id, each) for each in self.verdicts if each.breach is not None]
        return [each for _, _, each in sorted(found, key=lambda item: item[:2])]

    @property
    def not_under_contract(self) -> int:
        return sum(each.records for each in self.uncontracted)


def _promise(verdict: Verdict) -> tuple[ObjectiveId, ServiceId]:
    return verdict.objective.id, verdict.service.id


async def account_of(
    open_work: OpenWork,
    actor: Actor,
    *,
    tenant: str,
    file: str,
    records: Sequence[Record],
    names: Names,
    catalog: Catalog,
    plan: Plan,
    counts: Counts,
) -> Account:
    attainments, breaches = await _judged(open_work, actor, Span(plan.begins, plan.ends))
    verdicts = _verdicts(attainments, breaches, catalog)
    return Account(
        tenant=tenant,
        file=file,
        records=len(records),
        first=first_instant(records),
        last=max(record.last_instant for record in records),
        began=plan.begins,
        ended=plan.ends,
        counts=counts,
        uncontracted=_uncontracted(records, names),
        parties=catalog.parties,
        verdicts=tuple(verdicts),
        risks=_risks(breaches),
    )


def _risks(breaches: Mapping[PeriodId, Breach]) -> Risks:
    warned = [breach for breach in breaches.values() if breach.risk is not None]
    return Risks(
        opened=sum(not breach.never_opened for breach in warned),
        passed=sum(isinstance(breach.state, RiskPassed) for breach in warned),
        running=sum(isinstance(breach.state, AtRisk) for breach in warned),
    )


def _uncontracted(records: Sequence[Record], names: Names) -> tuple[Uncontracted, ...]:
    """Those with most records first."""
    found = Counter(record.name for record in records if record.name not in UNDER_CONTRACT)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], names.services[pair[0]]))
    return tuple(Uncontracted(name=name, code=names.services[name], records=count) for name, count in ordered)


async def _judged(
    open_work: OpenWork, actor: Actor, within: Span
) -> tuple[Sequence[Attainment], Mapping[PeriodId, Breach]]:
    where = AttainmentFilter(within=within)
    attainments = await every(open_work, actor, lambda work, wanted: work.attainments.page(wanted, where))
    return attainments, await _breaches(open_work, actor, [each.id for each in attainments])


def _verdicts(
    attainments: Sequence[Attainment], breaches: Mapping[PeriodId, Breach], catalog: Catalog
) -> list[Verdict]:
    opened = {period: breach for period, breach in breaches.items() if not breach.never_opened}
    agreements: dict[AgreementId, Agreement] = {each.id: each for each in catalog.agreements.values()}
    services: dict[ServiceId, Service] = {each.id: each for each in catalog.services.values()}
    metrics = {each.id: each for each in catalog.metrics.values()}
    objectives: dict[ObjectiveId, Objective] = {
        objective.id: objective
        for agreement in agreements.values()
        for version in agreement.versions
        for objective in version.objectives
    }
    found = [
        Verdict(
            agreement=agreements[each.agreement],
            objective=objectives[each.objective],
            metric=metrics[objectives[each.objective].metric],
            service=services[each.service],
            attainment=each,
            breach=opened.get(each.id),
        )
        for each in attainments
        if each.agreement in agreements and each.service in services
    ]
    return sorted(found, key=_place)


async def _breaches(open_work: OpenWork, actor: Actor, ids: Sequence[PeriodId]) -> dict[PeriodId, Breach]:
    found: dict[PeriodId, Breach] = {}
    async with open_work(actor) as work:
        for begin in range(0, len(ids), PERIODS_AT_ONCE):
            found |= await work.breaches.by_periods(ids[begin : begin + PERIODS_AT_ONCE])
    return found


def _place(verdict: Verdict) -> tuple[int, str, str, str, datetime]:
    """Agreements in the story's order, those that came later behind."""
    codes = [contract.code for contract in CONTRACTS]
    code = verdict.agreement.code
    order = codes.index(code) if code in codes else len(codes)
    return order, code, verdict.objective.code, verdict.service.code, verdict.attainment.period.span.start

"""What was known at an instant: verdicts and terms as they stood then, computed anew in one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.actor import Actor
from domain.agreement import Agreement
from domain.attainment import Attainment
from domain.errors import Invalid
from domain.evaluate import Facts, evaluate
from domain.exclusion import Exclusion
from domain.history import KnownAt
from domain.history_ports import History
from domain.ids import AgreementId, PeriodId
from domain.instants import checked_instant
from domain.mark import JudgedPeriod
from domain.policy import Action
from domain.ports import OpenWork, Work
from domain.usecases.judging import Task, load, read_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVerdict:
    """A verdict as it was known, with all that it was made of."""

    attainment: Attainment
    known_at: KnownAt
    task: Task
    facts: Facts
    exclusions: tuple[Exclusion, ...]

    @property
    def version_number(self) -> int:
        versions = self.task.place.agreement.versions
        return next(version.number for version in versions if version.id == self.task.place.version)


async def attainments_as_of(
    open_work: OpenWork, actor: Actor, ids: Collection[PeriodId], as_of: datetime, *, now: datetime
) -> Mapping[PeriodId, KnownVerdict]:
    """The verdicts as whoever judged at the instant would have told them, of those that the actor sees.

    Without those whose terms were not in force, or about to be, as known then. The answer never changes.
    """
    actor.must(Action.READ_VERDICTS)
    instant = past_instant(as_of, now=now)
    await seal(open_work, actor, instant)
    async with open_work(actor) as work:
        history = await work.histories.as_of(instant)
        return await known_verdicts(work, history, ids)


async def agreements_as_of(
    open_work: OpenWork, actor: Actor, ids: Collection[AgreementId], as_of: datetime, *, now: datetime
) -> Mapping[AgreementId, Agreement]:
    """With the versions that were known, each as a draft or activated as it then was. Without those not known yet."""
    actor.must(Action.READ_AGREEMENTS)
    instant = past_instant(as_of, now=now)
    await seal(open_work, actor, instant)
    async with open_work(actor) as work:
        history = await work.histories.as_of(instant)
        return await history.agreements_by_ids(ids)


def past_instant(as_of: datetime, *, now: datetime, field: str = "at") -> datetime:
    """Raises Invalid for an instant that is yet to come: what will be known then is not known."""
    instant = checked_instant(as_of, field)
    if instant > now:
        raise Invalid("what is known at an instant that is yet to come cannot be told", path=(field,))
    return instant


async def seal(open_work: OpenWork, actor: Actor, at: datetime) -> None:
    async with open_work(actor) as work:
        await work.histories.seal(at)


async def known_verdicts(work: Work, history: History, ids: Collection[PeriodId]) -> Mapping[PeriodId, KnownVerdict]:
    """`work` is the unit of work of the history: the actor sees in it what it sees."""
    seen = await work.attainments.by_ids(ids)
    places = await history.agreements.by_objectives({each.objective for each in seen.values()})
    periods = [
        JudgedPeriod(objective=each.objective, service=each.service, period=each.period)
        for each in seen.values()
        if each.objective in places
    ]
    if not periods:
        return {}
    at = history.known_at.at
    loaded = await load(history, periods)
    facts = await read_facts(history, loaded, at)
    found: dict[PeriodId, KnownVerdict] = {}
    for task in loaded.tasks:
        period = task.wanted.period
        verdict = evaluate(task.subject, facts[period.id], loaded.exclusions, period, at)
        found[period.id] = KnownVerdict(
            attainment=replace(verdict, next_at=None),
            known_at=history.known_at,
            task=task,
            facts=facts[period.id],
            exclusions=tuple(loaded.exclusions),
        )
    return found

"""Replays a plan through the use cases of the API, on a clock that moves with it, with the worker behind every step.

Every posting has an idempotency key. So a replay that was broken off, even by a kill -9, is taken up where it stopped:
what was posted answers as it did then, and what its postings had made dirty is judged first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.actor import Actor
from domain.attainment import Phase
from domain.audit import Door, Origin
from domain.filters import AttainmentFilter
from domain.ids import KeyId, TenantId
from domain.party import Party
from domain.policy import Role
from domain.ports import OpenWork
from domain.spans import Span
from domain.usecases.batches import from_result
from domain.usecases.once import earlier
from domain.usecases.record_exclusions import RecordExclusion, record_exclusion
from domain.usecases.record_measurements import RecordMeasurements, record_measurements
from domain.usecases.record_outages import RecordOutages, record_outages
from runtime.clock import SettableClock
from runtime.demo.plan import STEWARD, Plan, Posting, Step
from runtime.demo.records import INSTANT
from runtime.demo.story import ENGINEERING
from runtime.demo.whole import every
from runtime.service import Running

REPLAY_KEY = KeyId(UUID(int=1))
"""Who the replay is in the records: no key."""
HERE = Origin(door=Door.COMMAND_LINE)
FINISHED = Posting(key="replay/finished", actor=STEWARD, command=RecordOutages())
"""Posts nothing; that it was answered tells that all before it was posted and judged."""

Moved = Callable[[int, datetime], None]
"""Told how many steps were taken, and the instant that the replay has come to."""


@dataclass(slots=True)
class Counts:
    """What the postings came to. A duplicate had no effect (design.md, law 2)."""

    recorded: int = 0
    duplicates: int = 0
    exclusions: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the replay plays: `clock` is the one that `running` reads."""

    running: Running
    clock: SettableClock
    tenant: TenantId
    actors: Mapping[str | None, Actor]


def steward_of(tenant: TenantId) -> Actor:
    return Actor(tenant=tenant, caller=REPLAY_KEY, role=Role.ADMIN, origin=HERE)


def actors_of(tenant: TenantId, parties: Mapping[str, Party], vendors: Iterable[str]) -> dict[str | None, Actor]:
    """Each vendor's integration acts for its vendor and sees nothing else."""
    actors: dict[str | None, Actor] = {STEWARD: steward_of(tenant)}
    for code in vendors:
        actors[code] = Actor(tenant=tenant, caller=REPLAY_KEY, role=Role.VENDOR, party=parties[code].id, origin=HERE)
    actors[ENGINEERING] = Actor(
        tenant=tenant, caller=REPLAY_KEY, role=Role.INGEST, party=parties[ENGINEERING].id, origin=HERE
    )
    return actors


async def is_finished(open_work: OpenWork, tenant: TenantId) -> bool:
    answers = await _answers(open_work, steward_of(tenant), [FINISHED])
    return FINISHED.key in answers


async def replay(stage: Stage, plan: Plan, moved: Moved) -> None:
    """From the first step that was not posted whole, once what was posted before it is judged."""
    answered = await _answered(stage, plan)
    ahead = [step for step in plan.steps if any(posting.key not in answered for posting in step.postings)]
    behind = [step.at for step in plan.steps if not ahead or step.at < ahead[0].at]
    stage.clock.move_to(behind[-1] if behind else plan.begins)
    moved(len(behind), stage.clock())
    # Where part of a step was posted, the one before it was judged, and that part is judged with the rest of its step.
    if not (ahead and any(posting.key in answered for posting in ahead[0].postings)):
        await stage.running.worker.settle_tenant(stage.tenant)
    for step in ahead:
        if plan.lasting:
            await _until(stage, step.at)
        await _take(stage, step)
        moved(1, step.at)
    await _post(stage, FINISHED)


async def counts_of(stage: Stage, plan: Plan) -> Counts:
    """As every posting was answered when it was carried out, in this run or before."""
    answered = await _answered(stage, plan)
    counts = Counts()
    excluded: set[str] = set()
    for posting in plan.postings:
        result = answered.get(posting.key)
        if result is None:
            continue
        match posting.command:
            case RecordOutages():
                recorded = from_result(result)
                counts.recorded += recorded.recorded
                counts.duplicates += recorded.duplicates
            case RecordMeasurements():
                counts.points += from_result(result).recorded
            case RecordExclusion():
                counts.duplicates += posting.key in excluded
                counts.exclusions += posting.key not in excluded
                excluded.add(posting.key)
    return counts


async def _take(stage: Stage, step: Step) -> None:
    stage.clock.move_to(step.at)
    for posting in step.postings:
        await _post(stage, posting)
    await stage.running.worker.settle_tenant(stage.tenant)


async def _post(stage: Stage, posting: Posting) -> None:
    open_work, actor = stage.running.open_work, stage.actors[posting.actor]
    at, mint, key = stage.clock(), stage.running.mint, posting.key
    match posting.command:
        case RecordOutages() as outages:
            await record_outages(open_work, actor, outages, at=at, mint=mint, key=key)
        case RecordExclusion() as exclusion:
            await record_exclusion(open_work, actor, exclusion, at=at, mint=mint, key=key)
        case RecordMeasurements() as measurements:
            await record_measurements(open_work, actor, measurements, at=at, mint=mint, key=key)


async def _until(stage: Stage, instant: datetime) -> None:
    """While a record has no end, verdicts change by time alone: they are judged when they say that they do."""
    while (due := await _next_due(stage)) is not None and due < instant:
        stage.clock.move_to(due)
        await stage.running.worker.settle_tenant(stage.tenant)


async def _next_due(stage: Stage) -> datetime | None:
    now = stage.clock()
    running = AttainmentFilter(phases=frozenset({Phase.OPEN}), within=Span(now, now + INSTANT))
    found = await every(
        stage.running.open_work,
        stage.actors[STEWARD],
        lambda work, wanted: work.attainments.page(wanted, running),
    )
    return min((each.next_at for each in found if each.next_at is not None and each.next_at > now), default=None)


async def _answered(stage: Stage, plan: Plan) -> Mapping[str, Mapping[str, object]]:
    """By key: the answers of the postings that were carried out."""
    by_actor: dict[str | None, list[Posting]] = {}
    for posting in plan.postings:
        by_actor.setdefault(posting.actor, []).append(posting)
    answered: dict[str, Mapping[str, object]] = {}
    for actor, postings in by_actor.items():
        answered |= await _answers(stage.running.open_work, stage.actors[actor], postings)
    return answered


class _Asked(Exception):
    """Ends a unit of work that only asked, so that the keys it tried are not kept."""


async def _answers(open_work: OpenWork, actor: Actor, postings: Sequence[Posting]) -> dict[str, Mapping[str, object]]:
    """Postings are carried out in order, so the first that was not is the last to be asked for."""
    answers: dict[str, Mapping[str, object]] = {}
    try:
        async with open_work(actor) as work:
            for posting in postings:
                answer = await earlier(work, posting.key, posting.command)
                if answer is None:
                    break
                answers[posting.key] = answer
            raise _Asked
    except _Asked:
        return answers

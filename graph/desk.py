"""Where one operation is served: its actor, its loaders, and a few units of work at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from domain.actor import Actor
from domain.agreement import Agreement
from domain.attainment import Attainment
from domain.audit import AuditEntry
from domain.breach import Breach
from domain.columns import RecordedCase, RecordedOutage
from domain.exclusion import Exclusion
from domain.ids import (
    AgreementId,
    AuditEntryId,
    BreachId,
    ExclusionId,
    MetricId,
    ObjectiveId,
    PartyId,
    PeriodId,
    ServiceId,
    StreamId,
)
from domain.metric import Metric
from domain.party import Party
from domain.policy import Action
from domain.ports import Mint, OpenWork, Work
from domain.service import Service
from domain.stream import Stream
from domain.usecases.history import KnownVerdict, agreements_as_of, attainments_as_of
from domain.usecases.reading import read
from graph.application import Application
from graph.context import Context, MakeContext
from graph.dataloading import Loaders
from graph.feed_reads import FeedReads
from graph.limits import Limits
from graph.placed import Judged, PlacedObjective, Verdict, placed_objectives, verdicts, verdicts_on

Info: TypeAlias = strawberry.Info[Context, None]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
T = TypeVar("T")


class _KnownAt(Protocol[K, V_co]):
    """A use case that tells what was known at an instant."""

    async def __call__(
        self, open_work: OpenWork, actor: Actor, ids: Collection[K], as_of: datetime, *, now: datetime
    ) -> Mapping[K, V_co]: ...


class Desk:
    """The application, as one operation of one actor may use it.

    A loader answers None for what is not there and for what the actor may not see.
    """

    def __init__(
        self, application: Application, actor: Actor, limits: Limits, deadline: float, read_feed: FeedReads
    ) -> None:
        self.application = application
        self.read_feed = read_feed
        self.actor = actor
        self._deadline = deadline
        self._loaders = Loaders(limits)
        self._slots = asyncio.Semaphore(application.works_max)

    @asynccontextmanager
    async def open_work(self, actor: Actor) -> AsyncIterator[Work]:
        """As `OpenWork`: with all slots taken it waits for its turn. Use cases never open one inside another."""
        async with self._slots, self.application.open_work(actor, deadline=self._deadline) as work:
            yield work

    @property
    def mint(self) -> Mint:
        return self.application.mint

    def now(self) -> datetime:
        return self.application.clock()

    async def read(self, action: Action, ask: Callable[[Work], Awaitable[T]]) -> T:
        return await read(self.open_work, self.actor, action, ask)

    @cached_property
    def parties(self) -> DataLoader[PartyId, Party | None]:
        return self._loader(Action.READ_PARTIES, lambda work, ids: work.parties.by_ids(ids))

    @cached_property
    def metrics(self) -> DataLoader[MetricId, Metric | None]:
        return self._loader(Action.READ_METRICS, lambda work, ids: work.metrics.by_ids(ids))

    @cached_property
    def services(self) -> DataLoader[ServiceId, Service | None]:
        return self._loader(Action.READ_SERVICES, lambda work, ids: work.services.by_ids(ids))

    @cached_property
    def agreements(self) -> DataLoader[AgreementId, Agreement | None]:
        return self._loader(Action.READ_AGREEMENTS, lambda work, ids: work.agreements.by_ids(ids))

    @cached_property
    def objectives(self) -> DataLoader[ObjectiveId, PlacedObjective | None]:
        return self._loader(Action.READ_AGREEMENTS, placed_objectives)

    @cached_property
    def streams(self) -> DataLoader[StreamId, Stream | None]:
        return self._loader(Action.READ_FACTS, lambda work, ids: work.streams.by_ids(ids))

    @cached_property
    def outages(self) -> DataLoader[UUID, RecordedOutage | None]:
        return self._loader(Action.READ_FACTS, lambda work, ids: work.outages.by_ids(ids))

    @cached_property
    def cases(self) -> DataLoader[UUID, RecordedCase | None]:
        return self._loader(Action.READ_FACTS, lambda work, ids: work.cases.by_ids(ids))

    @cached_property
    def exclusions(self) -> DataLoader[ExclusionId, Exclusion | None]:
        return self._loader(Action.READ_EXCLUSIONS, lambda work, ids: work.exclusions.by_ids(ids))

    @cached_property
    def attainments(self) -> DataLoader[PeriodId, Verdict | None]:
        return self._loader(Action.READ_VERDICTS, _verdicts_by_id)

    @cached_property
    def attainments_judged(self) -> DataLoader[Judged, Verdict | None]:
        return self._loader(Action.READ_VERDICTS, verdicts_on)

    @cached_property
    def attainment_revisions(self) -> DataLoader[PeriodId, Sequence[Attainment] | None]:
        return self._loader(Action.READ_VERDICTS, lambda work, ids: work.attainments.revisions(ids))

    @cached_property
    def breaches(self) -> DataLoader[BreachId, Breach | None]:
        return self._loader(Action.READ_VERDICTS, lambda work, ids: work.breaches.by_ids(ids))

    @cached_property
    def breaches_of_periods(self) -> DataLoader[PeriodId, Breach | None]:
        return self._loader(Action.READ_VERDICTS, lambda work, ids: work.breaches.by_periods(ids))

    @cached_property
    def attainments_as_of(self) -> DataLoader[tuple[PeriodId, datetime], KnownVerdict | None]:
        return self._loader_by_instant(attainments_as_of)

    @cached_property
    def agreements_as_of(self) -> DataLoader[tuple[AgreementId, datetime], Agreement | None]:
        return self._loader_by_instant(agreements_as_of)

    @cached_property
    def audit_entries(self) -> DataLoader[AuditEntryId, AuditEntry | None]:
        return self._loader(Action.READ_AUDIT, lambda work, ids: work.audit_log.by_ids(ids))

    def _loader(
        self, action: Action, ask: Callable[[Work, Sequence[K]], Awaitable[Mapping[K, V]]]
    ) -> DataLoader[K, V | None]:
        """Each batch is one question in a short unit of work of its own."""
        return self._loaders.by_key(lambda ids: self.read(action, lambda work: ask(work, ids)))

    def _loader_by_instant(self, known: _KnownAt[K, V]) -> DataLoader[tuple[K, datetime], V | None]:
        """What was known of many things, one question for each instant."""

        async def load(keys: Sequence[tuple[K, datetime]]) -> Mapping[tuple[K, datetime], V]:
            found: dict[tuple[K, datetime], V] = {}
            for instant in dict.fromkeys(instant for _, instant in keys):
                ids = [key for key, at in keys if at == instant]
                answer = await known(self.open_work, self.actor, ids, instant, now=self.now())
                found.update(((key, instant), value) for key, value in answer.items())
            return found

        return self._loaders.by_key(load)


def desk(info: Info) -> Desk:
    found = info.context.app
    assert isinstance(found, Desk), "make_context gives every context a desk"
    return found


def make_context(application: Application, limits: Limits) -> MakeContext:
    """For `create_app`: a context with a desk of its own for each operation and each event of a subscription."""

    read_feed = FeedReads(application.open_work)

    def make(actor: Actor, request_id: str, deadline: float) -> Context:
        app = Desk(application, actor, limits, deadline, read_feed)
        return Context(actor=actor, request_id=request_id, deadline=deadline, app=app)

    return make


async def _verdicts_by_id(work: Work, ids: Sequence[PeriodId]) -> Mapping[PeriodId, Verdict]:
    found = await work.attainments.by_ids(ids)
    return {verdict.attainment.id: verdict for verdict in await verdicts(work, list(found.values()))}

"""What the domain needs of storage. Every method works for the tenant and actor that the unit of work was opened for.

Reads answer only what the actor may see: with a party, its slice (actor.py). Batches in, batches out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.actor import Actor
from domain.agreement import Agreement, ObjectivePlace
from domain.attainment import Attainment
from domain.audit import Act, AuditEntry
from domain.breach import Breach
from domain.columns import (
    Clash,
    HistogramRead,
    RanksWanted,
    SampleColumns,
    SlicesWanted,
    TallyColumns,
    TotalsWanted,
)
from domain.episode import Evaluation, Judged
from domain.exclusion import Exclusion
from domain.fact import SampleBounds, SampleTotals, TallyTotals
from domain.fact_ports import Cases, Outages, States
from domain.feed import BreachChange, BreachFilter, FeedRead, PostingKind, Restatement
from domain.filters import (
    AgreementFilter,
    AttainmentFilter,
    AuditFilter,
    BreachListFilter,
    ExclusionFilter,
    ServiceFilter,
)
from domain.history_ports import Histories
from domain.ids import (
    AgreementId,
    AuditEntryId,
    BreachId,
    ExclusionId,
    MetricId,
    ObjectiveId,
    PartyId,
    PeriodId,
    Position,
    ServiceId,
    StreamId,
)
from domain.mark import Claim, JudgedPeriod, Mark
from domain.metric import Aggregation, Metric
from domain.paging import Page, PageRequest
from domain.party import Party, PartyKind
from domain.service import Service, StructureVersion
from domain.slices import SliceTotals
from domain.spans import Span
from domain.stream import Stream

Mint = Callable[[], UUID]
"""Gives a new UUIDv7."""


class Parties(Protocol):
    async def add(self, parties: Sequence[Party]) -> None:
        """Raises Taken where the tenant has the code."""
        ...

    async def by_ids(self, ids: Collection[PartyId]) -> Mapping[PartyId, Party]: ...

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Party]: ...

    async def lineages(self, ids: Collection[PartyId]) -> Mapping[PartyId, tuple[PartyId, ...]]:
        """Each party with those above it: itself first, the root last. Not narrowed to the actor's slice."""
        ...

    async def below(self, ids: Collection[PartyId]) -> Mapping[PartyId, frozenset[PartyId]]:
        """Each party with all that are below it, itself among them. Not narrowed to the actor's slice."""
        ...

    async def page(self, wanted: PageRequest, kinds: Collection[PartyKind]) -> Page[Party]: ...

    async def count(self, kinds: Collection[PartyKind]) -> int: ...


class Metrics(Protocol):
    """Metrics are shared definitions: every actor of the tenant sees them."""

    async def add(self, metrics: Sequence[Metric]) -> None: ...

    async def by_ids(self, ids: Collection[MetricId]) -> Mapping[MetricId, Metric]: ...

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Metric]: ...

    async def page(self, wanted: PageRequest, aggregations: Collection[Aggregation]) -> Page[Metric]: ...

    async def count(self, aggregations: Collection[Aggregation]) -> int: ...


class Services(Protocol):
    """With a party: services that it, or one below it, provides or consumes."""

    async def add(self, services: Sequence[Service]) -> None: ...

    async def add_structure(self, service: ServiceId, version: StructureVersion) -> None:
        """Raises Taken where a version takes effect at that instant already."""
        ...

    async def by_ids(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]: ...

    async def by_codes(self, codes: Collection[str]) -> Mapping[str, Service]: ...

    async def with_components(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]:
        """The services and all that they rest on, at any depth, through any version. Not narrowed to a slice."""
        ...

    async def resting_on(self, ids: Collection[ServiceId]) -> frozenset[ServiceId]:
        """The services and all that rest on them, at any height, through any version. Not narrowed to a slice."""
        ...

    async def provided_by(self, provider: PartyId) -> Sequence[Service]:
        """Every service of the provider. Not narrowed to a slice."""
        ...

    async def page(self, wanted: PageRequest, where: ServiceFilter) -> Page[Service]: ...

    async def count(self, where: ServiceFilter) -> int: ...


class Agreements(Protocol):
    """With a party: agreements whose provider or customer is it or one below it."""

    async def add(self, agreement: Agreement) -> None: ...

    async def add_version(self, agreement: Agreement) -> None:
        """Stores the agreement's last version, a draft."""
        ...

    async def activate(self, agreement: Agreement) -> None:
        """Stores that the agreement's last version is in force. Raises WrongState where another was faster."""
        ...

    async def by_ids(self, ids: Collection[AgreementId]) -> Mapping[AgreementId, Agreement]: ...

    async def by_objectives(self, ids: Collection[ObjectiveId]) -> Mapping[ObjectiveId, ObjectivePlace]: ...

    async def of_provider(self, provider: PartyId) -> Sequence[Agreement]:
        """Every agreement of the provider, whoever the actor is: for rules that compare agreements.

        Locks the provider until the end, so that two activations are compared one after the other.
        """
        ...

    async def concerning(self, service: Service, lineage: Sequence[PartyId]) -> Sequence[Agreement]:
        """Agreements whose scope may hold the service and the customer (with the parties above it)."""
        ...

    async def page(self, wanted: PageRequest, where: AgreementFilter) -> Page[Agreement]: ...

    async def count(self, where: AgreementFilter) -> int: ...


class Streams(Protocol):
    """With a party: streams whose vendor is it or one below it."""

    async def obtain(self, wanted: Sequence[Stream]) -> Sequence[Stream]:
        """The streams of these metric, service, customer and source; those that are new are added under the given ids.

        In the given order. Also right when two callers add the same stream at once.
        """
        ...

    async def by_ids(self, ids: Collection[StreamId]) -> Mapping[StreamId, Stream]: ...

    async def measuring(self, metric: MetricId, services: Collection[ServiceId]) -> Sequence[Stream]:
        """All streams of the metric on the services. Not narrowed to a slice."""
        ...


class Measurements(Protocol):
    async def add_tallies(self, columns: Sequence[TallyColumns]) -> Sequence[Clash]:
        """Adds what is new, in one statement, and marks what it touches. The points that were not added are told.

        A point is added where its identity's latest revision is the one before `revision`; else it clashes.
        """
        ...

    async def add_samples(self, columns: Sequence[SampleColumns]) -> Sequence[Clash]: ...

    async def withdraw(self, stream: StreamId, instants: Sequence[datetime], replaces: int) -> Sequence[Clash]:
        """Adds revisions without content after revision `replaces`, for the stream's tallies or samples."""
        ...

    async def tally_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[TallyTotals]:
        """For each wanted, in order: totals of latest revisions, each tally where its start is. One statement."""
        ...

    async def sample_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[SampleTotals]: ...


class Distributions(Protocol):
    """What is told of tallies and samples beyond their totals. Latest revisions; one statement for all that is wanted.

    Answers are in the order of what is wanted.
    """

    async def tally_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]:
        """Each tally is in the slice of its start."""
        ...

    async def sample_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]: ...

    async def histograms(self, wanted: Sequence[RanksWanted]) -> Sequence[HistogramRead]:
        """While a period runs: counts by bucket."""
        ...

    async def ranked(self, wanted: Sequence[RanksWanted]) -> Sequence[SampleBounds]:
        """When it has ended: the exact value at the nearest rank of the percentile."""
        ...


class Exclusions(Protocol):
    """With a party: exclusions whose service or agreement it sees."""

    async def add(self, exclusions: Sequence[Exclusion]) -> None:
        """Adds revisions and marks what they touch. Raises RevisionConflict where another writer was faster."""
        ...

    async def by_ids(self, ids: Collection[ExclusionId]) -> Mapping[ExclusionId, Exclusion]:
        """The latest revisions."""
        ...

    async def concerning(
        self, services: Collection[ServiceId], agreements: Collection[AgreementId], within: Sequence[Span]
    ) -> Sequence[Exclusion]:
        """Those in force that overlap one of the spans and name one of the services or agreements.

        Not narrowed to a slice.
        """
        ...

    async def page(self, wanted: PageRequest, where: ExclusionFilter) -> Page[Exclusion]: ...

    async def count(self, where: ExclusionFilter) -> int: ...


class Periods(Protocol):
    async def lay_down(self, periods: Sequence[JudgedPeriod]) -> None:
        """Adds periods, each due at its start; those that exist already (objective, service, start) are kept."""
        ...

    async def retire(self, objectives: Collection[ObjectiveId], start: datetime) -> None:
        """Takes away the periods of the objectives that start at or after the instant: a successor governs them.

        Their attainments go, and their breaches are left for the caller to withdraw first.
        """
        ...

    async def from_instant(self, objectives: Collection[ObjectiveId], start: datetime) -> Sequence[JudgedPeriod]:
        """The periods of the objectives that start at or after the instant."""
        ...

    async def last_ends(self, objectives: Collection[ObjectiveId]) -> Mapping[tuple[ObjectiveId, ServiceId], datetime]:
        """How far each objective's periods are laid down on each service."""
        ...


class Marks(Protocol):
    async def add(self, marks: Sequence[Mark]) -> None: ...

    async def claim(self, at: datetime, limit: int) -> Claim:
        """Takes marks that no other worker holds, and periods that are due at the instant; locks the periods in order.

        Facts read after this see all that the taken marks stand for. The marks taken are deleted, and no others.
        """
        ...

    async def settle(self, due: Mapping[PeriodId, datetime | None]) -> None:
        """Sets when time alone makes each period due again."""
        ...


class Attainments(Protocol):
    """With a party: those of agreements that it sees. Only the latest revision, but for `revisions`."""

    async def by_ids(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Attainment]: ...

    async def revisions(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Sequence[Attainment]]:
        """All revisions, the first one first."""
        ...

    async def save(self, attainments: Sequence[Attainment]) -> None:
        """Keeps each under its period and revision: a running one is replaced, a final one never."""
        ...

    async def page(self, wanted: PageRequest, where: AttainmentFilter) -> Page[Attainment]: ...

    async def count(self, where: AttainmentFilter) -> int: ...


class Breaches(Protocol):
    """With a party: those of agreements that it sees."""

    async def by_ids(self, ids: Collection[BreachId]) -> Mapping[BreachId, Breach]: ...

    async def by_periods(self, ids: Collection[PeriodId]) -> Mapping[PeriodId, Breach]: ...

    async def save(self, breaches: Mapping[PeriodId, Breach]) -> None: ...

    async def page(self, wanted: PageRequest, where: BreachListFilter) -> Page[Breach]: ...

    async def count(self, where: BreachListFilter) -> int: ...


class Episodes(Protocol):
    """Of rolling objectives. Not narrowed to a slice."""

    async def hold(self, judged: Collection[Judged]) -> None:
        """Nobody else holds these until the unit of work ends; waits for who does."""
        ...

    async def evaluations(
        self, around: Mapping[Judged, tuple[datetime, datetime]]
    ) -> Mapping[Judged, Sequence[Evaluation]]:
        """For each, in order: those whose spans start between the instants, and before and after them up to the nearest
        that passes on either side. The former one is left out.
        """
        ...


class AuditLog(Protocol):
    """With a party: what was done by callers of it, or of one below it."""

    async def by_ids(self, ids: Collection[AuditEntryId]) -> Mapping[AuditEntryId, AuditEntry]: ...

    async def page(self, wanted: PageRequest, where: AuditFilter) -> Page[AuditEntry]: ...

    async def count(self, where: AuditFilter) -> int: ...


class Feed(Protocol):
    async def append(self, changes: Sequence[BreachChange | Restatement]) -> None:
        """Kept until the unit of work ends, and then numbered last of all."""
        ...

    async def breaches_after(self, position: Position, where: BreachFilter, limit: int) -> FeedRead: ...

    async def head(self) -> Position: ...


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a call under the same idempotency key answered before."""

    result: Mapping[str, object]


class IdempotencyKeys(Protocol):
    async def claim(self, key: str, operation: str, digest: bytes) -> Earlier | None:
        """None where the key is new and now held. Raises IdempotencyConflict where it was used with other content."""
        ...

    async def complete(self, key: str, result: Mapping[str, object]) -> None: ...


class Work(Protocol):
    """One transaction for one tenant and actor. It commits where its block ends well, else nothing is kept.

    A transaction that adds facts or terms calls `posts` and gets the tenant's next feed number, last of all.
    """

    @property
    def actor(self) -> Actor: ...

    @property
    def parties(self) -> Parties: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def services(self) -> Services: ...

    @property
    def agreements(self) -> Agreements: ...

    @property
    def streams(self) -> Streams: ...

    @property
    def outages(self) -> Outages: ...

    @property
    def measurements(self) -> Measurements: ...

    @property
    def states(self) -> States: ...

    @property
    def distributions(self) -> Distributions: ...

    @property
    def cases(self) -> Cases: ...

    @property
    def exclusions(self) -> Exclusions: ...

    @property
    def periods(self) -> Periods: ...

    @property
    def marks(self) -> Marks: ...

    @property
    def attainments(self) -> Attainments: ...

    @property
    def breaches(self) -> Breaches: ...

    @property
    def episodes(self) -> Episodes: ...

    @property
    def audit_log(self) -> AuditLog: ...

    @property
    def feed(self) -> Feed: ...

    @property
    def histories(self) -> Histories: ...

    @property
    def idempotency(self) -> IdempotencyKeys: ...

    def posts(self, kind: PostingKind, at: datetime) -> None:
        """This transaction is a posting; `at` is the clock's reading that it will carry."""
        ...

    def audits(self, act: Act, at: datetime) -> None:
        """Keeps in the audit log what the actor did, once for each transaction that changes anything."""
        ...


class OpenWork(Protocol):
    def __call__(self, actor: Actor) -> AbstractAsyncContextManager[Work]: ...

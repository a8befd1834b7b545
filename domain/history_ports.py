"""What was known at a place of the feed: all that a verdict is made of, as it stood then (docs/rules.md, Known at).

`Known` is what the judge reads; a unit of work offers it of now, a history of then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.agreement import Agreement, ObjectivePlace
from domain.case import CaseLog
from domain.columns import (
    HistogramRead,
    RanksWanted,
    SlicesWanted,
    StatesWanted,
    StreamSpan,
    TotalsWanted,
)
from domain.exclusion import Exclusion
from domain.fact import OutageLog, SampleBounds, SampleTotals, TallyTotals
from domain.history import KnownAt, KnownPoint, Posted, RevisionOf
from domain.ids import AgreementId, MetricId, ObjectiveId, ServiceId, StreamId
from domain.metric import Metric, Shape
from domain.paging import Place
from domain.service import Service
from domain.slices import SliceTotals
from domain.spans import Span
from domain.state import StateLog
from domain.stream import Stream


class KnownAgreements(Protocol):
    async def by_objectives(self, ids: Collection[ObjectiveId]) -> Mapping[ObjectiveId, ObjectivePlace]: ...


class KnownMetrics(Protocol):
    async def by_ids(self, ids: Collection[MetricId]) -> Mapping[MetricId, Metric]: ...


class KnownServices(Protocol):
    async def with_components(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]: ...


class KnownStreams(Protocol):
    async def measuring(self, metric: MetricId, services: Collection[ServiceId]) -> Sequence[Stream]: ...


class KnownOutages(Protocol):
    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[OutageLog]: ...


class KnownStates(Protocol):
    async def logs(self, wanted: Sequence[StatesWanted]) -> Sequence[StateLog]: ...


class KnownCases(Protocol):
    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[CaseLog]: ...


class KnownMeasurements(Protocol):
    async def tally_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[TallyTotals]: ...

    async def sample_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[SampleTotals]: ...


class KnownDistributions(Protocol):
    async def tally_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]: ...

    async def sample_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]: ...

    async def histograms(self, wanted: Sequence[RanksWanted]) -> Sequence[HistogramRead]: ...

    async def ranked(self, wanted: Sequence[RanksWanted]) -> Sequence[SampleBounds]: ...


class KnownExclusions(Protocol):
    async def concerning(
        self, services: Collection[ServiceId], agreements: Collection[AgreementId], within: Sequence[Span]
    ) -> Sequence[Exclusion]: ...


class Known(Protocol):
    """All that a verdict is made of, each as the port of its noun says."""

    @property
    def agreements(self) -> KnownAgreements: ...

    @property
    def metrics(self) -> KnownMetrics: ...

    @property
    def services(self) -> KnownServices: ...

    @property
    def streams(self) -> KnownStreams: ...

    @property
    def outages(self) -> KnownOutages: ...

    @property
    def states(self) -> KnownStates: ...

    @property
    def cases(self) -> KnownCases: ...

    @property
    def measurements(self) -> KnownMeasurements: ...

    @property
    def distributions(self) -> KnownDistributions: ...

    @property
    def exclusions(self) -> KnownExclusions: ...


class History(Known, Protocol):
    """What was known then, in one snapshot. Nothing of it is narrowed to a slice: a verdict is made of all there is."""

    @property
    def known_at(self) -> KnownAt: ...

    async def agreements_by_ids(self, ids: Collection[AgreementId]) -> Mapping[AgreementId, Agreement]:
        """Those that were known, with the versions that were. Narrowed to the actor's slice."""
        ...

    async def points(
        self, shape: Shape, streams: Sequence[StreamId], spans: Sequence[Span], after: Place | None, limit: int
    ) -> Sequence[KnownPoint]:
        """Tallies or samples inside the spans, by instant and stream; the first so many after the place."""
        ...

    async def posted(self, shape: Shape, revisions: Sequence[RevisionOf]) -> Sequence[Posted | None]:
        """Of outages, states or cases, in order: where each revision became known."""
        ...


class Histories(Protocol):
    async def seal(self, at: datetime) -> None:
        """From now on nothing is recorded at or before the instant, so that what was known then stays what it was."""
        ...

    async def as_of(self, at: datetime) -> History:
        """Makes the unit of work one snapshot that only reads. It must be the first thing asked of it.

        Only for an instant that an earlier unit of work has sealed.
        """
        ...

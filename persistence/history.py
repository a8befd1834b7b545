"""What was known at a place of the feed: the repositories of now, over facts cut down to what was posted by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.agreement import Agreement, ObjectivePlace
from domain.columns import StreamSpan, TotalsWanted
from domain.fact import OutageLog, SampleTotals, TallyTotals
from domain.history import KnownAt, KnownPoint, Posted, RevisionOf
from domain.history_ports import (
    History,
    KnownAgreements,
    KnownCases,
    KnownDistributions,
    KnownExclusions,
    KnownMeasurements,
    KnownMetrics,
    KnownOutages,
    KnownServices,
    KnownStates,
    KnownStreams,
)
from domain.ids import AgreementId, MetricId, ObjectiveId, Position, ServiceId, StreamId
from domain.instants import EARLIEST
from domain.metric import Shape
from domain.paging import Place
from domain.policy import Role
from domain.service import Service
from domain.spans import Span
from domain.stream import Stream
from persistence import history_sql as sql
from persistence import total_sql
from persistence.agreements import StoredAgreements
from persistence.cases import StoredCases
from persistence.distributions import StoredDistributions
from persistence.exclusions import StoredExclusions
from persistence.metrics import StoredMetrics
from persistence.outages import StoredOutages
from persistence.services import StoredServices
from persistence.session import Found, Session
from persistence.states import StoredStates
from persistence.streams import StoredStreams


class StoredHistories:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def seal(self, at: datetime) -> None:
        await self._session.fetch(sql.SEAL, self._session.tenant, at)

    async def as_of(self, at: datetime) -> History:
        await self._session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = await self._session.fetch_one(sql.POSITION, self._session.tenant, at)
        return StoredHistory(self._session, KnownAt(Position(found["number"] if found else 0), at))


@dataclass(slots=True, kw_only=True)
class KnownSession(Session):
    """Written statements read facts as they were known. The actor is of the whole tenant: a verdict is made of all."""

    known: KnownAt

    async def fetch(self, sql_now: str, *arguments: object) -> Sequence[Found]:
        derived = sql.as_known(sql_now)
        cut = (self.known.position, self.known.at) if derived.takes_instant else (self.known.position,)
        return await Session.fetch(self, derived.sql, *arguments, *cut)


class StoredHistory:
    def __init__(self, session: Session, known_at: KnownAt) -> None:
        whole = replace(session.actor, role=Role.AUDITOR, party=None)
        plain = replace(session, actor=whole)
        known = KnownSession(
            connection=session.connection,
            raw=session.raw,
            actor=whole,
            posting=session.posting,
            mint=session.mint,
            known=known_at,
        )
        self._mine = _Agreements(session, known_at)
        self._known = known
        self.known_at = known_at
        self.agreements: KnownAgreements = _Agreements(plain, known_at)
        self.metrics: KnownMetrics = StoredMetrics(plain)
        self.services: KnownServices = _Services(plain, known_at)
        self.streams: KnownStreams = _Streams(plain, known_at)
        self.outages: KnownOutages = _Outages(known)
        self.states: KnownStates = StoredStates(known)
        self.cases: KnownCases = StoredCases(known)
        self.measurements: KnownMeasurements = _Measurements(known)
        self.distributions: KnownDistributions = StoredDistributions(known)
        self.exclusions: KnownExclusions = StoredExclusions(known)

    async def agreements_by_ids(self, ids: Collection[AgreementId]) -> Mapping[AgreementId, Agreement]:
        return await self._mine.by_ids(ids)

    async def points(
        self, shape: Shape, streams: Sequence[StreamId], spans: Sequence[Span], after: Place | None, limit: int
    ) -> Sequence[KnownPoint]:
        ahead = [span for span in spans if after is None or span.end > _instant(after)]
        rows = await self._known.fetch(
            sql.TALLIES if shape is Shape.TALLY else sql.SAMPLES,
            self._known.tenant,
            list(streams),
            [span.start if after is None else max(span.start, _instant(after)) for span in ahead],
            [span.end for span in ahead],
            EARLIEST if after is None else _instant(after),
            UUID(int=0) if after is None else after.id,
            limit,
        )
        return [
            KnownPoint(
                stream=row["stream_id"],
                at=row["at"],
                end=row["ends_at"],
                good=row["good"],
                total=row["total"],
                value=row["value"],
                revision=row["revision"],
                posted=Posted(row["number"], row["recorded_at"]),
            )
            for row in rows
        ]

    async def posted(self, shape: Shape, revisions: Sequence[RevisionOf]) -> Sequence[Posted | None]:
        streams, names = [each.stream for each in revisions], [each.name for each in revisions]
        tenant = self._known.tenant
        if shape is Shape.STATE:
            rows = await self._known.fetch(sql.POSTED_STATES, tenant, streams, names)
        else:
            statement = sql.POSTED_CASES if shape is Shape.CASE else sql.POSTED_OUTAGES
            numbers = [each.revision for each in revisions]
            rows = await Session.fetch(self._known, statement, tenant, streams, names, numbers)
        found = {row["place"]: Posted(row["number"], row["recorded_at"]) for row in rows}
        return [found.get(place) for place in range(1, len(revisions) + 1)]


def _instant(place: Place) -> datetime:
    assert isinstance(place.key, datetime), "facts are listed by instant"
    return place.key


class _Agreements:
    def __init__(self, session: Session, known_at: KnownAt) -> None:
        self._session = session
        self._position = known_at.position

    async def by_objectives(self, ids: Collection[ObjectiveId]) -> Mapping[ObjectiveId, ObjectivePlace]:
        """Those whose versions were in force, or to come into force, as known then."""
        places = await StoredAgreements(self._session).by_objectives(ids)
        known = await self._known({place.agreement.id: place.agreement for place in places.values()})
        return {
            objective: replace(place, agreement=known[place.agreement.id])
            for objective, place in places.items()
            if place.agreement.id in known
            and place.version in {version.id for version in known[place.agreement.id].activated}
        }

    async def by_ids(self, ids: Collection[AgreementId]) -> Mapping[AgreementId, Agreement]:
        return await self._known(await StoredAgreements(self._session).by_ids(ids))

    async def _known(self, agreements: Mapping[AgreementId, Agreement]) -> dict[AgreementId, Agreement]:
        rows = await self._session.fetch(sql.VERSIONS, self._session.tenant, list(agreements), self._position)
        activated = {row["version_id"]: bool(row["is_activated"]) for row in rows}
        cut = {
            each.id: tuple(
                version if activated[version.id] else replace(version, activated_at=None)
                for version in each.versions
                if version.id in activated
            )
            for each in agreements.values()
        }
        return {each.id: replace(each, versions=cut[each.id]) for each in agreements.values() if cut[each.id]}


class _Services:
    """Services are only ever added, and their structures too: a component that none names yet does no harm."""

    def __init__(self, session: Session, known_at: KnownAt) -> None:
        self._session = session
        self._position = known_at.position

    async def with_components(self, ids: Collection[ServiceId]) -> Mapping[ServiceId, Service]:
        services = await StoredServices(self._session).with_components(ids)
        rows = await self._session.fetch(sql.STRUCTURES, self._session.tenant, list(services), self._position)
        known = {(row["service_id"], row["effective_from"]) for row in rows}
        return {
            each.id: replace(
                each, structures=tuple(one for one in each.structures if (each.id, one.effective_from) in known)
            )
            for each in services.values()
        }


class _Streams:
    def __init__(self, session: Session, known_at: KnownAt) -> None:
        self._session = session
        self._position = known_at.position

    async def measuring(self, metric: MetricId, services: Collection[ServiceId]) -> Sequence[Stream]:
        streams = await StoredStreams(self._session).measuring(metric, services)
        ids = [stream.id for stream in streams]
        rows = await self._session.fetch(sql.STREAMS, self._session.tenant, ids, self._position)
        known: set[UUID] = {row["stream_id"] for row in rows}
        return [stream for stream in streams if stream.id in known]


class _Outages:
    def __init__(self, session: KnownSession) -> None:
        self._session = session

    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[OutageLog]:
        logs = await StoredOutages(self._session).logs(wanted)
        rows = await Session.fetch(
            self._session,
            sql.REPORTED,
            self._session.tenant,
            [each.stream for each in wanted],
            [each.span.start for each in wanted],
            [each.span.end for each in wanted],
            self._session.known.position,
        )
        through = {row["place"] - 1: row["reported_through"] for row in rows}
        return [replace(log, reported_through=through[place]) for place, log in enumerate(logs)]


class _Measurements:
    """Cells are of now: totals of then are counted from the points themselves, as at ragged edges of spans."""

    def __init__(self, session: KnownSession) -> None:
        self._session = session

    async def tally_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[TallyTotals]:
        rows = await self._totals(total_sql.TALLY_TOTALS, wanted)
        return [
            TallyTotals(good=int(row["good"]), total=int(row["total"]), points=row["points"], cells=row["cells"])
            if (row := rows.get(place)) is not None and row["points"]
            else TallyTotals()
            for place in range(len(wanted))
        ]

    async def sample_totals(self, wanted: Sequence[TotalsWanted]) -> Sequence[SampleTotals]:
        rows = await self._totals(total_sql.SAMPLE_TOTALS, wanted)
        return [
            SampleTotals(
                points=row["points"],
                sum=int(row["sum"]),
                minimum=row["minimum"],
                maximum=row["maximum"],
                cells=row["cells"],
            )
            if (row := rows.get(place)) is not None and row["points"]
            else SampleTotals()
            for place in range(len(wanted))
        ]

    async def _totals(self, statement: str, wanted: Sequence[TotalsWanted]) -> Mapping[int, Found]:
        streams = [(place, stream) for place, total in enumerate(wanted) for stream in total.streams]
        edges = [(place, span) for place, total in enumerate(wanted) for span in total.spans]
        rows = await self._session.fetch(
            statement,
            self._session.tenant,
            [place for place, _ in streams],
            [stream for _, stream in streams],
            [],
            [],
            [],
            [place for place, _ in edges],
            [span.start for _, span in edges],
            [span.end for _, span in edges],
            list(range(len(wanted))),
            [total.grid for total in wanted],
        )
        return {row["place"]: row for row in rows}

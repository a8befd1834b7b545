"""The unit of work: every repository over one transaction, for one tenant and actor."""

from __future__ import annotations

from datetime import datetime

from domain.actor import Actor
from domain.feed import PostingKind
from domain.ports import (
    Agreements,
    Attainments,
    Breaches,
    Exclusions,
    Feed,
    IdempotencyKeys,
    Marks,
    Measurements,
    Metrics,
    Outages,
    Parties,
    Periods,
    Services,
    Streams,
)
from persistence.agreements import StoredAgreements
from persistence.attainments import StoredAttainments
from persistence.breaches import StoredBreaches
from persistence.exclusions import StoredExclusions
from persistence.feed import StoredFeed
from persistence.idempotency import StoredIdempotencyKeys
from persistence.marks import StoredMarks
from persistence.measurements import StoredMeasurements
from persistence.metrics import StoredMetrics
from persistence.outages import StoredOutages
from persistence.parties import StoredParties
from persistence.periods import StoredPeriods
from persistence.services import StoredServices
from persistence.session import Session
from persistence.streams import StoredStreams


class StoredWork:
    def __init__(self, session: Session) -> None:
        self._session = session
        self.parties: Parties = StoredParties(session)
        self.metrics: Metrics = StoredMetrics(session)
        self.services: Services = StoredServices(session)
        self.agreements: Agreements = StoredAgreements(session)
        self.streams: Streams = StoredStreams(session)
        self.outages: Outages = StoredOutages(session)
        self.measurements: Measurements = StoredMeasurements(session)
        self.exclusions: Exclusions = StoredExclusions(session)
        self.periods: Periods = StoredPeriods(session)
        self.marks: Marks = StoredMarks(session)
        self.attainments: Attainments = StoredAttainments(session)
        self.breaches: Breaches = StoredBreaches(session)
        self.feed: Feed = StoredFeed(session)
        self.idempotency: IdempotencyKeys = StoredIdempotencyKeys(session)

    @property
    def actor(self) -> Actor:
        return self._session.actor

    def posts(self, kind: PostingKind, at: datetime) -> None:
        self._session.closing.post(kind, at)

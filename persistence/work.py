"""The unit of work: every repository over one transaction, for one tenant and actor."""

from __future__ import annotations

from datetime import datetime

from domain.actor import Actor
from domain.audit import Act
from domain.fact_ports import Cases, Outages, States
from domain.feed import PostingKind
from domain.history_ports import Histories
from domain.ports import (
    Agreements,
    Attainments,
    AuditLog,
    Breaches,
    Distributions,
    Episodes,
    Exclusions,
    Feed,
    IdempotencyKeys,
    Marks,
    Measurements,
    Metrics,
    Parties,
    Periods,
    Services,
    Streams,
)
from persistence.agreements import StoredAgreements
from persistence.attainments import StoredAttainments
from persistence.audit import StoredAuditLog
from persistence.breaches import StoredBreaches
from persistence.cases import StoredCases
from persistence.distributions import StoredDistributions
from persistence.episodes import StoredEpisodes
from persistence.exclusions import StoredExclusions
from persistence.feed import StoredFeed
from persistence.history import StoredHistories
from persistence.idempotency import StoredIdempotencyKeys
from persistence.marks import StoredMarks
from persistence.measurements import StoredMeasurements
from persistence.metrics import StoredMetrics
from persistence.outages import StoredOutages
from persistence.parties import StoredParties
from persistence.periods import StoredPeriods
from persistence.services import StoredServices
from persistence.session import Session
from persistence.states import StoredStates
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
        self.distributions: Distributions = StoredDistributions(session)
        self.states: States = StoredStates(session)
        self.cases: Cases = StoredCases(session)
        self.exclusions: Exclusions = StoredExclusions(session)
        self.periods: Periods = StoredPeriods(session)
        self.marks: Marks = StoredMarks(session)
        self.attainments: Attainments = StoredAttainments(session)
        self.breaches: Breaches = StoredBreaches(session)
        self.episodes: Episodes = StoredEpisodes(session)
        self.audit_log: AuditLog = StoredAuditLog(session)
        self.feed: Feed = StoredFeed(session)
        self.histories: Histories = StoredHistories(session)
        self.idempotency: IdempotencyKeys = StoredIdempotencyKeys(session)

    @property
    def actor(self) -> Actor:
        return self._session.actor

    def posts(self, kind: PostingKind, at: datetime) -> None:
        self._session.closing.post(kind, at)

    def audits(self, act: Act, at: datetime) -> None:
        self._session.closing.audit(act, at)

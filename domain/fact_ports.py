"""What the domain needs of the storage of outages, states and cases: as the ports of domain/ports.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.case import CaseLog, CaseRevision
from domain.columns import Clash, RecordedCase, RecordedOutage, StateColumns, StatesWanted, StreamSpan
from domain.fact import OutageLog, OutageRevision
from domain.filters import CaseFilter, OutageFilter
from domain.ids import StreamId
from domain.paging import Page, PageRequest
from domain.state import StateLog


class Outages(Protocol):
    async def latest(
        self, identities: Collection[tuple[StreamId, str]]
    ) -> Mapping[tuple[StreamId, str], OutageRevision]:
        """The latest revisions, withdrawn ones too."""
        ...

    async def add(self, revisions: Sequence[OutageRevision]) -> frozenset[tuple[StreamId, str]]:
        """Adds revisions and marks what they touch, with the span of the revision that each replaces.

        Answers the identities that another writer was faster with; those were not added.
        """
        ...

    async def report(self, through: Mapping[StreamId, datetime]) -> None:
        """Keeps that the streams are complete up to the instants; an earlier one than known changes nothing."""
        ...

    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[OutageLog]:
        """For each wanted pair, in order: the stream's outages that overlap or touch the span, by start.

        Latest revisions, withdrawn ones left out. One statement for all.
        """
        ...

    async def by_ids(self, ids: Collection[UUID]) -> Mapping[UUID, RecordedOutage]: ...

    async def page(self, wanted: PageRequest, where: OutageFilter) -> Page[RecordedOutage]: ...

    async def count(self, where: OutageFilter) -> int: ...


class States(Protocol):
    async def add(self, columns: Sequence[StateColumns]) -> Sequence[Clash]:
        """Adds what is new, in one statement, and marks what it touches. The states that were not added are told.

        A state is added where its identity's latest revision is the one before `revision`; else it clashes.
        """
        ...

    async def logs(self, wanted: Sequence[StatesWanted]) -> Sequence[StateLog]:
        """For each wanted, in order: the runs of the stream's states in the span, of latest revisions.

        A run of a state other than up that reaches out of the span is whole, and so are those that follow it without
        an up between. One statement for all.
        """
        ...


class Cases(Protocol):
    async def latest(self, identities: Collection[tuple[StreamId, str]]) -> Mapping[tuple[StreamId, str], CaseRevision]:
        """The latest revisions, withdrawn ones too."""
        ...

    async def add(self, revisions: Sequence[CaseRevision]) -> frozenset[tuple[StreamId, str]]:
        """Adds revisions and marks what they touch, with the time of the revision that each replaces.

        Answers the identities that another writer was faster with; those were not added.
        """
        ...

    async def logs(self, wanted: Sequence[StreamSpan]) -> Sequence[CaseLog]:
        """For each wanted pair, in order: the stream's cases that were open at some instant of the span, or resolved at
        its start, by opening.

        Latest revisions, withdrawn ones left out. One statement for all.
        """
        ...

    async def by_ids(self, ids: Collection[UUID]) -> Mapping[UUID, RecordedCase]: ...

    async def page(self, wanted: PageRequest, where: CaseFilter) -> Page[RecordedCase]: ...

    async def count(self, where: CaseFilter) -> int: ...

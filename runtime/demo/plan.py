"""The replay as data: who posts what at which instant."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from domain.calendars import CalendarWindow, natural_period, periods
from domain.exclusion import ExclusionKind
from domain.fact import OUTAGES_MAX
from domain.ids import ServiceId
from domain.stream import DEFAULT_SOURCE, StreamKey
from domain.usecases.record_exclusions import EXCLUSION_LENGTH_MAX, RecordExclusion
from domain.usecases.record_measurements import RecordMeasurements
from domain.usecases.record_outages import PostedOutage, RecordOutages, Report
from runtime.demo.catalog import takes_effect
from runtime.demo.contracts import CONTRACTS
from runtime.demo.naming import Names
from runtime.demo.records import Record
from runtime.demo.story import AVAILABILITY, ENGINEERING, UNDER_CONTRACT, WITHOUT_CONTRACT
from runtime.demo.synthetic import synthetic_batches

STEWARD = None
"""The actor who is no party: only the tenant's own people record exclusions."""

Command = RecordOutages | RecordExclusion | RecordMeasurements


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One call. `key`: its idempotency key. `actor`: the code of the party that calls."""

    key: str
    actor: str | None
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    at: datetime
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`lasting`: some record has no end, so verdicts may change between two steps by time alone."""

    begins: datetime
    steps: tuple[Step, ...]
    lasting: bool

    @property
    def ends(self) -> datetime:
        return self.steps[-1].at

    @property
    def postings(self) -> Iterator[Posting]:
        for step in self.steps:
            yield from step.postings


def begins(records: Sequence[Record]) -> datetime:
    first = first_instant(records)
    return min(takes_effect(contract, first) for contract in CONTRACTS)


def first_instant(records: Sequence[Record]) -> datetime:
    return min(record.row.started_at for record in records)


def plan_of(records: Sequence[Record], names: Names, services: Mapping[str, ServiceId], *, now: datetime) -> Plan:
    """`now`: of the system's clock. The replay goes on to the end of the last period and its grace, not beyond now.

    Records of a later time than now are replayed all the same. What is posted before now depends on the records alone,
    so a replay that was broken off is taken up under the same keys.
    """
    start = begins(records)
    finish = _finish(records)
    known = max(record.recorded_at for record in records)
    limit = max(known, min(finish, now.replace(microsecond=0)))
    looks = _looks(records, start, finish, limit)
    by_instant: dict[datetime, list[Record]] = defaultdict(list)
    for record in records:
        by_instant[record.recorded_at].append(record)
    look_before = dict(zip(looks, [start, *looks], strict=False))
    writer = _Writer(
        names=names,
        services=services,
        judged=_judged_streams(records, names),
        finish=finish,
        whole=frozenset({*looks, limit}),
    )
    steps = [
        Step(at=at, postings=tuple(writer.postings(at, by_instant.get(at, ()), look_before.get(at))))
        for at in sorted({*by_instant, *looks, limit})
    ]
    lasting = any(record.row.ended_at is None for record in records)
    return Plan(begins=start, steps=tuple(steps), lasting=lasting)


def _finish(records: Sequence[Record]) -> datetime:
    """When every calendar period that the records reach into is final."""
    first, last = first_instant(records), max(record.last_instant for record in records)
    return max(
        natural_period(promise.window, last, starts=takes_effect(contract, first)).end + contract.grace
        for contract in CONTRACTS
        for promise in contract.promises
        if isinstance(promise.window, CalendarWindow)
    )


def _looks(records: Sequence[Record], start: datetime, finish: datetime, limit: datetime) -> list[datetime]:
    """The instants at which time alone decides: the ends of periods and of their graces, up to the limit."""
    first = first_instant(records)
    found: set[datetime] = set()
    for contract in CONTRACTS:
        effective = takes_effect(contract, first)
        for promise in contract.promises:
            for period in periods(promise.window, starts=effective, until=finish):
                found |= {period.end, period.end + contract.grace}
    return sorted(each for each in found if start < each <= limit)


def _judged_streams(records: Sequence[Record], names: Names) -> Mapping[str, tuple[StreamKey, ...]]:
    """By vendor: the streams that promises rest on, from every source that the file knows of them."""
    sources = {(name, DEFAULT_SOURCE) for name in (*UNDER_CONTRACT, *WITHOUT_CONTRACT)}
    judged = {name for name, _ in sources}
    sources |= {(record.name, record.row.source) for record in records if record.name in judged}
    ordered = sorted(sources, key=lambda pair: (names.services[pair[0]], pair[1]))
    found: dict[str, list[StreamKey]] = defaultdict(list)
    for name, source in ordered:
        found[names.vendors[name.vendor]].append(
            StreamKey(
                metric=AVAILABILITY,
                service=names.services[name],
                vendor=names.vendors[name.vendor],
                source=source,
            )
        )
    return {vendor: tuple(streams) for vendor, streams in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Writes what is posted at one instant. At those in `whole` every vendor reports on all that promises rest on."""

    names: Names
    services: Mapping[str, ServiceId]
    judged: Mapping[str, tuple[StreamKey, ...]]
    finish: datetime
    whole: frozenset[datetime]

    def postings(self, at: datetime, records: Sequence[Record], look_before: datetime | None) -> Iterator[Posting]:
        """`look_before`: the end of a period before this one; None where none ends, and nothing is made up."""
        for record in records:
            if record.is_maintenance:
                yield from self._exclusions(record)
        outages = [record for record in records if not record.is_maintenance]
        vendors = {self.names.vendors[record.row.vendor] for record in outages}
        if at in self.whole:
            vendors |= self.judged.keys()
        for vendor in sorted(vendors):
            mine = [record for record in outages if self.names.vendors[record.row.vendor] == vendor]
            yield from self._outages(at, vendor, mine)
        if look_before is not None:
            for part, command in enumerate(synthetic_batches(look_before, at)):
                yield Posting(key=f"replay/{_text(at)}/synthetic/{part}", actor=ENGINEERING, command=command)

    def _outages(self, at: datetime, vendor: str, records: Sequence[Record]) -> Iterator[Posting]:
        """The records, and with the last of them how far the streams are complete."""
        posted = [
            PostedOutage(
                stream=self._stream(record),
                external_id=record.external_id,
                impact=record.row.impact,
                start=record.row.started_at,
                end=record.row.ended_at,
            )
            for record in records
        ]
        streams = dict.fromkeys(each.stream for each in posted)
        if at in self.whole:
            streams |= dict.fromkeys(self.judged.get(vendor, ()))
        parts = [posted[begin : begin + OUTAGES_MAX] for begin in range(0, len(posted), OUTAGES_MAX)] or [[]]
        for part, outages in enumerate(parts):
            is_last = part == len(parts) - 1
            reports = tuple(Report(stream=stream, through=at) for stream in streams) if is_last else ()
            yield Posting(
                key=f"replay/{_text(at)}/{vendor}/{part}",
                actor=vendor,
                command=RecordOutages(outages=tuple(outages), reports=reports),
            )

    def _stream(self, record: Record) -> StreamKey:
        return StreamKey(
            metric=AVAILABILITY,
            service=self.names.services[record.name],
            vendor=self.names.vendors[record.row.vendor],
            source=record.row.source,
        )

    def _exclusions(self, record: Record) -> Iterator[Posting]:
        """One without an end lasts as long as the replay; a very long one is cut. The same again has the same key."""
        service = self.names.services[record.name]
        end = record.row.ended_at or max(self.finish, record.recorded_at)
        cuts = [record.row.started_at]
        while cuts[-1] < end:
            cuts.append(min(end, cuts[-1] + EXCLUSION_LENGTH_MAX))
        named = hashlib.sha256(f"{service}\n{record.row.source}\n{record.external_id}".encode()).hexdigest()
        for part, (since, until) in enumerate(pairwise(cuts)):
            yield Posting(
                key=f"replay/maintenance/{named}/{part}",
                actor=STEWARD,
                command=RecordExclusion(
                    kind=ExclusionKind.MAINTENANCE,
                    start=since,
                    end=until,
                    service=self.services[service],
                    reason=f"{record.row.vendor} recorded maintenance {record.row.incident_id}",
                ),
            )


def _text(instant: datetime) -> str:
    return instant.strftime("%Y%m%dT%H%M%S.%fZ")

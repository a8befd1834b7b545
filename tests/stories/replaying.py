"""Plays a history of facts into a tenant through the use cases, in batches, with the worker looking in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal

from domain.actor import Actor
from domain.exclusion import ExclusionKind
from domain.fact import Tally
from domain.ids import ExclusionId
from domain.metric import CELL
from domain.policy import Role
from domain.ports import Mint, OpenWork
from domain.stream import StreamKey
from domain.usecases.batches import Recorded
from domain.usecases.record_exclusions import (
    RecordExclusion,
    WithdrawExclusion,
    record_exclusion,
    withdraw_exclusion,
)
from domain.usecases.record_measurements import (
    RecordMeasurements,
    SampleSeries,
    TallySeries,
    WithdrawMeasurements,
    record_measurements,
    withdraw_measurements,
)
from domain.usecases.record_outages import (
    PostedOutage,
    RecordOutages,
    Report,
    WithdrawnOutage,
    WithdrawOutages,
    record_outages,
    withdraw_outages,
)
from tests.stories.histories import (
    ExclusionContent,
    ExclusionIdentity,
    Facts,
    OutageContent,
    OutageIdentity,
    ReportIdentity,
    SampleIdentity,
    Step,
    TallyContent,
    TallyIdentity,
)
from tests.stories.workshop import Workshop

VENDOR, SERVICE = "vendor", "leaf"
AVAILABILITY, RATIO, LATENCY = "availability", "ratio", "latency"


def stream(metric: str, source: str = "default") -> StreamKey:
    return StreamKey(metric=metric, service=SERVICE, vendor=VENDOR, source=source)


class Player:
    """`facts` is the model of what is known so far; a post names the revision that it replaces from there."""

    def __init__(self, workshop: Workshop, settle: Callable[[], Awaitable[object]]) -> None:
        self._workshop = workshop
        self._settle = settle
        self._exclusions: dict[str, ExclusionId] = {}
        self.facts = Facts()
        self.again: Callable[[], Awaitable[Recorded]] | None = None
        """Makes the last call that posted facts once more, word for word."""

    @property
    def _how(self) -> tuple[OpenWork, Actor, datetime, Mint]:
        workshop = self._workshop
        return workshop.open_work, workshop.actor(Role.VENDOR, VENDOR), workshop.clock(), workshop.mint

    async def play(self, steps: Sequence[Step]) -> None:
        ahead = list(steps)
        while ahead:
            batch = [ahead.pop(0)]
            while ahead and self._goes_with(batch, ahead[0]):
                batch.append(ahead.pop(0))
            await self.post(batch)
            if batch[-1].judge:
                await self._settle()

    def _goes_with(self, batch: Sequence[Step], step: Step) -> bool:
        """One call takes one revision of an outage; points correct one revision, each once."""
        last = batch[-1]
        if step.alone or last.judge or _kind(step) != _kind(last) or isinstance(step.identity, ExclusionIdentity):
            return False
        if isinstance(step.identity, ReportIdentity):
            return True
        if step.identity in {each.identity for each in batch}:
            return False
        is_outage = isinstance(step.identity, OutageIdentity)
        return is_outage or (step.content is not None and self._revision(step) == self._revision(last))

    def _revision(self, step: Step) -> int | None:
        return self.facts.revision(step.identity)

    async def post(self, batch: Sequence[Step]) -> Recorded | None:
        """One call for all of them; they are of one kind."""
        match batch[0].identity:
            case OutageIdentity() if batch[0].content is None:
                return await self._withdraw_outages(batch)
            case OutageIdentity() | ReportIdentity():
                return await self._record_outages(batch)
            case TallyIdentity() | SampleIdentity() if batch[0].content is None:
                return await self._withdraw_point(batch[0])
            case TallyIdentity() | SampleIdentity():
                return await self._record_points(batch)
            case ExclusionIdentity():
                await self._exclude(batch[0])
                return None

    async def _called(self, call: Callable[[], Awaitable[Recorded]]) -> Recorded:
        self.again = call
        return await call()

    def _took(self, step: Step) -> int | None:
        """The revision that the step replaces; it is known from now on."""
        replaces = self._revision(step)
        self.facts.take(step.identity, step.content)
        return replaces

    async def _record_outages(self, batch: Sequence[Step]) -> Recorded:
        posted: list[PostedOutage] = []
        reports: list[Report] = []
        for step in batch:
            replaces = self._took(step)
            match step.identity, step.content:
                case OutageIdentity(source, external_id), OutageContent(start, end, impact):
                    key = stream(AVAILABILITY, source)
                    posted.append(
                        PostedOutage(
                            stream=key, external_id=external_id, impact=impact, start=start, end=end, replaces=replaces
                        )
                    )
                case ReportIdentity(source), through:
                    assert not isinstance(through, Decimal | OutageContent | TallyContent | ExclusionContent | None)
                    reports.append(Report(stream=stream(AVAILABILITY, source), through=through))
        command = RecordOutages(outages=tuple(posted), reports=tuple(reports))
        open_work, vendor, at, mint = self._how
        return await self._called(lambda: record_outages(open_work, vendor, command, at=at, mint=mint))

    async def _withdraw_outages(self, batch: Sequence[Step]) -> Recorded:
        named = tuple(
            WithdrawnOutage(stream=stream(AVAILABILITY, step.identity.source), external_id=step.identity.external_id)
            for step in batch
            if isinstance(step.identity, OutageIdentity)
        )
        for step in batch:
            self._took(step)
        command = WithdrawOutages(outages=named)
        open_work, vendor, at, mint = self._how
        return await self._called(lambda: withdraw_outages(open_work, vendor, command, at=at, mint=mint))

    async def _record_points(self, batch: Sequence[Step]) -> Recorded:
        """All of one revision, so of one series."""
        replaces = self._revision(batch[0])
        tallies: list[Tally] = []
        samples: list[tuple[SampleIdentity, Decimal]] = []
        for step in batch:
            self._took(step)
            match step.identity, step.content:
                case TallyIdentity(start), TallyContent(good, total):
                    tallies.append(Tally(start, start + CELL, good, total))
                case SampleIdentity() as identity, Decimal() as value:
                    samples.append((identity, value))
        command = RecordMeasurements(
            tallies=(_tally_series(tallies, replaces),) if tallies else (),
            samples=(_sample_series(samples, replaces),) if samples else (),
        )
        open_work, vendor, at, mint = self._how
        return await self._called(lambda: record_measurements(open_work, vendor, command, at=at, mint=mint))

    async def _withdraw_point(self, step: Step) -> Recorded:
        identity, replaces = step.identity, self._took(step)
        assert isinstance(identity, TallyIdentity | SampleIdentity)
        assert replaces is not None, "a first content is no withdrawal"
        metric, instant = (RATIO, identity.start) if isinstance(identity, TallyIdentity) else (LATENCY, identity.at)
        command = WithdrawMeasurements(stream=stream(metric), instants=(instant,), replaces=replaces)
        open_work, vendor, at, mint = self._how
        return await self._called(lambda: withdraw_measurements(open_work, vendor, command, at=at, mint=mint))

    async def _exclude(self, step: Step) -> None:
        assert isinstance(step.identity, ExclusionIdentity)
        known, revision = self._exclusions.get(step.identity.name), self._took(step)
        open_work, _, at, mint = self._how
        admin = self._workshop.admin
        if not isinstance(step.content, ExclusionContent):
            assert known is not None, "a first content is no withdrawal"
            assert revision is not None
            withdraw = WithdrawExclusion(exclusion=known, replaces=revision)
            await withdraw_exclusion(open_work, admin, withdraw, at=at)
            return
        command = RecordExclusion(
            kind=ExclusionKind.AGREED,
            start=step.content.start,
            end=step.content.end,
            service=self._workshop.services[SERVICE].id,
            corrects=None if known is None or revision is None else (known, revision),
        )
        made = await record_exclusion(open_work, admin, command, at=at, mint=mint)
        self._exclusions[step.identity.name] = made.id


def _kind(step: Step) -> tuple[str, bool]:
    outage_or_report = isinstance(step.identity, OutageIdentity | ReportIdentity)
    return "outages" if outage_or_report else type(step.identity).__name__, step.content is None


def _tally_series(tallies: Sequence[Tally], replaces: int | None) -> TallySeries:
    return TallySeries(
        stream=stream(RATIO),
        starts=[tally.start for tally in tallies],
        ends=[tally.end for tally in tallies],
        good=[tally.good for tally in tallies],
        total=[tally.total for tally in tallies],
        replaces=replaces,
    )


def _sample_series(samples: Sequence[tuple[SampleIdentity, Decimal]], replaces: int | None) -> SampleSeries:
    return SampleSeries(
        stream=stream(LATENCY),
        instants=[identity.at for identity, _ in samples],
        values=[value for _, value in samples],
        replaces=replaces,
    )

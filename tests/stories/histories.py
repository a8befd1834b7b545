"""Histories of facts: what became of each identity, one content after another, and the verdicts that follow from them.

The model is independent of storage: it keeps the final facts as the rules say (docs/rules.md, Facts), so that verdicts
can be computed from scratch and compared with what was kept up step by step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from hypothesis import strategies as st

from domain.fact import Sample, Tally
from domain.metric import CELL

START = datetime(2024, 3, 29, tzinfo=UTC)
"""The days that follow hold the end of a month and, in Berlin, the change to summer time."""
DAYS = 3
TICK = timedelta(minutes=10)
TICKS = DAYS * 24 * 6
NOW = START + timedelta(days=2, hours=12)
"""When the facts are posted: two days have ended, the third runs."""
SOURCES = ("probe", "desk")


@dataclass(frozen=True, slots=True)
class OutageContent:
    start: datetime
    end: datetime | None
    impact: str


@dataclass(frozen=True, slots=True)
class TallyContent:
    good: int
    total: int


@dataclass(frozen=True, slots=True)
class ExclusionContent:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class OutageIdentity:
    source: str
    external_id: str


@dataclass(frozen=True, slots=True)
class TallyIdentity:
    start: datetime


@dataclass(frozen=True, slots=True)
class SampleIdentity:
    at: datetime


@dataclass(frozen=True, slots=True)
class ReportIdentity:
    source: str


@dataclass(frozen=True, slots=True)
class ExclusionIdentity:
    name: str


Identity: TypeAlias = OutageIdentity | TallyIdentity | SampleIdentity | ReportIdentity | ExclusionIdentity
Content: TypeAlias = OutageContent | TallyContent | ExclusionContent | Decimal | datetime
"""Of an outage, a tally, an exclusion, a sample, a report."""


@dataclass(frozen=True, slots=True)
class Step:
    """An identity's next content; None withdraws it. `judge`: the worker looks after this step.

    Neighbours that are not parted by `alone` may be posted in one batch.
    """

    identity: Identity
    content: Content | None
    alone: bool
    judge: bool


@dataclass(slots=True)
class Facts:
    """What is known, by identity: the latest revision's number and content."""

    latest: dict[Identity, tuple[int, Content | None]] = field(default_factory=dict)

    def revision(self, identity: Identity) -> int | None:
        """The one to be replaced by the next post; None for the first."""
        found = self.latest.get(identity)
        return None if found is None else found[0]

    def take(self, identity: Identity, content: Content | None) -> None:
        number, known = self.latest.get(identity, (0, None))
        if number and known == content:
            return
        if isinstance(identity, ReportIdentity):
            assert isinstance(content, datetime)
            content = content if not isinstance(known, datetime) else max(known, content)
        self.latest[identity] = (number + 1, content)

    def outages(self, source: str) -> list[tuple[str, int, OutageContent]]:
        """External id, revision and content of those that are not withdrawn."""
        return [
            (identity.external_id, number, content)
            for identity, (number, content) in self.latest.items()
            if isinstance(identity, OutageIdentity) and identity.source == source and isinstance(content, OutageContent)
        ]

    def reported_through(self, source: str) -> datetime | None:
        content = self.latest.get(ReportIdentity(source), (0, None))[1]
        assert content is None or isinstance(content, datetime)
        return content

    def has_stream(self, source: str) -> bool:
        """A stream exists from the first fact or report on, whatever became of it."""
        return any(
            isinstance(identity, OutageIdentity | ReportIdentity) and identity.source == source
            for identity in self.latest
        )

    def tallies(self) -> list[Tally]:
        return [
            Tally(identity.start, identity.start + CELL, content.good, content.total)
            for identity, (_, content) in self.latest.items()
            if isinstance(identity, TallyIdentity) and isinstance(content, TallyContent)
        ]

    def samples(self, scale: int) -> list[Sample]:
        return [
            Sample(identity.at, int(content.scaleb(scale)))
            for identity, (_, content) in self.latest.items()
            if isinstance(identity, SampleIdentity) and isinstance(content, Decimal)
        ]

    def exclusions(self) -> list[ExclusionContent]:
        return [content for _, content in self.latest.values() if isinstance(content, ExclusionContent)]


def final(steps: Sequence[Step]) -> Facts:
    facts = Facts()
    for step in steps:
        facts.take(step.identity, step.content)
    return facts


def at_tick(tick: int) -> datetime:
    return START + tick * TICK


_ticks = st.integers(-12, TICKS + 12).map(at_tick)
_odd = st.sampled_from([timedelta(0), timedelta(seconds=90), timedelta(seconds=-1)])
"""Now and then a minute is not whole."""
_past_ticks = st.integers(-12, (NOW - START) // TICK).map(at_tick)


@st.composite
def outage_contents(draw: st.DrawFn) -> OutageContent:
    start = draw(_ticks)
    ticks = draw(st.none() | st.integers(1, 150))
    impact = draw(st.sampled_from(["critical", "major", "minor"]))
    end = None if ticks is None else start + ticks * TICK + draw(_odd)
    return OutageContent(start + draw(_odd), end, impact)


@st.composite
def exclusion_contents(draw: st.DrawFn) -> ExclusionContent:
    start = draw(_ticks)
    return ExclusionContent(start, start + draw(st.integers(1, 60)) * TICK)


_tally_contents = st.integers(0, 20).flatmap(lambda total: st.integers(0, total).map(lambda g: TallyContent(g, total)))
_sample_contents = st.integers(0, 5_000).map(lambda value: Decimal(value).scaleb(-1))


def _revised(contents: st.SearchStrategy[Content]) -> st.SearchStrategy[list[Content | None]]:
    """A first content, then corrections and withdrawals, in any order."""
    later = st.lists(contents | st.none(), max_size=2)
    return st.tuples(contents, later).map(lambda pair: [pair[0], *pair[1]])


_HISTORIES: Mapping[st.SearchStrategy[Identity], st.SearchStrategy[list[Content | None]]] = {
    st.builds(OutageIdentity, st.sampled_from(SOURCES), st.sampled_from(["o1", "o2", "o3"])): _revised(
        outage_contents()
    ),
    st.builds(TallyIdentity, st.sampled_from([START + at * 7 * CELL for at in range(40)])): _revised(_tally_contents),
    st.builds(SampleIdentity, _ticks): _revised(_sample_contents),
    st.builds(ReportIdentity, st.sampled_from(SOURCES)): st.lists(_past_ticks, min_size=1, max_size=2),
    st.builds(ExclusionIdentity, st.sampled_from(["e1", "e2"])): _revised(exclusion_contents()),
}


@st.composite
def histories(draw: st.DrawFn) -> dict[Identity, list[Content | None]]:
    found: dict[Identity, list[Content | None]] = {}
    for identities, contents in _HISTORIES.items():
        found |= draw(st.dictionaries(identities, contents, max_size=4))
    return found


@st.composite
def orders(draw: st.DrawFn, history: Mapping[Identity, Sequence[Content | None]]) -> list[Step]:
    """The history's steps in some order that keeps each identity's own, cut into batches somewhere."""
    places = [identity for identity, contents in history.items() for _ in contents]
    ahead = {identity: list(contents) for identity, contents in history.items()}
    steps: list[Step] = []
    for identity in draw(st.permutations(places)):
        content = ahead[identity].pop(0)
        steps.append(Step(identity, content, alone=draw(st.booleans()), judge=draw(st.integers(0, 4)) == 0))
    return steps


@st.composite
def two_orders(draw: st.DrawFn) -> tuple[list[Step], list[Step]]:
    """Two ways to the same facts."""
    history = draw(histories())
    return draw(orders(history)), draw(orders(history))

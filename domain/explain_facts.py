"""The facts that a step of an explanation was counted of, each with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import assert_never
from uuid import UUID

from domain.agreement import Period
from domain.allowed import allowed_time
from domain.attainment import CaseUse, Subject, Use
from domain.case import Case
from domain.evaluate import Facts
from domain.evaluate_cases import CaseFacts, cases_used
from domain.evaluate_time import records_used
from domain.exclusion import Exclusion
from domain.explain_step import CountedFacts
from domain.fact import Outage, SampleBounds, SampleTotals, TallyTotals
from domain.history import Posted
from domain.ids import StreamId
from domain.outage_time import OutageFacts, records_of, time_down
from domain.paging import Place
from domain.slices import SliceTotals
from domain.state import StateRun


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedFact:
    """A fact as it was known. What its shape lacks is None.

    `name`: the external id of an outage or a case. `content`: an outage's impact, a state. `value`: a sample's, in
    units of 10^-scale. `posted` is None until it was looked up, and for a fact that is of no single posting.
    """

    stream: StreamId
    start: datetime
    end: datetime | None = None
    name: str | None = None
    content: str | None = None
    good: int | None = None
    total: int | None = None
    value: int | None = None
    scale: int = 0
    revision: int | None = None
    use: Use | CaseUse
    posted: Posted | None = None

    @property
    def place(self) -> Place:
        """Where it stands in its list. No two of one list are alike."""
        if self.name is None:
            return Place(self.start, self.stream)
        digest = sha256(f"{self.stream}/{self.name}".encode()).digest()
        return Place(self.start, UUID(bytes=digest[:16], version=5))


def records_of_step(
    subject: Subject,
    facts: Facts,
    exclusions: Sequence[Exclusion],
    period: Period,
    at: datetime,
    counted: CountedFacts,
) -> list[ExplainedFact]:
    """Outages, states or cases of the step's use, in the order of their places. Of points there are none here."""
    found = _records(subject, facts, exclusions, period, at)
    of_use = [fact for fact in found if counted.use in (None, fact.use)]
    return sorted(of_use, key=lambda fact: (fact.place.key, fact.place.id))


def _records(
    subject: Subject, facts: Facts, exclusions: Sequence[Exclusion], period: Period, at: datetime
) -> list[ExplainedFact]:
    match facts:
        case OutageFacts():
            return _time_records(subject, facts, exclusions, period, at)
        case CaseFacts():
            return _cases(subject, facts, exclusions, period, at)
        case TallyTotals() | SampleTotals() | SliceTotals() | SampleBounds():
            return []
        case _ as never:
            assert_never(never)


def _time_records(
    subject: Subject, facts: OutageFacts, exclusions: Sequence[Exclusion], period: Period, at: datetime
) -> list[ExplainedFact]:
    allowed = allowed_time(subject, exclusions, period)
    down = time_down(facts, subject.service, subject.objective, subject.metric, period.span, at)
    outages, states = records_used(facts, subject, down, allowed, period, at)
    by_name: dict[tuple[UUID, str], Outage] = {}
    by_start: dict[tuple[UUID, datetime], StateRun] = {}
    for log in facts.all_logs():
        for record in records_of(log):
            match record:
                case Outage():
                    by_name[log.stream, record.external_id] = record
                case StateRun():
                    by_start[log.stream, record.start] = record
                case _ as never:
                    assert_never(never)
    found: list[ExplainedFact] = []
    for used in outages:
        outage = by_name[used.stream, used.external_id]
        found.append(
            ExplainedFact(
                stream=used.stream,
                start=outage.start,
                end=outage.end,
                name=used.external_id,
                content=outage.impact,
                revision=used.revision,
                use=used.use,
            )
        )
    for state in states:
        run = by_start[state.stream, state.since]
        found.append(ExplainedFact(stream=state.stream, start=run.start, end=run.end, content=run.state, use=state.use))
    return found


def _cases(
    subject: Subject, facts: CaseFacts, exclusions: Sequence[Exclusion], period: Period, at: datetime
) -> list[ExplainedFact]:
    by_name: dict[tuple[UUID, str], Case] = {
        (log.stream, case.external_id): case for log in facts.logs for case in log.cases
    }
    return [
        ExplainedFact(
            stream=used.stream,
            start=by_name[used.stream, used.external_id].opened_at,
            end=used.decided_at,
            name=used.external_id,
            revision=used.revision,
            use=used.use,
        )
        for used in cases_used(subject, facts, allowed_time(subject, exclusions, period), period, at)
    ]

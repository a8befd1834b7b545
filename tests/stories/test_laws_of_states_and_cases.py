"""Law 5 for states and cases: what is kept up while facts come late, are corrected and withdrawn, and while time goes
on, is what the final facts say from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.attainment import Attainment, same_verdict, subject_of
from domain.case import Case, CaseLog, Milestone, Pause
from domain.evaluate import Facts, evaluate
from domain.evaluate_cases import CaseFacts
from domain.ids import PeriodId, ServiceId
from domain.metric import Aggregation, Shape
from domain.objective import Granularity, Missing
from domain.outage_time import Log, OutageFacts
from domain.party import PartyKind
from domain.state import StateChange, log_of
from domain.stream import Stream, StreamKey
from domain.structure import AllOf, Component
from domain.usecases.record_cases import (
    PostedCase,
    RecordCases,
    WithdrawCases,
    WithdrawnCase,
    record_cases,
    withdraw_cases,
)
from domain.usecases.record_states import RecordStates, StateSeries, WithdrawStates, record_states, withdraw_states
from tests.stories.conftest import Past
from tests.stories.histories import NOW
from tests.stories.workshop import Workshop, a_promise

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
START = NOW + 12 * HOUR
DAYS = 3
END = START + timedelta(days=DAYS)
LATE = END + timedelta(days=1)
"""All periods have ended; none is final."""
SLOT = 20 * MINUTE + 10 * SECOND
SLOTS = timedelta(days=DAYS) // SLOT
STALENESS = 5 * HOUR
SERVICES = ("left", "right")
SOURCES = ("here", "there")

few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@dataclass(frozen=True, slots=True)
class StateSaid:
    """`state` None: withdrawn."""

    service: str
    source: str
    slot: int
    state: str | None


@dataclass(frozen=True, slots=True)
class CaseTold:
    """`case` None: withdrawn."""

    name: str
    case: Case | None


@dataclass(frozen=True, slots=True)
class TimePasses:
    slot: int


Step: TypeAlias = StateSaid | CaseTold | TimePasses
slots = st.integers(-SLOTS // 2, SLOTS - 1)


def instant(slot: int) -> datetime:
    return START + slot * SLOT


@st.composite
def timelines(draw: st.DrawFn) -> CaseTold:
    name = draw(st.sampled_from(["T-1", "T-2", "T-3"]))
    if draw(st.integers(0, 5)) == 0:
        return CaseTold(name, None)
    opened, lasts = draw(slots), draw(st.one_of(st.none(), st.integers(0, 30)))
    edges = sorted(draw(st.sets(st.integers(0, 29), max_size=3)))
    kept = [edge for edge in edges if lasts is None or edge < lasts]
    ends = [*kept[1::2], *([None] if len(kept) % 2 else [])]
    return CaseTold(
        name,
        Case(
            external_id=name,
            opened_at=instant(opened),
            resolved_at=None if lasts is None else instant(opened + lasts),
            pauses=tuple(
                Pause(instant(opened + begin), None if end is None else instant(opened + end))
                for begin, end in zip(kept[::2], ends, strict=True)
            ),
        ),
    )


steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(
            StateSaid,
            service=st.sampled_from(SERVICES),
            source=st.sampled_from(SOURCES),
            slot=slots,
            state=st.sampled_from(["up", "up", "down", "critical", "minor", None]),
        ),
        timelines(),
        st.builds(TimePasses, slot=st.integers(0, SLOTS)),
    ),
    min_size=5,
    max_size=40,
)


def state_stream(service: str, source: str) -> StreamKey:
    return StreamKey(metric="probes", service=service, vendor="vendor", source=source)


TICKETS = StreamKey(metric="tickets", service="left", vendor="vendor")


@dataclass(slots=True)
class Model:
    """The final facts by the rules alone: by identity the latest revision, and its content."""

    workshop: Workshop
    states: dict[tuple[str, str, int], tuple[int, str | None]] = field(default_factory=dict)
    cases: dict[str, tuple[int, Case | None]] = field(default_factory=dict)

    async def tell(self, step: StateSaid | CaseTold) -> None:
        match step:
            case StateSaid():
                await self._say(step)
            case CaseTold():
                await self._tell_case(step)

    async def _say(self, said: StateSaid) -> None:
        identity = (said.service, said.source, said.slot)
        revision, state = self.states.get(identity, (0, None))
        workshop, stream = self.workshop, state_stream(said.service, said.source)
        if said.state is None:
            if state is None:
                return
            gone = WithdrawStates(stream=stream, instants=(instant(said.slot),), replaces=revision)
            at, mint = workshop.clock(), workshop.mint
            assert (await withdraw_states(workshop.open_work, workshop.admin, gone, at=at, mint=mint)).recorded == 1
        else:
            series = StateSeries(
                stream=stream, instants=[instant(said.slot)], states=[said.state], replaces=revision or None
            )
            command = RecordStates(series=(series,))
            at, mint = workshop.clock(), workshop.mint
            told = await record_states(workshop.open_work, workshop.admin, command, at=at, mint=mint)
            assert (told.recorded, told.duplicates) == ((0, 1) if state == said.state else (1, 0))
            if state == said.state:
                return
        self.states[identity] = (revision + 1, said.state)

    async def _tell_case(self, told: CaseTold) -> None:
        revision, case = self.cases.get(told.name, (0, None))
        workshop = self.workshop
        at, mint = workshop.clock(), workshop.mint
        if told.case is None:
            if case is None:
                return
            gone = WithdrawCases(cases=(WithdrawnCase(stream=TICKETS, external_id=told.name),))
            assert (await withdraw_cases(workshop.open_work, workshop.admin, gone, at=at, mint=mint)).recorded == 1
        else:
            posted = PostedCase(
                stream=TICKETS,
                external_id=told.name,
                opened_at=told.case.opened_at,
                resolved_at=told.case.resolved_at,
                pauses=told.case.pauses,
                replaces=revision or None,
            )
            same = case is not None and replace(case, revision=1) == told.case
            command = RecordCases(cases=(posted,))
            found = await record_cases(workshop.open_work, workshop.admin, command, at=at, mint=mint)
            assert (found.recorded, found.duplicates) == ((0, 1) if same else (1, 0))
            if same:
                return
        kept = None if told.case is None else replace(told.case, revision=revision + 1)
        self.cases[told.name] = (revision + 1, kept)


async def furnish(workshop: Workshop) -> None:
    await workshop.party("vendor", PartyKind.VENDOR)
    await workshop.party("team", PartyKind.INTERNAL)
    probes = await workshop.metric("probes", shape=Shape.STATE, staleness=STALENESS)
    tickets = await workshop.metric("tickets", Aggregation.CASES_WITHIN)
    parts = [await workshop.service(code, provider="vendor", consumers=["team"]) for code in SERVICES]
    await workshop.service("whole", provider="team", structure=AllOf(tuple(Component(each.id) for each in parts)))
    in_time = replace(
        a_promise("in-time", tickets, "60"), case_milestone=Milestone.RESOLUTION, case_limit=3 * HOUR + 5 * MINUTE
    )
    await workshop.agreement(
        "left-terms",
        a_promise("held", probes, "95", minimum="80", missing=Missing.HOLD, minimum_duration=45 * MINUTE),
        a_promise("minutes", probes, "95", missing=Missing.EXCLUDED, granularity=Granularity.WHOLE_MINUTES),
        in_time,
        provider="vendor",
        customer="team",
        service="left",
        starts_at=START,
        ends_at=END,
    )
    await workshop.agreement(
        "whole-terms",
        a_promise("all", probes, "90", missing=Missing.BAD, minimum_duration=30 * MINUTE),
        provider="team",
        service="whole",
        starts_at=START,
        ends_at=END,
    )


@dataclass(frozen=True, slots=True)
class Verdicts:
    kept: Mapping[PeriodId, Attainment]
    computed: Mapping[PeriodId, Attainment]


async def verdicts(model: Model) -> Verdicts:
    """Those that are kept, and those of the final facts at the clock's instant, of every period that has begun."""
    workshop, at = model.workshop, model.workshop.clock()
    agreements = list(workshop.agreements.values())
    objectives = {each.id: (agreement, each) for agreement in agreements for each in agreement.versions[0].objectives}
    async with workshop.open_work(workshop.admin) as work:
        periods = await work.periods.from_instant(objectives, START)
        kept = await work.attainments.by_ids([each.period.id for each in periods])
        services = await work.services.with_components({each.service for each in periods})
        metrics = {each.id: each for each in workshop.metrics.values()}
        streams = {
            metric: await work.streams.measuring(workshop.metrics[metric].id, set(services))
            for metric in ("probes", "tickets")
        }
    logs = _state_logs(model, streams["probes"])
    tickets = CaseFacts(logs=[CaseLog(stream=each.id, cases=_cases(model)) for each in streams["tickets"]])
    computed = {}
    for each in periods:
        if each.period.span.start > at:
            continue
        agreement, objective = objectives[each.objective]
        metric = metrics[objective.metric]
        subject = subject_of(agreement, agreement.versions[0], objective, metric, each.service)
        concerned = {each.service, *services[each.service].components}
        told = OutageFacts(services=services, logs={service: logs.get(service, []) for service in concerned})
        facts: Facts = told if metric.shape is Shape.STATE else tickets
        computed[each.period.id] = evaluate(subject, facts, (), each.period, at)
    return Verdicts(kept, computed)


def _state_logs(model: Model, streams: Sequence[Stream]) -> dict[ServiceId, list[Log]]:
    codes = {service.id: code for code, service in model.workshop.services.items()}
    found: dict[ServiceId, list[Log]] = {}
    for stream in streams:
        said = [
            StateChange(instant(slot), state)
            for (service, source, slot), (_, state) in model.states.items()
            if (service, source) == (codes[stream.service], stream.source) and state is not None
        ]
        found.setdefault(stream.service, []).append(log_of(stream.id, said, STALENESS))
    return found


def _cases(model: Model) -> list[Case]:
    return [case for _, case in model.cases.values() if case is not None]


@few
@given(history=steps)
async def test_verdicts_on_states_and_cases_that_are_kept_up_equal_those_from_scratch(
    past: Past, history: list[Step]
) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        await furnish(workshop)
        model = Model(workshop)
        for step in history:
            if isinstance(step, TimePasses):
                clock.move_to(instant(step.slot))
            else:
                await model.tell(step)
            await process.worker.settle_tenant(workshop.tenant)
            found = await verdicts(model)
            assert {place: each.status for place, each in found.kept.items()} == {
                place: each.status for place, each in found.computed.items()
            }
        clock.move_to(LATE)
        await process.worker.settle_tenant(workshop.tenant)
        found = await verdicts(model)
        assert found.kept.keys() == found.computed.keys()
        assert {
            place: (found.kept[place], found.computed[place])
            for place in found.kept
            if not same_verdict(found.kept[place], found.computed[place])
        } == {}

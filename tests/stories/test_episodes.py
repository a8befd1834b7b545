"""Breaches of a rolling objective, kept up step by step, against hours counted from nothing (law 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.breach import Confirmed, Severity, Withdrawn
from domain.calendars import RollingWindow
from domain.feed import BreachFilter
from domain.ids import BreachId, Position
from domain.objective import Missing
from domain.party import PartyKind
from domain.policy import Role
from domain.stream import StreamKey
from domain.usecases.record_outages import (
    PostedOutage,
    RecordOutages,
    Report,
    WithdrawnOutage,
    WithdrawOutages,
    record_outages,
    withdraw_outages,
)
from runtime.clock import SettableClock
from runtime.service import Running
from tests.stories.conftest import Past
from tests.stories.workshop import Workshop, a_promise

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2024, 3, 28, tzinfo=BERLIN)
START = FIRST.astimezone(UTC)
"""The clocks go forward on the 31st."""
DAYS = 12
LENGTH = timedelta(days=2)
GRACE = timedelta(days=3)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STREAM = StreamKey(metric="up", service="leaf", vendor="vendor", source="default")

Found = dict[tuple[str, datetime], tuple[Severity, datetime | None, bool]]
"""By objective and the instant of the first failing evaluation: severity, end, and whether it is confirmed."""


@dataclass
class Model:
    """What is known, and what follows from it, counted in whole hours."""

    outages: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    reported: datetime | None = None

    def breaches(self, now: datetime) -> Found:
        found: Found = {}
        for code in ("good", "held"):
            first: datetime | None = None
            for at in self.midnights(now):
                status = self.status(code, at, now)
                if status in ("missed", "below"):
                    severity = Severity.MINIMUM if status == "missed" else Severity.EXPECTED
                    if first is None:
                        first = at
                        found[code, first] = (severity, None, now >= at + GRACE)
                    elif severity is Severity.MINIMUM:
                        found[code, first] = (severity, *found[code, first][1:])
                elif status == "met" and first is not None:
                    severity, _, confirmed = found[code, first]
                    found[code, first] = (severity, at, confirmed)
                    first = None
        return found

    def midnights(self, now: datetime) -> list[datetime]:
        local = [FIRST + timedelta(days=day) for day in range(DAYS + 1)]
        instants = [each.astimezone(UTC) for each in local]
        return [each for each in instants if each - LENGTH >= START and each <= min(now, instants[-1])]

    def status(self, code: str, at: datetime, now: datetime) -> str:
        hours = [at - LENGTH + step * HOUR for step in range(LENGTH // HOUR)]
        down = [hour for hour in hours if self.is_down(hour, now)]
        unknown = [hour for hour in hours if hour not in down and (self.reported is None or hour >= self.reported)]
        if len(down) * 4 > len(hours):
            return "missed"
        if code == "held" and unknown:
            return "held"
        return "below" if len(down) * 10 > len(hours) else "met"

    def is_down(self, hour: datetime, now: datetime) -> bool:
        return any(start <= hour < (now if end is None else end) for start, end in self.outages.values())


async def furnish(workshop: Workshop) -> None:
    await workshop.party("vendor", PartyKind.VENDOR)
    up = await workshop.metric("up")
    await workshop.service("leaf", provider="vendor")
    rolling = RollingWindow(days=2, zone="Europe/Berlin")
    await workshop.agreement(
        "rolled",
        a_promise("good", up, "90", minimum="75", window=rolling, missing=Missing.GOOD),
        a_promise("held", up, "90", minimum="75", window=rolling, missing=Missing.HOLD),
        provider="vendor",
        service="leaf",
        starts_at=START,
        ends_at=(FIRST + timedelta(days=DAYS)).astimezone(UTC),
        grace=GRACE,
    )


async def kept(workshop: Workshop) -> Found:
    objectives = {each.id: each.code for each in workshop.agreements["rolled"].versions[0].objectives}
    async with workshop.open_work(workshop.admin) as work:
        periods = await work.periods.from_instant(list(objectives), START)
        breaches = await work.breaches.by_periods([each.period.id for each in periods])
    return {
        (objectives[each.objective], each.period.end): (
            each.severity,
            each.ended_at,
            isinstance(each.state, Confirmed),
        )
        for each in breaches.values()
        if not isinstance(each.state, Withdrawn)
    }


async def told(workshop: Workshop) -> Found:
    """By one who only ever heard the feed."""
    async with workshop.open_work(workshop.admin) as work:
        heard = await work.feed.breaches_after(Position(0), BreachFilter(), 10_000)
    found: dict[BreachId, tuple[tuple[str, datetime], tuple[Severity, datetime | None, bool]] | None] = {}
    for event in heard.events:
        change, step = event.change, event.change.transition.value
        before = found.get(change.breach)
        confirmed = step == "confirmed" or (step != "opened" and before is not None and before[1][2])
        place = (change.objective_code, change.period.end)
        found[change.breach] = None if step == "withdrawn" else (place, (change.severity, change.ended_at, confirmed))
    return dict(each for each in found.values() if each is not None)


Action = tuple[str, str, int, int]
names = st.sampled_from(["a", "b", "c"])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("post"), names, st.integers(0, DAYS * 24 - 1), st.integers(0, 30)),
        st.tuples(st.just("withdraw"), names, st.just(0), st.just(0)),
        st.tuples(st.just("report"), st.just(""), st.integers(0, DAYS * 24), st.just(0)),
        st.tuples(st.just("settle"), st.just(""), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 4), st.just(0)),
    ),
    min_size=4,
    max_size=14,
)


class Story:
    def __init__(self, workshop: Workshop, clock: SettableClock, process: Running) -> None:
        self.workshop, self.clock, self.process, self.model = workshop, clock, process, Model()

    async def do(self, action: Action) -> None:
        match action:
            case ("post", name, start, length):
                await self.post(name, START + start * HOUR, None if length == 0 else START + (start + length) * HOUR)
            case ("withdraw", name, _, _):
                await self.withdraw(name)
            case ("report", _, through, _):
                await self.report(START + through * HOUR)
            case ("wait", _, days, _):
                self.clock.move_to(self.clock() + timedelta(days=days))

    async def settle(self) -> None:
        await self.process.worker.settle_tenant(self.workshop.tenant)
        expected = self.model.breaches(self.clock())
        assert await kept(self.workshop) == expected
        assert await told(self.workshop) == expected

    async def post(self, name: str, start: datetime, end: datetime | None) -> None:
        if start >= self.clock():
            return
        known = self.model.revisions.get(name)
        posted = PostedOutage(stream=STREAM, external_id=name, impact="critical", start=start, end=end, replaces=known)
        await self.record(RecordOutages(outages=(posted,), reports=()))
        if self.model.outages.get(name) != (start, end):
            self.model.revisions[name] = (known or 0) + 1
        self.model.outages[name] = (start, end)

    async def withdraw(self, name: str) -> None:
        if name not in self.model.outages:
            return
        vendor = self.workshop.actor(Role.VENDOR, "vendor")
        command = WithdrawOutages(outages=(WithdrawnOutage(stream=STREAM, external_id=name),))
        workshop = self.workshop
        await withdraw_outages(workshop.open_work, vendor, command, at=self.clock(), mint=workshop.mint)
        del self.model.outages[name]
        self.model.revisions[name] += 1

    async def report(self, through: datetime) -> None:
        if through > self.clock():
            return
        await self.record(RecordOutages(outages=(), reports=(Report(stream=STREAM, through=through),)))
        self.model.reported = through if self.model.reported is None else max(self.model.reported, through)

    async def record(self, command: RecordOutages) -> None:
        workshop, vendor = self.workshop, self.workshop.actor(Role.VENDOR, "vendor")
        await record_outages(workshop.open_work, vendor, command, at=self.clock(), mint=workshop.mint)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
@given(wanted=actions, begun=st.integers(4, DAYS))
async def test_episodes_kept_up_equal_episodes_from_scratch_whatever_comes_late(
    past: Past, wanted: list[Action], begun: int
) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        clock.move_to(START + timedelta(days=begun))
        await furnish(workshop)
        story = Story(workshop, clock, process)
        for action in wanted:
            await story.do(action)
            if action[0] in ("settle", "wait"):
                await story.settle()
        clock.move_to(START + timedelta(days=DAYS + 10))
        await story.settle()


async def test_late_facts_move_join_and_split_episodes(past: Past) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        clock.move_to(START + timedelta(days=DAYS, hours=1))
        await furnish(workshop)
        story = Story(workshop, clock, process)
        await story.report(START + timedelta(days=DAYS))
        await story.post("a", START + 30 * HOUR, START + 50 * HOUR)
        await story.post("b", START + 170 * HOUR, START + 190 * HOUR)
        await story.settle()
        assert len(await kept(workshop)) == 4, "two episodes of each objective"
        for changed in (("c", 60, 160), ("c", 100, 101), ("a", 60, 61), ("c", 20, 46)):
            name, start, end = changed
            await story.post(name, START + start * HOUR, START + end * HOUR)
            await story.settle()
        await story.withdraw("b")
        await story.settle()

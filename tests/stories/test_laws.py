"""The laws of the domain, through the real use cases and a real database (docs/rules.md)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.attainment import Attainment, TimeEvidence, same_verdict
from domain.attainment import Phase as PeriodPhase
from domain.ids import PeriodId
from tests.stories.conftest import Past
from tests.stories.histories import (
    START,
    Content,
    ExclusionIdentity,
    Identity,
    OutageContent,
    OutageIdentity,
    ReportIdentity,
    SampleIdentity,
    Step,
    TallyContent,
    TallyIdentity,
    final,
    histories,
    orders,
    outage_contents,
    two_orders,
)
from tests.stories.replaying import SERVICE, Player
from tests.stories.scratch import (
    END,
    LATE,
    Judged,
    breach_states,
    from_scratch,
    furnish,
    stored,
    told_states,
)
from tests.stories.storage import Store
from tests.stories.workshop import GRACE, Workshop

few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def told(judged: Judged) -> dict[object, object]:
    """What two tenants must agree on: all but ids."""
    return {
        place: (each.phase, each.status, each.value, each.coverage, _counted(each)) for place, each in judged.items()
    }


def _counted(attainment: Attainment) -> object:
    fields = {name: getattr(attainment.evidence, name) for name in type(attainment.evidence).__slots__}
    outages = fields.pop("outages", ())
    return fields, sorted((used.external_id, used.revision, used.use.value) for used in outages)


def assert_same(kept: Judged, computed: Judged) -> None:
    assert kept.keys() == computed.keys()
    other = {
        place: (kept[place], computed[place])
        for place in kept
        if not same_verdict(kept[place], computed[place]) or kept[place].phase is not computed[place].phase
    }
    assert other == {}


async def assert_kept_up(workshop: Workshop, player: Player) -> Judged:
    """Law 3 and 5: what is stored is what the facts say from scratch, and breaches follow from it."""
    kept = await stored(workshop)
    assert_same(kept, await from_scratch(workshop, player.facts, workshop.clock()))
    missed = {each.id for each in kept.values() if each.breaches}
    states = await breach_states(workshop)
    assert set(states) == missed
    assert await told_states(workshop) == states
    return kept


@few
@given(ways=two_orders())
async def test_verdicts_kept_up_equal_verdicts_from_scratch_whatever_the_order(
    past: Past, ways: tuple[list[Step], list[Step]]
) -> None:
    async with past.workshops(2) as (clock, process, workshops):
        players: list[Player] = []
        for workshop, steps in zip(workshops, ways, strict=True):
            await furnish(workshop)
            player = Player(workshop, lambda at=workshop.tenant: process.worker.settle_tenant(at))  # type: ignore[misc]
            await player.play(steps)
            await process.worker.settle_tenant(workshop.tenant)
            assert player.facts.latest == final(steps).latest
            players.append(player)
        one, other = [
            await assert_kept_up(workshop, player) for workshop, player in zip(workshops, players, strict=True)
        ]
        assert told(one) == told(other)
        clock.move_to(LATE)
        for workshop, player in zip(workshops, players, strict=True):
            await process.worker.settle_tenant(workshop.tenant)
            await assert_kept_up(workshop, player)


async def test_what_lengthens_an_outage_in_front_reaches_the_period_in_which_it_ends(past: Past) -> None:
    """Of whole minutes the last one is dropped; which that is depends on the merged outage's start, a day before."""
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    over_midnight = OutageContent(START + 22 * hour, START + 29 * hour + 30 * second, "critical")
    in_front = OutageContent(START + 21 * hour + 15 * second, START + 22 * hour, "critical")
    async with past.workshops(1) as (_, process, (workshop,)):
        await furnish(workshop)
        player = Player(workshop, lambda: process.worker.settle_tenant(workshop.tenant))
        await player.play([Step(OutageIdentity("probe", "o1"), over_midnight, alone=True, judge=True)])
        before = await assert_kept_up(workshop, player)
        await player.play([Step(OutageIdentity("probe", "o2"), in_front, alone=True, judge=True)])
        after = await assert_kept_up(workshop, player)
        place = (SERVICE, "minutes", START + 24 * hour)
        assert [_down_us(verdicts[place]) for verdicts in (before, after)] == [18_000_000_000, 18_015_000_000]
        await player.play([Step(OutageIdentity("probe", "o2"), None, alone=True, judge=True)])
        assert _down_us((await assert_kept_up(workshop, player))[place]) == 18_000_000_000


def _down_us(attainment: Attainment) -> int:
    assert isinstance(attainment.evidence, TimeEvidence)
    return attainment.evidence.down_us


FACTS = """
SELECT 'outage' AS kind, source || ' ' || external_id AS name, revision,
    concat_ws(' ', impact, extract(epoch FROM starts_at)::bigint, extract(epoch FROM ends_at)::bigint) AS content
FROM outage JOIN stream USING (tenant_id, stream_id) WHERE tenant_id = $1
UNION ALL SELECT 'tally', extract(epoch FROM starts_at)::bigint::text, revision, concat_ws(' ', good, total)
FROM tally WHERE tenant_id = $1
UNION ALL SELECT 'sample', extract(epoch FROM at)::bigint::text, revision, coalesce(value::text, '')
FROM sample WHERE tenant_id = $1
ORDER BY 1, 2, 3
"""
EFFECTS = """
SELECT (SELECT count(*) FROM outage WHERE tenant_id = $1) AS outages,
    (SELECT count(*) FROM tally WHERE tenant_id = $1) AS tallies,
    (SELECT count(*) FROM sample WHERE tenant_id = $1) AS samples,
    (SELECT count(*) FROM stream_report WHERE tenant_id = $1) AS reports,
    (SELECT count(*) FROM mark WHERE tenant_id = $1) AS marks
"""


def _name(identity: Identity) -> tuple[str, str]:
    match identity:
        case OutageIdentity(source, external_id):
            return "outage", f"{source} {external_id}"
        case TallyIdentity(start):
            return "tally", str(int(start.timestamp()))
        case SampleIdentity(at):
            return "sample", str(int(at.timestamp()))
        case _:
            raise AssertionError(f"{identity} has no rows of revisions")


def _content(content: Content | None) -> str:
    match content:
        case OutageContent(start, end, impact):
            ended = "" if end is None else f" {int(end.timestamp())}"
            return f"{impact} {int(start.timestamp())}{ended}"
        case TallyContent(good, total):
            return f"{good} {total}"
        case Decimal():
            return str(int(content.scaleb(1)))
        case _:
            return ""


async def _nothing() -> None:
    """The worker is away."""


@few
@given(data=st.data(), history=histories())
async def test_posting_twice_is_posting_once_and_every_revision_stays_readable(
    past: Past, store: Store, data: st.DataObject, history: dict[Identity, list[Content | None]]
) -> None:
    posted: dict[Identity, list[Content | None]] = {
        identity: each for identity, each in history.items() if not isinstance(identity, ExclusionIdentity)
    }
    steps = data.draw(orders(posted))
    expected: dict[tuple[str, str], list[str]] = {}
    async with past.workshops(1) as (_, _process, (workshop,)):
        await furnish(workshop)
        player = Player(workshop, _nothing)
        for step in steps:
            before = player.facts.revision(step.identity)
            await player.post([step])
            if not isinstance(step.identity, ReportIdentity) and player.facts.revision(step.identity) != before:
                expected.setdefault(_name(step.identity), []).append(_content(step.content))
            kept = await store.rows(EFFECTS, workshop.tenant)
            assert player.again is not None
            repeated = await player.again()
            assert (repeated.recorded, repeated.refused) == (0, ())
            assert await store.rows(EFFECTS, workshop.tenant) == kept
        readable: dict[tuple[str, str], list[str]] = {}
        for row in await store.rows(FACTS, workshop.tenant):
            readable.setdefault((row["kind"], row["name"]), []).append(row["content"])
            assert row["revision"] == len(readable[row["kind"], row["name"]])
        assert readable == expected


@few
@given(contents=st.lists(outage_contents(), min_size=1, max_size=4))
async def test_a_final_period_changes_only_by_a_restatement_that_keeps_the_former_result(
    past: Past, contents: list[OutageContent]
) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        await furnish(workshop)
        player = Player(workshop, _nothing)
        clock.move_to(END + GRACE + timedelta(days=1))
        await process.worker.settle_tenant(workshop.tenant)
        history = await _revisions(workshop)
        assert {len(each) for each in history.values()} == {1}
        assert {each[-1].phase for each in history.values()} == {PeriodPhase.FINAL}
        for content in contents:
            clock.move_to(clock() + timedelta(hours=1))
            await player.post([Step(OutageIdentity("probe", "late"), content, alone=True, judge=False)])
            await process.worker.settle_tenant(workshop.tenant)
            former, history = history, await _revisions(workshop)
            for period, before in former.items():
                now = history[period]
                assert now[: len(before)] == before
                assert [each.revision for each in now] == list(range(1, len(now) + 1))
                restated = now[len(before) :]
                assert all(each.phase is PeriodPhase.RESTATED for each in restated)
                assert len(restated) <= 1
                assert not restated or not same_verdict(restated[0], before[-1])
            latest = from_scratch(workshop, player.facts, clock())
            computed = {each.id: each for each in (await latest).values()}
            assert all(same_verdict(each[-1], computed[period]) for period, each in history.items())


async def _revisions(workshop: Workshop) -> dict[PeriodId, list[Attainment]]:
    kept = await stored(workshop)
    async with workshop.open_work(workshop.admin) as work:
        found = await work.attainments.revisions([each.id for each in kept.values()])
    return {period: list(each) for period, each in found.items()}

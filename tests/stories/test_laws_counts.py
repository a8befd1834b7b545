"""Law 5 of slices, percentiles and coverage: verdicts kept up equal those computed from scratch, after any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.allowed import counted_spans
from domain.attainment import Attainment, PercentileEvidence, Subject, same_verdict
from domain.evaluate import evaluate
from domain.fact import Sample, Tally
from domain.mark import JudgedPeriod
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Missing
from domain.party import PartyKind
from domain.points import PointFacts, sample_facts, tally_facts
from domain.policy import Role
from domain.ratio import Direction
from domain.stream import StreamKey
from domain.usecases.catalog import CreateMetric, create_metric
from domain.usecases.record_measurements import (
    RecordMeasurements,
    SampleSeries,
    TallySeries,
    WithdrawMeasurements,
    record_measurements,
    withdraw_measurements,
)
from tests.stories.conftest import Past
from tests.stories.histories import DAYS, START
from tests.stories.scratch import END, LATE
from tests.stories.workshop import Workshop, a_promise

VENDOR, SERVICE = "vendor", "leaf"
MINUTE = timedelta(minutes=1)
PLACES = DAYS * 144
"""Points lie ten minutes apart, so that an hour has six of them."""
METRICS: Mapping[str, tuple[CreateMetric, str]] = {
    each.code: (each, expected)
    for each, expected in (
        (
            CreateMetric(code="mean", name="Mean", aggregation=Aggregation.MEAN_OF_SLICES, slice=timedelta(minutes=20)),
            "99",
        ),
        (
            CreateMetric(
                code="fast",
                name="Fast",
                aggregation=Aggregation.GOOD_SLICES,
                shape=Shape.SAMPLE,
                slice=timedelta(hours=8),
                slice_target=Decimal("250.5"),
                slice_direction=Direction.AT_MOST,
            ),
            "50",
        ),
        (
            CreateMetric(
                code="p90",
                name="P90",
                aggregation=Aggregation.PERCENTILE,
                percentile=Decimal(90),
                direction=Direction.AT_MOST,
            ),
            "300",
        ),
        (CreateMetric(code="sums", name="Sums", aggregation=Aggregation.RATIO_OF_SUMS), "95"),
    )
}


@dataclass(frozen=True, slots=True)
class Post:
    """Points of one metric by their place, all known ones corrected; a None withdraws. `judge`: the worker looks."""

    metric: str
    values: Mapping[int, int | None]
    judge: bool


posts = st.builds(
    Post,
    st.sampled_from(sorted(METRICS)),
    st.dictionaries(
        st.integers(0, PLACES - 1) | st.integers(130, 160), st.none() | st.integers(0, 600), min_size=1, max_size=40
    ),
    st.booleans(),
)


@dataclass
class Model:
    """The latest revision and value of each point, by metric and place; a value of None is withdrawn."""

    known: dict[tuple[str, int], tuple[int, int | None]] = field(default_factory=dict)

    def of(self, metric: str) -> dict[datetime, int]:
        return {
            START + place * 10 * MINUTE: value
            for (name, place), (_, value) in self.known.items()
            if name == metric and value is not None
        }


async def furnish(workshop: Workshop) -> None:
    await workshop.party(VENDOR, PartyKind.VENDOR)
    await workshop.service(SERVICE, provider=VENDOR)
    for code, (command, _) in METRICS.items():
        made = await create_metric(workshop.open_work, workshop.admin, command, at=workshop.clock(), mint=workshop.mint)
        workshop.metrics[code] = made
    promises = [
        a_promise(f"{code}-{missing.value}", workshop.metrics[code], expected, missing=missing)
        for code, (_, expected) in METRICS.items()
        for missing in (Missing.HOLD, Missing.BAD)
    ]
    await workshop.agreement("terms", *promises, provider=VENDOR, service=SERVICE, starts_at=START, ends_at=END)


async def play(workshop: Workshop, model: Model, post: Post) -> None:
    """One call for all points of one revision; one more for each revision to be withdrawn."""
    stream = StreamKey(metric=post.metric, service=SERVICE, vendor=VENDOR)
    actor, at, mint = workshop.actor(Role.VENDOR, VENDOR), workshop.clock(), workshop.mint
    by_revision: dict[tuple[int, bool], list[int]] = {}
    for place, value in post.values.items():
        revision, former = model.known.get((post.metric, place), (0, None))
        if value != former:
            by_revision.setdefault((revision, value is None), []).append(place)
            model.known[post.metric, place] = revision + 1, value
    for (revision, withdrawn), places in by_revision.items():
        instants = tuple(START + place * 10 * MINUTE for place in places)
        if withdrawn:
            withdrawal = WithdrawMeasurements(stream=stream, instants=instants, replaces=revision)
            await withdraw_measurements(workshop.open_work, actor, withdrawal, at=at, mint=mint)
            continue
        values = [post.values[place] or 0 for place in places]
        command = _recorded(workshop.metrics[post.metric], stream, instants, values, revision or None)
        await record_measurements(workshop.open_work, actor, command, at=at, mint=mint)


def _recorded(
    metric: Metric, stream: StreamKey, instants: Sequence[datetime], values: Sequence[int], replaces: int | None
) -> RecordMeasurements:
    if metric.shape is Shape.SAMPLE:
        samples = SampleSeries(
            stream=stream, instants=instants, values=[Decimal(each) for each in values], replaces=replaces
        )
        return RecordMeasurements(samples=(samples,))
    tallies = TallySeries(
        stream=stream,
        starts=instants,
        ends=[each + MINUTE for each in instants],
        good=[each // 3 for each in values],
        total=[each // 2 for each in values],
        replaces=replaces,
    )
    return RecordMeasurements(tallies=(tallies,))


async def assert_kept_up(workshop: Workshop, model: Model) -> list[Attainment]:
    agreement = workshop.agreements["terms"]
    async with workshop.open_work(workshop.admin) as work:
        version = agreement.versions[0]
        periods = await work.periods.from_instant([each.id for each in version.objectives], START)
        kept = await work.attainments.by_ids([each.period.id for each in periods])
    metrics = {metric.id: metric for metric in workshop.metrics.values()}
    objectives = {each.id: each for each in version.objectives}
    for each in periods:
        objective = objectives[each.objective]
        subject = Subject(
            objective=objective,
            metric=metrics[objective.metric],
            agreement=agreement.id,
            version=version.id,
            service=each.service,
            grace=version.grace,
            starts_at=agreement.starts_at,
            ends_at=agreement.ends_at,
        )
        computed = _from_scratch(subject, model, each, workshop.clock())
        found = kept[each.period.id]
        assert same_verdict(found, computed), (found, computed)
        assert found.phase is computed.phase
    return list(kept.values())


def _from_scratch(subject: Subject, model: Model, wanted: JudgedPeriod, at: datetime) -> Attainment:
    spans = counted_spans(subject, [], wanted.period, at)
    values = model.of(subject.metric.code)
    facts: PointFacts
    if subject.metric.shape is Shape.SAMPLE:
        samples = [Sample(instant, value * 10**subject.metric.scale) for instant, value in values.items()]
        facts = sample_facts(samples, spans, subject.metric, ended=at >= wanted.period.span.end)
    else:
        tallies = [Tally(instant, instant + MINUTE, value // 3, value // 2) for instant, value in values.items()]
        facts = tally_facts(tallies, spans, subject.metric)
    return evaluate(subject, facts, [], wanted.period, at)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(posts, min_size=2, max_size=12))
async def test_slices_percentiles_and_coverage_kept_up_equal_those_from_scratch(past: Past, steps: list[Post]) -> None:
    async with past.workshops(1) as (clock, process, (workshop,)):
        clock.move_to(START + timedelta(days=1, hours=7))
        await furnish(workshop)
        model = Model()
        for step in steps[::2]:
            await play(workshop, model, step)
            if step.judge:
                await process.worker.settle_tenant(workshop.tenant)
        clock.move_to(LATE)
        await process.worker.settle_tenant(workshop.tenant)
        await assert_kept_up(workshop, model)
        for step in steps[1::2]:
            await play(workshop, model, step)
            if step.judge:
                await process.worker.settle_tenant(workshop.tenant)
        await process.worker.settle_tenant(workshop.tenant)
        kept = await assert_kept_up(workshop, model)
        percentiles = [each for each in kept if isinstance(each.evidence, PercentileEvidence)]
        assert len(percentiles) == 2 * DAYS
        assert not any(each.evidence.undecided for each in percentiles if isinstance(each.evidence, PercentileEvidence))

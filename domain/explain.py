"""How a verdict came to be, as a tree: every number is of the evidence that the verdict carries, and adds up to it.

Each step that has steps below it says how its value follows from theirs, so that whoever has the leaves can compute
the verdict again (docs/explain.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from domain.agreement import Agreement
from domain.aside import SetAside
from domain.attainment import (
    Attainment,
    CaseEvidence,
    CaseUse,
    CountEvidence,
    Evidence,
    PercentileEvidence,
    SampleEvidence,
    SliceEvidence,
    TimeEvidence,
    Use,
)
from domain.counts import tolerated
from domain.explain_step import (
    PERCENT,
    SECONDS,
    CountedFacts,
    Operation,
    Step,
    count,
    in_unit,
    seconds,
    seconds_of,
)
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Missing, Objective
from domain.ratio import Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class PointParts:
    """Of tallies or samples: how much of what was counted lies in whole cells of 15 minutes, the rest at the edges.

    `cells`: how many such cells the agreed time holds whole.
    """

    cells: int
    points_in_cells: int


def explain(
    verdict: Attainment,
    agreement: Agreement,
    objective: Objective,
    metric: Metric,
    parts: PointParts | None = None,
) -> Step:
    """The root's value is the verdict's. `parts`: of tallies and samples, where they are known."""
    value = _value(verdict, objective, metric)
    steps = [
        _terms(verdict, agreement, objective, metric),
        _time(verdict),
        value,
        *([_coverage(verdict, metric)] if verdict.coverage is not None else []),
        *([_points(verdict, parts)] if parts is not None else []),
        *_apart(verdict, metric),
        _outcome(verdict, objective, metric),
    ]
    return Step(
        key="verdict",
        label="Verdict",
        value=value.value,
        unit=value.unit,
        detail=verdict.status.value,
        steps=tuple(step.under("verdict") for step in steps),
    )


def _terms(verdict: Attainment, agreement: Agreement, objective: Objective, metric: Metric) -> Step:
    version = next(version for version in agreement.versions if version.id == verdict.version)
    levels = [_level("expected", "Expected level", objective.expected, metric)]
    if objective.minimum is not None:
        levels.append(_level("minimum", "Minimum level", objective.minimum, metric))
    told = f"{agreement.code}, version {version.number}, objective {objective.code}, metric {metric.code}"
    return Step(key="terms", label="Terms", detail=told, steps=tuple(levels))


def _level(key: str, label: str, level: Ratio, metric: Metric) -> Step:
    value, unit = in_unit(level.exact, metric)
    return Step(key=key, label=label, value=value, unit=unit, detail=metric.direction.value)


def _time(verdict: Attainment) -> Step:
    """Agreed time of the period so far."""
    aside, allowed_us = verdict.set_aside, verdict.evidence.allowed_us
    whole = allowed_us + aside.excluded_us + aside.closed_us
    span = verdict.period.span
    return Step(
        key="agreed",
        label="Agreed time so far",
        value=seconds_of(allowed_us),
        unit=SECONDS,
        operation=Operation.DIFFERENCE,
        steps=(
            seconds("period", "The period so far", whole, f"{span.start.isoformat()} to {span.end.isoformat()}"),
            seconds("closed", "Outside service hours", aside.closed_us),
            _excluded(aside),
        ),
    )


def _excluded(aside: SetAside) -> Step:
    each = [
        seconds(
            str(number),
            f"Exclusion {used.kind.value}",
            used.us,
            f"from {used.starts_at.isoformat()}",
        )
        for number, used in enumerate(aside.exclusions, start=1)
    ]
    rest = aside.excluded_us - sum(used.us for used in aside.exclusions)
    if rest:
        each.append(seconds("rest", f"{aside.exclusions_total - len(each)} more exclusions", rest))
    return Step(
        key="excluded",
        label="Taken out by exclusions",
        value=seconds_of(aside.excluded_us),
        unit=SECONDS,
        operation=Operation.SUM,
        steps=tuple(each),
    )


def _value(verdict: Attainment, objective: Objective, metric: Metric) -> Step:
    exact = None if verdict.value is None else verdict.value.exact
    value, unit = (None, metric.unit) if exact is None else in_unit(exact, metric)
    operation, steps = _made_of(verdict, objective, metric)
    return Step(
        key="value",
        label=metric.aggregation.value.replace("_", " ").capitalize(),
        value=value,
        unit=PERCENT if metric.aggregation.is_share else unit,
        detail="nothing to divide by" if exact is None else None,
        operation=None if exact is None else operation,
        steps=steps,
    )


def _made_of(verdict: Attainment, objective: Objective, metric: Metric) -> tuple[Operation, tuple[Step, ...]]:
    evidence = verdict.evidence
    match evidence:
        case TimeEvidence():
            return Operation.REST, _of_time(evidence, objective, metric)
        case CountEvidence():
            tallies = CountedFacts(Shape.TALLY)
            good = count("good", "Good", evidence.good, facts=tallies)
            return Operation.RATIO, (good, count("total", "Total", evidence.total, facts=tallies))
        case SliceEvidence():
            return Operation.REST, _of_slices(evidence, metric)
        case CaseEvidence():
            in_time = CountedFacts(Shape.CASE, CaseUse.IN_TIME)
            late = CountedFacts(Shape.CASE, CaseUse.LATE)
            return Operation.SHARE, (
                count("in_time", "Decided in time", evidence.in_time, facts=in_time),
                count("late", "Decided late", evidence.late, facts=late),
            )
        case PercentileEvidence():
            return Operation.SAME, _of_rank(evidence, metric)
        case SampleEvidence():
            return _of_samples(evidence, metric)
        case _ as never:
            assert_never(never)


def _of_time(evidence: TimeEvidence, objective: Objective, metric: Metric) -> tuple[Step, ...]:
    """Down time by weight, and the time that it is divided by."""
    by_weight = Step(
        key="weighed",
        label="Down time by weight",
        value=Fraction(evidence.bad_units, evidence.units_per_us * 10**6),
        unit=SECONDS,
        detail=f"{seconds_of(evidence.down_us)} s of down time",
        facts=CountedFacts(metric.shape, Use.COUNTED),
    )
    missing = seconds("missing", "Not reported", evidence.missing_us, objective.missing.value)
    as_bad, left_out = objective.missing is Missing.BAD, objective.missing in (Missing.HOLD, Missing.EXCLUDED)
    down, whole = by_weight.value or Fraction(0), seconds_of(evidence.allowed_us)
    bad = Step(
        key="bad",
        label="Time that counts as bad",
        value=down + (seconds_of(evidence.missing_us) if as_bad else 0),
        unit=SECONDS,
        operation=Operation.SUM,
        steps=(by_weight, missing) if as_bad else (by_weight,),
    )
    agreed = seconds("agreed", "Agreed time so far", evidence.allowed_us)
    of = Step(
        key="of",
        label="Time that is judged",
        value=whole - (seconds_of(evidence.missing_us) if left_out else 0),
        unit=SECONDS,
        operation=Operation.DIFFERENCE,
        steps=(agreed, missing) if left_out else (agreed,),
    )
    return bad, of


def _of_slices(evidence: SliceEvidence, metric: Metric) -> tuple[Step, ...]:
    """What is divided by is made of slices with a total, of those without one, and of silent ones, as terms count."""
    mean = metric.aggregation is Aggregation.MEAN_OF_SLICES
    busy = evidence.reported - evidence.idle if evidence.counted else 0
    idle = evidence.idle if mean and evidence.counted else 0
    points = CountedFacts(metric.shape)
    counted = Step(
        key="of",
        label="Slices that count",
        value=Fraction(evidence.counted),
        unit="slices",
        operation=Operation.SUM,
        steps=(
            count("busy", "With a total", busy, unit="slices", facts=points),
            count("idle", "Reported without total", idle, unit="slices"),
            count("silent", "Not reported, and counted", evidence.counted - busy - idle, unit="slices"),
        ),
    )
    bad = Step(key="bad", label="What was not good of them", value=Fraction(evidence.bad, 10**12), unit="slices")
    return bad, counted


def _of_rank(evidence: PercentileEvidence, metric: Metric) -> tuple[Step, ...]:
    scale, samples = 10**evidence.scale, CountedFacts(Shape.SAMPLE)
    low, high = (None if each is None else Fraction(each, scale) for each in (evidence.low, evidence.high))
    name = f"Percentile {evidence.percentile.normalize():f} of {evidence.points} samples"
    if low == high:
        return (Step(key="rank", label=name, value=low, unit=metric.unit, detail="nearest rank", facts=samples),)
    return (
        Step(key="low", label=f"{name}, at least", value=low, unit=metric.unit, facts=samples),
        Step(key="high", label=f"{name}, at most", value=high, unit=metric.unit, facts=samples),
    )


def _of_samples(evidence: SampleEvidence, metric: Metric) -> tuple[Operation, tuple[Step, ...]]:
    scale, samples = 10**evidence.scale, CountedFacts(Shape.SAMPLE)
    points = count("points", "Samples", evidence.points, facts=samples)
    total = Step(key="sum", label="Sum", value=Fraction(evidence.sum, scale), unit=metric.unit, facts=samples)
    match metric.aggregation:
        case Aggregation.COUNT:
            return Operation.SAME, (points,)
        case Aggregation.SUM:
            return Operation.SAME, (total,)
        case Aggregation.MEAN:
            return Operation.RATIO, (total, points)
        case Aggregation.MINIMUM:
            return Operation.SAME, (_extreme("Smallest", evidence.minimum, evidence, metric),)
        case Aggregation.MAXIMUM:
            return Operation.SAME, (_extreme("Largest", evidence.maximum, evidence, metric),)
        case (
            Aggregation.AVAILABILITY
            | Aggregation.RATIO_OF_SUMS
            | Aggregation.MEAN_OF_SLICES
            | Aggregation.GOOD_SLICES
            | Aggregation.PERCENTILE
            | Aggregation.CASES_WITHIN
        ):
            raise AssertionError(f"{metric.aggregation.value} is not a total of samples")
        case _ as never:
            assert_never(never)


def _extreme(name: str, extreme: int | None, evidence: SampleEvidence, metric: Metric) -> Step:
    return Step(
        key="extreme",
        label=f"{name} of {evidence.points} samples",
        value=None if extreme is None else Fraction(extreme, 10**evidence.scale),
        unit=metric.unit,
        facts=CountedFacts(Shape.SAMPLE),
    )


def _coverage(verdict: Attainment, metric: Metric) -> Step:
    assert verdict.coverage is not None, "asked for where there is one"
    return Step(
        key="coverage",
        label="Coverage",
        value=verdict.coverage.exact * 100,
        unit=PERCENT,
        operation=Operation.RATIO,
        steps=_covered(verdict.evidence, verdict.coverage, metric),
    )


def _covered(evidence: Evidence, coverage: Ratio, metric: Metric) -> tuple[Step, Step]:
    reported, of = coverage.numerator, coverage.denominator
    match evidence:
        case TimeEvidence():
            return seconds("reported", "Time reported on", reported), seconds("of", "Agreed time so far", of)
        case SliceEvidence():
            return (
                count("reported", "Slices with a point", reported, unit="slices"),
                count("of", "Slices of the agreed time so far", of, unit="slices"),
            )
        case CountEvidence() | SampleEvidence() | PercentileEvidence() | CaseEvidence():
            length = f"of {metric.grid}"
            return (
                count("reported", f"Cells {length} with a point", reported, unit="cells"),
                count("of", f"Cells {length} of the agreed time so far", of, unit="cells"),
            )
        case _ as never:
            assert_never(never)


def _points(verdict: Attainment, parts: PointParts) -> Step:
    evidence = verdict.evidence
    points = 0 if isinstance(evidence, TimeEvidence | CaseEvidence) else evidence.points
    whole = count("cells", "In whole cells of 15 minutes", parts.points_in_cells, detail=f"{parts.cells} such cells")
    edges = count("edges", "At ragged edges of the agreed time", points - parts.points_in_cells)
    return Step(
        key="points",
        label="Facts counted",
        value=Fraction(points),
        operation=Operation.SUM,
        steps=(whole, edges),
    )


def _apart(verdict: Attainment, metric: Metric) -> Iterator[Step]:
    """What was told and does not make the value, by what became of it; nothing where all that was told counts."""
    steps = _told_apart(verdict.evidence, metric)
    if steps:
        yield Step(key="apart", label="Told, and not counted", steps=tuple(steps))


def _told_apart(evidence: Evidence, metric: Metric) -> Sequence[Step]:
    match evidence:
        case TimeEvidence():
            told = (
                ("excused", "Down in time that exclusions took out", evidence.excused_us, Use.EXCUSED),
                ("short", "Down for less than the minimum duration", evidence.short_us, Use.TOO_SHORT),
                ("weightless", "Recorded with an impact that weighs nothing", evidence.weightless_us, Use.WEIGHTLESS),
                ("closed", "Down outside service hours only", None, Use.CLOSED),
                ("no_effect", "Recorded without effect on the service", None, Use.NO_EFFECT),
            )
            return [
                Step(
                    key=key,
                    label=label,
                    value=None if us is None else seconds_of(us),
                    unit=SECONDS if us is not None else "",
                    facts=CountedFacts(metric.shape, use),
                )
                for key, label, us, use in told
            ]
        case CaseEvidence():
            is_open, excused = CountedFacts(Shape.CASE, CaseUse.OPEN), CountedFacts(Shape.CASE, CaseUse.EXCUSED)
            aside = evidence.cases_total - evidence.in_time - evidence.late - evidence.open
            return [
                count("open", "Open", evidence.open, facts=is_open),
                count("excused", "Decided in time that exclusions took out", aside, facts=excused),
            ]
        case CountEvidence() | SampleEvidence() | PercentileEvidence() | SliceEvidence():
            return []
        case _ as never:
            assert_never(never)


def _outcome(verdict: Attainment, objective: Objective, metric: Metric) -> Step:
    levels = [("expected", "Expected level", objective.expected)]
    if objective.minimum is not None:
        levels.append(("minimum", "Minimum level", objective.minimum))
    by_tolerance = ", with one miss of few cases" if tolerated(objective, verdict.evidence) else ""
    steps: list[Step] = []
    for key, label, level in levels:
        met = verdict.value is not None and verdict.value.meets(level, objective.direction)
        value, unit = in_unit(level.exact, metric)
        told = "no value" if verdict.value is None else "met by the value" if met else "not met by the value"
        steps.append(Step(key=key, label=label, value=value, unit=unit, detail=told + by_tolerance))
    return Step(
        key="outcome",
        label="Outcome",
        detail=f"{verdict.status.value}, {verdict.phase.value}",
        steps=tuple(steps),
    )

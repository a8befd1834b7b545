"""Slices of time, all of one length and begun at midnight UTC, each weighed alike however many cases it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.fact import Sample, Tally
from domain.metric import Metric, Shape
from domain.ratio import Direction, Ratio
from domain.spans import Span
from domain.totals import EPOCH, within

WHOLE = 10**12
"""A slice's ratio is rounded half-even to so many parts before it is summed (rules.md, Exactness)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRule:
    """How long slices are, and when one is good: where part / whole is on the good side of the level.

    Part and whole are sums of good and total, or of samples (in units of their scale) and of their number. `level` is
    None where slices are not told apart, and their ratios are summed.
    """

    length: timedelta
    level: Ratio | None = None
    direction: Direction = Direction.AT_LEAST

    def good(self, part: int, whole: int) -> bool:
        return self.level is not None and Ratio(part, whole).meets(self.level, self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceTotals:
    """Of the slices that have a point in the allowed time. Of `reported` ones, `idle` ones have points but no total.

    `good`: how many of the others meet the rule's level, 0 where it has none. `ratios`: the sum of their part / whole,
    each rounded half-even to a WHOLEth; 0 where the rule has a level.
    """

    reported: int = 0
    idle: int = 0
    good: int = 0
    ratios: int = 0
    points: int = 0


def rule_of(metric: Metric) -> SliceRule:
    """The metric is a sliced one."""
    assert metric.slice is not None, f"{metric.aggregation.value} has no slices"
    level = metric.slice_level
    if level is not None and metric.shape is Shape.SAMPLE:
        level = Ratio(level.numerator * 10**metric.scale, level.denominator)
    return SliceRule(length=metric.slice, level=level, direction=metric.slice_direction)


def tally_slices(tallies: Iterable[Tally], spans: Sequence[Span], rule: SliceRule) -> SliceTotals:
    """Each tally belongs to the slice of its start."""
    return _totals(((each.start, each.good, each.total) for each in tallies), spans, rule)


def sample_slices(samples: Iterable[Sample], spans: Sequence[Span], rule: SliceRule) -> SliceTotals:
    return _totals(((each.at, each.value, 1) for each in samples), spans, rule)


def rounded(part: int, whole: int) -> int:
    """Part / whole in WHOLEths, half-even."""
    down, rest = divmod(part * WHOLE, whole)
    return down + (2 * rest > whole or (2 * rest == whole and down % 2 == 1))


def _totals(points: Iterable[tuple[datetime, int, int]], spans: Sequence[Span], rule: SliceRule) -> SliceTotals:
    parts: dict[int, int] = defaultdict(int)
    wholes: dict[int, int] = defaultdict(int)
    counted = 0
    for at, part, whole in points:
        if within(at, spans):
            place = (at - EPOCH) // rule.length
            parts[place] += part
            wholes[place] += whole
            counted += 1
    busy = [place for place, whole in wholes.items() if whole]
    return SliceTotals(
        reported=len(wholes),
        idle=len(wholes) - len(busy),
        good=sum(rule.good(parts[place], wholes[place]) for place in busy),
        ratios=0 if rule.level else sum(rounded(parts[place], wholes[place]) for place in busy),
        points=counted,
    )

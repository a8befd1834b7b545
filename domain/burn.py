"""Burn rates: how many times faster than evenly a period's error budget is spent (rules.md, Early warning)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from domain.spans import Span, microseconds

FACTOR_MIN = Fraction(9, 10)
"""A pair whose factor comes to less is left out: at less than an even pace nothing is wrong. Of a February of 28 days
the longest pair comes to 0.93."""


@dataclass(frozen=True, slots=True)
class BurnPair:
    """Two windows that must both burn. `share`: how much of the budget is spent in the long one at the factor."""

    long: timedelta
    short: timedelta
    share: Fraction

    def factor(self, period: Span) -> Fraction:
        """Of 30 days: 14.4, 6, 3 and 1."""
        return self.share * Fraction(period.length_us, microseconds(self.long))


PAIRS = (
    BurnPair(timedelta(hours=1), timedelta(minutes=5), Fraction(2, 100)),
    BurnPair(timedelta(hours=6), timedelta(minutes=30), Fraction(5, 100)),
    BurnPair(timedelta(days=1), timedelta(hours=2), Fraction(10, 100)),
    BurnPair(timedelta(days=3), timedelta(hours=6), Fraction(10, 100)),
)


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast a period burns in both windows of a pair, beside the pair's factor for such a period."""

    pair: BurnPair
    factor: Fraction
    long: Fraction
    short: Fraction

    @property
    def level(self) -> Fraction:
        """The slower window's rate over the factor: above 1 the pair warns."""
        return min(self.long, self.short) / self.factor


def pairs_of(period: Span) -> tuple[BurnPair, ...]:
    """Those that say something of a period of that length: all of a month, two of a week, none of a day."""
    return tuple(pair for pair in PAIRS if pair.factor(period) >= FACTOR_MIN)


def windows_of(period: Span, at: datetime) -> Mapping[timedelta, Span]:
    """The windows up to the instant, without what lies before the period: its budget is its own."""
    if at <= period.start:
        return {}
    lengths = sorted({length for pair in pairs_of(period) for length in (pair.long, pair.short)})
    return {length: Span(max(period.start, at - length), at) for length in lengths}


def burns(bad: Mapping[timedelta, Fraction], budget: Fraction, period: Span) -> tuple[Burn, ...]:
    """`bad`: the bad quantity in each of `windows_of`; `budget`: that of the whole period, in the same unit."""
    if not bad or budget <= 0:
        return ()

    def rate(window: timedelta) -> Fraction:
        return bad[window] / budget * Fraction(period.length_us, microseconds(window))

    return tuple(Burn(pair, pair.factor(period), rate(pair.long), rate(pair.short)) for pair in pairs_of(period))

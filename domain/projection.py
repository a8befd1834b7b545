"""The projection of a period's end from the last days. It warns and never decides (rules.md, Early warning).

The one place of the domain with floats: what leaves it is rounded to 4 places.

The model. Bad quantity comes in pieces: a row of bad days is one. How many more come until the end is Poisson with an
unknown rate, how large each is exponential with an unknown mean; both have gamma priors, so that what is predicted is
negative binomial in number and, for n pieces, a ratio of gammas in size. Sizes are in budgets. The priors were chosen
among some 120 on the outages of two years (examples/data) and beat the base rate of those by a few percent, which is
no proof for other vendors: see `python -m bench projection_brier`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from domain.spans import Span

DAY = timedelta(days=1)
HISTORY_MAX = timedelta(days=28)
"""Whole days in UTC, today with what has passed of it."""
HISTORY_MIN = timedelta(days=7)
"""With less nothing is projected."""
PLACES = 4
PRIOR_PIECES = 0.5
PRIOR_DAYS = 56.0
"""As if half a piece had been seen in so many days more."""
PRIOR_SHAPE = 1.0
PRIOR_SIZE = 1.0
"""As if one more piece had been seen, of one budget."""
PIECES_MAX = 2_000
"""More than so many to come count as a miss."""
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """`expected`: what will be spent by the end, in budgets. `probability`: of a miss. Both with 4 places."""

    expected: Decimal
    probability: Decimal


def history_span(starts_at: datetime, at: datetime) -> Span | None:
    """What the projection looks back on, from the agreement's start on at the earliest. None where that is nothing."""
    midnight = datetime.combine(at.date(), time(0), tzinfo=UTC)
    start = max(starts_at, midnight + DAY - HISTORY_MAX)
    return Span(start, at) if start < at else None


def days_of(history: Span) -> tuple[Span, ...]:
    """Its days in UTC, cut to it."""
    found: list[Span] = []
    start = history.start
    while start < history.end:
        midnight = datetime.combine(start.date(), time(0), tzinfo=UTC) + DAY
        found.append(Span(start, min(midnight, history.end)))
        start = midnight
    return tuple(found)


def project(
    *,
    spent: Fraction,
    budget: Fraction,
    days: Sequence[Fraction],
    history: timedelta,
    ahead: timedelta,
    lasting: bool,
) -> Projection | None:
    """`days`: the bad quantity of each day of the history. `ahead`: the time up to the period's end. `lasting`: the
    service is down right now, so that a piece is under way. None with too little history, and without a budget.
    """
    if budget <= 0 or history < HISTORY_MIN:
        return None
    passed, horizon = history / DAY, max(ahead / DAY, 0.0)
    seen = sum(days, start=Fraction(0))
    expected = float(spent / budget) + float(seen / budget) / passed * horizon
    left = float((budget - spent) / budget)
    pieces = sum(1 for before, day in pairwise((Fraction(0), *days)) if day > 0 and not before)
    # Of a piece that lasts it is known only how large it is at least.
    whole = pieces - (lasting and bool(days) and days[-1] > 0)
    probability = 1.0
    if left >= 0:
        probability = _exceeds(left, pieces, whole, float(seen / budget), passed, horizon, lasting=lasting)
    return Projection(expected=_rounded(expected), probability=_rounded(min(max(probability, 0.0), 1.0)))


def _exceeds(
    left: float, pieces: int, whole: int, seen: float, passed: float, horizon: float, *, lasting: bool
) -> float:
    """The probability that the pieces to come are larger together than what is left. `whole`: pieces that are over."""
    shape, share = pieces + PRIOR_PIECES, (passed + PRIOR_DAYS) / (passed + PRIOR_DAYS + horizon)
    sizes = whole + PRIOR_SHAPE
    scale = seen + PRIOR_SIZE
    # Of n pieces: P(sum > left) = y^a (1 + a(1-y) + a(a+1)/2 (1-y)^2 + ...), n terms, of which each n adds one.
    y = scale / (scale + left)
    term = y**sizes
    tail = 0.0
    probability = share**shape
    certain, found = 0.0, 0.0
    if lasting:
        tail, term = term, term * sizes * (1 - y)
    for number in range(PIECES_MAX):
        found += probability * min(tail, 1.0)
        certain += probability
        if certain > 1 - NEGLIGIBLE:
            break
        probability *= (shape + number) / (number + 1) * (1 - share)
        place = number + lasting
        tail += term
        term *= (sizes + place) / (place + 1) * (1 - y)
    return found + max(0.0, 1 - certain)


def _rounded(value: float) -> Decimal:
    return Decimal(f"{value:.{PLACES}f}")

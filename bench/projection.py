"""How good the projection of a month's end is, on two years of real outages: its Brier score against the base rate's.

Each component's months are judged at several instants, on what was known by then. Where the miss is certain already
there is nothing to forecast, so such instants are left out on both sides. The base rate is that of the very same
instants: a forecaster who knows in advance how often months are missed, and nothing else.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

from bench.ground import Ground
from bench.results import Result
from domain.bad import time_within
from domain.projection import days_of, history_span, project
from domain.spans import Span, Weighted, envelope

FILE = Path(__file__).parent.parent / "examples" / "data" / "vendor-outages-2024-2025.csv"
DOWN = ("major", "critical")
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
ALLOWED = Fraction(1, 1_000)
"""99.9 % is promised of each month."""
JUDGED_AT = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
MONTHS = range(1, 24)
"""From the second month on, so that there is a history."""


async def measure(ground: Ground) -> Sequence[Result]:
    """Needs no database."""
    del ground
    forecasts = [forecast for pieces in _components().values() for forecast in _forecasts(pieces)]
    missed = sum(each.missed for each in forecasts)
    ours, theirs = _brier(forecasts), _base_rate(forecasts)
    by_year = {year: [each for each in forecasts if each.month.year == year] for year in (2024, 2025)}
    told = ", ".join(f"{year} {_brier(each) / _base_rate(each):.3f}" for year, each in by_year.items())
    note = (
        f"Brier score, less is better: of the projection, and of the constant {missed / len(forecasts):.4f}, which is "
        f"how often the months were missed; ratio by year: {told} (the priors were chosen with both years in sight); "
        f"{len(forecasts):,} forecasts of {len(_components())} components at a quarter, half and three quarters of 23 "
        f"months, {missed} of them before a miss"
    )
    return [Result(name="projection_brier", ours=ours * 1_000, theirs=theirs * 1_000, unit="Brier/1000", note=note)]


@dataclass(frozen=True, slots=True)
class Forecast:
    month: datetime
    probability: float
    missed: bool


def _brier(forecasts: Sequence[Forecast]) -> float:
    return sum((each.probability - each.missed) ** 2 for each in forecasts) / len(forecasts)


def _base_rate(forecasts: Sequence[Forecast]) -> float:
    """The score of who always tells how often months are missed: p (1 - p)."""
    share = sum(each.missed for each in forecasts) / len(forecasts)
    return share * (1 - share)


def _components() -> Mapping[tuple[str, str], Sequence[Weighted]]:
    """By vendor and service: what was down, merged."""
    found: dict[tuple[str, str], list[Weighted]] = defaultdict(list)
    with FILE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            start, end = (_instant(row[name]) for name in ("started_at", "ended_at"))
            if row["impact"] in DOWN and start < end:
                found[row["vendor"], row["service"]].append(Weighted(Span(start, end), Fraction(1)))
    return {component: envelope(pieces) for component, pieces in found.items()}


def _forecasts(pieces: Sequence[Weighted]) -> Iterator[Forecast]:
    for number in MONTHS:
        month = Span(_month(number), _month(number + 1))
        budget = ALLOWED * month.length_us
        missed = _bad(pieces, month) > budget
        for share in JUDGED_AT:
            at = month.start + timedelta(seconds=int((month.end - month.start) / timedelta(seconds=1) * share))
            spent = _bad(pieces, Span(month.start, at))
            history = history_span(BEGAN, at)
            if history is None or spent > budget:
                continue
            projection = project(
                spent=spent,
                budget=budget,
                days=[found.bad for found in time_within(_known(pieces, at), days_of(history)).values()],
                history=at - history.start,
                ahead=month.end - at,
                lasting=any(piece.span.contains(at) for piece in pieces),
            )
            assert projection is not None, "from the second month on there is a history"
            yield Forecast(month.start, float(projection.probability), missed)


def _known(pieces: Sequence[Weighted], at: datetime) -> Sequence[Weighted]:
    begun = (piece for piece in pieces if piece.span.start < at)
    return [Weighted(Span(piece.span.start, min(piece.span.end, at)), piece.weight) for piece in begun]


def _bad(pieces: Sequence[Weighted], span: Span) -> Fraction:
    return time_within(pieces, (span,))[span].bad


def _month(number: int) -> datetime:
    return datetime(2024 + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

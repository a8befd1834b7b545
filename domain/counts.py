"""What few cases or many can tell: one miss that is tolerated, and how strong a share is (rules.md, Few cases)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from domain.attainment import CaseEvidence, CountEvidence, Evidence
from domain.objective import LowVolume, Objective
from domain.ratio import Direction, Ratio

PLACES = 10**12
Z = Fraction(1_959_964, 1_000_000)
"""Of a normal distribution 95 % lie within so many standard deviations of its mean; 6 places, declared as exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """Between which shares the true one lies at 95 %, both with 12 places: `low` rounded down and `high` up."""

    low: Ratio
    high: Ratio


def cases_of(evidence: Evidence) -> tuple[int, int] | None:
    """Good and total of a share of counts; None of anything else, and where there is no case."""
    match evidence:
        case CountEvidence():
            good, total = evidence.good, evidence.total
        case CaseEvidence():
            good, total = evidence.in_time, evidence.in_time + evidence.late
        case _:
            return None
    return (good, total) if total else None


def confidence(evidence: Evidence) -> Confidence | None:
    """It is told beside the verdict and never decides."""
    cases = cases_of(evidence)
    return None if cases is None else wilson(*cases)


def wilson(good: int, total: int) -> Confidence:
    """Wilson's score interval: (2k + z² ± z √(z² + 4k(n - k)/n)) / (2(n + z²)), exact but for the last place.

    All is brought to integers, of which floor and square root are exact: the bounds are the nearest with 12 places that
    hold the true ones between them.
    """
    assert 0 <= good <= total > 0, f"{good} of {total} is a share"
    z, d = Z.numerator, Z.denominator
    weight = total * d * d + z * z
    middle = PLACES * total * (2 * good * d * d + z * z)
    spread = (PLACES * z) ** 2 * total * (4 * good * (total - good) * d * d + total * z * z)
    whole = 2 * weight * total
    root = isqrt(spread)
    above = root + (root * root < spread)
    return Confidence(low=Ratio((middle - above) // whole, PLACES), high=Ratio(-(-(middle + above) // whole), PLACES))


def meets_level(objective: Objective, level: Ratio, good: int, total: int) -> bool:
    """Whether good of total meets the level, with the one miss that the objective may tolerate."""
    return Ratio(good, total).meets(level, objective.direction) or _tolerates(objective, level, good, total)


def tolerated(objective: Objective, evidence: Evidence) -> bool:
    """Whether a level is met only because one miss of few cases is tolerated."""
    cases = cases_of(evidence)
    if cases is None:
        return False
    return any(
        _tolerates(objective, level, *cases) and not Ratio(*cases).meets(level, objective.direction)
        for level in (objective.breach_level, objective.expected)
    )


def _tolerates(objective: Objective, level: Ratio, good: int, total: int) -> bool:
    """One miss of fewer than 1/(1 - level) cases; never at 100 %, where any number of cases would be few."""
    at_least = objective.direction is Direction.AT_LEAST
    misses = total - good if at_least else good
    allowed = 1 - level.exact if at_least else level.exact
    return objective.low_volume is LowVolume.ONE_MISS and misses == 1 and 0 < allowed * total < 1

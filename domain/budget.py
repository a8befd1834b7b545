"""The error budget of a period: how much may be bad before its expected level is missed, and what is left of that.

Rules: rules.md, Error budget. Nothing is rounded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from domain.attainment import CaseEvidence, CountEvidence, Evidence, SliceEvidence, TimeEvidence
from domain.objective import LowVolume, Objective
from domain.ratio import Direction
from domain.slices import WHOLE


class BudgetUnit(Enum):
    """What a budget is counted in. `COUNTS`: what the metric's tallies count."""

    MICROSECONDS = "microseconds"
    COUNTS = "counts"
    SLICES = "slices"
    CASES = "cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBudget:
    """In units that are bad. Of time and slices `total` is that of the whole period, of counts that of those so far."""

    unit: BudgetUnit
    total: Fraction
    spent: Fraction

    @property
    def left(self) -> Fraction:
        """Negative where more was spent."""
        return self.total - self.spent

    @property
    def left_share(self) -> Fraction | None:
        """Of the total; None where that is nothing."""
        return self.left / self.total if self.total else None


def error_budget(objective: Objective, evidence: Evidence) -> ErrorBudget | None:
    """None where there is none: of what is no share, and at 100 %, where nothing may be bad."""
    share = bad_share(objective)
    if not share:
        return None
    match evidence:
        case TimeEvidence():
            spent = Fraction(evidence.bad_units, evidence.units_per_us)
            return ErrorBudget(unit=BudgetUnit.MICROSECONDS, total=share * evidence.allowed_total_us, spent=spent)
        case SliceEvidence():
            spent = Fraction(evidence.bad, WHOLE)
            return ErrorBudget(unit=BudgetUnit.SLICES, total=share * evidence.slices_total, spent=spent)
        case CountEvidence():
            return _of_counts(objective, BudgetUnit.COUNTS, evidence.good, evidence.total)
        case CaseEvidence():
            return _of_counts(objective, BudgetUnit.CASES, evidence.in_time, evidence.in_time + evidence.late)
        case _:
            return None


def bad_share(objective: Objective) -> Fraction:
    """Which share may be bad without missing the expected level. Only where the objective promises a share."""
    expected = objective.expected.exact
    return 1 - expected if objective.direction is Direction.AT_LEAST else expected


def bad_of(objective: Objective, good: int, total: int) -> int:
    """Against an upper limit what is counted as good is what should not be."""
    return total - good if objective.direction is Direction.AT_LEAST else good


def budget_of(objective: Objective, total: Fraction) -> Fraction:
    """Of so many that are counted; with the one miss of few cases that the objective may tolerate."""
    budget = bad_share(objective) * total
    return Fraction(1) if objective.low_volume is LowVolume.ONE_MISS and 0 < budget < 1 else budget


def _of_counts(objective: Objective, unit: BudgetUnit, good: int, total: int) -> ErrorBudget:
    spent = Fraction(bad_of(objective, good, total))
    return ErrorBudget(unit=unit, total=budget_of(objective, Fraction(total)), spent=spent)

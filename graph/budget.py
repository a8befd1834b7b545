"""Error budgets and risks: how much may still be bad, and why a period that runs may be missed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import domain.budget
import domain.risk
from domain.budget import BudgetUnit
from domain.ratio import Direction, Ratio, exact_decimal
from domain.risk import Cause
from graph.fields import described, told, view

described(
    BudgetUnit,
    "What an error budget is counted in.",
    MICROSECONDS="Microseconds of down time, by weight.",
    COUNTS="What the metric's tallies count.",
    SLICES="Slices of time.",
    CASES="Cases.",
)
described(
    Cause,
    "Why a period is at risk.",
    name="RiskCause",
    BURN_1_HOUR="The error budget burns too fast over 1 hour and over 5 minutes.",
    BURN_6_HOURS="The error budget burns too fast over 6 hours and over 30 minutes.",
    BURN_1_DAY="The error budget burns too fast over 1 day and over 2 hours.",
    BURN_3_DAYS="The error budget burns too fast over 3 days and over 6 hours.",
    PROJECTION="As the last days went, a miss by the period's end is at least as likely as not.",
)


@view(domain.budget.ErrorBudget, "What may be bad in the period before its expected level is missed. Exact.")
class ErrorBudget:
    unit: BudgetUnit = told("What it is counted in.")
    total: Decimal = told(
        "Of time and slices that of the whole period; of counts and cases that of those so far.",
        lambda budget: exact_decimal(budget.total),
    )
    spent: Decimal = told("What was bad so far.", lambda budget: exact_decimal(budget.spent))
    left: Decimal = told("Negative where more was spent.", lambda budget: exact_decimal(budget.left))
    left_share: Decimal | None = told(
        "Percent of the total that is left, 6 places, rounded down; null where the total is nothing.",
        lambda budget: _percent_down(budget.left_share),
    )


@view(domain.risk.Risk, "A risk that a period is missed, as the last look at it found it. It never decides.")
class Risk:
    raised_at: datetime = told("When it was raised.")
    looked_at: datetime = told("When it was last looked at.")
    causes: list[Cause] = told("What warned, when something last did.")
    calm_since: datetime | None = told("Since when all is calm; null where it is not. It passes after an hour of that.")
    probability: Decimal | None = told(
        "How likely a miss by the period's end is, as the last days went: 0 to 1, 4 places. Null with less than"
        " 7 days.",
        lambda risk: None if risk.projection is None else risk.projection.probability,
    )
    expected_spent: Decimal | None = told(
        "How many error budgets will be spent by the period's end, as the last days went, 4 places. Null with less"
        " than 7 days.",
        lambda risk: None if risk.projection is None else risk.projection.expected,
    )


def _percent_down(share: Fraction | None) -> Decimal | None:
    if share is None:
        return None
    return Ratio(share.numerator * 100, share.denominator).shown(Direction.AT_LEAST)

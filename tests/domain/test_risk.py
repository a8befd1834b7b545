"""Risks with hysteresis, and the life of a breach before it opens (rules.md, Early warning)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Phase, Status
from domain.breach import AtRisk, Breach, Open, RiskPassed, Severity, Transition, Withdrawn, follow, follow_risk
from domain.burn import PAIRS, Burn
from domain.projection import Projection
from domain.risk import CALM_FOR, LOOK, NOTHING_BAD, Cause, Risk, Signals, looked, raised
from tests.domain.test_breach import LATER, NEW, SPAN, START, judged

HOUR = timedelta(hours=1)


def burning(level: str | int | Fraction, pair: int = 0) -> Signals:
    """One pair at so many times its factor."""
    rate = Fraction(level) * 6
    return Signals(burns=(Burn(PAIRS[pair], Fraction(6), rate, rate),))


def projected(probability: str) -> Signals:
    return Signals(projection=Projection(expected=Decimal("0.9000"), probability=Decimal(probability)))


def followed(breach: Breach | None, signals: Signals, at: datetime) -> tuple[Breach | None, tuple[Transition, ...]]:
    return follow_risk(breach, judged(Status.PENDING, at=at), signals, severity=Severity.MINIMUM, new_id=NEW)


def at_risk(at: datetime = START) -> Breach:
    breach, steps = followed(None, burning(2), at)
    assert breach is not None
    assert steps == (Transition.AT_RISK,)
    return breach


@pytest.mark.parametrize(
    ("signals", "causes"),
    [
        (NOTHING_BAD, ()),
        (burning(1), ()),
        (burning("1.01"), (Cause.BURN_1_HOUR,)),
        (burning(2, pair=3), (Cause.BURN_3_DAYS,)),
        (projected("0.4999"), ()),
        (projected("0.5000"), (Cause.PROJECTION,)),
        (replace(burning(2, pair=1), projection=projected("0.9").projection), (Cause.BURN_6_HOURS, Cause.PROJECTION)),
    ],
)
def test_it_is_raised_above_the_factor_of_any_pair_or_from_an_even_chance_of_a_miss(
    signals: Signals, causes: tuple[Cause, ...]
) -> None:
    risk = raised(signals, START)
    assert (() if risk is None else risk.causes) == causes


@pytest.mark.parametrize(
    ("signals", "calm"),
    [
        (NOTHING_BAD, True),
        (burning("0.49"), True),
        (burning("0.5"), False),
        (projected("0.2499"), True),
        (projected("0.2500"), False),
        (replace(burning("0.1"), projection=projected("0.3").projection), False),
    ],
)
def test_all_is_calm_below_half_of_what_would_warn(signals: Signals, calm: bool) -> None:
    assert signals.calm is calm


def test_it_passes_when_all_was_calm_for_an_hour_at_every_look() -> None:
    risk = Risk(raised_at=START, looked_at=START, causes=(Cause.BURN_1_HOUR,))
    risk = looked(risk, burning("0.2"), START + LOOK)
    assert (risk.calm_since, risk.passed(START + HOUR)) == (START + LOOK, False)
    risk = looked(risk, burning("0.7"), START + 2 * LOOK)
    assert risk.calm_since is None
    risk = looked(looked(risk, NOTHING_BAD, START + HOUR), NOTHING_BAD, START + 2 * HOUR)
    assert (risk.passed(START + 2 * HOUR), risk.causes) == (True, (Cause.BURN_1_HOUR,))


def test_the_life_of_a_breach_begins_at_risk() -> None:
    breach = at_risk()
    assert (breach.state, breach.opened_at, breach.severity, breach.never_opened) == (
        AtRisk(START),
        START,
        Severity.MINIMUM,
        True,
    )
    opened, steps = follow(breach, judged(Status.MISSED, at=LATER), new_id=NEW)
    assert opened == replace(breach, state=Open(LATER), opened_at=LATER)
    assert steps == (Transition.OPENED,)


def test_a_verdict_that_misses_nothing_leaves_a_risk_alone_and_none_begins_by_it() -> None:
    breach = at_risk()
    assert follow(breach, judged(Status.PENDING, at=LATER), new_id=NEW) == (breach, ())


def test_a_risk_is_over_with_its_period() -> None:
    breach = at_risk()
    met = judged(Status.MET, phase=Phase.PROVISIONAL, at=SPAN.end)
    over, steps = follow_risk(breach, met, NOTHING_BAD, severity=Severity.MINIMUM, new_id=NEW)
    assert over is not None
    assert (over.state, steps) == (RiskPassed(SPAN.end), (Transition.RISK_PASSED,))


def test_a_risk_that_passed_is_raised_again_as_the_same_breach() -> None:
    passed = replace(at_risk(), state=RiskPassed(LATER))
    again, steps = followed(passed, projected("0.8"), LATER + HOUR)
    assert again is not None
    assert (again.id, again.state, steps) == (passed.id, AtRisk(LATER + HOUR), (Transition.AT_RISK,))
    assert again.risk is not None
    assert (again.risk.raised_at, again.risk.causes) == (LATER + HOUR, (Cause.PROJECTION,))


@pytest.mark.parametrize("state", [Open(START), Withdrawn(START)])
def test_what_opened_once_is_not_at_risk_again(state: Open | Withdrawn) -> None:
    breach = replace(at_risk(), state=state)
    assert followed(breach, burning(9), LATER) == (breach, ())


LEVELS = st.lists(st.fractions(0, 3, max_denominator=8), min_size=1, max_size=300)


@given(LEVELS)
def test_noise_does_not_flap(levels: list[Fraction]) -> None:
    """Raised at once; between a raise and its passing lies at least the time of calm, however the signal jumps."""
    breach: Breach | None = None
    steps: list[tuple[datetime, Transition, Fraction]] = []
    for look, level in enumerate(levels):
        at = START + look * LOOK
        breach, taken = followed(breach, burning(level), at)
        steps += [(at, step, level) for step in taken]
    expected = [Transition.AT_RISK, Transition.RISK_PASSED] * len(steps)
    assert [step for _, step, _ in steps] == expected[: len(steps)]
    for (before, first, _), (after, _, _) in pairwise(steps):
        if first is Transition.AT_RISK:
            assert after - before > CALM_FOR
    assert all(level > 1 for _, step, level in steps if step is Transition.AT_RISK)
    assert len(steps) <= 2 * (1 + len(levels) * LOOK / CALM_FOR)


@given(st.lists(st.fractions(Fraction(1, 2), 1), max_size=200))
def test_what_lies_between_the_thresholds_changes_nothing(levels: list[Fraction]) -> None:
    quiet: Breach | None = None
    risky: Breach | None = at_risk()
    for look, level in enumerate(levels, start=1):
        quiet, none = followed(quiet, burning(level), START + look * LOOK)
        risky, nothing = followed(risky, burning(level), START + look * LOOK)
        assert (quiet, none, nothing) == (None, (), ())
    assert risky is not None
    assert isinstance(risky.state, AtRisk)

"""Whether a running period is at risk, with hysteresis, so that it does not flap (rules.md, Early warning)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from domain.burn import PAIRS, Burn, BurnPair
from domain.projection import Projection

RAISED_FROM = Decimal("0.5")
"""A projected probability of a miss that warns."""
CALM_BELOW = Fraction(1, 2)
"""All is calm below half of what would warn."""
CALM_FOR = timedelta(hours=1)
"""A risk passes when all has been calm for so long."""
LOOK = timedelta(minutes=5)
"""While a period is at risk, or what is bad lasts, it is looked at again so soon."""


class Cause(Enum):
    """Why a period is at risk: a pair of windows by its long one, or the projection of its end."""

    BURN_1_HOUR = "burn_1_hour"
    BURN_6_HOURS = "burn_6_hours"
    BURN_1_DAY = "burn_1_day"
    BURN_3_DAYS = "burn_3_days"
    PROJECTION = "projection"


_BURNING: Mapping[BurnPair, Cause] = dict(zip(PAIRS, Cause, strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What one look at a running period found."""

    burns: tuple[Burn, ...] = ()
    projection: Projection | None = None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What warns; none where nothing does."""
        burning = [_BURNING[burn.pair] for burn in self.burns if burn.level > 1]
        projected = self.projection is not None and self.projection.probability >= RAISED_FROM
        return (*burning, Cause.PROJECTION) if projected else tuple(burning)

    @property
    def calm(self) -> bool:
        if any(burn.level >= CALM_BELOW for burn in self.burns):
            return False
        return self.projection is None or Fraction(self.projection.probability) < CALM_BELOW * Fraction(RAISED_FROM)


NOTHING_BAD = Signals()


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """A risk as the last look found it. `causes`: what warned when something last did. `calm_since`: the first of the
    looks since which all was calm; None where it is not.
    """

    raised_at: datetime
    looked_at: datetime
    causes: tuple[Cause, ...]
    calm_since: datetime | None = None
    projection: Projection | None = None

    def passed(self, at: datetime) -> bool:
        return self.calm_since is not None and at - self.calm_since >= CALM_FOR


def raised(signals: Signals, at: datetime) -> Risk | None:
    """The risk that begins; None where nothing warns."""
    if not signals.causes:
        return None
    return Risk(raised_at=at, looked_at=at, causes=signals.causes, projection=signals.projection)


def looked(risk: Risk, signals: Signals, at: datetime) -> Risk:
    calm_since = (risk.calm_since or at) if signals.calm else None
    causes = signals.causes or risk.causes
    return replace(risk, looked_at=at, causes=causes, calm_since=calm_since, projection=signals.projection)

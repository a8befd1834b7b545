"""Exact ratios as two numeric columns, of any size."""

from __future__ import annotations

from decimal import Decimal

from domain.ratio import Ratio


def columns(name: str, ratio: Ratio | None) -> dict[str, Decimal | None]:
    return {
        f"{name}_numerator": None if ratio is None else Decimal(ratio.numerator),
        f"{name}_denominator": None if ratio is None else Decimal(ratio.denominator),
    }


def to_ratio(numerator: Decimal, denominator: Decimal) -> Ratio:
    return Ratio(int(numerator), int(denominator))


def to_optional_ratio(numerator: Decimal | None, denominator: Decimal | None) -> Ratio | None:
    return None if numerator is None or denominator is None else to_ratio(numerator, denominator)

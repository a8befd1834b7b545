"""Roll-ups: a row for each stream and UTC hour, with a column for each of its four cells of 15 minutes.

A row an hour is a quarter of the rows that a row a cell would be, for the statement that writes the facts as for those
that read them. Cells are sums of the latest revisions of the facts that start in them. Extremes can't be taken back: a
cell of which a point was corrected or withdrawn is stale, and its extremes are read from its facts.
"""

from __future__ import annotations

from collections.abc import Callable

QUARTERS = range(4)
QUARTER_US = 900_000_000
HOUR_US = 3_600_000_000


def columns(*names: str) -> str:
    return ", ".join(f"{name}_{quarter}" for quarter in QUARTERS for name in names)


def placed(instant: str) -> str:
    """Of an instant in microseconds since 1970: its hour, and its quarter of the hour."""
    return f"{instant} - {instant} % {HOUR_US} AS hour_us, {instant} % {HOUR_US} / {QUARTER_US} AS quarter"


def us_of(instant: str) -> str:
    return f"(extract(epoch FROM {instant}) * 1000000)::bigint"


def by_quarter(*expressions: str) -> str:
    """Aggregates such as `sum(good)`, once for each quarter; nothing is 0."""
    return ", ".join(
        f"coalesce({expression} FILTER (WHERE quarter = {quarter}), 0)"
        for quarter in QUARTERS
        for expression in expressions
    )


def _each(write: Callable[[str, int], str], *names: str) -> str:
    return ", ".join(write(name, quarter) for quarter in QUARTERS for name in names)


def _added(name: str, quarter: int) -> str:
    return f"{name}_{quarter} = kept.{name}_{quarter} + excluded.{name}_{quarter}"


TALLY_CELLS = f"INSERT INTO tally_cell AS kept (tenant_id, stream_id, starts_at, {columns('points', 'good', 'total')})"
ON_TALLY_CELL = f"""
    ON CONFLICT (tenant_id, stream_id, starts_at) DO UPDATE SET {_each(_added, "points", "good", "total")}
"""

SAMPLE_CELLS = (
    f"INSERT INTO sample_cell AS kept (tenant_id, stream_id, starts_at, stale, {columns('points', 'sum')},"
    f" {columns('minimum', 'maximum')})"
)
_LEAST = ", ".join(f"minimum_{q} = least(kept.minimum_{q}, excluded.minimum_{q})" for q in QUARTERS)
_GREATEST = ", ".join(f"maximum_{q} = greatest(kept.maximum_{q}, excluded.maximum_{q})" for q in QUARTERS)
ON_SAMPLE_CELL = f"""
    ON CONFLICT (tenant_id, stream_id, starts_at) DO UPDATE SET {_each(_added, "points", "sum")},
        {_LEAST}, {_GREATEST}, stale = kept.stale | excluded.stale
"""
EXTREMES = ", ".join(
    f"min(value) FILTER (WHERE quarter = {quarter}), max(value) FILTER (WHERE quarter = {quarter})"
    for quarter in QUARTERS
)
STALE = "coalesce(bit_or(1 << quarter::int) FILTER (WHERE taken_back), 0)::smallint"


def within(name: str, quarter: int) -> str:
    """A cell's value where it lies in the span, which begins and ends on a quarter; else null."""
    starts = f"cell.starts_at + interval '{15 * quarter} minutes'"
    return f"CASE WHEN {starts} >= span.starts_at AND {starts} < span.ends_at THEN cell.{name}_{quarter} END"


def summed(name: str) -> str:
    return " + ".join(f"coalesce({within(name, quarter)}, 0)" for quarter in QUARTERS)

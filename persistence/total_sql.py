"""Totals of points over spans: whole cells inside the spans (cell_sql.py), and facts only at their ragged edges.

Which streams and which spans belong to each wanted total: lists that its place joins. `span` are those on quarters of
an hour, `edge` the rest of them.
"""

from __future__ import annotations

from persistence import cell_sql as cell

_WANTED = """stream AS (
    SELECT place, stream_id, grid FROM unnest($2::int[], $3::uuid[]) AS stream (place, stream_id)
    JOIN unnest($10::int[], $11::interval[]) AS rule (place, grid) USING (place)
),
span AS (SELECT * FROM unnest($4::int[], $5::timestamptz[], $6::timestamptz[]) AS span (place, starts_at, ends_at)),
edge AS (SELECT * FROM unnest($7::int[], $8::timestamptz[], $9::timestamptz[]) AS edge (place, starts_at, ends_at))"""

# Which quarters of its hour have a point in the span, as bits; an edge's point is its own first quarter.
_FILLED = " | ".join(
    f"CASE WHEN {cell.within('points', quarter)} > 0 THEN {1 << quarter} ELSE 0 END" for quarter in cell.QUARTERS
)

# In how many cells of the metric's grid any point is, whichever stream it is of: what coverage is told by.
# Materialized, so that a plan that loops over places does not count anew for each.
_REPORTED = """reported AS MATERIALIZED (
    SELECT place, count(DISTINCT date_bin(grid, at + quarter * interval '15 minutes', timestamptz 'epoch')) AS cells
    FROM part JOIN generate_series(0, 3) AS quarter ON filled & (1 << quarter) <> 0
    WHERE grid IS NOT NULL GROUP BY place
)"""

_CELLS = """
    FROM {table} cell
    WHERE cell.tenant_id = $1 AND cell.stream_id = stream.stream_id
        AND cell.starts_at >= date_trunc('hour', span.starts_at, 'UTC') AND cell.starts_at < span.ends_at
"""

# One pass in the order of the key for each stream and span: a row is the latest of its identity where the next one has
# another. What is read is what the spans hold.
TALLY_TOTALS = f"""
WITH {_WANTED}, part AS (
    SELECT place, grid, cells.*
    FROM stream JOIN span USING (place)
    CROSS JOIN LATERAL (
        SELECT cell.starts_at AS at, {_FILLED} AS filled, {cell.summed("good")} AS good,
            {cell.summed("total")} AS total, {cell.summed("points")} AS points
        {_CELLS.format(table="tally_cell")}
        OFFSET 0
    ) AS cells
    UNION ALL
    SELECT place, grid, point.starts_at, 1, point.good, point.total, 1
    FROM stream JOIN edge USING (place)
    CROSS JOIN LATERAL (
        SELECT starts_at, good, total,
            lead(starts_at) OVER (ORDER BY starts_at, revision) IS DISTINCT FROM starts_at AS is_latest
        FROM tally
        WHERE tenant_id = $1 AND stream_id = stream.stream_id
            AND starts_at >= edge.starts_at AND starts_at < edge.ends_at
    ) AS point
    WHERE point.is_latest AND point.total IS NOT NULL
), {_REPORTED}
SELECT place, sum(good) AS good, sum(total) AS total, sum(points)::bigint AS points, coalesce(max(cells), 0) AS cells
FROM part LEFT JOIN reported USING (place) GROUP BY place
"""


def _extreme(name: str, best: str) -> str:
    """Over the cells in the span that are not stale."""
    fresh = (
        f"CASE WHEN cell.stale & {1 << quarter} = 0 THEN {cell.within(name, quarter)} END" for quarter in cell.QUARTERS
    )
    return f"{best}({', '.join(fresh)})"


_STALE_IN_SPAN = " OR ".join(
    f"(quarter = {quarter} AND cell.stale & {1 << quarter} <> 0 AND {cell.within('points', quarter)} > 0)"
    for quarter in cell.QUARTERS
)

SAMPLE_TOTALS = f"""
WITH {_WANTED}, part AS (
    SELECT place, grid, cells.*
    FROM stream JOIN span USING (place)
    CROSS JOIN LATERAL (
        SELECT cell.starts_at AS at, {_FILLED} AS filled, {cell.summed("points")} AS points,
            {cell.summed("sum")} AS sum, {_extreme("minimum", "least")} AS minimum,
            {_extreme("maximum", "greatest")} AS maximum
        {_CELLS.format(table="sample_cell")}
        OFFSET 0
    ) AS cells
    UNION ALL
    SELECT place, NULL, NULL, 0, 0, 0, min(point.value), max(point.value)
    FROM stream JOIN span USING (place)
    CROSS JOIN LATERAL (
        SELECT cell.starts_at, cell.stale, {cell.columns("points")}
        {_CELLS.format(table="sample_cell")} AND cell.stale <> 0
        OFFSET 0
    ) AS cell
    CROSS JOIN LATERAL (
        SELECT cell.starts_at + quarter * interval '15 minutes' AS starts_at FROM generate_series(0, 3) AS quarter
        WHERE {_STALE_IN_SPAN}
    ) AS stale
    CROSS JOIN LATERAL (
        SELECT value, lead(at) OVER (ORDER BY at, revision) IS DISTINCT FROM at AS is_latest
        FROM sample
        WHERE tenant_id = $1 AND stream_id = stream.stream_id
            AND at >= stale.starts_at AND at < stale.starts_at + interval '15 minutes'
    ) AS point
    WHERE point.is_latest AND point.value IS NOT NULL
    GROUP BY place
    UNION ALL
    SELECT place, grid, point.at, 1, 1, point.value, point.value, point.value
    FROM stream JOIN edge USING (place)
    CROSS JOIN LATERAL (
        SELECT at, value, lead(at) OVER (ORDER BY at, revision) IS DISTINCT FROM at AS is_latest
        FROM sample
        WHERE tenant_id = $1 AND stream_id = stream.stream_id AND at >= edge.starts_at AND at < edge.ends_at
    ) AS point
    WHERE point.is_latest AND point.value IS NOT NULL
), {_REPORTED}
SELECT place, sum(points)::bigint AS points, sum(sum) AS sum, min(minimum) AS minimum, max(maximum) AS maximum,
    coalesce(max(cells), 0) AS cells
FROM part LEFT JOIN reported USING (place) GROUP BY place
"""

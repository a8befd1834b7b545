"""What is read of points beyond totals: slices, histograms and ranks, each over the points inside the spans.

Which streams and which spans belong to each wanted thing: two lists, joined by its place. Points are read in one pass
in the order of the key for each stream and span: a row is the latest of its identity where the next one has another.
What is read is what the spans hold.
"""

from __future__ import annotations

# {rule} is the rest of what is told of each wanted thing, carried along with every point: a join of points by place
# would be planned by guesses about how many there are, and be quadratic where they are wrong.
_WANTED = """FROM unnest($2::int[], $3::uuid[]) AS stream (place, stream_id)
    JOIN unnest($4::int[], $5::timestamptz[], $6::timestamptz[]) AS span (place, starts_at, ends_at)
        ON span.place = stream.place
    JOIN unnest({rule}) ON rule.place = stream.place"""

# good and total of a tally are its part and whole; a sample is a whole of 1.
_TALLIES = f"""
    SELECT rule.*, point.starts_at AS at, point.good AS part, point.total AS whole
    {_WANTED}
    CROSS JOIN LATERAL (
        SELECT starts_at, good, total,
            lead(starts_at) OVER (ORDER BY starts_at, revision) IS DISTINCT FROM starts_at AS is_latest
        FROM tally
        WHERE tenant_id = $1 AND stream_id = stream.stream_id
            AND starts_at >= span.starts_at AND starts_at < span.ends_at
    ) AS point
    WHERE point.is_latest AND point.total IS NOT NULL
"""

_SAMPLES = f"""
    SELECT rule.*, point.at, point.value AS part, 1 AS whole
    {_WANTED}
    CROSS JOIN LATERAL (
        SELECT at, value, lead(at) OVER (ORDER BY at, revision) IS DISTINCT FROM at AS is_latest
        FROM sample
        WHERE tenant_id = $1 AND stream_id = stream.stream_id AND at >= span.starts_at AND at < span.ends_at
    ) AS point
    WHERE point.is_latest AND point.value IS NOT NULL
"""

# A slice divides a day, so that bins from the epoch begin at midnight UTC. Sums are numeric, and all is exact: a ratio
# is rounded half-even to 10^-12 by its quotient and rest (rules.md, Exactness).
_SLICE_RULE = """$7::int[], $8::interval[], $9::numeric[], $10::numeric[], $11::boolean[])
        AS rule (place, length, numerator, denominator, is_at_least"""
_SLICES = """
WITH point AS ({points}), slice AS (
    SELECT place, numerator, denominator, is_at_least, count(*) AS points,
        sum(part)::numeric AS part, nullif(sum(whole), 0)::numeric AS whole
    FROM point
    GROUP BY place, numerator, denominator, is_at_least, date_bin(length, at, timestamptz 'epoch')
), divided AS (
    SELECT *, div(part * 1000000000000, whole) AS down, mod(part * 1000000000000, whole) * 2 - whole AS over FROM slice
)
SELECT place, count(*) AS reported, sum(points)::bigint AS points, count(whole) AS busy,
    count(*) FILTER (WHERE CASE WHEN is_at_least THEN part * denominator >= numerator * whole
        ELSE part * denominator <= numerator * whole END) AS good,
    coalesce(sum(down + CASE WHEN over > 0 OR (over = 0 AND mod(down, 2) = 1) THEN 1 ELSE 0 END)
        FILTER (WHERE numerator IS NULL), 0) AS ratios
FROM divided GROUP BY place
"""
TALLY_SLICES = _SLICES.format(points=_TALLIES.format(rule=_SLICE_RULE))
SAMPLE_SLICES = _SLICES.format(points=_SAMPLES.format(rule=_SLICE_RULE))

# The bucket of domain/histogram.py: the highest 7 bits of the size, and by how many it was shifted to have no more.
# The bit length is exact: the place of the first 1 among 64 bits.
_SHIFT = "greatest(0, 58 - position('1' IN abs(part)::bit(64)::text))"
_BUCKET = f"sign(part)::int * ({_SHIFT} * 64 + (abs(part) >> {_SHIFT}))"

# Cells are counted apart, since a bucket is in many of them.
_GRID_RULE = "$7::int[], $8::interval[]) AS rule (place, grid"
HISTOGRAMS = f"""
WITH point AS MATERIALIZED ({_SAMPLES.format(rule=_GRID_RULE)})
SELECT place, {_BUCKET} AS bucket, count(*) AS points, NULL AS cells FROM point GROUP BY place, bucket
UNION ALL
SELECT place, NULL, NULL, count(DISTINCT date_bin(grid, at, timestamptz 'epoch')) FROM point GROUP BY place
"""

# The nearest rank by integers: the percentile comes as numerator over denominator of 100 percent.
_RANK_RULE = """$7::int[], $8::interval[], $9::numeric[], $10::numeric[])
        AS rule (place, grid, numerator, denominator"""
RANKED = f"""
WITH point AS ({_SAMPLES.format(rule=_RANK_RULE)}), ordered AS (
    SELECT place, part, date_bin(grid, at, timestamptz 'epoch') AS cell,
        row_number() OVER (PARTITION BY place ORDER BY part) AS rank,
        div(count(*) OVER (PARTITION BY place) * numerator + denominator - 1, denominator) AS nearest
    FROM point
)
SELECT place, count(*) AS points, count(DISTINCT cell) AS cells, max(part) FILTER (WHERE rank = nearest) AS value
FROM ordered GROUP BY place
"""

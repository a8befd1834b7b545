"""The statements of the hot path. Instants travel as microseconds since 1970, which the driver writes fastest.

Each writes facts, their marks and their cells (cell_sql.py) at once. Two that run at the same time meet on facts first,
in the order of the key, and on cells after that, in the same order: so they wait for each other and never in a circle.
"""

from __future__ import annotations

from persistence import cell_sql as cell

_MARKS_SENT = """marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), mark.*
    FROM unnest($4::uuid[], $5::timestamptz[], $6::timestamptz[]) AS mark
)"""

# Streams come as one small array, and each point names its place in it: 4 bytes a row instead of 16.
# A plain insert takes two thirds of the time of one with ON CONFLICT, which logs the confirmation of each row as well.
# So it is tried first, inside a savepoint; where a point is there already, it fails whole and ADD_NEW_… is used.
ADD_TALLIES = f"""
WITH {_MARKS_SENT}, sent AS MATERIALIZED (
    SELECT *, {cell.placed("starts_us")}
    FROM unnest($8::int[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
        AS sent (stream, starts_us, ends_us, good, total)
), cells AS (
    {cell.TALLY_CELLS}
    SELECT $1, ($7::uuid[])[stream], timestamptz 'epoch' + hour_us * interval '1 microsecond',
        {cell.by_quarter("count(*)", "sum(good)", "sum(total)")}
    FROM sent GROUP BY stream, hour_us ORDER BY ($7::uuid[])[stream], hour_us
    {cell.ON_TALLY_CELL}
)
INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, good, total, posting_id)
SELECT $1, ($7::uuid[])[sent.stream],
    timestamptz 'epoch' + sent.starts_us * interval '1 microsecond', 1,
    timestamptz 'epoch' + sent.ends_us * interval '1 microsecond', sent.good, sent.total, $2
FROM sent
"""

ADD_SAMPLES = f"""
WITH {_MARKS_SENT}, sent AS MATERIALIZED (
    SELECT *, {cell.placed("at_us")}
    FROM unnest($8::int[], $9::bigint[], $10::bigint[], $11::text[]) AS sent (stream, at_us, value, original)
), cells AS (
    {cell.SAMPLE_CELLS}
    SELECT $1, ($7::uuid[])[stream], timestamptz 'epoch' + hour_us * interval '1 microsecond', 0,
        {cell.by_quarter("count(*)", "sum(value)")}, {cell.EXTREMES}
    FROM sent GROUP BY stream, hour_us ORDER BY ($7::uuid[])[stream], hour_us
    {cell.ON_SAMPLE_CELL}
)
INSERT INTO sample (tenant_id, stream_id, at, revision, value, original, posting_id)
SELECT $1, ($7::uuid[])[sent.stream],
    timestamptz 'epoch' + sent.at_us * interval '1 microsecond', 1, sent.value, sent.original, $2
FROM sent
"""

_MARKS_OF_FRESH = """marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), stream_id, min({at}), max({at}) + interval '1 microsecond'
    FROM fresh GROUP BY stream_id, date_trunc('month', {at} AT TIME ZONE 'UTC')
)"""

# What a revision adds to its cell is its content less that of the revision before it, which a withdrawn one has not.
_CHANGED_TALLIES = f"""
    SELECT fresh.stream_id, {cell.placed(cell.us_of("fresh.starts_at"))},
        (fresh.total IS NOT NULL)::int - (former.total IS NOT NULL)::int AS points,
        coalesce(fresh.good, 0) - coalesce(former.good, 0) AS good,
        coalesce(fresh.total, 0) - coalesce(former.total, 0) AS total
    FROM fresh LEFT JOIN tally former ON former.tenant_id = $1 AND former.stream_id = fresh.stream_id
        AND former.starts_at = fresh.starts_at AND former.revision = fresh.revision - 1
"""
_CELLS_OF_TALLIES = f"""changed AS ({_CHANGED_TALLIES}), cells AS (
    {cell.TALLY_CELLS}
    SELECT $1, stream_id, timestamptz 'epoch' + hour_us * interval '1 microsecond',
        {cell.by_quarter("sum(points)", "sum(good)", "sum(total)")}
    FROM changed GROUP BY stream_id, hour_us ORDER BY stream_id, hour_us
    {cell.ON_TALLY_CELL}
)"""

_CHANGED_SAMPLES = f"""
    SELECT fresh.stream_id, {cell.placed(cell.us_of("fresh.at"))}, fresh.value, former.value IS NOT NULL AS taken_back,
        (fresh.value IS NOT NULL)::int - (former.value IS NOT NULL)::int AS points,
        coalesce(fresh.value, 0) - coalesce(former.value, 0) AS sum
    FROM fresh LEFT JOIN sample former ON former.tenant_id = $1 AND former.stream_id = fresh.stream_id
        AND former.at = fresh.at AND former.revision = fresh.revision - 1
"""
_CELLS_OF_SAMPLES = f"""changed AS ({_CHANGED_SAMPLES}), cells AS (
    {cell.SAMPLE_CELLS}
    SELECT $1, stream_id, timestamptz 'epoch' + hour_us * interval '1 microsecond', {cell.STALE},
        {cell.by_quarter("sum(points)", "sum(sum)")}, {cell.EXTREMES}
    FROM changed GROUP BY stream_id, hour_us ORDER BY stream_id, hour_us
    {cell.ON_SAMPLE_CELL}
)"""

# A point goes in where the revision before its own is there with other content (the first needs none) and nobody added
# this one. Answers what went in.
ADD_NEW_TALLIES = f"""
WITH sent AS (
    SELECT ($4::uuid[])[sent.stream] AS stream_id, ($5::int[])[sent.stream] AS revision,
        timestamptz 'epoch' + sent.starts_us * interval '1 microsecond' AS starts_at,
        timestamptz 'epoch' + sent.ends_us * interval '1 microsecond' AS ends_at,
        sent.good, sent.total, sent.place
    FROM unnest($6::int[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) WITH ORDINALITY
        AS sent (stream, starts_us, ends_us, good, total, place)
), fresh AS (
    INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, good, total, posting_id)
    SELECT $1, stream_id, starts_at, sent.revision, sent.ends_at, sent.good, sent.total, $2
    FROM sent
    WHERE sent.revision = 1 OR EXISTS (
        SELECT 1 FROM tally former
        WHERE former.tenant_id = $1 AND former.stream_id = sent.stream_id AND former.starts_at = sent.starts_at
            AND former.revision = sent.revision - 1
            AND (former.ends_at, former.good, former.total) IS DISTINCT FROM (sent.ends_at, sent.good, sent.total))
    ORDER BY stream_id, starts_at, place
    ON CONFLICT DO NOTHING
    RETURNING stream_id, starts_at, revision, good, total
), {_MARKS_OF_FRESH.format(at="starts_at")}, {_CELLS_OF_TALLIES}
SELECT place FROM sent LEFT JOIN fresh USING (stream_id, starts_at, revision) WHERE fresh.stream_id IS NULL
"""

ADD_NEW_SAMPLES = f"""
WITH sent AS (
    SELECT ($4::uuid[])[sent.stream] AS stream_id, ($5::int[])[sent.stream] AS revision,
        timestamptz 'epoch' + sent.at_us * interval '1 microsecond' AS at, sent.value, sent.original, sent.place
    FROM unnest($6::int[], $7::bigint[], $8::bigint[], $9::text[]) WITH ORDINALITY
        AS sent (stream, at_us, value, original, place)
), fresh AS (
    INSERT INTO sample (tenant_id, stream_id, at, revision, value, original, posting_id)
    SELECT $1, stream_id, at, sent.revision, sent.value, sent.original, $2
    FROM sent
    WHERE sent.revision = 1 OR EXISTS (
        SELECT 1 FROM sample former
        WHERE former.tenant_id = $1 AND former.stream_id = sent.stream_id AND former.at = sent.at
            AND former.revision = sent.revision - 1
            AND (former.value, former.original) IS DISTINCT FROM (sent.value, sent.original))
    ORDER BY stream_id, at, place
    ON CONFLICT DO NOTHING
    RETURNING stream_id, at, revision, value
), {_MARKS_OF_FRESH.format(at="at")}, {_CELLS_OF_SAMPLES}
SELECT place FROM sent LEFT JOIN fresh USING (stream_id, at, revision) WHERE fresh.stream_id IS NULL
"""

LATEST_TALLIES = """
SELECT wanted.place, kept.revision, kept.ends_at, kept.good, kept.total
FROM unnest($2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS wanted (stream_id, at, place)
CROSS JOIN LATERAL (
    SELECT revision, ends_at, good, total FROM tally
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND starts_at = wanted.at
    ORDER BY revision DESC LIMIT 1
) AS kept
"""

LATEST_SAMPLES = """
SELECT wanted.place, kept.revision, kept.value, kept.original
FROM unnest($2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS wanted (stream_id, at, place)
CROSS JOIN LATERAL (
    SELECT revision, value, original FROM sample
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND at = wanted.at
    ORDER BY revision DESC LIMIT 1
) AS kept
"""

WITHDRAW_TALLIES = f"""
WITH fresh AS (
    INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, posting_id)
    SELECT $1, $4, former.starts_at, $6::int + 1, former.ends_at, $2
    FROM unnest($5::timestamptz[]) AS sent (at)
    JOIN tally former ON former.tenant_id = $1 AND former.stream_id = $4 AND former.starts_at = sent.at
        AND former.revision = $6::int AND former.total IS NOT NULL
    ORDER BY sent.at
    ON CONFLICT DO NOTHING
    RETURNING stream_id, starts_at, revision, good, total
), {_MARKS_OF_FRESH.format(at="starts_at")}, {_CELLS_OF_TALLIES}
SELECT starts_at AS at FROM fresh
"""

WITHDRAW_SAMPLES = f"""
WITH fresh AS (
    INSERT INTO sample (tenant_id, stream_id, at, revision, posting_id)
    SELECT $1, $4, former.at, $6::int + 1, $2
    FROM unnest($5::timestamptz[]) AS sent (at)
    JOIN sample former ON former.tenant_id = $1 AND former.stream_id = $4 AND former.at = sent.at
        AND former.revision = $6::int AND former.value IS NOT NULL
    ORDER BY sent.at
    ON CONFLICT DO NOTHING
    RETURNING stream_id, at, revision, value
), {_MARKS_OF_FRESH.format(at="at")}, {_CELLS_OF_SAMPLES}
SELECT at FROM fresh
"""

LATEST_POINTS = """
SELECT wanted.place, kept.revision, kept.withdrawn
FROM unnest($3::timestamptz[]) WITH ORDINALITY AS wanted (at, place)
CROSS JOIN LATERAL (
    SELECT revision, total IS NULL AS withdrawn FROM tally
    WHERE tenant_id = $1 AND stream_id = $2 AND starts_at = wanted.at
    UNION ALL
    SELECT revision, value IS NULL AS withdrawn FROM sample
    WHERE tenant_id = $1 AND stream_id = $2 AND at = wanted.at
    ORDER BY revision DESC LIMIT 1
) AS kept
"""

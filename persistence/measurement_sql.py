"""The statements of the hot path. Instants travel as microseconds since 1970, which the driver writes fastest."""

from __future__ import annotations

# Streams come as one small array, and each point names its place in it: 4 bytes a row instead of 16.
# A plain insert takes two thirds of the time of one with ON CONFLICT, which logs the confirmation of each row as well.
# So it is tried first, inside a savepoint; where a point is there already, it fails whole and ADD_NEW_… is used.
ADD_TALLIES = """
WITH marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), mark.*
    FROM unnest($4::uuid[], $5::timestamptz[], $6::timestamptz[]) AS mark
)
INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, good, total, posting_id)
SELECT $1, ($7::uuid[])[sent.stream],
    timestamptz 'epoch' + sent.starts_us * interval '1 microsecond', 1,
    timestamptz 'epoch' + sent.ends_us * interval '1 microsecond', sent.good, sent.total, $2
FROM unnest($8::int[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
    AS sent (stream, starts_us, ends_us, good, total)
"""

ADD_SAMPLES = """
WITH marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), mark.*
    FROM unnest($4::uuid[], $5::timestamptz[], $6::timestamptz[]) AS mark
)
INSERT INTO sample (tenant_id, stream_id, at, revision, value, original, posting_id)
SELECT $1, ($7::uuid[])[sent.stream],
    timestamptz 'epoch' + sent.at_us * interval '1 microsecond', 1, sent.value, sent.original, $2
FROM unnest($8::int[], $9::bigint[], $10::bigint[], $11::text[]) AS sent (stream, at_us, value, original)
"""

# A point goes in where the revision before its own is there with other content (the first needs none) and nobody added
# this one. Answers what went in.
ADD_NEW_TALLIES = """
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
    RETURNING stream_id, starts_at, revision
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), stream_id, min(starts_at), max(starts_at) + interval '1 microsecond'
    FROM fresh GROUP BY stream_id, date_trunc('month', starts_at AT TIME ZONE 'UTC')
)
SELECT place FROM sent LEFT JOIN fresh USING (stream_id, starts_at, revision) WHERE fresh.stream_id IS NULL
"""

ADD_NEW_SAMPLES = """
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
    RETURNING stream_id, at, revision
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), stream_id, min(at), max(at) + interval '1 microsecond'
    FROM fresh GROUP BY stream_id, date_trunc('month', at AT TIME ZONE 'UTC')
)
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

# A stream has tallies or samples, never both, as its metric says; the other half finds nothing.
WITHDRAW = """
WITH tallies AS (
    INSERT INTO tally (tenant_id, stream_id, starts_at, revision, ends_at, posting_id)
    SELECT $1, $4, former.starts_at, $6::int + 1, former.ends_at, $2
    FROM unnest($5::timestamptz[]) AS sent (at)
    JOIN tally former ON former.tenant_id = $1 AND former.stream_id = $4 AND former.starts_at = sent.at
        AND former.revision = $6::int AND former.total IS NOT NULL
    ORDER BY sent.at
    ON CONFLICT DO NOTHING
    RETURNING starts_at AS at
), samples AS (
    INSERT INTO sample (tenant_id, stream_id, at, revision, posting_id)
    SELECT $1, $4, former.at, $6::int + 1, $2
    FROM unnest($5::timestamptz[]) AS sent (at)
    JOIN sample former ON former.tenant_id = $1 AND former.stream_id = $4 AND former.at = sent.at
        AND former.revision = $6::int AND former.value IS NOT NULL
    ORDER BY sent.at
    ON CONFLICT DO NOTHING
    RETURNING at
), fresh AS (
    SELECT at FROM tallies UNION ALL SELECT at FROM samples
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), $4, min(at), max(at) + interval '1 microsecond'
    FROM fresh GROUP BY date_trunc('month', at AT TIME ZONE 'UTC')
)
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

# Which streams and which spans belong to each wanted total: two lists, joined by the total's place.
# One pass in the order of the key for each stream and span: a row is the latest of its identity where the next one has
# another. What is read is what the spans hold.
TALLY_TOTALS = """
SELECT stream.place, sum(point.good) AS good, sum(point.total) AS total, count(*) AS points
FROM unnest($2::int[], $3::uuid[]) AS stream (place, stream_id)
JOIN unnest($4::int[], $5::timestamptz[], $6::timestamptz[]) AS span (place, starts_at, ends_at)
    ON span.place = stream.place
CROSS JOIN LATERAL (
    SELECT good, total, lead(starts_at) OVER (ORDER BY starts_at, revision) IS DISTINCT FROM starts_at AS is_latest
    FROM tally
    WHERE tenant_id = $1 AND stream_id = stream.stream_id AND starts_at >= span.starts_at AND starts_at < span.ends_at
) AS point
WHERE point.is_latest AND point.total IS NOT NULL
GROUP BY stream.place
"""

SAMPLE_TOTALS = """
SELECT stream.place, count(*) AS points, sum(point.value) AS sum,
    min(point.value) AS minimum, max(point.value) AS maximum
FROM unnest($2::int[], $3::uuid[]) AS stream (place, stream_id)
JOIN unnest($4::int[], $5::timestamptz[], $6::timestamptz[]) AS span (place, starts_at, ends_at)
    ON span.place = stream.place
CROSS JOIN LATERAL (
    SELECT value, lead(at) OVER (ORDER BY at, revision) IS DISTINCT FROM at AS is_latest
    FROM sample
    WHERE tenant_id = $1 AND stream_id = stream.stream_id AND at >= span.starts_at AND at < span.ends_at
) AS point
WHERE point.is_latest AND point.value IS NOT NULL
GROUP BY stream.place
"""

"""Statements over facts as they were known at a place of the feed: those of now, with each table of facts cut down.

A fact was known where its posting's number is not above the position. The posting is looked up for each row that the
statement would read anyway, by the feed's key: what is read depends on the span asked for, and not on the history.
Revisions of one identity are posted one after the other, so the latest that was known is the latest of what is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

POSITION = """
SELECT number FROM feed WHERE tenant_id = $1 AND recorded_at <= $2 AND posting_id IS NOT NULL
ORDER BY recorded_at DESC, number DESC LIMIT 1
"""

# A posting carries a later instant than any that was recorded or sealed before it, or the same.
SEAL = """
UPDATE feed_head SET last_recorded_at = $2::timestamptz + interval '1 microsecond'
WHERE tenant_id = $1 AND (last_recorded_at IS NULL OR last_recorded_at <= $2)
"""

_FACTS = re.compile(r"\bFROM (outage|service_case|state_change|tally|sample|exclusion)\b(?: ([a-z]\w*))?")
_KNOWN = "(SELECT number FROM feed WHERE feed.tenant_id = $1 AND feed.posting_id = {table}.posting_id) <= ${position}"
# A state later than the instant says nothing of the time up to it. Without this, how far a run goes that is not over
# yet would be looked for in all that was reported since.
_YET_TO_COME = " AND state_change.at <= ${at}"
_REPORTED = re.compile(r"SELECT max\(reported_through\) FROM stream_report\s+WHERE [^)]*\)")


@dataclass(frozen=True, slots=True)
class Derived:
    """Its last parameter is the position, and after that, where it takes it, the instant."""

    sql: str
    takes_instant: bool


@cache
def as_known(statement: str) -> Derived:
    """The statement over what was known. How far streams were reported it does not tell: `REPORTED` does."""
    position = max(map(int, re.findall(r"\$(\d+)", statement))) + 1
    tables: set[str] = set()

    def cut(found: re.Match[str]) -> str:
        table, alias = found[1], found[2] or found[1]
        tables.add(table)
        known = _KNOWN.format(table=table, position=position)
        if table == "state_change":
            known += _YET_TO_COME.format(at=position + 1)
        return f"FROM (SELECT * FROM {table} WHERE {known}) AS {alias}"

    derived = _REPORTED.sub("SELECT NULL::timestamptz)", _FACTS.sub(cut, statement))
    assert tables, "the statement reads facts"
    return Derived(derived, takes_instant="state_change" in tables)


# Reports of one stream grow with their numbers, but for those of writers at one time, of which each saw the one before
# them all. So from the end of the span on the first that was known is within the first few, or there is none.
WRITERS_MOST = 1_000
REPORTED = f"""
SELECT wanted.place, coalesce((
    SELECT reached.reported_through FROM (
        SELECT reported_through, posting_id FROM stream_report
        WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND reported_through >= wanted.ends_at
        ORDER BY reported_through LIMIT {WRITERS_MOST}
    ) AS reached
    WHERE {_KNOWN.format(table="reached", position=5)}
    ORDER BY reported_through LIMIT 1
), (
    SELECT reached.reported_through FROM stream_report AS reached
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND reported_through < wanted.ends_at
        AND reported_through >= wanted.starts_at
        AND {_KNOWN.format(table="reached", position=5)}
    ORDER BY reported_through DESC LIMIT 1
)) AS reported_through
FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
    AS wanted (stream_id, starts_at, ends_at, place)
"""

STRUCTURES = f"""
SELECT service_id, effective_from FROM service_structure
WHERE tenant_id = $1 AND service_id = ANY ($2::uuid[]) AND {_KNOWN.format(table="service_structure", position=3)}
"""

STREAMS = f"""
SELECT stream_id FROM stream
WHERE tenant_id = $1 AND stream_id = ANY ($2::uuid[])
    AND (posting_id IS NULL OR {_KNOWN.format(table="stream", position=3)})
"""

VERSIONS = """
SELECT version_id, (
    SELECT number FROM feed WHERE feed.tenant_id = $1 AND feed.posting_id = version.activation_posting_id
) <= $3 AS is_activated
FROM agreement_version version
WHERE tenant_id = $1 AND agreement_id = ANY ($2::uuid[])
    AND (SELECT number FROM feed WHERE feed.tenant_id = $1 AND feed.posting_id = version.posting_id) <= $3
"""

# OFFSET 0 keeps it one look by the key for each row, however many the planner expects.
_FEED_OF = """CROSS JOIN LATERAL (
    SELECT number, recorded_at FROM feed WHERE tenant_id = $1 AND posting_id = {row}.posting_id OFFSET 0
) AS feed"""

# Of each stream and span no more is read than the page may hold.
_POINTS = """
SELECT point.*, feed.number, feed.recorded_at
FROM unnest($2::uuid[]) AS stream (stream_id)
CROSS JOIN unnest($3::timestamptz[], $4::timestamptz[]) AS span (starts_at, ends_at)
CROSS JOIN LATERAL (
    SELECT stream_id, at, ends_at, good, total, value, revision, posting_id FROM (
        SELECT stream_id, {instant} AS at, {columns}, revision, posting_id,
            lead({instant}) OVER (ORDER BY {instant}, revision) IS DISTINCT FROM {instant} AS is_latest
        FROM {table}
        WHERE tenant_id = $1 AND stream_id = stream.stream_id
            AND {instant} >= span.starts_at AND {instant} < span.ends_at
    ) AS revised
    WHERE is_latest AND coalesce(total, value) IS NOT NULL AND (at, stream_id) > ($5, $6)
    ORDER BY at LIMIT $7
) AS point
{feed}
ORDER BY point.at, point.stream_id LIMIT $7
"""
TALLIES = _POINTS.format(
    table="tally",
    instant="starts_at",
    feed=_FEED_OF.format(row="point"),
    columns="ends_at, good, total, NULL::bigint AS value",
)
SAMPLES = _POINTS.format(
    table="sample",
    instant="at",
    feed=_FEED_OF.format(row="point"),
    columns="NULL::timestamptz AS ends_at, NULL::bigint AS good, NULL::bigint AS total, value",
)

_POSTED = """
SELECT wanted.place, feed.number, feed.recorded_at
FROM unnest($2::uuid[], $3::text[], $4::int[]) WITH ORDINALITY AS wanted (stream_id, name, revision, place)
JOIN {table} kept ON kept.tenant_id = $1 AND kept.stream_id = wanted.stream_id AND kept.external_id = wanted.name
    AND kept.revision = wanted.revision
{feed}
"""
POSTED_OUTAGES = _POSTED.format(table="outage", feed=_FEED_OF.format(row="kept"))
POSTED_CASES = _POSTED.format(table="service_case", feed=_FEED_OF.format(row="kept"))
POSTED_STATES = f"""
SELECT wanted.place, feed.number, feed.recorded_at
FROM unnest($2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS wanted (stream_id, at, place)
CROSS JOIN LATERAL (
    SELECT posting_id FROM state_change
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND at = wanted.at
    ORDER BY revision DESC LIMIT 1
) AS kept
{_FEED_OF.format(row="kept")}
"""

"""States as probes report them: revisions, and the runs that verdicts are made from.

One statement a batch; every batch is sorted by its key before it is written, as measurements are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.columns import Clash, StateColumns, StatesWanted
from domain.ids import StreamId
from domain.instants import LATEST
from domain.state import StateLog, StateRun
from persistence import slices
from persistence.batches import as_microseconds, ordered
from persistence.session import Found, Session

# A state goes in where the revision before its own is there with other content (the first needs none) and nobody added
# this one; a withdrawal is one without a state. A change touches the time up to the stream's next state, as known
# before: another writer's change of that one has a mark of its own. Without a next one it touches all that follows.
ADD = """
WITH sent AS (
    SELECT ($5::uuid[])[sent.stream] AS stream_id, ($6::int[])[sent.stream] AS revision,
        timestamptz 'epoch' + sent.at_us * interval '1 microsecond' AS at, sent.state, sent.place
    FROM unnest($7::int[], $8::bigint[], $9::text[]) WITH ORDINALITY AS sent (stream, at_us, state, place)
), fresh AS (
    INSERT INTO state_change (tenant_id, stream_id, at, revision, state, posting_id)
    SELECT $1, stream_id, at, sent.revision, sent.state, $2
    FROM sent
    WHERE sent.revision = 1 OR EXISTS (
        SELECT 1 FROM state_change former
        WHERE former.tenant_id = $1 AND former.stream_id = sent.stream_id AND former.at = sent.at
            AND former.revision = sent.revision - 1 AND former.state IS DISTINCT FROM sent.state)
    ORDER BY stream_id, at, place
    ON CONFLICT DO NOTHING
    RETURNING stream_id, at, revision
), touched AS (
    SELECT stream_id, min(at) AS first_at, max(at) AS last_at
    FROM fresh GROUP BY stream_id, date_trunc('month', at AT TIME ZONE 'UTC')
), marks AS (
    INSERT INTO mark (tenant_id, posting_id, ordinal, stream_id, starts_at, ends_at)
    SELECT $1, $2, $3 + row_number() OVER (), stream_id, first_at, coalesce((
        SELECT next.at FROM state_change next
        WHERE next.tenant_id = $1 AND next.stream_id = touched.stream_id AND next.at > last_at
            AND next.state IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM state_change later WHERE later.tenant_id = $1 AND later.stream_id = next.stream_id
                    AND later.at = next.at AND later.revision = next.revision + 1)
        ORDER BY next.at LIMIT 1), $4)
    FROM touched
)
SELECT place FROM sent LEFT JOIN fresh USING (stream_id, at, revision) WHERE fresh.stream_id IS NULL
"""

LATEST_OF = """
SELECT wanted.place, kept.revision, kept.state
FROM unnest($2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS wanted (stream_id, at, place)
CROSS JOIN LATERAL (
    SELECT revision, state FROM state_change
    WHERE tenant_id = $1 AND stream_id = wanted.stream_id AND at = wanted.at
    ORDER BY revision DESC LIMIT 1
) AS kept
"""


# Read are the states of the span, from the last up before it to the first up after it, so that whatever was not up is
# there from its beginning to its end. A row is the latest of its instant where the next one has another. Each state
# that another one precedes, or silence, begins a run.
LOGS = """
WITH wanted AS MATERIALIZED (
    SELECT wanted.*,
        coalesce((
            SELECT up.at FROM state_change up
            WHERE up.tenant_id = $1 AND up.stream_id = wanted.stream_id AND up.at < wanted.starts_at
                AND up.state = 'up' AND NOT EXISTS (
                    SELECT 1 FROM state_change later WHERE later.tenant_id = $1 AND later.stream_id = up.stream_id
                        AND later.at = up.at AND later.revision = up.revision + 1)
            ORDER BY up.at DESC LIMIT 1), '-infinity') AS first_at,
        coalesce((
            SELECT up.at FROM state_change up
            WHERE up.tenant_id = $1 AND up.stream_id = wanted.stream_id AND up.at > wanted.ends_at
                AND up.state = 'up' AND NOT EXISTS (
                    SELECT 1 FROM state_change later WHERE later.tenant_id = $1 AND later.stream_id = up.stream_id
                        AND later.at = up.at AND later.revision = up.revision + 1)
            ORDER BY up.at LIMIT 1), 'infinity') AS last_at
    FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::interval[]) WITH ORDINALITY
        AS wanted (stream_id, starts_at, ends_at, staleness, place)
)
SELECT wanted.place, (
        SELECT known.at FROM state_change known
        WHERE known.tenant_id = $1 AND known.stream_id = wanted.stream_id AND known.state IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM state_change later WHERE later.tenant_id = $1 AND later.stream_id = known.stream_id
                    AND later.at = known.at AND later.revision = known.revision + 1)
        ORDER BY known.at LIMIT 1
    ) AS since,
    run.state, run.starts_at, run.ends_at
FROM wanted
LEFT JOIN LATERAL (
    SELECT min(state) AS state, min(at) AS starts_at,
        least(max(at) + wanted.staleness, lead(min(at)) OVER (ORDER BY number)) AS ends_at
    FROM (
        SELECT at, state, count(*) FILTER (WHERE begins) OVER (ORDER BY at) AS number
        FROM (
            SELECT at, state,
                lag(state) OVER (ORDER BY at) IS DISTINCT FROM state
                    OR (at - lag(at) OVER (ORDER BY at) > wanted.staleness) IS TRUE AS begins
            FROM (
                SELECT at, state, lead(at) OVER (ORDER BY at, revision) IS DISTINCT FROM at AS is_latest
                FROM state_change
                WHERE tenant_id = $1 AND stream_id = wanted.stream_id
                    AND at >= wanted.first_at AND at <= wanted.last_at
            ) AS revised
            WHERE is_latest AND state IS NOT NULL
        ) AS known
    ) AS numbered
    GROUP BY number
) AS run ON true
ORDER BY wanted.place, run.starts_at
"""


class StoredStates:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, columns: Sequence[StateColumns]) -> Sequence[Clash]:
        instants = [each.instants for each in columns]
        batch = ordered([each.stream for each in columns], instants)
        revisions, at = [each.revision for each in columns], as_microseconds(batch.of(instants))
        rows = await self._session.fetch(
            ADD,
            self._session.tenant,
            self._session.posting,
            self._session.take_ordinals(len(batch)),
            LATEST,
            list(batch.streams),
            revisions,
            batch.stream_places(),
            at,
            batch.of([each.states for each in columns]),
        )
        left = sorted({row["place"] - 1 for row in rows} | batch.repeated(revisions, at))
        places = [batch.place(ordinal) for ordinal in left]
        known = await self._latest([(columns[column].stream, columns[column].instants[i]) for column, i in places])
        return [
            Clash(
                column=column,
                index=index,
                latest=0 if kept is None else kept["revision"],
                same=kept is not None and kept["state"] == columns[column].states[index],
            )
            for (column, index), kept in zip(places, known, strict=True)
        ]

    async def logs(self, wanted: Sequence[StatesWanted]) -> Sequence[StateLog]:
        visible = set(await slices.visible_streams(self._session, {each.stream for each in wanted}))
        rows = await self._session.fetch(
            LOGS,
            self._session.tenant,
            [each.stream for each in wanted],
            [each.span.start for each in wanted],
            [each.span.end for each in wanted],
            [each.staleness for each in wanted],
        )
        since: list[datetime | None] = [None] * len(wanted)
        runs: list[list[StateRun]] = [[] for _ in wanted]
        for row in rows:
            place = row["place"] - 1
            if wanted[place].stream not in visible:
                continue
            since[place] = row["since"]
            if row["state"] is not None:
                runs[place].append(StateRun(row["state"], row["starts_at"], row["ends_at"]))
        return [
            StateLog(stream=each.stream, runs=tuple(runs[place]), since=since[place])
            for place, each in enumerate(wanted)
        ]

    async def _latest(self, identities: Sequence[tuple[StreamId, datetime]]) -> Sequence[Found | None]:
        """The latest revisions, in the order asked for."""
        if not identities:
            return []
        rows = await self._session.fetch(
            LATEST_OF,
            self._session.tenant,
            [stream for stream, _ in identities],
            [instant for _, instant in identities],
        )
        by_place = {row["place"]: row for row in rows}
        return [by_place.get(place) for place in range(1, len(identities) + 1)]

"""What a transaction writes last: its numbers in the feed, who did it, and when the tenant's worker has to look again.

The head's row is locked from here to the commit, which follows at once. So numbers are in commit order, and a reader
that sees a number sees all before it.
"""

from __future__ import annotations

import json
from datetime import datetime

from domain.audit import Act, AuditEntry
from domain.errors import CycleRefused
from domain.feed import BreachChange, PostingKind, Restatement
from domain.ids import AuditEntryId, PostingId
from persistence.audit import ENTRY, POSTING_WITH_ENTRY, entry_arguments
from persistence.feed import BREACH, RESTATED, to_body
from persistence.services import CYCLE
from persistence.session import Session

NUMBER = """
UPDATE feed_head SET
    last_number = last_number + $2,
    last_recorded_at = CASE WHEN $2 > 0 THEN greatest(last_recorded_at, $3) ELSE last_recorded_at END,
    due_at = least(due_at, $4)
WHERE tenant_id = $1
RETURNING last_number, last_recorded_at
"""

# The lock comes first, so that the next statement sees every period laid down by those who held it before.
LOCK = "SELECT last_number FROM feed_head WHERE tenant_id = $1 FOR UPDATE"

# Judged up to the number read before the marks were, where nothing was left. What this transaction adds to the feed
# makes no work: where nobody posted in between, it counts as judged too.
NUMBER_OF_JUDGING = """
UPDATE feed_head SET
    last_number = last_number + $2,
    last_recorded_at = CASE WHEN $2 > 0 THEN greatest(last_recorded_at, $3) ELSE last_recorded_at END,
    judged_number = CASE WHEN $5 THEN judged_number WHEN last_number = $4 THEN last_number + $2
        ELSE greatest(judged_number, $4) END,
    due_at = (SELECT min(due_at) FROM judged_period WHERE tenant_id = $1 AND due_at IS NOT NULL)
WHERE tenant_id = $1
RETURNING last_number, last_recorded_at
"""

POSTING = """
INSERT INTO feed (tenant_id, number, kind, recorded_at, caller_id, posting_id) VALUES ($1, $2, $3, $4, $5, $6)
"""

CHANGES = """
INSERT INTO feed (tenant_id, number, kind, recorded_at, caller_id, agreement_id, service_id, provider_id, customer_id,
    transition, severity, body)
SELECT $1, $2 + change.ordinal, change.kind, $3, $4, change.agreement_id, change.service_id, change.provider_id,
    change.customer_id, change.transition, change.severity, change.body
FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::jsonb[], $12::text[])
    WITH ORDINALITY
    AS change (agreement_id, service_id, provider_id, customer_id, transition, severity, body, kind, ordinal)
"""

# What was open up to now is found in all months from its start to this one: whoever asks what was known at an instant
# between looks for it there. The posting's own instant is not known before the lock, so a day is added.
ONCE_OPEN = """
INSERT INTO {table} (tenant_id, stream_id, month, external_id)
SELECT $1, once.stream_id, month::date, once.external_id
FROM unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS once (stream_id, external_id, since)
CROSS JOIN LATERAL generate_series(
    date_trunc('month', (once.since - interval '1 microsecond') AT TIME ZONE 'UTC'),
    greatest($5::timestamptz, (SELECT last_recorded_at FROM feed_head WHERE tenant_id = $1)) AT TIME ZONE 'UTC'
        + interval '1 day',
    interval '1 month') AS month
ORDER BY once.stream_id, month, once.external_id COLLATE "C"
ON CONFLICT DO NOTHING
"""


async def close(session: Session) -> bool:
    """Whether the feed got longer. Raises CycleRefused where structures now make a service rest on itself."""
    closing = session.closing
    numbers = (closing.posted is not None) + len(closing.changes)
    if closing.act is not None and closing.posted is None:
        await session.fetch(ENTRY, *_entry(session, closing.act, closing.at, None))
    if not (numbers or closing.judging or closing.due_at or closing.structured or closing.once):
        return False
    for table in sorted({each.segments for each in closing.once}):
        once = [each for each in closing.once if each.segments == table]
        await session.fetch(
            ONCE_OPEN.format(table=table),
            session.tenant,
            [each.stream for each in once],
            [each.external_id for each in once],
            [each.since for each in once],
            closing.at,
        )
    assert closing.at is not None or not numbers, "who appends to the feed posts or claims, and so tells the time"
    last, recorded_at = await _numbered(session, numbers)
    if closing.structured and await session.fetch(CYCLE, session.tenant, sorted(closing.structured)):
        raise CycleRefused("with another change at the same time the structure has a cycle", path=("structure",))
    before = last - numbers
    if closing.posted is not None:
        await _post(session, closing.posted, before + 1, recorded_at)
        before += 1
    if closing.changes:
        await _append(session, before, recorded_at, closing.changes)
    return numbers > 0


async def _numbered(session: Session, numbers: int) -> tuple[int, datetime]:
    """The feed's last number with ours, and when it was recorded. The head's row is locked from here on."""
    closing, tenant = session.closing, session.tenant
    if closing.judging is None:
        row = await session.fetch_one(NUMBER, tenant, numbers, closing.at, closing.due_at)
    else:
        await session.fetch(LOCK, tenant)
        judging = closing.judging
        row = await session.fetch_one(NUMBER_OF_JUDGING, tenant, numbers, closing.at, judging.number, judging.more)
    assert row is not None, "a tenant is made with the head of its feed"
    return row["last_number"], row["last_recorded_at"]


async def _post(session: Session, kind: PostingKind, number: int, recorded_at: datetime) -> None:
    """With the entry of the audit log, where there is one, in the same statement: it costs no round trip."""
    act = session.closing.act
    if act is None:
        posted = (session.tenant, number, kind.value, recorded_at, session.actor.caller, session.posting)
        await session.fetch(POSTING, *posted)
        return
    entry = _entry(session, act, recorded_at, PostingId(session.posting))
    await session.fetch(POSTING_WITH_ENTRY, *entry, number, kind.value)


def _entry(session: Session, act: Act, at: datetime | None, posting: PostingId | None) -> tuple[object, ...]:
    assert at is not None, "who audits tells the time"
    actor = session.actor
    entry = AuditEntry(
        id=AuditEntryId(session.mint()),
        at=at,
        caller_kind=actor.kind,
        caller=actor.caller,
        role=actor.role,
        party=actor.party,
        act=act,
        origin=actor.origin,
        posting=posting,
    )
    return entry_arguments(actor.tenant, entry)


async def _append(
    session: Session, before: int, recorded_at: datetime, changes: list[BreachChange | Restatement]
) -> None:
    await session.fetch(
        CHANGES,
        session.tenant,
        before,
        recorded_at,
        session.actor.caller,
        [change.agreement for change in changes],
        [change.service for change in changes],
        [change.provider for change in changes],
        [change.customer for change in changes],
        [change.transition.value if isinstance(change, BreachChange) else None for change in changes],
        [change.severity.value if isinstance(change, BreachChange) else None for change in changes],
        [json.dumps(to_body(change)) for change in changes],
        [BREACH if isinstance(change, BreachChange) else RESTATED for change in changes],
    )

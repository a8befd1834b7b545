"""Old events of a tenant's feed are let go, as the owner of the tables. Its postings stay: facts point to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.audit import Subject, SubjectType
from domain.ids import Position, TenantId
from domain.policy import Action
from persistence.operator import Operator

EVENTS_A_TIME = 10_000
"""That one transaction deletes, so that none runs for long."""

# Along the feed the recorded instants never fall, so the last event from before the instant has all the others before
# it. The floor never falls either.
RAISE = """
UPDATE feed_head SET floor_number = greatest(floor_number, coalesce((
    SELECT number FROM feed WHERE tenant_id = $1 AND body IS NOT NULL AND recorded_at < $2
    ORDER BY recorded_at DESC, number DESC LIMIT 1
), 0))
WHERE tenant_id = $1 RETURNING floor_number
"""

LET_GO = """
DELETE FROM feed WHERE tenant_id = $1 AND number = ANY (ARRAY(
    SELECT number FROM feed WHERE tenant_id = $1 AND body IS NOT NULL AND number <= $2 ORDER BY number LIMIT $3
))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """How many events went, and the place in the feed up to which none is left."""

    events: int
    floor: Position


async def trim(operator: Operator, tenant: TenantId, *, before: datetime) -> Trimmed:
    """Deletes the events that were recorded before the instant.

    The floor is committed first: from then on whoever would read what is about to go is told so. After an interruption
    the next call deletes the rest.
    """
    async with operator.transaction() as connection:
        await connection.execute("SELECT set_config('interpact.tenant', $1, true)", str(tenant))
        former = await connection.fetchval("SELECT floor_number FROM feed_head WHERE tenant_id = $1", tenant)
        floor = Position(await connection.fetchval(RAISE, tenant, before))
        if floor > former:
            await operator.audit(
                connection, tenant, "feed trim", [Subject(SubjectType.TENANT, tenant)], Action.TRIM_FEED
            )
    events = 0
    while True:
        async with operator.transaction() as connection:
            await connection.execute("SELECT set_config('interpact.tenant', $1, true)", str(tenant))
            done: str = await connection.execute(LET_GO, tenant, floor, EVENTS_A_TIME)
        events += int(done.removeprefix("DELETE "))
        if not done.endswith(f" {EVENTS_A_TIME}"):
            return Trimmed(events=events, floor=floor)

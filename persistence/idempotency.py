"""Keys of calls that may be repeated: the first caller holds the key, a second one waits for it and gets its answer."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import IdempotencyConflict
from domain.ports import Earlier
from persistence import tables
from persistence.session import Session


class StoredIdempotencyKeys:
    """Keys of one party are apart from those of another, and from those of the tenant itself."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._owner = session.actor.party or session.actor.tenant

    async def claim(self, key: str, operation: str, digest: bytes) -> Earlier | None:
        held = await self._session.run(
            insert(tables.idempotency_key)
            .values(
                tenant_id=self._session.tenant,
                owner_id=self._owner,
                key=key,
                operation=operation,
                digest=digest,
            )
            .on_conflict_do_nothing()
        )
        if held:
            return None
        row = tables.idempotency_key.c
        [earlier] = await self._session.rows(
            select(row.operation, row.digest, row.result).where(
                row.tenant_id == self._session.tenant, row.owner_id == self._owner, row.key == key
            )
        )
        if (earlier["operation"], earlier["digest"]) != (operation, digest):
            raise IdempotencyConflict("the idempotency key was used with other content", path=("idempotencyKey",))
        if earlier["result"] is None:
            raise IdempotencyConflict("the call under this idempotency key kept no answer", path=("idempotencyKey",))
        return Earlier(earlier["result"])

    async def complete(self, key: str, result: Mapping[str, object]) -> None:
        row = tables.idempotency_key.c
        changed = await self._session.run(
            update(tables.idempotency_key)
            .where(row.tenant_id == self._session.tenant, row.owner_id == self._owner, row.key == key)
            .values(result=dict(result))
        )
        assert changed == 1, "a key is completed by the call that claimed it"

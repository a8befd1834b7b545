"""Outage records of a file: checked before anything is kept, each with its identity and the instant it became known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.exclusion import ExclusionKind
from domain.fact import EXTERNAL_ID_LENGTH_MAX
from domain.metric import DEFAULT_WEIGHTS
from domain.usecases.record_outages import OUTAGE_LENGTH_MAX
from runtime.demo.story import RecordName
from runtime.fact_rows import OutageRow
from runtime.facts_file import BadLines, read_outage_rows

RECORDED_AFTER = timedelta(minutes=5)
"""How long after its end a record becomes known; one without an end, after its start."""
MAINTENANCE = ExclusionKind.MAINTENANCE.value
"""The impact of a record that is an exclusion, never an outage (rules.md, Time down)."""
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    row: OutageRow
    external_id: str
    recorded_at: datetime

    @property
    def name(self) -> RecordName:
        return RecordName(self.row.vendor, self.row.service)

    @property
    def is_maintenance(self) -> bool:
        return self.row.impact == MAINTENANCE

    @property
    def last_instant(self) -> datetime:
        """The last instant that the record is known to cover."""
        return self.row.started_at if self.row.ended_at is None else self.row.ended_at - INSTANT


def read_records(path: Path) -> tuple[Record, ...]:
    """In the order in which they became known. Raises FactsInvalid with every line that cannot be taken."""
    rows = tuple(read_outage_rows(path))
    bad = BadLines(str(path))
    if not rows:
        bad.add(1, "the file has no records")
    for row in rows:
        _check(row, bad)
    bad.refuse()
    return tuple(sorted(_identified(rows), key=lambda record: (record.recorded_at, record.row.line)))


def digest_of(records: Iterable[Record]) -> str:
    """Of what the records say, whatever file they come from."""
    found = hashlib.sha256()
    for record in records:
        found.update(repr(replace(record.row, line=0)).encode())
    return found.hexdigest()


def _check(row: OutageRow, bad: BadLines) -> None:
    if row.impact != MAINTENANCE and row.impact not in DEFAULT_WEIGHTS:
        known = ", ".join((*DEFAULT_WEIGHTS, MAINTENANCE))
        bad.add(row.line, f"the impact {row.impact} is none of {known}", column="impact")
    if row.ended_at is not None and row.ended_at - row.started_at > OUTAGE_LENGTH_MAX:
        bad.add(row.line, f"an outage lasts at most {OUTAGE_LENGTH_MAX.days} days", column="ended_at")


def _identified(rows: Sequence[OutageRow]) -> Iterable[Record]:
    """A vendor may use one incident's id for several windows, so its start belongs to the identity.

    The same content again has the same identity, and is a duplicate. Other content of the same incident and start is
    another record of it, numbered in the file's order: records are merged, never cleaned away.
    """
    seen: dict[tuple[str, str, str, str], list[tuple[datetime | None, str]]] = {}
    for row in rows:
        named = f"{row.incident_id}@{row.started_at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}"
        contents = seen.setdefault((row.vendor, row.service, row.source, named), [])
        content = (row.ended_at, row.impact)
        if content not in contents:
            contents.append(content)
        number = contents.index(content) + 1
        yield Record(
            row=row,
            external_id=_short(named if number == 1 else f"{named}/{number}"),
            recorded_at=(row.ended_at or row.started_at) + RECORDED_AFTER,
        )


def _short(identity: str) -> str:
    if len(identity) <= EXTERNAL_ID_LENGTH_MAX:
        return identity
    return f"{identity[:100]}…{hashlib.sha256(identity.encode()).hexdigest()}"

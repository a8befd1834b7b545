"""The kinds of facts that a file may hold: the rows of each, and how its cells are read (docs/judge.md, Facts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, TypeVar

from domain.case import Case, Pause
from domain.errors import DomainError
from domain.fact import checked_external_id
from domain.metric import COUNT_MAX
from domain.stream import DEFAULT_SOURCE
from domain.text import checked_code, checked_name
from runtime.written import NotWritten, count, decimal, instant, told

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OutageRow:
    """`vendor`, `service` and `impact` are the record's own words; `ended_at` None: it still lasts.

    `impact` may be `maintenance`, which is time excluded, not an outage.
    """

    line: int
    vendor: str
    service: str
    incident_id: str
    started_at: datetime
    ended_at: datetime | None
    impact: str
    source: str = DEFAULT_SOURCE


@dataclass(frozen=True, slots=True)
class TallyRow:
    line: int
    service: str
    metric: str
    source: str
    started_at: datetime
    ended_at: datetime
    good: int
    total: int


@dataclass(frozen=True, slots=True)
class SampleRow:
    line: int
    service: str
    metric: str
    source: str
    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class StateRow:
    line: int
    service: str
    metric: str
    source: str
    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """`responded_at`, `resolved_at` None: it has not come to that. A pause without an end lasts."""

    line: int
    service: str
    metric: str
    source: str
    case_id: str
    opened_at: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    pauses: tuple[Pause, ...]


FactRow: TypeAlias = OutageRow | TallyRow | SampleRow | StateRow | CaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`signs`: the keys by which a line of NDJSON is known to be of this form."""

    name: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]
    may_be_left_out: tuple[str, ...] = ()
    signs: frozenset[str]
    read: Callable[[int, Mapping[str, str]], FactRow]

    def takes(self, columns: Sequence[str]) -> bool:
        return set(self.needed) <= set(columns) <= {*self.needed, *self.optional}


class Wrong(ValueError):
    """A cell of a line that can't be read; `column` is empty where it is the line as a whole."""

    def __init__(self, message: str, *, column: str = "") -> None:
        super().__init__(message)
        self.column = column


def _cell(cells: Mapping[str, str], column: str, read: Callable[[str], T]) -> T:
    try:
        return read(cells[column])
    except DomainError as wrong:
        raise Wrong(wrong.message, column=column) from wrong
    except NotWritten as wrong:
        raise Wrong(str(wrong), column=column) from wrong


def _source(cells: Mapping[str, str]) -> str:
    return _cell(cells, "source", lambda text: checked_code(text, "source")) if cells.get("source") else DEFAULT_SOURCE


def _outage(line: int, cells: Mapping[str, str]) -> OutageRow:
    row = OutageRow(
        line=line,
        vendor=_cell(cells, "vendor", checked_name),
        service=_cell(cells, "service", checked_name),
        incident_id=_cell(cells, "incident_id", checked_external_id),
        started_at=_cell(cells, "started_at", instant),
        ended_at=_cell(cells, "ended_at", instant) if cells["ended_at"] else None,
        impact=_cell(cells, "impact", lambda text: checked_code(text, "impact")),
        source=_source(cells),
    )
    if row.ended_at is not None and row.ended_at <= row.started_at:
        raise Wrong("an outage ends after it starts", column="ended_at")
    return row


def _tally(line: int, cells: Mapping[str, str]) -> TallyRow:
    row = TallyRow(
        line=line,
        service=_cell(cells, "service", checked_code),
        metric=_cell(cells, "metric", checked_code),
        source=_source(cells),
        started_at=_cell(cells, "started_at", instant),
        ended_at=_cell(cells, "ended_at", instant),
        good=_cell(cells, "good", count),
        total=_cell(cells, "total", count),
    )
    if row.ended_at <= row.started_at:
        raise Wrong("a tally ends after it starts", column="ended_at")
    if row.total > COUNT_MAX:
        raise Wrong(f"a total is 0 to {COUNT_MAX}", column="total")
    if row.good > row.total:
        raise Wrong("good is 0 to total", column="good")
    return row


def _sample(line: int, cells: Mapping[str, str]) -> SampleRow:
    return SampleRow(
        line=line,
        service=_cell(cells, "service", checked_code),
        metric=_cell(cells, "metric", checked_code),
        source=_source(cells),
        at=_cell(cells, "at", instant),
        value=_cell(cells, "value", decimal),
    )


def _state(line: int, cells: Mapping[str, str]) -> StateRow:
    return StateRow(
        line=line,
        service=_cell(cells, "service", checked_code),
        metric=_cell(cells, "metric", checked_code),
        source=_source(cells),
        at=_cell(cells, "at", instant),
        state=_cell(cells, "state", lambda text: checked_code(text, "state")),
    )


def _case(line: int, cells: Mapping[str, str]) -> CaseRow:
    row = CaseRow(
        line=line,
        service=_cell(cells, "service", checked_code),
        metric=_cell(cells, "metric", checked_code),
        source=_source(cells),
        case_id=_cell(cells, "case_id", checked_external_id),
        opened_at=_cell(cells, "opened_at", instant),
        responded_at=_instant_or_none(cells, "responded_at"),
        resolved_at=_instant_or_none(cells, "resolved_at"),
        pauses=_cell(cells, "pauses", _pauses) if cells.get("pauses") else (),
    )
    try:
        case_of(row)
    except DomainError as wrong:
        raise Wrong(wrong.message, column=CASE_COLUMNS[str(wrong.path[0])]) from wrong
    return row


def case_of(row: CaseRow) -> Case:
    """Raises Invalid for a timeline that can't be."""
    return Case(
        external_id=row.case_id,
        opened_at=row.opened_at,
        responded_at=row.responded_at,
        resolved_at=row.resolved_at,
        pauses=row.pauses,
    )


def _instant_or_none(cells: Mapping[str, str], column: str) -> datetime | None:
    return _cell(cells, column, instant) if cells[column] else None


def _pauses(text: str) -> tuple[Pause, ...]:
    """As intervals `start/end`, or `start/` for one that lasts, with a space between them."""
    found: list[Pause] = []
    for interval in text.split(" "):
        start, slash, end = interval.partition("/")
        if not slash:
            raise NotWritten(f"a pause is written like 2025-01-31T09:30:00Z/2025-01-31T10:00:00Z, not {told(interval)}")
        found.append(Pause(instant(start), instant(end) if end else None))
    return tuple(found)


OUTAGES = Form(
    name="outages",
    needed=("vendor", "service", "incident_id", "started_at", "ended_at", "impact"),
    optional=("source",),
    may_be_left_out=("ended_at",),
    signs=frozenset({"incident_id", "impact", "vendor"}),
    read=_outage,
)
TALLIES = Form(
    name="tallies",
    needed=("service", "metric", "started_at", "ended_at", "good", "total"),
    optional=("source",),
    signs=frozenset({"good", "total"}),
    read=_tally,
)
SAMPLES = Form(
    name="samples",
    needed=("service", "metric", "at", "value"),
    optional=("source",),
    signs=frozenset({"value"}),
    read=_sample,
)
STATES = Form(
    name="states",
    needed=("service", "metric", "at", "state"),
    optional=("source",),
    signs=frozenset({"state"}),
    read=_state,
)
CASES = Form(
    name="cases",
    needed=("service", "metric", "case_id", "opened_at", "responded_at", "resolved_at"),
    optional=("source", "pauses"),
    may_be_left_out=("responded_at", "resolved_at"),
    signs=frozenset({"case_id", "opened_at"}),
    read=_case,
)
FORMS = (OUTAGES, TALLIES, SAMPLES, STATES, CASES)
CASE_COLUMNS = {
    "openedAt": "opened_at",
    "respondedAt": "responded_at",
    "resolvedAt": "resolved_at",
    "pauses": "pauses",
    "externalId": "case_id",
}
"""What a file calls the fields that rules call otherwise."""
NUMBERS = frozenset({"good", "total", "value"})

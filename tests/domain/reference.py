"""An independent count of down and allowed time: one cell for each second, no interval algebra.

Shares no code with domain/, so that a verdict that agrees with it was reached on two ways.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UP, DOWN, EXCLUDED = 0, 1, 2


def mask_seconds(
    rows: Iterable[Mapping[str, str]],
    period_start: datetime,
    period_end: datetime,
    down_impacts: AbstractSet[str] = frozenset({"critical", "major"}),
    excluded_impacts: AbstractSet[str] = frozenset({"maintenance"}),
) -> tuple[int, int]:
    """(seconds down, seconds allowed) of one component in `[period_start, period_end)`, both on whole seconds.

    Rows are of the outage CSV form, all of that component; one without an end lasts for the whole rest of the period.
    A second that any excluded row covers is neither allowed nor down; of the others those that a down row covers are
    down.
    """
    first, last = _second(period_start), _second(period_end)
    cells = bytearray(last - first)
    listed = list(rows)
    # Excluded cells are painted last, over those that are down.
    for impacts, paint in ((down_impacts, DOWN), (excluded_impacts, EXCLUDED)):
        for row in listed:
            if row["impact"] not in impacts:
                continue
            begin = max(_parsed(row["started_at"]), first)
            end = min(_parsed(row["ended_at"]), last) if row["ended_at"] else last
            if begin < end:
                cells[begin - first : end - first] = bytes([paint]) * (end - begin)
    return cells.count(DOWN), len(cells) - cells.count(EXCLUDED)


def _parsed(text: str) -> int:
    return _second(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))


def _second(instant: datetime) -> int:
    passed = instant - EPOCH
    assert passed.microseconds == 0, f"{instant} is not on a whole second"
    return passed.days * 86_400 + passed.seconds

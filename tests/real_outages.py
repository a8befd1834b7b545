"""The real outage records of three vendors, read without the service's own reader."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "examples" / "data" / "vendor-outages-2024-2025.csv"

Component = tuple[str, str]
"""Vendor and service."""
Row = Mapping[str, str]


@cache
def rows_by_component() -> Mapping[Component, Sequence[Row]]:
    found: dict[Component, list[Row]] = defaultdict(list)
    with FILE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found[row["vendor"], row["service"]].append(row)
    return found


def busy(component: Component, start: datetime, end: datetime) -> bool:
    """Whether a record that counts or excludes reaches into the time."""
    return any(
        row["impact"] not in ("minor", "none") and parsed(row["started_at"]) < end and parsed(row["ended_at"]) > start
        for row in rows_by_component()[component]
    )


def parsed(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def components() -> Iterator[Component]:
    yield from sorted(rows_by_component())

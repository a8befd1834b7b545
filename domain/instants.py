"""Instants: aware, UTC inside, within the span of time that the service keeps."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.errors import Invalid, OutOfRange

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def checked_instant(value: datetime, field: str) -> datetime:
    """The instant in UTC; refuses a naive one, and one outside 1990 to 2200."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise Invalid("an instant needs an offset from UTC, such as Z", path=(field,))
    if not EARLIEST <= value < LATEST:
        raise OutOfRange(f"an instant lies from {EARLIEST:%Y} to {LATEST:%Y}", path=(field,))
    return value.astimezone(UTC)

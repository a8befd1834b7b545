"""The clock and the mint of identifiers: the one place that reads time and randomness."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID


def system_clock() -> datetime:
    return datetime.now(UTC)


class SettableClock:
    """A clock that a replay moves forward by hand. It never goes back; no API can reach it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        self._now = max(self._now, instant)


class Mint:
    """Mints UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    Within one process they ascend: ids of one millisecond count up from a random start.
    """

    def __init__(self) -> None:
        self._millisecond = 0
        self._tail = 0

    def __call__(self) -> UUID:
        now = time.time_ns() // 1_000_000
        if now > self._millisecond:
            self._millisecond = now
            self._tail = secrets.randbits(73)
        else:
            self._tail += 1 + secrets.randbits(16)
        high, low = self._tail >> 62 & 0xFFF, self._tail & (1 << 62) - 1
        return UUID(int=self._millisecond << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)

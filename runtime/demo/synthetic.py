"""Made-up measurements of the internal agreement: hourly, from a fixed seed, the same however they are batched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from domain.stream import StreamKey
from domain.usecases.record_measurements import RecordMeasurements, SampleSeries, TallySeries
from runtime.demo.story import ANSWERED, ENGINEERING, INTAKE, LATENCY, SYNTHETIC_SEED, SYNTHETIC_SOURCE

HOUR = timedelta(hours=1)
HOURS_MAX = 4_000
"""In one call: two points an hour stay below the limit of a batch."""

_ROUGH_HOURS = 0.004
"""The share of hours in which a good part of the requests fails."""


def synthetic_batches(since: datetime, until: datetime) -> Iterator[RecordMeasurements]:
    """The whole hours that end after `since` and not after `until`."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [first + HOUR * each for each in range(max(0, (until - first) // HOUR))]
    for begin in range(0, len(hours), HOURS_MAX):
        yield _batch(hours[begin : begin + HOURS_MAX])


def _batch(hours: list[datetime]) -> RecordMeasurements:
    drawn = [_drawn(hour) for hour in hours]
    answered = TallySeries(
        stream=_stream(ANSWERED),
        starts=hours,
        ends=[hour + HOUR for hour in hours],
        good=[good for good, _, _ in drawn],
        total=[total for _, total, _ in drawn],
    )
    latency = SampleSeries(stream=_stream(LATENCY), instants=hours, values=[value for _, _, value in drawn])
    return RecordMeasurements(tallies=(answered,), samples=(latency,))


def _stream(metric: str) -> StreamKey:
    return StreamKey(metric=metric, service=INTAKE, vendor=ENGINEERING, source=SYNTHETIC_SOURCE)


def _drawn(hour: datetime) -> tuple[int, int, Decimal]:
    """Good and total requests, and the milliseconds of their answer: more by day, and now and then a rough hour."""
    chance = Random(f"{SYNTHETIC_SEED}/{hour.isoformat()}")  # noqa: S311 - made-up figures, no secret
    by_day = 6 <= hour.hour < 20
    total = chance.randint(4_000, 6_000) if by_day else chance.randint(300, 900)
    rough = chance.random() < _ROUGH_HOURS
    failed = sum(chance.random() < 0.5 for _ in range(total // 1_000)) + (
        total // chance.randint(3, 12) if rough else 0
    )
    millis = chance.randint(120_000, 210_000) * (3 if rough else 1)
    return total - failed, total, Decimal(millis).scaleb(-3)

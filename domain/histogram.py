"""A histogram of integers with fixed logarithmic edges: what bounds a percentile while a period runs.

Edges depend on nothing but the value, so that counts of any two histograms add up, and a corrected sample is taken out
of the bucket that it was put in. All is integer arithmetic: a bucket is a value's sign, bit length and highest 7 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

MANTISSA_BITS = 7
"""Of a value's highest bits, the leading one among them, so many tell its bucket.

Values below 128 have a bucket each; a bucket is never wider than a 64th (1.5625 %) of the smallest value in it.
"""
_HALF = 1 << (MANTISSA_BITS - 1)


def bucket_of(value: int) -> int:
    """Buckets are in the order of their values; that of -value is -bucket. None of 53 bits is 3,100 or more."""
    size = abs(value)
    shift = max(0, size.bit_length() - MANTISSA_BITS)
    bucket = shift * _HALF + (size >> shift)
    return bucket if value >= 0 else -bucket


def edges(bucket: int) -> tuple[int, int]:
    """The lowest and the highest integer in the bucket."""
    if bucket < 0:
        low, high = edges(-bucket)
        return -high, -low
    shift = max(0, bucket // _HALF - 1)
    mantissa = bucket - shift * _HALF
    return mantissa << shift, ((mantissa + 1) << shift) - 1


def nearest_rank(percentile: Decimal, points: int) -> int:
    """From 1: the smallest rank that has at least so many percent of the points at or below it. Exact.

    `points` is positive, and the percentile above 0.
    """
    share = Fraction(percentile) * points / 100
    return -(-share.numerator // share.denominator)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by bucket, none of them 0."""

    counts: Mapping[int, int]

    @classmethod
    def of(cls, values: Iterable[int]) -> Histogram:
        return cls(Counter(map(bucket_of, values)))

    @property
    def points(self) -> int:
        return sum(self.counts.values())

    def plus(self, other: Histogram) -> Histogram:
        return self._changed(other, 1)

    def minus(self, other: Histogram) -> Histogram:
        """What is left where the other's values are taken out, which all are in this one."""
        return self._changed(other, -1)

    def bounds(self, rank: int) -> tuple[int, int]:
        """Between which integers, both included, the value of the rank lies; it is 1 to the number of points."""
        below = 0
        for bucket in sorted(self.counts):
            below += self.counts[bucket]
            if below >= rank:
                return edges(bucket)
        raise AssertionError(f"there is no rank {rank} among {below}")

    def _changed(self, other: Histogram, sign: int) -> Histogram:
        counts = {
            bucket: count
            for bucket in self.counts.keys() | other.counts.keys()
            if (count := self.counts.get(bucket, 0) + sign * other.counts.get(bucket, 0))
        }
        assert all(count > 0 for count in counts.values()), "only what is in a histogram is taken out of it"
        return Histogram(counts)

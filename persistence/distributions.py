"""Slices, histograms and ranks of tallies and samples. One statement for all that is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from domain.columns import HistogramRead, RanksWanted, SlicesWanted
from domain.fact import SampleBounds
from domain.histogram import Histogram
from domain.ratio import Direction
from domain.slices import SliceTotals
from persistence import slice_sql as sql
from persistence import slices
from persistence.session import Found, Session


class StoredDistributions:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def tally_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]:
        return await self._slices(sql.TALLY_SLICES, wanted)

    async def sample_slices(self, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]:
        return await self._slices(sql.SAMPLE_SLICES, wanted)

    async def histograms(self, wanted: Sequence[RanksWanted]) -> Sequence[HistogramRead]:
        counts: dict[int, dict[int, int]] = defaultdict(dict)
        cells: dict[int, int] = defaultdict(int)
        for row in await self._found(sql.HISTOGRAMS, wanted, [each.grid for each in wanted]):
            if row["bucket"] is None:
                cells[row["place"]] = row["cells"]
            else:
                counts[row["place"]][row["bucket"]] = row["points"]
        return [
            HistogramRead(histogram=Histogram(counts.get(place, {})), cells=cells[place])
            for place in range(len(wanted))
        ]

    async def ranked(self, wanted: Sequence[RanksWanted]) -> Sequence[SampleBounds]:
        shares = [Fraction(each.percentile) / 100 for each in wanted]
        rows = await self._found(
            sql.RANKED,
            wanted,
            [each.grid for each in wanted],
            [Decimal(share.numerator) for share in shares],
            [Decimal(share.denominator) for share in shares],
        )
        by_place = {
            row["place"]: SampleBounds(points=row["points"], low=row["value"], high=row["value"], cells=row["cells"])
            for row in rows
        }
        return [by_place.get(place, SampleBounds()) for place in range(len(wanted))]

    async def _slices(self, statement: str, wanted: Sequence[SlicesWanted]) -> Sequence[SliceTotals]:
        levels = [each.rule.level for each in wanted]
        rows = await self._found(
            statement,
            wanted,
            [each.rule.length for each in wanted],
            [None if level is None else Decimal(level.numerator) for level in levels],
            [None if level is None else Decimal(level.denominator) for level in levels],
            [each.rule.direction is Direction.AT_LEAST for each in wanted],
        )
        by_place = {
            row["place"]: SliceTotals(
                reported=row["reported"],
                idle=row["reported"] - row["busy"],
                good=row["good"],
                ratios=int(row["ratios"]),
                points=row["points"],
            )
            for row in rows
        }
        return [by_place.get(place, SliceTotals()) for place in range(len(wanted))]

    async def _found(
        self, statement: str, wanted: Sequence[SlicesWanted | RanksWanted], *rules: Sequence[Any]
    ) -> Sequence[Found]:
        """`rules`: columns that tell of each wanted thing how it is counted."""
        visible = set(await slices.visible_streams(self._session, {each for one in wanted for each in one.streams}))
        streams = [(place, stream) for place, one in enumerate(wanted) for stream in one.streams if stream in visible]
        spans = [(place, span) for place, one in enumerate(wanted) for span in one.spans]
        return await self._session.fetch(
            statement,
            self._session.tenant,
            [place for place, _ in streams],
            [stream for _, stream in streams],
            [place for place, _ in spans],
            [span.start for _, span in spans],
            [span.end for _, span in spans],
            list(range(len(wanted))),
            *rules,
        )

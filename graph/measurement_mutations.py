"""Measurements in, by columns: a series is one stream with lists of instants and values of one length."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

import strawberry

from domain.errors import Invalid, TooMany
from domain.fact import POINTS_MAX, SERIES_MAX
from domain.metric import COUNT_MAX
from domain.usecases import record_measurements
from domain.usecases.batches import OnInvalid, Recorded
from graph.desk import Info
from graph.fact_payload import FactPayload, recorded
from graph.mutating import COMMAND, idempotency_key, revision_of
from graph.outage_mutations import REPLACES
from graph.scalars import BigInt
from graph.stream import StreamInput
from graph.user_errors import Answer


@strawberry.input(description="Tallies of one stream: lists of one length, and of each the same place is one tally.")
class TallySeriesInput:
    stream: StreamInput = strawberry.field(description="What reports them; a stream occurs once in a call.")
    starts: list[datetime] = strawberry.field(description="The first instant of each; it names the tally.")
    ends: list[datetime] | None = strawberry.field(
        description="The first instant after each, in the same cell of the metric's grid. Either this or `duration`."
    )
    duration: timedelta | None = strawberry.field(description="How long each lasts, where all last alike.")
    good: list[BigInt] = strawberry.field(description="How many were good in each, 0 to its total.")
    total: list[BigInt] = strawberry.field(description=f"How many there were in each, 0 to {COUNT_MAX}.")
    replaces_revision: int | None = strawberry.field(description=f"Of all of them: {REPLACES}")

    def meant(self, place: int) -> record_measurements.TallySeries:
        return record_measurements.TallySeries(
            stream=self.stream.meant("tallies", place),
            starts=self.starts,
            ends=self._ends(place),
            good=self.good,
            total=self.total,
            replaces=revision_of(self.replaces_revision, "tallies", place),
        )

    def _ends(self, place: int) -> Sequence[datetime]:
        if (self.ends is None) is (self.duration is None):
            raise Invalid("give either `ends` or `duration`", path=("tallies", place, "ends"))
        if self.ends is not None:
            return self.ends
        length = self.duration or timedelta(0)
        return [start + length for start in self.starts]


@strawberry.input(description="Samples of one stream: lists of one length, and of each the same place is one sample.")
class SampleSeriesInput:
    stream: StreamInput = strawberry.field(description="What reports them; a stream occurs once in a call.")
    instants: list[datetime] = strawberry.field(description="When each was taken; it names the sample.")
    values: list[Decimal] = strawberry.field(
        description="The values in the metric's unit, rounded half-even to the metric's scale."
    )
    replaces_revision: int | None = strawberry.field(description=f"Of all of them: {REPLACES}")

    def meant(self, place: int) -> record_measurements.SampleSeries:
        return record_measurements.SampleSeries(
            stream=self.stream.meant("samples", place),
            instants=self.instants,
            values=self.values,
            replaces=revision_of(self.replaces_revision, "samples", place),
        )


@strawberry.input(description=f"Measurements of at most {SERIES_MAX} series, {POINTS_MAX} points in all.")
class RecordMeasurementsInput:
    tallies: list[TallySeriesInput] = strawberry.field(default_factory=list, description="Series of tallies.")
    samples: list[SampleSeriesInput] = strawberry.field(default_factory=list, description="Series of samples.")
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some points are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_measurements.RecordMeasurements:
        points = sum(len(each.starts) for each in self.tallies) + sum(len(each.instants) for each in self.samples)
        _check_points(points)
        return record_measurements.RecordMeasurements(
            tallies=tuple(each.meant(place) for place, each in enumerate(self.tallies)),
            samples=tuple(each.meant(place) for place, each in enumerate(self.samples)),
            on_invalid=self.on_invalid,
        )


@strawberry.input(description="Points of one stream to be taken back.")
class WithdrawMeasurementsInput:
    stream: StreamInput = strawberry.field(description="What reported them.")
    instants: list[datetime] = strawberry.field(
        description=f"The points: a tally by its start, a sample by its instant; {POINTS_MAX} at most."
    )
    replaces_revision: int = strawberry.field(
        default=1, description="The latest revision of all of them; refused where it is not."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_measurements.WithdrawMeasurements:
        _check_points(len(self.instants), "instants")
        return record_measurements.WithdrawMeasurements(
            stream=self.stream.meant(),
            instants=tuple(self.instants),
            replaces=revision_of(self.replaces_revision) or 1,
        )


@strawberry.type(description="What recordMeasurements came to. The lines are points.")
class RecordMeasurementsPayload(FactPayload):
    pass


@strawberry.type(description="What withdrawMeasurements came to. The lines are points.")
class WithdrawMeasurementsPayload(FactPayload):
    pass


@strawberry.type
class MeasurementMutations:
    @strawberry.mutation(
        graphql_type=RecordMeasurementsPayload,
        description="Record tallies and samples, and their corrections. Posting the same again has no effect. For more"
        " points than one call takes there are the bulk doors.",
    )
    async def record_measurements(
        self, info: Info, command: Annotated[RecordMeasurementsInput, COMMAND]
    ) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_measurements.record_measurements(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=WithdrawMeasurementsPayload,
        description="Take points back: each gets a revision without content, and no longer counts. All or none.",
    )
    async def withdraw_measurements(
        self, info: Info, command: Annotated[WithdrawMeasurementsInput, COMMAND]
    ) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_measurements.withdraw_measurements(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )


def _check_points(points: int, *path: str) -> None:
    if points > POINTS_MAX:
        raise TooMany(f"at most {POINTS_MAX} points in one call, not {points}", path=path)

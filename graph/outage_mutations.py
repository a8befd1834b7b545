"""Outages in: recorded, corrected, withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain.fact import EXTERNAL_ID_LENGTH_MAX, OUTAGES_MAX
from domain.usecases import record_outages
from domain.usecases.batches import OnInvalid, Recorded
from domain.usecases.record_outages import OUTAGE_LENGTH_MAX
from graph.desk import Info
from graph.fact_payload import FactPayload, recorded
from graph.mutating import COMMAND, idempotency_key, revision_of, text_of
from graph.stream import StreamInput
from graph.user_errors import Answer

EXTERNAL_ID = (
    f"Names it within its stream: 1 to {EXTERNAL_ID_LENGTH_MAX} printable characters of the reporter's choice."
)
REPLACES = "The latest revision, which this one corrects; absent for a new fact."


@strawberry.input(description="An incident. Posting the same again has no effect.")
class OutageInput:
    stream: StreamInput = strawberry.field(description="What reports it.")
    external_id: str = strawberry.field(description=EXTERNAL_ID)
    impact: str = strawberry.field(description="One that the metric weighs, such as critical, major, minor.")
    started_at: datetime = strawberry.field(description="Its first instant.")
    ended_at: datetime | None = strawberry.field(
        description=f"The first instant after it, within {OUTAGE_LENGTH_MAX.days} days; absent while it lasts."
    )
    replaces_revision: int | None = strawberry.field(description=REPLACES)

    def meant(self, place: int) -> record_outages.PostedOutage:
        return record_outages.PostedOutage(
            stream=self.stream.meant("outages", place),
            external_id=text_of(self.external_id, "outages", place, "externalId"),
            impact=self.impact,
            start=self.started_at,
            end=self.ended_at,
            replaces=revision_of(self.replaces_revision, "outages", place),
        )


@strawberry.input(description="How far a stream is complete: what it names no outage for was up until then.")
class StreamReportInput:
    stream: StreamInput = strawberry.field(description="The stream.")
    through: datetime = strawberry.field(description="A past instant; an earlier one than known changes nothing.")

    def meant(self, place: int) -> record_outages.Report:
        return record_outages.Report(stream=self.stream.meant("reports", place), through=self.through)


@strawberry.input(description="Outages, and how far their streams are complete.")
class RecordOutagesInput:
    outages: list[OutageInput] = strawberry.field(
        default_factory=list, description=f"The incidents, {OUTAGES_MAX} at most."
    )
    reports: list[StreamReportInput] = strawberry.field(
        default_factory=list, description=f"How far streams are complete, {OUTAGES_MAX} at most."
    )
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some lines are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_outages.RecordOutages:
        return record_outages.RecordOutages(
            outages=tuple(each.meant(place) for place, each in enumerate(self.outages)),
            reports=tuple(each.meant(place) for place, each in enumerate(self.reports)),
            on_invalid=self.on_invalid,
        )


@strawberry.input(description="An outage that was none.")
class WithdrawnOutageInput:
    stream: StreamInput = strawberry.field(description="What reported it.")
    external_id: str = strawberry.field(description=EXTERNAL_ID)
    replaces_revision: int | None = strawberry.field(
        description="The latest revision; refused where it is not. Absent: whichever is the latest."
    )

    def meant(self, place: int) -> record_outages.WithdrawnOutage:
        return record_outages.WithdrawnOutage(
            stream=self.stream.meant("outages", place),
            external_id=text_of(self.external_id, "outages", place, "externalId"),
            replaces=revision_of(self.replaces_revision, "outages", place),
        )


@strawberry.input(description="Outages to be taken back.")
class WithdrawOutagesInput:
    outages: list[WithdrawnOutageInput] = strawberry.field(description=f"The outages, {OUTAGES_MAX} at most.")
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some lines are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_outages.WithdrawOutages:
        return record_outages.WithdrawOutages(
            outages=tuple(each.meant(place) for place, each in enumerate(self.outages)), on_invalid=self.on_invalid
        )


@strawberry.type(description="What recordOutages came to.")
class RecordOutagesPayload(FactPayload):
    pass


@strawberry.type(description="What withdrawOutages came to.")
class WithdrawOutagesPayload(FactPayload):
    pass


@strawberry.type
class OutageMutations:
    @strawberry.mutation(
        graphql_type=RecordOutagesPayload,
        description="Record incidents and their corrections. Facts are only ever added; both revisions stay.",
    )
    async def record_outages(self, info: Info, command: Annotated[RecordOutagesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_outages.record_outages(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=WithdrawOutagesPayload,
        description="Take incidents back: each gets a revision without content, and no longer counts.",
    )
    async def withdraw_outages(self, info: Info, command: Annotated[WithdrawOutagesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_outages.withdraw_outages(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

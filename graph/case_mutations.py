"""Cases in: recorded, corrected as they go on, withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain.case import CASE_LENGTH_MAX, CASES_MAX, PAUSES_MAX, Pause
from domain.usecases import record_cases
from domain.usecases.batches import OnInvalid, Recorded
from graph.desk import Info
from graph.fact_payload import FactPayload, recorded
from graph.mutating import COMMAND, idempotency_key, revision_of, text_of
from graph.outage_mutations import EXTERNAL_ID, REPLACES
from graph.stream import StreamInput
from graph.user_errors import Answer


@strawberry.input(description="Time in which a case's clock stands still, such as while the customer is waited for.")
class CasePauseInput:
    paused_at: datetime = strawberry.field(description="Its first instant, from the opening on.")
    resumed_at: datetime | None = strawberry.field(
        description="The first instant after it. Absent while it lasts, until the resolution ends it."
    )

    def meant(self) -> Pause:
        return Pause(self.paused_at, self.resumed_at)


@strawberry.input(
    description="A ticket with its whole timeline as known now. Posting the same again has no effect; as it goes on,"
    " post it again and name the revision that this replaces."
)
class CaseInput:
    stream: StreamInput = strawberry.field(description="What reports it.")
    external_id: str = strawberry.field(description=EXTERNAL_ID)
    opened_at: datetime = strawberry.field(description="When its clock begins to run.")
    responded_at: datetime | None = strawberry.field(
        description="When it was first responded to, from the opening to the resolution; absent until then."
    )
    resolved_at: datetime | None = strawberry.field(
        description=f"When it was resolved, within {CASE_LENGTH_MAX.days} days; absent until then."
    )
    pauses: list[CasePauseInput] = strawberry.field(
        default_factory=list, description=f"In order of time, and apart; {PAUSES_MAX} at most."
    )
    replaces_revision: int | None = strawberry.field(description=REPLACES)

    def meant(self, place: int) -> record_cases.PostedCase:
        return record_cases.PostedCase(
            stream=self.stream.meant("cases", place),
            external_id=text_of(self.external_id, "cases", place, "externalId"),
            opened_at=self.opened_at,
            responded_at=self.responded_at,
            resolved_at=self.resolved_at,
            pauses=tuple(pause.meant() for pause in self.pauses),
            replaces=revision_of(self.replaces_revision, "cases", place),
        )


@strawberry.input(description="Cases, as they are known now.")
class RecordCasesInput:
    cases: list[CaseInput] = strawberry.field(description=f"The tickets, {CASES_MAX} at most.")
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some lines are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_cases.RecordCases:
        return record_cases.RecordCases(
            cases=tuple(each.meant(place) for place, each in enumerate(self.cases)), on_invalid=self.on_invalid
        )


@strawberry.input(description="A case that was none.")
class WithdrawnCaseInput:
    stream: StreamInput = strawberry.field(description="What reported it.")
    external_id: str = strawberry.field(description=EXTERNAL_ID)
    replaces_revision: int | None = strawberry.field(
        description="The latest revision; refused where it is not. Absent: whichever is the latest."
    )

    def meant(self, place: int) -> record_cases.WithdrawnCase:
        return record_cases.WithdrawnCase(
            stream=self.stream.meant("cases", place),
            external_id=text_of(self.external_id, "cases", place, "externalId"),
            replaces=revision_of(self.replaces_revision, "cases", place),
        )


@strawberry.input(description="Cases to be taken back.")
class WithdrawCasesInput:
    cases: list[WithdrawnCaseInput] = strawberry.field(description=f"The cases, {CASES_MAX} at most.")
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some lines are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_cases.WithdrawCases:
        return record_cases.WithdrawCases(
            cases=tuple(each.meant(place) for place, each in enumerate(self.cases)), on_invalid=self.on_invalid
        )


@strawberry.type(description="What recordCases came to.")
class RecordCasesPayload(FactPayload):
    pass


@strawberry.type(description="What withdrawCases came to.")
class WithdrawCasesPayload(FactPayload):
    pass


@strawberry.type
class CaseMutations:
    @strawberry.mutation(
        graphql_type=RecordCasesPayload,
        description="Record tickets and what became of them. Facts are only ever added; all revisions stay.",
    )
    async def record_cases(self, info: Info, command: Annotated[RecordCasesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_cases.record_cases(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=WithdrawCasesPayload,
        description="Take cases back: each gets a revision without content, and no longer counts.",
    )
    async def withdraw_cases(self, info: Info, command: Annotated[WithdrawCasesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_cases.withdraw_cases(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

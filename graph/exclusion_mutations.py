"""Exclusions: recorded, corrected, withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

import domain.exclusion
from domain.errors import Invalid
from domain.exclusion import ExclusionKind
from domain.ids import AgreementId, ExclusionId, ServiceId
from domain.text import NOTE_LENGTH_MAX
from domain.usecases import record_exclusions
from domain.usecases.record_exclusions import EXCLUSION_LENGTH_MAX
from graph.desk import Info
from graph.exclusion import Exclusion
from graph.fields import told
from graph.mutating import COMMAND, id_of, idempotency_key, optional_id_of
from graph.user_errors import Answer, Payload, carried_out


@strawberry.input(
    description="Time that does not count, for a service, an agreement, or where both meet: name at least one."
)
class RecordExclusionInput:
    kind: ExclusionKind = strawberry.field(description="Why it does not count.")
    starts_at: datetime = strawberry.field(description="Its first instant.")
    ends_at: datetime = strawberry.field(
        description=f"The first instant after it, within {EXCLUSION_LENGTH_MAX.days} days."
    )
    service: strawberry.ID | None = strawberry.field(description="For which service. Default: all.")
    agreement: strawberry.ID | None = strawberry.field(description="Under which agreement. Default: all.")
    announced_at: datetime | None = strawberry.field(description="When it was announced.")
    approved_by: str = strawberry.field(default="", description="Who approved it, in words.")
    reason: str = strawberry.field(default="", description=f"In words: at most {NOTE_LENGTH_MAX} characters.")
    corrects: strawberry.ID | None = strawberry.field(
        description="The exclusion that this replaces; give its latest revision too."
    )
    replaces_revision: int | None = strawberry.field(description="The latest revision of the one that this replaces.")
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_exclusions.RecordExclusion:
        return record_exclusions.RecordExclusion(
            kind=self.kind,
            start=self.starts_at,
            end=self.ends_at,
            service=optional_id_of(ServiceId, "Service", self.service, "service"),
            agreement=optional_id_of(AgreementId, "Agreement", self.agreement, "agreement"),
            announced_at=self.announced_at,
            approved_by=self.approved_by,
            reason=self.reason,
            corrects=self._corrects(),
        )

    def _corrects(self) -> tuple[ExclusionId, int] | None:
        if self.corrects is None and self.replaces_revision is None:
            return None
        if self.corrects is None or self.replaces_revision is None:
            raise Invalid("give `corrects` and `replacesRevision` together", path=("replacesRevision",))
        return id_of(ExclusionId, "Exclusion", self.corrects, "corrects"), self.replaces_revision


@strawberry.input(description="An exclusion to be taken back.")
class WithdrawExclusionInput:
    exclusion: strawberry.ID = strawberry.field(description="The exclusion.")
    replaces_revision: int = strawberry.field(description="Its latest revision; refused where it is not.")

    def meant(self) -> record_exclusions.WithdrawExclusion:
        exclusion = id_of(ExclusionId, "Exclusion", self.exclusion, "exclusion")
        return record_exclusions.WithdrawExclusion(exclusion=exclusion, replaces=self.replaces_revision)


@strawberry.type(description="What recordExclusion came to.")
class RecordExclusionPayload(Payload):
    exclusion: Exclusion | None = told("The exclusion as known now; null where there are user errors.", "result")


@strawberry.type(description="What withdrawExclusion came to.")
class WithdrawExclusionPayload(Payload):
    exclusion: Exclusion | None = told("The exclusion as known now; null where there are user errors.", "result")


@strawberry.type
class ExclusionMutations:
    @strawberry.mutation(
        graphql_type=RecordExclusionPayload,
        description="Record time that does not count, or correct such a record; what it touches is judged again.",
    )
    async def record_exclusion(
        self, info: Info, command: Annotated[RecordExclusionInput, COMMAND]
    ) -> Answer[domain.exclusion.Exclusion]:
        return await carried_out(
            info,
            lambda at: record_exclusions.record_exclusion(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=WithdrawExclusionPayload,
        description="Take an exclusion back: its time counts again. Withdrawing twice is withdrawing once.",
    )
    async def withdraw_exclusion(
        self, info: Info, command: Annotated[WithdrawExclusionInput, COMMAND]
    ) -> Answer[domain.exclusion.Exclusion]:
        return await carried_out(
            info,
            lambda at: record_exclusions.withdraw_exclusion(at.open_work, at.actor, command.meant(), at=at.now()),
        )

"""States in, by columns: what probes say from an instant on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain.errors import TooMany
from domain.fact import POINTS_MAX, SERIES_MAX
from domain.usecases import record_states
from domain.usecases.batches import OnInvalid, Recorded
from graph.desk import Info
from graph.fact_payload import FactPayload, recorded
from graph.mutating import COMMAND, idempotency_key, revision_of
from graph.outage_mutations import REPLACES
from graph.stream import StreamInput
from graph.user_errors import Answer


@strawberry.input(
    description="States of one stream: lists of one length, and of each the same place is one state. Each holds until"
    " the next one, or until the metric's staleness limit is over. They may come in any order."
)
class StateSeriesInput:
    stream: StreamInput = strawberry.field(description="What reports them; a stream occurs once in a call.")
    instants: list[datetime] = strawberry.field(description="From when each holds; it names the state.")
    states: list[str] = strawberry.field(
        description="`up`, which weighs nothing, `down`, which counts in full, or an impact that the metric weighs."
    )
    replaces_revision: int | None = strawberry.field(description=f"Of all of them: {REPLACES}")

    def meant(self, place: int) -> record_states.StateSeries:
        return record_states.StateSeries(
            stream=self.stream.meant("series", place),
            instants=self.instants,
            states=self.states,
            replaces=revision_of(self.replaces_revision, "series", place),
        )


@strawberry.input(description=f"States of at most {SERIES_MAX} series, {POINTS_MAX} in all.")
class RecordStatesInput:
    series: list[StateSeriesInput] = strawberry.field(description="Series of states.")
    on_invalid: OnInvalid = strawberry.field(
        default=OnInvalid.REJECT_ALL, description="What happens where some states are wrong."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_states.RecordStates:
        _check_states(sum(len(each.instants) for each in self.series), "series")
        return record_states.RecordStates(
            series=tuple(each.meant(place) for place, each in enumerate(self.series)), on_invalid=self.on_invalid
        )


@strawberry.input(description="States of one stream to be taken back. What held before them holds on.")
class WithdrawStatesInput:
    stream: StreamInput = strawberry.field(description="What reported them.")
    instants: list[datetime] = strawberry.field(description=f"The states, by their instants; {POINTS_MAX} at most.")
    replaces_revision: int = strawberry.field(
        default=1, description="The latest revision of all of them; refused where it is not."
    )
    idempotency_key: str | None = idempotency_key()

    def meant(self) -> record_states.WithdrawStates:
        _check_states(len(self.instants), "instants")
        return record_states.WithdrawStates(
            stream=self.stream.meant(),
            instants=tuple(self.instants),
            replaces=revision_of(self.replaces_revision) or 1,
        )


@strawberry.type(description="What recordStates came to. The lines are states.")
class RecordStatesPayload(FactPayload):
    pass


@strawberry.type(description="What withdrawStates came to. The lines are states.")
class WithdrawStatesPayload(FactPayload):
    pass


@strawberry.type
class StateMutations:
    @strawberry.mutation(
        graphql_type=RecordStatesPayload,
        description="Record what probes say, and corrections of it. Posting the same again has no effect.",
    )
    async def record_states(self, info: Info, command: Annotated[RecordStatesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_states.record_states(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )

    @strawberry.mutation(
        graphql_type=WithdrawStatesPayload,
        description="Take states back: each gets a revision without content, and no longer counts.",
    )
    async def withdraw_states(self, info: Info, command: Annotated[WithdrawStatesInput, COMMAND]) -> Answer[Recorded]:
        return await recorded(
            info,
            lambda at: record_states.withdraw_states(
                at.open_work, at.actor, command.meant(), at=at.now(), mint=at.mint, key=command.idempotency_key
            ),
        )


def _check_states(count: int, field: str) -> None:
    if count > POINTS_MAX:
        raise TooMany(f"at most {POINTS_MAX} states in one call, not {count}", path=(field,))

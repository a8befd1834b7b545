"""What the recording of facts comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import strawberry

from domain.usecases.batches import OnInvalid, Recorded
from graph.desk import Desk, Info
from graph.fields import described, told
from graph.user_errors import Answer, Payload, carried_out, problems

described(
    OnInvalid,
    "What happens to a call of which some lines are wrong.",
    REJECT_ALL="Nothing of it is taken.",
    KEEP_GOOD="The good lines are taken; the others are told in `userErrors`.",
)


@strawberry.type
class FactPayload(Payload):
    recorded_count: int = told("Lines taken.", lambda answer: 0 if answer.result is None else answer.result.recorded)
    duplicate_count: int = told(
        "Lines that were known already with the same content; they had no effect.",
        lambda answer: 0 if answer.result is None else answer.result.duplicates,
    )


async def recorded(info: Info, act: Callable[[Desk], Awaitable[Recorded]]) -> Answer[Recorded]:
    answer = await carried_out(info, act)
    if answer.result is None:
        return answer
    facts = info.context.facts
    facts[info.field_name, "recorded"] += answer.result.recorded
    facts[info.field_name, "duplicate"] += answer.result.duplicates
    facts[info.field_name, "refused"] += len(answer.result.refused)
    return Answer(answer.result, problems(info, answer.result.refused))

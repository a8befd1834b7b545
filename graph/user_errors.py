"""Mutations answer what is wrong with their input as data: `userErrors`, each with a code and the path of the field.

Top-level errors are for what no change of the input mends: no or wrong credentials, a role that may not do this,
limits of the front door, and our bugs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import strawberry

from domain.errors import (
    BatchRefused,
    DomainError,
    Forbidden,
    Path,
    RefusedLine,
    TenantMissing,
    Unauthenticated,
    Unserved,
)
from graph.desk import Desk, Info
from graph.fields import Viewed, described, told
from graph.rights import admitted

T = TypeVar("T")

INPUT = "input"
"""Every mutation has one argument of this name; each path starts with it."""


class UserErrorCode(Enum):
    INVALID = "INVALID"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    CYCLE = "CYCLE"
    TOO_MANY = "TOO_MANY"
    NOT_FOUND = "NOT_FOUND"
    CODE_TAKEN = "CODE_TAKEN"
    FACT_CONFLICT = "FACT_CONFLICT"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    WRONG_STATE = "WRONG_STATE"


described(
    UserErrorCode,
    "What is wrong with the input. Stable: programs decide by it, people read the message.",
    INVALID="A value that no rule accepts.",
    OUT_OF_RANGE="Beyond a limit that the message tells.",
    CYCLE="The service would rest on itself.",
    TOO_MANY="More items than one call takes; the message tells how many.",
    NOT_FOUND="Nothing of this id or code is there, or none that the caller may see.",
    CODE_TAKEN="The code is in use, and must be unique.",
    FACT_CONFLICT="The fact is known with other content. To correct it, name the revision that it replaces.",
    REVISION_CONFLICT="The revision to be replaced is not the latest one.",
    IDEMPOTENCY_CONFLICT="The idempotency key was used before with other content.",
    WRONG_STATE="The thing is not in a state that allows this.",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path` starts at the mutation's arguments."""

    code: UserErrorCode
    message: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a mutation came to: a result, or else problems; batches may have both."""

    result: T | None
    problems: tuple[Problem, ...] = ()


_CODE = "Programs decide by it."
_MESSAGE = "For people, in English; not stable."
_PATH = "Where in the arguments, from `input` on; list items by their index from 0, such as input, outages, 3, impact."


@strawberry.interface(description="Something wrong with the input of a mutation.")
class UserError(Viewed):
    code: UserErrorCode = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)

    @classmethod
    def resolve_type(cls, value: object, _info: object, _abstract: object) -> str:
        assert isinstance(value, Problem)
        return _IMPLEMENTERS.get(value.code, InvalidInputError).__name__


@strawberry.type(description="A value that is refused: INVALID, OUT_OF_RANGE, CYCLE, TOO_MANY.")
class InvalidInputError(UserError):
    pass


@strawberry.type(description="An id or code that names nothing the caller may use: NOT_FOUND.")
class NotFoundError(UserError):
    pass


@strawberry.type(
    description="What is there already says otherwise: CODE_TAKEN, FACT_CONFLICT, REVISION_CONFLICT,"
    " IDEMPOTENCY_CONFLICT, WRONG_STATE. The same input fails until something else changes."
)
class ConflictError(UserError):
    pass


_IMPLEMENTERS: dict[UserErrorCode, type[UserError]] = {
    UserErrorCode.NOT_FOUND: NotFoundError,
    UserErrorCode.CODE_TAKEN: ConflictError,
    UserErrorCode.FACT_CONFLICT: ConflictError,
    UserErrorCode.REVISION_CONFLICT: ConflictError,
    UserErrorCode.IDEMPOTENCY_CONFLICT: ConflictError,
    UserErrorCode.WRONG_STATE: ConflictError,
}


@strawberry.type
class Payload:
    """What every mutation's payload has."""

    user_errors: list[UserError] = told(
        "What is wrong with the input, at most one for each of its items; empty where all went well.", "problems"
    )


async def carried_out(info: Info, act: Callable[[Desk], Awaitable[T]]) -> Answer[T]:
    """What the mutation came to. Whether the actor may do this at all is asked before its input is looked at."""
    at = admitted(info)
    try:
        return Answer(await act(at))
    except (Forbidden, Unauthenticated, TenantMissing, Unserved):
        raise
    except BatchRefused as refusal:
        return Answer(None, problems(info, refusal.refused))
    except DomainError as error:
        return Answer(None, problems(info, [error]))


def problems(info: Info, refused: Sequence[RefusedLine | DomainError]) -> tuple[Problem, ...]:
    """What is wrong, as the mutation answers it; the log is told the codes."""
    info.context.refused.update((info.field_name, each.code) for each in refused)
    return tuple(problem(each.code, each.message, each.path) for each in refused)


def problem(code: str, message: str, path: Path) -> Problem:
    return Problem(UserErrorCode(code), message, (INPUT, *map(str, path)))

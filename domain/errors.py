"""What can go wrong in the field's own words. Every error carries a code, facts and the path of what was wrong."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

Path = tuple[str | int, ...]


class DomainError(Exception):
    """A rule of the field was broken. `code` is stable and documented; `path` names the input that broke it."""

    code: ClassVar[str] = "DOMAIN_ERROR"

    def __init__(self, message: str, *, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def at(self, *prefix: str | int) -> DomainError:
        """The same error, its path led in by where the caller found it."""
        self.path = (*prefix, *self.path)
        return self


class Invalid(DomainError):
    """A value that no rule can accept."""

    code = "INVALID"


class OutOfRange(Invalid):
    code = "OUT_OF_RANGE"


class CycleRefused(Invalid):
    code = "CYCLE"


class TooMany(DomainError):
    """A limit on a batch or list; the message tells the limit."""

    code = "TOO_MANY"


class NotFound(DomainError):
    """Not there, of another tenant, or not the actor's to see: told alike, so that nothing can be guessed."""

    code = "NOT_FOUND"

    def __init__(self, kind: str, name: object, *, path: Path = ()) -> None:
        told = f"no such {kind}" if isinstance(name, UUID) else f"no {kind} {name}"
        super().__init__(told, path=path)


class Taken(DomainError):
    """A code that must be unique is in use."""

    code = "CODE_TAKEN"


class FactConflict(DomainError):
    """A fact of this identity exists with other content, and no revision was named that it replaces."""

    code = "FACT_CONFLICT"


class RevisionConflict(DomainError):
    """The revision to be replaced is not the latest one."""

    code = "REVISION_CONFLICT"


class IdempotencyConflict(DomainError):
    """The idempotency key was used before with other content."""

    code = "IDEMPOTENCY_CONFLICT"


class WrongState(DomainError):
    """The thing is not in a state that allows this."""

    code = "WRONG_STATE"


class Forbidden(DomainError):
    """The actor's role does not allow the action."""

    code = "FORBIDDEN"


class Unauthenticated(DomainError):
    """No credentials, or none that hold. Says no more."""

    code = "UNAUTHENTICATED"


class CursorInvalid(Invalid):
    """The cursor is not one of this tenant, party and list."""

    code = "CURSOR_INVALID"


class CursorExpired(DomainError):
    """The feed no longer holds what follows the cursor."""

    code = "CURSOR_EXPIRED"


class Unserved(DomainError):
    """No fault of the request: the same one may go well a little later. Nothing of it is kept, unless the connection
    was lost in the very commit.
    """


class Overloaded(Unserved):
    """All connections to the database are in use, and none became free in time."""

    code = "OVERLOADED"


class Unavailable(Unserved):
    """The database cannot be reached, or went away in the middle."""

    code = "UNAVAILABLE"


class OutOfTime(Unserved):
    """It took longer than it may and was stopped."""

    code = "DEADLINE_EXCEEDED"


class TenantMissing(DomainError):
    """A statement ran with no tenant bound. Only a bug can cause it."""

    code = "TENANT_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A line of a batch that was not taken. `path` leads to it from the input, as in `outages.3.impact`."""

    code: str
    message: str
    path: Path


class BatchRefused(DomainError):
    """A batch of which nothing was taken because some lines are wrong (onInvalid: REJECT_ALL)."""

    code = "BATCH_REFUSED"

    def __init__(self, refused: tuple[RefusedLine, ...]) -> None:
        super().__init__(f"{len(refused)} lines were refused, so none was taken")
        self.refused = refused


def require_found(kind: str, wanted: Sequence[UUID], found: Container[UUID], field: str) -> None:
    """Raise for the first of the wanted ids that was not found, with its index in the field."""
    for index, each in enumerate(wanted):
        if each not in found:
            raise NotFound(kind, each, path=(field, index))

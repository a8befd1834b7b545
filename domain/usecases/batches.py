"""What a batch of facts comes to, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from domain.errors import BatchRefused, RefusedLine


class OnInvalid(Enum):
    """REJECT_ALL takes nothing where a line is wrong; KEEP_GOOD takes the good lines and tells the others."""

    REJECT_ALL = "reject_all"
    KEEP_GOOD = "keep_good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Lines taken, lines that were there already with the same content, and lines refused."""

    recorded: int
    duplicates: int
    refused: tuple[RefusedLine, ...] = ()


def require_all(refused: Sequence[RefusedLine], on_invalid: OnInvalid) -> None:
    """Raises BatchRefused, and with it ends the transaction, where one line is wrong and all are wanted."""
    if refused and on_invalid is OnInvalid.REJECT_ALL:
        raise BatchRefused(tuple(refused))


def require_some(recorded: Recorded) -> None:
    """Raises BatchRefused where no line was good: so nothing is kept, not even a stream that a bad line named."""
    if recorded.refused and not recorded.recorded and not recorded.duplicates:
        raise BatchRefused(recorded.refused)


def as_result(recorded: Recorded) -> dict[str, object]:
    """For keeping under the idempotency key."""
    return {
        "recorded": recorded.recorded,
        "duplicates": recorded.duplicates,
        "refused": [{"code": line.code, "message": line.message, "path": list(line.path)} for line in recorded.refused],
    }


def from_result(result: object) -> Recorded:
    assert isinstance(result, dict), "a kept result is the mapping that as_result made"
    lines = tuple(
        RefusedLine(code=each["code"], message=each["message"], path=tuple(each["path"])) for each in result["refused"]
    )
    return Recorded(recorded=result["recorded"], duplicates=result["duplicates"], refused=lines)

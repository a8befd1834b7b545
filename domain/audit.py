"""The audit log: who did what, when, from where, to which id. Entries are only ever added; reading leaves none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from domain.ids import AuditEntryId, KeyId, PartyId, PersonId, PostingId
from domain.policy import Action, Role

SUBJECTS_MAX = 100
"""Subjects that one entry names; it counts them all."""


class Door(Enum):
    """Which way a caller came in."""

    HTTP = "http"
    WEBSOCKET = "websocket"
    EVENT_STREAM = "event_stream"
    COMMAND_LINE = "command_line"


class CallerKind(Enum):
    KEY = "key"
    PERSON = "person"
    OPERATOR = "operator"


class SubjectType(Enum):
    """What can be acted on. Facts are named by the stream that they are of."""

    PARTY = "party"
    METRIC = "metric"
    SERVICE = "service"
    AGREEMENT = "agreement"
    STREAM = "stream"
    EXCLUSION = "exclusion"
    TENANT = "tenant"
    KEY = "key"
    MEMBERSHIP = "membership"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """From where an actor calls. `address`: the client's IP in its one usual spelling, as the service sees it."""

    door: Door
    address: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    type: SubjectType
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was done. `operation`: the mutation's name, or the operator's command. `subject_count`: named or not."""

    action: Action
    operation: str
    subjects: tuple[Subject, ...]
    subject_count: int


def act_on(action: Action, operation: str, subjects: Collection[Subject]) -> Act:
    """Of many subjects the entry names the first in the order of type and id, so that they are the same each time."""
    ordered = sorted(set(subjects), key=lambda each: (each.type.value, each.id))
    return Act(action=action, operation=operation, subjects=tuple(ordered[:SUBJECTS_MAX]), subject_count=len(ordered))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act that changed something.

    An operator has no id, role or party. `posting` is on every row of facts and terms that the act wrote; what the
    operator does, and the taking up of an invitation, write none.
    """

    id: AuditEntryId
    at: datetime
    caller_kind: CallerKind
    caller: KeyId | PersonId | None
    role: Role | None
    party: PartyId | None
    act: Act
    origin: Origin | None
    posting: PostingId | None

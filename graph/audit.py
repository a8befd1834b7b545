"""The audit log, as auditors read it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry

import domain.audit
from domain import filters
from domain.audit import SUBJECTS_MAX, CallerKind, Door, Subject, SubjectType
from domain.errors import DomainError, Invalid, OutOfRange
from domain.policy import Action
from graph.connections import OrderDirection
from graph.fields import Node, described, loaded, node_id, told, view
from graph.filters import FILTER, any_of, condition
from graph.ids import decode, encode
from graph.party import Party
from graph.role import Role

described(
    CallerKind,
    "What sort of caller it was.",
    name="AuditCallerKind",
    KEY="An integration, by its API key.",
    PERSON="A person, by a token.",
    OPERATOR="Whoever runs the service, at its command line.",
)
described(
    Door,
    "Which way the caller came in.",
    name="AuditDoor",
    HTTP="A request.",
    WEBSOCKET="A WebSocket.",
    EVENT_STREAM="A request that was answered as a stream of events.",
    COMMAND_LINE="A command of the operator.",
)
described(
    SubjectType,
    "What was acted on.",
    name="AuditSubjectType",
    PARTY="A party.",
    METRIC="A metric.",
    SERVICE="A service.",
    AGREEMENT="An agreement.",
    STREAM="A stream: what is reported by it.",
    EXCLUSION="An exclusion.",
    TENANT="The tenant itself.",
    KEY="An API key.",
    MEMBERSHIP="What a person is in the tenant, or an invitation to it.",
    PERSON="A person.",
)


class AuditAction(Enum):
    """The actions of the policy that change something."""

    MANAGE_ACCESS = Action.MANAGE_ACCESS
    ERASE_ADDRESSES = Action.ERASE_ADDRESSES
    TRIM_FEED = Action.TRIM_FEED
    MANAGE_PARTIES = Action.MANAGE_PARTIES
    MANAGE_METRICS = Action.MANAGE_METRICS
    MANAGE_SERVICES = Action.MANAGE_SERVICES
    MANAGE_AGREEMENTS = Action.MANAGE_AGREEMENTS
    RECORD_OUTAGES = Action.RECORD_OUTAGES
    RECORD_MEASUREMENTS = Action.RECORD_MEASUREMENTS
    RECORD_CASES = Action.RECORD_CASES
    RECORD_EXCLUSIONS = Action.RECORD_EXCLUSIONS


described(
    AuditAction,
    "What sort of act it was.",
    MANAGE_ACCESS="The tenant was made, or a key, an invitation or a membership was made or changed.",
    ERASE_ADDRESSES="Addresses of callers were erased from the audit log.",
    TRIM_FEED="Old events of the feed were deleted.",
    MANAGE_PARTIES="Parties.",
    MANAGE_METRICS="Metrics.",
    MANAGE_SERVICES="Services and their structures.",
    MANAGE_AGREEMENTS="Agreements, drafted, amended and activated.",
    RECORD_OUTAGES="Outages, with their corrections and withdrawals.",
    RECORD_MEASUREMENTS="Measurements and states, with their corrections and withdrawals.",
    RECORD_CASES="Cases, with their corrections and withdrawals.",
    RECORD_EXCLUSIONS="Exclusions, with their corrections and withdrawals.",
)

_NODE_TYPES = {
    SubjectType.PARTY: "Party",
    SubjectType.METRIC: "Metric",
    SubjectType.SERVICE: "Service",
    SubjectType.AGREEMENT: "Agreement",
    SubjectType.STREAM: "Stream",
    SubjectType.EXCLUSION: "Exclusion",
}


def _subject_id(subject: Subject) -> str:
    type_name = _NODE_TYPES.get(subject.type)
    return str(subject.id) if type_name is None else encode(type_name, subject.id)


@strawberry.type(description="One thing that was acted on.")
class AuditSubject:
    type: SubjectType = told("What it is.")
    id: strawberry.ID = told(
        "The id of its node; of a tenant, key, membership or person, which are none: its id as the operator's commands"
        " show it.",
        _subject_id,
    )


@view(
    domain.audit.AuditEntry,
    "One act that changed something: who did what, when, from where, to which ids. Entries are only ever added.",
)
class AuditEntry(Node):
    id: strawberry.ID = node_id("AuditEntry")
    at: datetime = told("When it was recorded: the same instant as that of the change in the tenant's feed.")
    action: AuditAction = told("What sort of act it was.", lambda entry: AuditAction(entry.act.action))
    operation: str = told(
        "The name of the mutation, such as recordOutages; of an operator, the command, such as key create; join, where"
        " an invitation was taken up.",
        "act.operation",
    )
    caller_kind: CallerKind = told("What sort of caller it was.")
    caller_id: str | None = told(
        "The id of the key or person, as the operator's commands show it; null for an operator. Who a person is stands"
        " nowhere here, and the id names nobody once the person is forgotten.",
        lambda entry: None if entry.caller is None else str(entry.caller),
    )
    role: Role | None = told("The role in which it was done; null for an operator.")
    party: Party | None = loaded(
        "The party that the caller acted for; null where it acted for the whole tenant, and where you may not see it.",
        lambda desk, entry: desk.parties.load(entry.party) if entry.party else None,
    )
    door: Door | None = told(
        "Which way the caller came in; null where that is not known.",
        lambda entry: None if entry.origin is None else entry.origin.door,
    )
    address: str | None = told(
        "The caller's IP address, as the service saw it; null where there was none, and once it is erased.",
        lambda entry: None if entry.origin is None else entry.origin.address,
    )
    request_id: str | None = told(
        "The request, as the header X-Request-Id of the answer and the lines of the log name it.",
        lambda entry: None if entry.origin is None else entry.origin.request,
    )
    subjects: list[AuditSubject] = told(f"What was acted on, {SUBJECTS_MAX} at most.", "act.subjects")
    subject_count: int = told(
        f"On how many things it acted; `subjects` names {SUBJECTS_MAX} of them at most.", "act.subject_count"
    )


@strawberry.input(description=FILTER)
class AuditFilter:
    actions: list[AuditAction] | None = condition("Acts of any of these sorts.")
    operations: list[str] | None = condition("Any of these operations, as entries name them.")
    callers: list[str] | None = condition("By any of these callers, as `callerId` names them.")
    subjects: list[strawberry.ID] | None = condition("On any of these things, by their ids as `subjects` tells them.")
    since: datetime | None = strawberry.field(
        name="from", default=strawberry.UNSET, description="At this instant or later."
    )
    until: datetime | None = condition("Before this instant.")

    def meant(self) -> filters.AuditFilter:
        if self.since and self.until and self.until <= self.since:
            raise OutOfRange("a stretch of time ends after it starts", path=("filter", "until"))
        callers, subjects = any_of(self.callers, "callers"), any_of(self.subjects, "subjects")
        return filters.AuditFilter(
            actions=frozenset(action.value for action in any_of(self.actions, "actions")),
            operations=any_of(self.operations, "operations"),
            callers=frozenset(_uuid(text, "callers") for text in callers),
            subjects=frozenset(_subject(text) for text in subjects),
            since=self.since or None,
            until=self.until or None,
        )


def _subject(text: str) -> UUID:
    try:
        return decode(text).uuid
    except DomainError:
        return _uuid(text, "subjects")


def _uuid(text: str, name: str) -> UUID:
    try:
        found = UUID(text)
    except ValueError:
        found = None
    # A UUID has many spellings, and ids have one.
    if found is None or str(found) != text:
        raise Invalid("this is not an id that the service gave out", path=("filter", name))
    return found


class AuditOrderField(Enum):
    AT = "at"


described(
    AuditOrderField,
    "What entries of the audit log are ordered by.",
    AT="When they were recorded.",
)


@strawberry.input(description="The order of entries of the audit log.")
class AuditOrder:
    field: AuditOrderField = strawberry.field(default=AuditOrderField.AT, description="What to order by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")

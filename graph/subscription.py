"""What can be followed: breaches, as they open, change, and are withdrawn."""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, assert_never

import strawberry

import domain.feed
from domain.attainment import Status
from domain.breach import Severity, Transition
from domain.ids import AgreementId, Position, ServiceId
from domain.risk import Cause
from domain.usecases.following import follow_breaches
from graph.agreement import Agreement
from graph.attainment import Attainment
from graph.breach import Breach
from graph.desk import Desk, Info
from graph.fields import Viewed, loaded, told, view
from graph.filters import FILTER, any_id_of, any_of, condition
from graph.ids import encode
from graph.intervals import Interval
from graph.rights import admitted
from graph.service import Service

FEED = "breachEvents"


@dataclass(frozen=True, slots=True)
class Happened:
    cursor: str
    event: domain.feed.BreachEvent


@dataclass(frozen=True, slots=True)
class Restated:
    cursor: str
    event: domain.feed.RestatementEvent


@dataclass(frozen=True, slots=True)
class Beat:
    cursor: str
    at: datetime


_CURSOR = "The place in the feed: pass it as `after` to go on from here. Only for the same tenant and party."


@strawberry.interface(description="Something that breachEvents tells.")
class BreachFeedItem(Viewed):
    cursor: str = strawberry.field(description=_CURSOR)


@view(
    Happened, "A breach was at risk, opened, changed, was confirmed or withdrawn. It tells what was known of it then."
)
class BreachEvent(BreachFeedItem):
    cursor: str = told(_CURSOR)
    recorded_at: datetime = told("When it became known.", "event.recorded_at")
    transition: Transition = told("What happened.", "event.change.transition")
    severity: Severity = told(
        "Which level was missed; at risk, which one would be missed first.", "event.change.severity"
    )
    causes: list[Cause] = told("Why it is at risk; nothing at other steps.", "event.change.causes")
    breach_id: strawberry.ID = told(
        "The id of the breach.", lambda happened: encode("Breach", happened.event.change.breach)
    )
    attainment_id: strawberry.ID = told(
        "The id of the verdict.", lambda happened: encode("Attainment", happened.event.change.attainment)
    )
    objective_id: strawberry.ID = told(
        "The id of the objective.", lambda happened: encode("Objective", happened.event.change.objective)
    )
    objective_code: str = told("The objective's code.", "event.change.objective_code")
    agreement_code: str = told("The agreement's code.", "event.change.agreement_code")
    service_code: str = told("The service's code.", "event.change.service_code")
    period: Interval = told("The period that is missed.", "event.change.period")
    ended_at: datetime | None = told(
        "Of a rolling objective: when the first evaluation after it passed; null while it lasts.",
        "event.change.ended_at",
    )
    value: Decimal | None = told(
        "The value then, in the objective's unit (percent for shares); null where there was none.",
        lambda happened: _decimal(happened.event.change.shown_value),
    )
    target: Decimal = told(
        "The level that was missed, in the objective's unit (percent for shares).",
        lambda happened: _decimal(happened.event.change.shown_target),
    )
    breach: Breach | None = loaded(
        "The breach as it is now; null where the caller may not see it any more.",
        lambda desk, happened: desk.breaches.load(happened.event.change.breach),
    )
    agreement: Agreement | None = loaded(
        "Where it was promised; null where the caller may not see it.",
        lambda desk, happened: desk.agreements.load(happened.event.change.agreement),
    )
    service: Service | None = loaded(
        "On what it was missed; null where the caller may not see it.",
        lambda desk, happened: desk.services.load(happened.event.change.service),
    )


@view(
    Restated,
    "A late fact changed a final verdict: its status or its value. The former one stays, as the revision before. With a"
    " filter by transitions or severities none is told.",
)
class AttainmentRestated(BreachFeedItem):
    cursor: str = told(_CURSOR)
    recorded_at: datetime = told("When it became known.", "event.recorded_at")
    attainment_id: strawberry.ID = told(
        "The id of the verdict.", lambda restated: encode("Attainment", restated.event.restatement.attainment)
    )
    revision: int = told("The verdict's revision from now on.", "event.restatement.revision")
    objective_id: strawberry.ID = told(
        "The id of the objective.", lambda restated: encode("Objective", restated.event.restatement.objective)
    )
    objective_code: str = told("The objective's code.", "event.restatement.objective_code")
    agreement_code: str = told("The agreement's code.", "event.restatement.agreement_code")
    service_code: str = told("The service's code.", "event.restatement.service_code")
    period: Interval = told("The period.", "event.restatement.period")
    former_status: Status = told("The verdict before.", "event.restatement.former_status")
    status: Status = told("The verdict from now on.", "event.restatement.status")
    former_value: Decimal | None = told(
        "The value before, in the objective's unit (percent for shares); null where there was none.",
        lambda restated: _decimal(restated.event.restatement.former_shown_value),
    )
    value: Decimal | None = told(
        "The value from now on, in the objective's unit (percent for shares); null where there is none.",
        lambda restated: _decimal(restated.event.restatement.shown_value),
    )
    attainment: Attainment | None = loaded(
        "The verdict as it is now; null where the caller may not see it any more.",
        lambda desk, restated: desk.attainments.load(restated.event.restatement.attainment),
    )


@view(Beat, "Nothing for this subscriber up to here. It comes first of all, and then where it is silent for long.")
class Heartbeat(BreachFeedItem):
    cursor: str = told(_CURSOR)
    at: datetime = told("The service's clock.")


@strawberry.input(description=FILTER)
class BreachEventFilter:
    agreements: list[strawberry.ID] | None = condition("Under any of these agreements.")
    services: list[strawberry.ID] | None = condition("On any of these services.")
    transitions: list[Transition] | None = condition("Any of these steps.")
    severities: list[Severity] | None = condition("Of any of these severities.")

    def meant(self) -> domain.feed.BreachFilter:
        return domain.feed.BreachFilter(
            agreements=any_id_of(AgreementId, "Agreement", self.agreements, "agreements"),
            services=any_id_of(ServiceId, "Service", self.services, "services"),
            transitions=any_of(self.transitions, "transitions"),
            severities=any_of(self.severities, "severities"),
        )


def _breach_events(
    info: Info,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="Go on after this cursor: all that came after it follows, in order, each event at least once."
            " Absent: only what is yet to come."
        ),
    ] = strawberry.UNSET,
    where: Annotated[
        BreachEventFilter | None, strawberry.argument(name="filter", description="Which events. Default: all.")
    ] = strawberry.UNSET,
) -> AsyncGenerator[Any, None]:
    """What is wrong with the request is told at once, before the stream begins."""
    at = admitted(info)
    meant = (where or BreachEventFilter()).meant()
    return _followed(at, _opened(at, after) if after else None, meant)


@strawberry.type(description="What can be followed.")
class Subscription:
    breach_events = strawberry.subscription(
        resolver=_breach_events,
        graphql_type=BreachFeedItem,
        description="Breaches as they happen, and final verdicts that are restated, in order. A heartbeat with a cursor"
        " comes first of all, and then every few seconds while there is nothing to tell. An expired cursor is an error"
        " (CURSOR_EXPIRED), never a gap.",
    )


async def _followed(
    at: Desk, after: Position | None, where: domain.feed.BreachFilter
) -> AsyncGenerator[Happened | Restated | Beat, None]:
    """Each read's events, and a heartbeat for a read without any: the first one, and then one an interval at most."""
    clock = get_running_loop().time
    due = clock()

    async def awaken(position: Position) -> Position:
        await at.application.awaken(at.actor.tenant, position)
        return position

    reads = follow_breaches(at.open_work, at.actor, after=after, where=where, awaken=awaken, read=at.read_feed)
    assert isinstance(reads, AsyncGenerator)
    async with aclosing(reads):
        async for read in reads:
            for event in read.all:
                yield _item(_sealed(at, event.position), event)
            if not read.all and clock() >= due:
                yield Beat(_sealed(at, read.through), at.now())
            elif not read.all:
                continue
            due = clock() + at.application.heartbeat_seconds


def _item(cursor: str, event: domain.feed.BreachEvent | domain.feed.RestatementEvent) -> Happened | Restated:
    match event:
        case domain.feed.BreachEvent():
            return Happened(cursor, event)
        case domain.feed.RestatementEvent():
            return Restated(cursor, event)
        case _ as never:
            assert_never(never)


def _scope(at: Desk) -> tuple[str, str]:
    return str(at.actor.tenant), "" if at.actor.party is None else str(at.actor.party)


def _sealed(at: Desk, position: Position) -> str:
    return at.application.seal.seal(FEED, _scope(at), str(position).encode())


def _opened(at: Desk, cursor: str) -> Position:
    return Position(int(at.application.seal.open(FEED, _scope(at), cursor, path=("after",))))


def _decimal(shown: str | None) -> Decimal | None:
    return None if shown is None else Decimal(shown)

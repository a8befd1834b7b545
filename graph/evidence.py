"""What a verdict rests on, by the form of its facts. Durations are exact to the microsecond."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

import domain.attainment
from domain.attainment import CASES_TOLD_MAX, OUTAGES_TOLD_MAX, CaseUse, Use
from graph.desk import Desk
from graph.fields import Viewed, described, loaded, told, view
from graph.scalars import BigInt
from graph.stream import Stream

described(
    Use,
    "What became of an outage, or of a state other than up, in the count.",
    name="OutageUse",
    COUNTED="It counts as down.",
    WEIGHTLESS="Its impact weighs nothing: told, not counted.",
    TOO_SHORT="It was shorter than the objective's minimum duration.",
    EXCUSED="Exclusions took all of it out.",
    NO_EFFECT="It did not bring the judged service down: a redundant part did its work.",
    CLOSED="It was down outside the service hours only.",
)

described(
    CaseUse,
    "What became of a case in the count.",
    IN_TIME="It was decided in the period, in time.",
    LATE="It was decided in the period, late: its limit ran out.",
    OPEN="It is not decided in the period so far.",
    EXCUSED="It was decided in time that exclusions took out.",
)

_ALLOWED = "Agreed time that was judged: the period so far within service hours, without what was excluded."
_EXCLUDED = "Time that exclusions took out of the period so far."


def _duration(name: str) -> Callable[[Any], timedelta]:
    return lambda evidence: timedelta(microseconds=getattr(evidence, name))


def _lasting(description: str, name: str) -> Any:
    return told(description, _duration(f"{name}_us"))


def _exact(name: str) -> Any:
    return told(f"`{to_camel_case(name)}` in microseconds.", f"{name}_us")


async def _external_id(desk: Desk, used: domain.attainment.OutageUsed) -> str | None:
    """A service may rest on those of others: whose verdict it is learns that they were down, not how they call it."""
    return used.external_id if await desk.streams.load(used.stream) else None


async def _state(desk: Desk, used: domain.attainment.StateUsed) -> str | None:
    return used.state if await desk.streams.load(used.stream) else None


async def _since(desk: Desk, used: domain.attainment.StateUsed) -> datetime | None:
    return used.since if await desk.streams.load(used.stream) else None


@view(domain.attainment.OutageUsed, "An outage that touches the period, with what became of it.")
class OutageUsed:
    external_id: str | None = loaded(
        "Names it within its stream; null where the caller may not see that.", _external_id
    )
    revision: int = told("The revision that was used.")
    use: Use = told("What became of it.")
    stream: Stream | None = loaded(
        "What reported it; null where the caller may not see it.", lambda desk, used: desk.streams.load(used.stream)
    )


@view(domain.attainment.StateUsed, "A stretch over which one state other than up held, with what became of it.")
class StateUsed:
    state: str | None = loaded(
        "As reported; the metric says what it weighs. Null where the caller may not see that.", _state
    )
    since: datetime | None = loaded(
        "Its first instant, which names the state that began it; null where the caller may not see that.", _since
    )
    use: Use = told("What became of it.")
    stream: Stream | None = loaded(
        "What reported it; null where the caller may not see it.", lambda desk, used: desk.streams.load(used.stream)
    )


@strawberry.interface(description="What a verdict rests on.")
class Evidence(Viewed):
    allowed: timedelta = strawberry.field(description=_ALLOWED)
    excluded: timedelta = strawberry.field(description=_EXCLUDED)


@view(
    domain.attainment.TimeEvidence,
    "Of outages and states: how the period's time was counted, up to when it was judged. Each duration is also there in"
    " microseconds, for arithmetic.",
)
class TimeEvidence(Evidence):
    period: timedelta = _lasting("The period so far.", "period")
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    allowed_total: timedelta = _lasting(
        "Agreed time of the whole period, what is yet to come included.", "allowed_total"
    )
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    down: timedelta = _lasting("Down time that counts.", "down")
    excused: timedelta = _lasting("Down time that exclusions took out.", "excused")
    short: timedelta = _lasting("Down time of outages shorter than the minimum duration.", "short")
    weightless: timedelta = _lasting("Time of outages whose impact weighs nothing.", "weightless")
    missing: timedelta = _lasting("Time that nobody reported on.", "missing")
    period_us: BigInt = _exact("period")
    allowed_us: BigInt = _exact("allowed")
    allowed_total_us: BigInt = _exact("allowed_total")
    excluded_us: BigInt = _exact("excluded")
    down_us: BigInt = _exact("down")
    excused_us: BigInt = _exact("excused")
    short_us: BigInt = _exact("short")
    weightless_us: BigInt = _exact("weightless")
    missing_us: BigInt = _exact("missing")
    bad_units: BigInt = told("Down time by weight, in units of which `unitsPerUs` are a microsecond at weight 1.")
    units_per_us: BigInt = told("How many units of `badUnits` are one microsecond at weight 1.")
    outages: list[OutageUsed] = told(f"The outages that touch the period, the first {OUTAGES_TOLD_MAX}.")
    outages_total: int = told("How many outages touch the period.")
    states: list[StateUsed] = told(
        f"The stretches of states other than up that touch the period, the first {OUTAGES_TOLD_MAX}."
    )
    states_total: int = told("How many such stretches touch the period.")


@view(domain.attainment.CountEvidence, "Of tallies: those that start in the agreed time.", name="TallyEvidence")
class TallyEvidence(Evidence):
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    good: BigInt = told("Sum of good.")
    total: BigInt = told("Sum of total.")
    points: BigInt = told("How many tallies.")


async def _case_id(desk: Desk, used: domain.attainment.CaseUsed) -> str | None:
    return used.external_id if await desk.streams.load(used.stream) else None


@view(domain.attainment.CaseUsed, "A case that was decided in the period, or is open, with what became of it.")
class CaseUsed:
    external_id: str | None = loaded("Names it within its stream; null where the caller may not see that.", _case_id)
    revision: int = told("The revision that was used.")
    decided_at: datetime | None = told("When it was certain whether it is in time; null while it is not.")
    use: CaseUse = told("What became of it.")
    stream: Stream | None = loaded(
        "What reported it; null where the caller may not see it.", lambda desk, used: desk.streams.load(used.stream)
    )


@view(domain.attainment.CaseEvidence, "Of cases: those that were decided in the period so far.")
class CaseEvidence(Evidence):
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    decided: int = told("How many were decided and count.", lambda evidence: evidence.in_time + evidence.late)
    in_time: int = told("How many of these were in time.")
    late: int = told("How many of these were late.")
    open: int = told("How many are open: opened by now, and not decided.")
    cases: list[CaseUsed] = told(
        f"The cases, in the order of their decisions, the open ones last; the first {CASES_TOLD_MAX}."
    )
    cases_total: int = told("How many cases there are to tell.")


@view(domain.attainment.SampleEvidence, "Of samples in the agreed time, in the metric's unit.")
class SampleEvidence(Evidence):
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    points: BigInt = told("How many samples.")
    sum: Decimal = told("Their sum, exact.", lambda evidence: _scaled(evidence.sum, evidence.scale))
    minimum: Decimal | None = told(
        "The smallest; null where there is none.", lambda evidence: _scaled(evidence.minimum, evidence.scale)
    )
    maximum: Decimal | None = told(
        "The largest; null where there is none.", lambda evidence: _scaled(evidence.maximum, evidence.scale)
    )


@view(
    domain.attainment.SliceEvidence,
    "Of slices, each weighed alike. A slice counts where it shares an instant with the agreed time, by the facts that"
    " begin in that time.",
)
class SliceEvidence(Evidence):
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    slice: timedelta = _lasting("How long a slice is.", "slice")
    slices: int = told("Slices of the agreed time so far.")
    slices_total: int = told("Slices of the whole period's agreed time, what is yet to come included.")
    reported: int = told("Of the slices, how many have a point.")
    idle: int = told("Of the reported slices, how many have no total.")
    good: int | None = told("How many slices meet the slice target; null where slices are not told apart.")
    counted: int = told("By how many slices the value is divided.")
    bad: Decimal = told("How much of the counted slices was not good.", lambda evidence: _scaled(evidence.bad, 12))
    points: BigInt = told("How many tallies or samples.")


@view(
    domain.attainment.PercentileEvidence,
    "Of a percentile of the samples in the agreed time, by nearest rank, in the metric's unit. While the period runs it"
    " lies between two bounds, both included, that are at most 1.5625 percent apart; at the end it is exact.",
)
class PercentileEvidence(Evidence):
    allowed: timedelta = _lasting(_ALLOWED, "allowed")
    excluded: timedelta = _lasting(_EXCLUDED, "excluded")
    percentile: Decimal = told("Which percentile.")
    points: BigInt = told("How many samples.")
    low: Decimal | None = told(
        "The lower bound; null where there is no sample.", lambda evidence: _scaled(evidence.low, evidence.scale)
    )
    high: Decimal | None = told(
        "The upper bound; null where there is no sample.", lambda evidence: _scaled(evidence.high, evidence.scale)
    )
    undecided: bool = told("Whether a level of the objective lies between the bounds.")


def _scaled(value: int | None, scale: int) -> Decimal | None:
    return None if value is None else Decimal(value).scaleb(-scale)

"""Objectives: promises, and the windows over which they are judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import strawberry

import domain.agreement
import domain.calendars
import domain.objective
from domain.attainment import shown_target
from domain.calendars import Every
from domain.case import Milestone
from domain.objective import Granularity, Importance, LowVolume, Missing, Override, coverage_needed
from domain.ratio import Direction, Ratio
from graph.desk import Desk
from graph.fields import Node, Viewed, described, node_id, told, view
from graph.metric import Metric, unit_of
from graph.placed import PlacedObjective
from graph.service_hours import ServiceHours

described(
    Every,
    "The length of a calendar window.",
    name="CalendarUnit",
    DAY="A local day.",
    WEEK="Seven local days from the anchor weekday on.",
    MONTH="A month from the anchor day on.",
    QUARTER="Three months, from the anchor day of January, April, July or October on.",
    YEAR="A year from the anchor day of January on.",
)
described(
    Milestone,
    "What of a case is promised within a limit.",
    name="CaseMilestone",
    RESPONSE="The first response; of a case that is resolved without one, the resolution.",
    RESOLUTION="The resolution.",
)
described(
    Importance,
    "The class of an objective.",
    CRITICAL="A miss of it matters most.",
    KEY_MEASUREMENT="A miss of it is a breach.",
    REPORT_ONLY="It is judged and told, and breaches nothing.",
)
described(
    Missing,
    "What silence counts as: time that no report covers.",
    name="MissingPolicy",
    HOLD="The verdict is held for review below the minimum coverage.",
    EXCLUDED="It leaves the denominator.",
    BAD="It counts as down.",
    GOOD="It counts as up.",
)
described(
    Granularity,
    "How exactly an outage's length counts.",
    EXACT="To the microsecond.",
    WHOLE_MINUTES="Each outage's partial last minute is dropped.",
)
described(
    LowVolume,
    "Whether a share of few cases tolerates one miss.",
    NONE="No miss is tolerated beyond the target.",
    ONE_MISS="One is, below 1/(1 - target) cases; never at 100 percent.",
)
described(
    Override,
    "What agreements of a lower level may do to an objective of the same code.",
    name="OverrideRule",
    TIGHTEN="Only promise more.",
    ANY="Promise more or less.",
)


@strawberry.interface(description="The stretch of time over which an objective is judged, again and again.")
class Window(Viewed):
    zone: str = strawberry.field(description="The IANA time zone in which days begin, such as Europe/Vienna.")


@view(domain.calendars.CalendarWindow, "Days, weeks, months, quarters or years of the calendar.")
class CalendarWindow(Window):
    every: Every = told("Its length.")
    zone: str = told("The IANA time zone in which days begin, such as Europe/Vienna.")
    anchor_day: int = told(
        "Where it begins: 1 to 7 for a week (1 is Monday), 1 to 31 for a month, quarter or year, clamped to the month's"
        " end; 1 for a day."
    )


@view(domain.calendars.ContractYearWindow, "Years from the agreement's start.")
class ContractYearWindow(Window):
    zone: str = told("The IANA time zone in which days begin, such as Europe/Vienna.")


@view(
    domain.calendars.RollingWindow,
    "So many days up to each local midnight: evaluated once a day. A breach lasts from the first evaluation that fails"
    " to the first that passes.",
)
class RollingWindow(Window):
    days: int = told("How long it is, in days of 24 hours.")
    zone: str = told("The IANA time zone in which days begin, such as Europe/Vienna.")


def _minimum(placed: PlacedObjective) -> Decimal | None:
    minimum = placed.objective.minimum
    return None if minimum is None else shown_target(minimum, placed.metric)


@view(PlacedObjective, "A promise of an agreement: a metric held to a target, window after window.")
class Objective(Node):
    id: strawberry.ID = node_id("Objective", "objective.id")
    code: str = told("Unique within its version; levels of agreements override each other by it.", "objective.code")
    name: str = told("As people call it.", "objective.name")
    metric: Metric = told("What is measured.")
    unit: str = told("Of targets and values: `%` for shares, else the metric's.", lambda value: unit_of(value.metric))
    direction: Direction = told("Which side of the targets is the good one.", "objective.direction")
    expected: Decimal = told(
        "The level to be reached, in `unit`.", lambda value: shown_target(value.objective.expected, value.metric)
    )
    minimum: Decimal | None = told(
        "The level below which a period is missed, in `unit`; null where that is the expected one.",
        _minimum,
    )
    window: Window = told("Over which stretches of time it is judged.", "objective.window")
    hours: ServiceHours | None = told("When service is due; null: around the clock.", "objective.hours")
    importance: Importance = told("Its class.", "objective.importance")
    source: str | None = told("Only streams of this source count; null: all.", "objective.source")
    minimum_duration: timedelta = told("Shorter outages do not count.", "objective.minimum_duration")
    granularity: Granularity = told("How exactly an outage's length counts.", "objective.granularity")
    missing: Missing = told("What silence counts as.", "objective.missing")
    minimum_coverage: Decimal = told(
        "Percent of the period that must be reported, else the verdict is held. 100 unless declared where silence of"
        " outages or states is held, else 0.",
        lambda value: percent(coverage_needed(value.objective, value.metric)),
    )
    override: Override = told("What agreements of a lower level may do to it.", "objective.override")
    case_milestone: Milestone | None = told(
        "What of a case is promised; null but for promises about cases.", "objective.case_milestone"
    )
    case_limit: timedelta | None = told(
        "The time on a case's clock within which that is to be reached; null but for promises about cases.",
        "objective.case_limit",
    )
    low_volume: LowVolume = told("Whether a share of few cases tolerates one miss.", "objective.low_volume")


async def placed(
    desk: Desk, promises: Iterable[tuple[domain.objective.Objective, domain.agreement.Agreement]]
) -> list[PlacedObjective]:
    """Each objective with its metric; metrics are shared definitions that everyone of the tenant sees."""
    wanted = list(promises)
    metrics = await desk.metrics.load_many(objective.metric for objective, _ in wanted)
    found = zip(wanted, metrics, strict=True)
    return [PlacedObjective(objective, metric, agreement) for (objective, agreement), metric in found if metric]


def percent(share: Ratio) -> Decimal:
    """With 6 places, rounded down."""
    return Ratio(share.numerator * 100, share.denominator).shown(Direction.AT_LEAST)

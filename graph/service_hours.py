"""Service hours: weekly hours and holidays of a zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

import strawberry

import domain.hours
from domain.errors import DomainError
from domain.hours import DAY_SPANS_MAX, HOLIDAYS_MAX
from graph.calendar_scalars import LocalTime
from graph.fields import described, told, view

ZONE = "The IANA time zone whose clock on the wall is read, such as Europe/Vienna."


class Weekday(Enum):
    """In the order of a week."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


described(
    Weekday,
    "A day of the week.",
    MONDAY="The first one.",
    TUESDAY="The second one.",
    WEDNESDAY="The third one.",
    THURSDAY="The fourth one.",
    FRIDAY="The fifth one.",
    SATURDAY="The sixth one.",
    SUNDAY="The last one.",
)


@dataclass(frozen=True, slots=True)
class Stretch:
    day: Weekday
    opens: int
    closes: int


@view(Stretch, "A stretch of each such weekday in which service is due.")
class DayHours:
    day: Weekday = told("On which days.")
    opens: LocalTime = told("Its first minute.")
    closes: LocalTime = told("The first minute after it.")


def _stretches(hours: domain.hours.ServiceHours) -> Sequence[Stretch]:
    return [
        Stretch(weekday, opens, closes)
        for weekday, stretches in zip(Weekday, hours.weekly, strict=True)
        for opens, closes in stretches
    ]


@view(
    domain.hours.ServiceHours,
    "When service is due: an instant is inside when the local wall reading is. Time outside counts for nothing.",
)
class ServiceHours:
    zone: str = told(ZONE)
    weekly: list[DayHours] = told(f"The stretches of a week, Monday first, {7 * DAY_SPANS_MAX} at most.", _stretches)
    holidays: list[date] = told(f"Local days without service, in order, {HOLIDAYS_MAX} at most.")


@strawberry.input(description="A stretch of each such weekday in which service is due.")
class DayHoursInput:
    day: Weekday = strawberry.field(description="On which days.")
    opens: LocalTime = strawberry.field(description="Its first minute.")
    closes: LocalTime = strawberry.field(description="The first minute after it.")


@strawberry.input(description="When service is due.")
class ServiceHoursInput:
    zone: str = strawberry.field(description=ZONE)
    weekly: list[DayHoursInput] = strawberry.field(description="The stretches of a week, apart from each other.")
    holidays: list[date] = strawberry.field(
        default_factory=list,
        description=f"Local days without service, {HOLIDAYS_MAX} at most; `proposedHolidays` proposes some.",
    )

    def meant(self, *path: str | int) -> domain.hours.ServiceHours:
        weekly = tuple(
            tuple(sorted((each.opens, each.closes) for each in self.weekly if each.day is weekday))
            for weekday in Weekday
        )
        try:
            return domain.hours.ServiceHours(zone=self.zone, weekly=weekly, holidays=tuple(sorted(self.holidays)))
        except DomainError as error:
            # A weekday is no place of the list that was given.
            error.path = error.path[:1]
            raise error.at(*path) from error


@view(domain.hours.Holiday, "A day that may be a holiday, for a person to check.", name="ProposedHoliday")
class ProposedHoliday:
    date: date = told("The local day.")
    name: str = told("What it is called there.")

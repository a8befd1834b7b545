"""Windows as clients write them."""

from __future__ import annotations

import strawberry

from domain.calendars import (
    ROLLING_DAYS_MAX,
    AnchorDayInvalid,
    CalendarWindow,
    ContractYearWindow,
    Every,
    RollingDaysInvalid,
    RollingWindow,
    UnknownZone,
    Window,
)
from domain.errors import Invalid, OutOfRange

ZONE = "The IANA time zone in which days begin, such as Europe/Vienna."


@strawberry.input(description="Days, weeks, months, quarters or years of the calendar.")
class CalendarWindowInput:
    every: Every = strawberry.field(description="Its length.")
    zone: str = strawberry.field(description=ZONE)
    anchor_day: int = strawberry.field(
        default=1,
        description="Where it begins: 1 to 7 for a week (1 is Monday), 1 to 31 for a month, quarter or year, clamped to"
        " the month's end; 1 for a day.",
    )


@strawberry.input(description="Years from the agreement's start.")
class ContractYearWindowInput:
    zone: str = strawberry.field(description=ZONE)


@strawberry.input(
    description="So many days up to each local midnight: evaluated once a day, over windows that lie over one another."
)
class RollingWindowInput:
    days: int = strawberry.field(description=f"How long it is, in days of 24 hours: 1 to {ROLLING_DAYS_MAX}.")
    zone: str = strawberry.field(description=ZONE)


@strawberry.input(one_of=True, description="Over which stretches of time an objective is judged: exactly one of these.")
class WindowInput:
    calendar: CalendarWindowInput | None = strawberry.field(description="By the calendar.")
    contract_year: ContractYearWindowInput | None = strawberry.field(description="By the agreement's own years.")
    rolling: RollingWindowInput | None = strawberry.field(description="Over the last so many days, day after day.")

    def meant(self, *path: str | int) -> Window:
        path = (*path, "calendar" if self.calendar else "rolling" if self.rolling else "contractYear")
        try:
            if self.calendar is not None:
                every, anchor_day = self.calendar.every, self.calendar.anchor_day
                return CalendarWindow(every=every, zone=self.calendar.zone, anchor_day=anchor_day)
            if self.rolling is not None:
                return RollingWindow(days=self.rolling.days, zone=self.rolling.zone)
            assert self.contract_year is not None, "exactly one of the fields is given"
            return ContractYearWindow(zone=self.contract_year.zone)
        except UnknownZone as wrong:
            raise Invalid(str(wrong), path=(*path, "zone")) from wrong
        except RollingDaysInvalid as wrong:
            raise OutOfRange(str(wrong), path=(*path, "days")) from wrong
        except AnchorDayInvalid as wrong:
            raise OutOfRange(str(wrong), path=(*path, "anchorDay")) from wrong

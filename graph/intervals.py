"""Stretches of time in the schema: half-open, from the start on and up to the end."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain.errors import OutOfRange
from domain.spans import Span
from graph.fields import told


@strawberry.type(description="A stretch of time: from `start` on, up to and without `end`.")
class Interval:
    start: datetime = told("Its first instant.")
    end: datetime = told("The first instant after it.")


@strawberry.input(description="A stretch of time: from `start` on, up to and without `end`.")
class IntervalInput:
    start: datetime = strawberry.field(description="Its first instant.")
    end: datetime = strawberry.field(description="The first instant after it; later than `start`.")

    def span(self, *path: str) -> Span:
        if self.end <= self.start:
            raise OutOfRange("an interval ends after it starts", path=(*path, "end"))
        return Span(self.start, self.end)

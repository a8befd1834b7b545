"""States as probes report them: each holds from its instant on, until the next one or until it is stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from domain.errors import Invalid
from domain.ids import StreamId
from domain.metric import Metric
from domain.text import is_code

UP = "up"
DOWN = "down"


@dataclass(frozen=True, slots=True)
class StateChange:
    """What a probe said at an instant. Identity: its instant."""

    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class StateRun:
    """A stretch [start, end) over which one state held; `end` is None where nothing known ends it."""

    state: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLog:
    """One stream's states as runs, in order. Between runs, and after the last one, nothing is known.

    `since`: the instant of the stream's first state, before which it says nothing; None where it has no state.
    """

    stream: StreamId
    runs: Sequence[StateRun]
    since: datetime | None


def weight_of_state(metric: Metric, state: str) -> Fraction:
    """`up` weighs 0 and `down` 1; any other is an impact of the metric, and weighs what is declared for it.

    An undeclared state is refused (rules.md, States).
    """
    if state == UP:
        return Fraction(0)
    if state == DOWN:
        return Fraction(1)
    found = metric.weights.get(state)
    if found is None:
        known = ", ".join([UP, DOWN, *sorted(metric.weights)])
        told = repr(state) if is_code(state) else "of this name"
        raise Invalid(f"state {told} has no declared weight; declared are {known}", path=("states",))
    return found


def runs_of(changes: Iterable[StateChange], staleness: timedelta | None) -> tuple[StateRun, ...]:
    """From changes with distinct instants, in any order, to runs. Equal states that follow in time are one run."""
    ordered = sorted(changes, key=lambda change: change.at)
    if not ordered:
        return ()
    runs: list[StateRun] = []
    start = ordered[0].at
    for current, following in pairwise(ordered):
        stale = None if staleness is None else current.at + staleness
        gap = stale is not None and stale < following.at
        if gap or current.state != following.state:
            runs.append(StateRun(current.state, start, stale if gap else following.at))
            start = following.at
    last = ordered[-1]
    runs.append(StateRun(last.state, start, None if staleness is None else last.at + staleness))
    return tuple(runs)


def log_of(stream: StreamId, changes: Sequence[StateChange], staleness: timedelta | None) -> StateLog:
    """The log of all changes that a stream has."""
    since = min((change.at for change in changes), default=None)
    return StateLog(stream=stream, runs=runs_of(changes, staleness), since=since)

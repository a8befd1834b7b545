"""The states of a file, laid out for judging: of a service and all below it, those around a period."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.ids import ServiceId, StreamId
from domain.metric import Metric
from domain.outage_time import OutageFacts, lasting, records_of
from domain.service import Service
from domain.spans import Span, union
from domain.state import StateChange, StateLog, log_of
from runtime.terms import id_of


class StateLogs:
    """`states`: by service, metric and source. A service of which no state is told is silent."""

    def __init__(
        self,
        services: Mapping[ServiceId, Service],
        states: Mapping[tuple[ServiceId, str, str], Sequence[StateChange]],
        metric: Metric,
        source: str | None,
        at: datetime,
    ) -> None:
        self._services = services
        self._logs: dict[ServiceId, list[StateLog]] = {service: [] for service in services}
        for (service, code, told_by), changes in states.items():
            if service in services and code == metric.code and source in (None, told_by):
                stream = StreamId(id_of("stream", f"{service}/{code}/{told_by}"))
                self._logs[service].append(log_of(stream, changes, metric.staleness))
        records = (lasting(each, at) for logs in self._logs.values() for log in logs for each in records_of(log))
        self._busy = union(span for span in records if span is not None)

    def around(self, period: Span) -> OutageFacts:
        """Those in the period, and those that reach it through others: what was not up has its own length."""
        first = bisect_left(self._busy, period.start, key=lambda span: span.end)
        last = bisect_right(self._busy, period.end, key=lambda span: span.start)
        near = self._busy[first:last]
        reach = Span(min(period.start, near[0].start), max(period.end, near[-1].end)) if near else period
        logs = {service: [_within(log, reach) for log in logs] for service, logs in self._logs.items()}
        return OutageFacts(services=self._services, logs=logs)


def _within(log: StateLog, span: Span) -> StateLog:
    """Runs are disjoint and in order, so that of those which start before the span only the last reaches into it."""
    first = max(bisect_right(log.runs, span.start, key=lambda run: run.start) - 1, 0)
    last = bisect_right(log.runs, span.end, key=lambda run: run.start)
    return StateLog(stream=log.stream, runs=log.runs[first:last], since=log.since)

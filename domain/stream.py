"""One measured thing: metric x service x vendor (x customer) x source."""

from __future__ import annotations

from dataclasses import dataclass

from domain.ids import MetricId, PartyId, ServiceId, StreamId

DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamKey:
    """How a vendor integration names a stream: by the codes of its metric, service and vendor, and its own source."""

    metric: str
    service: str
    vendor: str
    source: str = DEFAULT_SOURCE
    customer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Invariant: the vendor is the service's provider, who answers for what is measured."""

    id: StreamId
    metric: MetricId
    service: ServiceId
    vendor: PartyId
    source: str
    customer: PartyId | None = None

"""Streams: what is measured, and how integrations name it."""

from __future__ import annotations

import strawberry

import domain.stream
from domain.errors import DomainError
from domain.stream import DEFAULT_SOURCE, StreamKey
from domain.text import CODE_LENGTH_MAX
from graph.fields import Node, loaded, node_id, told, view
from graph.metric import Metric
from graph.mutating import text_of
from graph.party import Party
from graph.service import Service


@view(domain.stream.Stream, "One measured thing: a metric of a service, as one source reports it.")
class Stream(Node):
    id: strawberry.ID = node_id("Stream")
    source: str = told("Which of the vendor's tools or feeds reports it.")
    metric: Metric | None = loaded("What is measured.", lambda desk, stream: desk.metrics.load(stream.metric))
    service: Service | None = loaded(
        "What it is measured on; null where the caller may not see it.",
        lambda desk, stream: desk.services.load(stream.service),
    )
    vendor: Party | None = loaded(
        "The service's provider, who answers for it; null where the caller may not see it.",
        lambda desk, stream: desk.parties.load(stream.vendor),
    )
    customer: Party | None = loaded(
        "For whom alone it is measured; null where it is measured for all, and where the caller may not see the party.",
        lambda desk, stream: desk.parties.load(stream.customer) if stream.customer else None,
    )


@strawberry.input(description="A stream, named by codes. One that is new is added with its first fact.")
class StreamInput:
    metric: str = strawberry.field(description="The metric's code.")
    service: str = strawberry.field(description="The service's code.")
    vendor: str = strawberry.field(description="The code of the service's provider.")
    source: str = strawberry.field(
        default=DEFAULT_SOURCE,
        description=f"Which of the vendor's tools or feeds reports it: a code of at most {CODE_LENGTH_MAX} characters.",
    )
    customer: str | None = strawberry.field(description="The code of the customer for whom alone it is measured.")

    def meant(self, *path: str | int) -> StreamKey:
        try:
            return StreamKey(
                metric=text_of(self.metric, "metric"),
                service=text_of(self.service, "service"),
                vendor=text_of(self.vendor, "vendor"),
                source=self.source,
                customer=None if self.customer is None else text_of(self.customer, "customer"),
            )
        except DomainError as error:
            raise error.at(*path, "stream") from error

"""From the codes that an integration writes to the stream that it means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.errors import DomainError, Invalid, NotFound
from domain.ids import PartyId, StreamId
from domain.metric import Metric, Shape
from domain.party import Party
from domain.policy import Action, Relation
from domain.ports import Mint, Work
from domain.service import Service
from domain.stream import Stream, StreamKey
from domain.text import checked_code, is_code
from domain.usecases.relating import own_parties


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    stream: Stream
    metric: Metric


async def resolve_streams(
    work: Work, keys: Collection[StreamKey], shapes: Collection[Shape], mint: Mint, *, action: Action
) -> Mapping[StreamKey, Resolved | DomainError]:
    """Each key's stream, or why there is none. Streams that are new are added."""
    metrics = await work.metrics.by_codes({key.metric for key in keys if is_code(key.metric)})
    services = await work.services.by_codes({key.service for key in keys if is_code(key.service)})
    customers = {key.customer for key in keys if key.customer is not None}
    named = {key.vendor for key in keys} | customers
    parties = await work.parties.by_codes({code for code in named if is_code(code)})
    own = await own_parties(work, action, Relation.VENDOR)
    wanted: dict[StreamKey, tuple[Stream, Metric]] = {}
    answer: dict[StreamKey, Resolved | DomainError] = {}
    for key in sorted(set(keys), key=repr):
        try:
            stream, metric = _stream(key, metrics, services, parties, own, mint)
            if metric.shape not in shapes:
                raise Invalid(f"metric {metric.code} takes {metric.shape.value} facts", path=("stream", "metric"))
            _refuse_records_of_composites(metric, services[key.service])
            wanted[key] = (stream, metric)
        except DomainError as error:
            answer[key] = error
    obtained = await work.streams.obtain([stream for stream, _ in wanted.values()])
    for (key, (_, metric)), stream in zip(wanted.items(), obtained, strict=True):
        answer[key] = Resolved(stream=stream, metric=metric)
    return answer


def _stream(
    key: StreamKey,
    metrics: Mapping[str, Metric],
    services: Mapping[str, Service],
    parties: Mapping[str, Party],
    own: Collection[PartyId] | None,
    mint: Mint,
) -> tuple[Stream, Metric]:
    """Raises NotFound for what the tenant lacks, and alike for what is not the actor's own."""
    metric = metrics.get(key.metric)
    if metric is None:
        raise NotFound("metric", key.metric, path=("stream", "metric"))
    vendor = parties.get(key.vendor)
    if vendor is None or (own is not None and vendor.id not in own):
        raise NotFound("vendor", key.vendor, path=("stream", "vendor"))
    service = services.get(key.service)
    if service is None or service.provider != vendor.id:
        raise NotFound(f"service of {key.vendor}", key.service, path=("stream", "service"))
    customer = None if key.customer is None else parties.get(key.customer)
    if key.customer is not None and customer is None:
        raise NotFound("customer", key.customer, path=("stream", "customer"))
    stream = Stream(
        id=StreamId(mint()),
        metric=metric.id,
        service=service.id,
        vendor=vendor.id,
        source=_checked_source(key.source),
        customer=None if customer is None else customer.id,
    )
    return stream, metric


def _checked_source(source: str) -> str:
    try:
        return checked_code(source, "source")
    except DomainError as error:
        raise error.at("stream") from error


def _refuse_records_of_composites(metric: Metric, service: Service) -> None:
    if metric.shape in (Shape.OUTAGE, Shape.STATE) and service.structures:
        raise Invalid(
            f"{service.code} rests on other services: {metric.shape.value}s are recorded on those",
            path=("stream", "service"),
        )

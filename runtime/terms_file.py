"""The file of terms: YAML in, Terms out, every problem with its line, column and field (docs/terms-file.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from domain.agreement import (
    DEFAULT_GRACE,
    Agreement,
    AgreementKind,
    Version,
    require_bounded_recurrences,
    require_distinct_scope,
)
from domain.errors import NotFound
from domain.exclusion import Exclusion, ExclusionKind
from domain.ids import AgreementId, ExclusionId, PartyId, ServiceId, VersionId
from domain.instants import EARLIEST, LATEST
from domain.metric import Metric
from domain.spans import Span
from domain.text import checked_code, checked_name
from runtime.terms import Promise, Terms, id_of
from runtime.terms_calendar import checked_zone, read_exclusion_terms, read_recurring
from runtime.terms_objectives import Scope, read_metrics, read_objectives
from runtime.terms_services import Services, read_services
from runtime.written import NotWritten, duration, flag, instant_or_day
from runtime.yaml_fields import Fields, Item, Problems, one_of, scalar
from runtime.yaml_nodes import FileInvalid, read_yaml

EXCLUSIONS_MAX = 10_000

FILE_FIELDS = (
    "agreement",
    "zone",
    "grace",
    "judge_partial_periods",
    "reported_through",
    "services",
    "metrics",
    "objectives",
    "exclusions",
    "exclusion_terms",
    "recurring",
)
AGREEMENT_FIELDS = ("code", "name", "kind", "provider", "customer", "service", "starts", "ends")
EXCLUSION_FIELDS = ("kind", "start", "end", "service", "reason", "announced")

Instants = Callable[[Item], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The agreement before its terms, None where it has problems; parties and service by code, as written."""

    agreement: Agreement | None = None
    provider: str = ""
    customer: str | None = None
    service: Item | None = None


def read_terms(path: Path) -> Terms:
    """Raises FileInvalid with all problems that were found, FileUnreadable where there is no such file."""
    problems = Problems()
    terms = _terms(Fields(Item(problems, read_yaml(path), ""), FILE_FIELDS))
    if terms is None:
        raise FileInvalid(str(path), problems.found)
    return terms


def _terms(fields: Fields) -> Terms | None:
    zone = fields.may("zone", scalar(checked_zone), default="UTC")
    instants = scalar(lambda text: instant_or_day(text, zone))
    reported_through = fields.may("reported_through", instants, default=None)
    heading = fields.need("agreement", lambda item: _heading(item, instants), placeholder=Heading())
    services = fields.need(
        "services", lambda item: read_services(item, heading.provider, instants), placeholder=Services()
    )
    metrics = fields.need("metrics", read_metrics, placeholder=dict[str, Metric | None]())
    service = None if heading.service is None else _named(heading.service, services)
    scope = Scope(zone=zone, provider=heading.provider, service=service, services=services)
    promises = fields.need("objectives", lambda item: read_objectives(item, metrics, scope), placeholder=())
    exclusions = fields.may("exclusions", lambda item: _exclusions(item, heading, services, instants), default=())
    agreement = _with_version(fields, heading.agreement, promises, zone)
    if agreement is None or not fields.sound:
        return None
    return Terms(
        agreement=agreement,
        provider=heading.provider,
        customer=heading.customer,
        zone=zone,
        services=services.by_id,
        metrics={code: metric for code, metric in metrics.items() if metric is not None},
        promises=promises,
        exclusions=exclusions,
        feeds=services.feeds,
        reported_through=reported_through,
    )


def _heading(item: Item, instants: Instants) -> Heading:
    fields = Fields(item, AGREEMENT_FIELDS)
    code = fields.need("code", scalar(checked_code), placeholder="")
    name = fields.may("name", scalar(checked_name), default=code)
    kind = fields.need("kind", one_of({each.value: each for each in AgreementKind}), placeholder=AgreementKind.UC)
    provider = fields.need("provider", scalar(checked_code), placeholder="")
    customer = fields.may("customer", scalar(checked_code), default=None)
    service = fields.may("service", scalar(checked_code), default=None)
    starts = fields.need("starts", instants, placeholder=EARLIEST)
    ends = fields.may("ends", instants, default=None)

    def make() -> Agreement:
        agreement = Agreement(
            id=AgreementId(id_of("agreement", code)),
            code=code,
            name=name,
            kind=kind,
            provider=PartyId(id_of("party", provider)),
            customer=None if customer is None else PartyId(id_of("party", customer)),
            service=None if service is None else ServiceId(id_of("service", service)),
            starts_at=starts,
            ends_at=ends,
        )
        require_distinct_scope(agreement)
        return agreement

    agreement = fields.build(make, named={"startsAt": "starts", "endsAt": "ends"})
    return Heading(agreement=agreement, provider=provider, customer=customer, service=fields.get("service"))


def _named(item: Item, services: Services) -> str:
    """The code as written, blamed where no such service is listed."""
    try:
        services.named(item)
    except (NotFound, NotWritten) as wrong:
        item.blame(str(wrong))
    return "" if not item.is_scalar else item.text


def _with_version(
    fields: Fields, agreement: Agreement | None, promises: Sequence[Promise], zone: str
) -> Agreement | None:
    """The agreement with the file's terms as its one version, in force from its start."""
    grace = fields.may("grace", scalar(duration), default=DEFAULT_GRACE)
    partial = fields.may("judge_partial_periods", scalar(flag), default=False)
    terms = fields.may("exclusion_terms", read_exclusion_terms, default=())
    recurring = fields.may("recurring", lambda item: read_recurring(item, zone), default=())
    if agreement is None:
        return None

    def make() -> Agreement:
        version = Version(
            id=VersionId(id_of("version", agreement.code)),
            number=1,
            effective_from=agreement.starts_at,
            objectives=tuple(promise.objective for promise in promises),
            grace=grace,
            judge_partial_periods=partial,
            exclusion_terms=terms,
            recurring=recurring,
            activated_at=agreement.starts_at,
        )
        require_bounded_recurrences(version, ends_at=agreement.ends_at)
        return replace(agreement, versions=(version,))

    return fields.build(make)


def _exclusions(item: Item, heading: Heading, services: Services, instants: Instants) -> tuple[Exclusion, ...]:
    entries = item.entries(least=0, most=EXCLUSIONS_MAX)
    found = (_exclusion(entry, index, heading, services, instants) for index, entry in enumerate(entries))
    return tuple(each for each in found if each is not None)


def _exclusion(item: Item, index: int, heading: Heading, services: Services, instants: Instants) -> Exclusion | None:
    fields = Fields(item, EXCLUSION_FIELDS)
    kind = fields.need("kind", one_of({each.value: each for each in ExclusionKind}), placeholder=ExclusionKind.AGREED)
    start = fields.need("start", instants, placeholder=EARLIEST)
    end = fields.need("end", instants, placeholder=LATEST)
    service = fields.may("service", services.named, default=None)
    reason = fields.may("reason", scalar(str), default="")
    announced = fields.may("announced", instants, default=None)
    if fields.sound and end <= start:
        fields.blame("end", "an exclusion ends after it starts")
    if heading.agreement is None:
        return None
    agreement = heading.agreement.id
    return fields.build(
        lambda: Exclusion(
            id=ExclusionId(id_of("exclusion", str(index))),
            kind=kind,
            span=Span(start, end),
            service=service,
            agreement=agreement,
            announced_at=announced,
            reason=reason,
        )
    )

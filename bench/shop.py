"""Many metrics, and many agreements with many objectives each: what the reading benchmarks read."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bench.tenants import MONTHLY, Measured
from domain.agreement import AgreementKind
from domain.feed import PostingKind
from domain.ids import MetricId, ServiceId
from domain.metric import Aggregation, Metric, Shape
from domain.usecases.agreements import (
    ActivateAgreement,
    DraftAgreement,
    DraftObjective,
    DraftTerms,
    activate_agreement,
    draft_agreement,
)
from runtime.service import Running


async def some_metrics(process: Running, measured: Measured, count: int, *, at: datetime) -> tuple[Metric, ...]:
    """In one posting."""
    metrics = tuple(
        Metric(
            id=MetricId(process.mint()),
            code=f"metric-{number:04}",
            name=f"Metric {number}",
            aggregation=Aggregation.AVAILABILITY,
            shape=Shape.OUTAGE,
            methodology="Outages as the vendor's monitor reports them, checked against ours once a day.",
        )
        for number in range(count)
    )
    async with process.open_work(measured.admin) as work:
        await work.metrics.add(metrics)
        work.posts(PostingKind.CATALOG, at)
    return metrics


async def some_agreements(
    process: Running, measured: Measured, metric: MetricId, *, objectives: int, since: datetime, at: datetime
) -> None:
    """One in force for each service, with so many objectives."""
    work, admin, mint = process.open_work, measured.admin, process.mint
    async with work(admin) as reading:
        services = await reading.services.by_codes(measured.services)
    for code, service in sorted(services.items()):
        command = _draft(measured, code, service.id, metric, objectives=objectives, since=since)
        agreement = await draft_agreement(work, admin, command, at=at, mint=mint)
        await activate_agreement(work, admin, ActivateAgreement(agreement=agreement.id), at=at, mint=mint)


def _draft(
    measured: Measured, code: str, service: ServiceId, metric: MetricId, *, objectives: int, since: datetime
) -> DraftAgreement:
    promised = tuple(
        DraftObjective(
            code=f"objective-{number:02}",
            name=f"Objective {number}",
            metric=metric,
            expected=Decimal("99.9"),
            window=MONTHLY,
        )
        for number in range(objectives)
    )
    return DraftAgreement(
        code=f"agreement-{code}",
        name=f"Agreement on {code}",
        kind=AgreementKind.SLA,
        provider=measured.vendor,
        customer=measured.customer,
        service=service,
        starts_at=since,
        terms=DraftTerms(effective_from=since, objectives=promised),
    )

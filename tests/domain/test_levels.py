"""Which promises bind for a customer and a service (rules.md, Levels)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.agreement import Agreement, AgreementKind, Version
from domain.calendars import CalendarWindow, Every
from domain.case import Milestone
from domain.errors import Invalid, Taken
from domain.ids import AgreementId, MetricId, ObjectiveId, PartyId, ServiceId, VersionId
from domain.levels import effective, refuse_equal_scope, refuse_loosening
from domain.objective import LowVolume, Missing, Objective, Override
from domain.ratio import Direction, Ratio
from domain.service import Service

START = datetime(2024, 1, 1, tzinfo=UTC)
PROVIDER, GROUP, SITE = (PartyId(UUID(int=each)) for each in (1, 2, 3))
PLATFORM = Service(id=ServiceId(UUID(int=11)), code="platform", name="Platform", provider=PROVIDER)


def promise(code: str, percent: str, override: Override = Override.ANY) -> Objective:
    return Objective(
        id=ObjectiveId(uuid4()),
        code=code,
        name=code,
        metric=MetricId(UUID(int=5)),
        direction=Direction.AT_LEAST,
        expected=Ratio.percent(percent),
        window=CalendarWindow(every=Every.MONTH, zone="UTC"),
        override=override,
    )


def agreed(
    code: str, *objectives: Objective, customer: PartyId | None = None, service: ServiceId | None = None
) -> Agreement:
    version = Version(id=VersionId(uuid4()), number=1, effective_from=START, objectives=objectives, activated_at=START)
    return Agreement(
        id=AgreementId(uuid4()),
        code=code,
        name=code,
        kind=AgreementKind.SLA,
        provider=PROVIDER,
        customer=customer,
        service=service,
        starts_at=START,
        versions=(version,),
    )


def test_a_lower_level_overrides_by_code_and_the_answer_names_where_each_comes_from() -> None:
    corporate = agreed("corporate", promise("availability", "99"), promise("support", "90"))
    customer = agreed("customer", promise("availability", "99.5"), customer=GROUP)
    service = agreed("service", promise("availability", "99.9"), service=PLATFORM.id)
    both = agreed("both", promise("availability", "99.95"), customer=GROUP, service=PLATFORM.id)
    found = effective([both, service, corporate, customer], PLATFORM, (GROUP,), START)
    assert [(each.objective.code, each.agreement.code) for each in found] == [
        ("availability", "both"),
        ("support", "corporate"),
    ]
    assert [agreement.code for _, agreement in found[0].overrides] == ["corporate", "customer", "service"]


def test_a_partys_own_agreement_overrides_that_of_the_party_above_it() -> None:
    group = agreed("group", promise("availability", "99"), customer=GROUP)
    site = agreed("site", promise("availability", "98"), customer=SITE)
    [for_site] = effective([site, group], PLATFORM, (SITE, GROUP), START)
    [for_group] = effective([site, group], PLATFORM, (GROUP,), START)
    assert (for_site.agreement.code, for_group.agreement.code) == ("site", "group")


def test_what_is_not_in_force_or_of_another_provider_does_not_bind() -> None:
    corporate = agreed("corporate", promise("availability", "99"))
    assert effective([corporate], PLATFORM, (GROUP,), START - timedelta(days=1)) == ()
    assert effective([corporate], replace(PLATFORM, provider=GROUP), (SITE,), START) == ()


def test_two_objectives_of_one_code_at_equal_scope_are_refused() -> None:
    first = agreed("first", promise("availability", "99"), customer=GROUP)
    second = agreed("second", promise("support", "90"), promise("availability", "98"), customer=GROUP)
    with pytest.raises(Taken, match="agreement first promises availability at the same scope") as refused:
        refuse_equal_scope(second, [first])
    assert refused.value.path == ("objectives", 1, "code")
    refuse_equal_scope(replace(second, customer=SITE), [first])
    over = START + timedelta(days=60)
    after = replace(second, starts_at=over, versions=(replace(second.versions[0], effective_from=over),))
    refuse_equal_scope(after, [replace(first, ends_at=over)])


TIGHT = promise("availability", "99.5", Override.TIGHTEN)


@pytest.mark.parametrize(
    ("lower", "reason"),
    [
        (promise("availability", "99.4"), "its target is looser"),
        (replace(promise("availability", "99.6"), metric=MetricId(UUID(int=6))), "not comparable: another metric"),
        (replace(promise("availability", "99.6"), missing=Missing.GOOD), "not comparable: silence counts otherwise"),
        (
            replace(promise("availability", "99.6"), window=CalendarWindow(every=Every.YEAR, zone="UTC")),
            "not comparable: another window or calendar",
        ),
        (
            replace(promise("availability", "99.6"), minimum_duration=timedelta(minutes=1)),
            "its minimum duration is longer",
        ),
        (replace(promise("availability", "99.6"), minimum=Ratio.percent("99")), "its target is looser"),
        (replace(promise("availability", "99.6"), low_volume=LowVolume.ONE_MISS), "it tolerates a miss of few cases"),
    ],
)
def test_a_tighten_only_objective_is_not_loosened_in_either_order_of_activation(lower: Objective, reason: str) -> None:
    upper_agreement = agreed("corporate", TIGHT)
    lower_agreement = agreed("customer", lower, customer=GROUP)
    with pytest.raises(Invalid, match=reason):
        refuse_loosening(lower_agreement, [upper_agreement])
    with pytest.raises(Invalid, match=reason):
        refuse_loosening(upper_agreement, [lower_agreement])


def test_a_tighter_or_equal_objective_below_a_tighten_only_one_is_taken() -> None:
    upper = agreed("corporate", TIGHT)
    refuse_loosening(agreed("customer", promise("availability", "99.5"), customer=GROUP), [upper])
    refuse_loosening(agreed("customer", promise("availability", "99.9"), customer=GROUP), [upper])


def test_an_agreement_that_whoever_activates_does_not_see_binds_without_its_name() -> None:
    upper = agreed("corporate", TIGHT)
    lower = agreed("customer", promise("availability", "90"), customer=GROUP)
    for named, told in ((None, r"\(agreement corporate\)"), ((), r"\(by another agreement of the provider\)")):
        with pytest.raises(Invalid, match=told):
            refuse_loosening(lower, [upper], named=named)


def test_a_promise_about_cases_is_tightened_by_a_shorter_limit_of_the_same_milestone() -> None:
    tight = replace(TIGHT, case_milestone=Milestone.RESOLUTION, case_limit=timedelta(hours=4))
    upper = agreed("corporate", tight)
    shorter = replace(tight, case_limit=timedelta(hours=3))
    longer = replace(tight, case_limit=timedelta(hours=5))
    other = replace(shorter, case_milestone=Milestone.RESPONSE)
    refuse_loosening(agreed("customer", shorter, customer=GROUP), [upper])
    for lower, reason in ((longer, "its limit is longer"), (other, "not comparable: another milestone")):
        with pytest.raises(Invalid, match=reason):
            refuse_loosening(agreed("customer", lower, customer=GROUP), [upper])

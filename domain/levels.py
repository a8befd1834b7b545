"""Effective objectives of (customer, service, instant): all levels that apply, a lower one overriding by code."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.agreement import Agreement, Version
from domain.errors import Invalid, Taken
from domain.ids import AgreementId, PartyId
from domain.objective import LowVolume, Objective, Override
from domain.ratio import Direction
from domain.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveObjective:
    """An objective that binds, with where it comes from and what it overrides, weakest first."""

    objective: Objective
    agreement: Agreement
    version: Version
    overrides: tuple[tuple[Objective, Agreement], ...] = ()


def applies(agreement: Agreement, service: Service, lineage: Sequence[PartyId]) -> bool:
    """Whether the agreement's scope holds the service and the customer. `lineage`: the customer, then its parents."""
    if agreement.service is not None:
        service_fits = agreement.service == service.id
    else:
        service_fits = agreement.provider == service.provider
    return service_fits and (agreement.customer is None or agreement.customer in lineage)


def effective(
    agreements: Iterable[Agreement], service: Service, lineage: Sequence[PartyId], at: datetime
) -> tuple[EffectiveObjective, ...]:
    """The objectives that bind, in order of code. A nearer party's agreement overrides one of a party above it."""

    def strength(agreement: Agreement) -> tuple[int, int]:
        nearness = -lineage.index(agreement.customer) if agreement.customer in lineage else 0
        return agreement.level, nearness

    bound: dict[str, EffectiveObjective] = {}
    scoped = [agreement for agreement in agreements if applies(agreement, service, lineage)]
    for agreement in sorted(scoped, key=lambda each: (*strength(each), each.code)):
        version = agreement.in_force(at)
        if version is None:
            continue
        for objective in version.objectives:
            weaker = bound.get(objective.code)
            overrides = () if weaker is None else (*weaker.overrides, (weaker.objective, weaker.agreement))
            bound[objective.code] = EffectiveObjective(
                objective=objective, agreement=agreement, version=version, overrides=overrides
            )
    return tuple(bound[code] for code in sorted(bound))


def refuse_equal_scope(candidate: Agreement, others: Iterable[Agreement]) -> None:
    """Two objectives of one code at equal scope, in force at one time, are refused (rules.md, Levels)."""
    mine = candidate.activated[-1]
    scope = (candidate.provider, candidate.customer, candidate.service)
    for other in others:
        if other.id == candidate.id or (other.provider, other.customer, other.service) != scope:
            continue
        if not _overlap_in_time(candidate, other):
            continue
        taken = {objective.code for version in other.activated for objective in version.objectives}
        for index, objective in enumerate(mine.objectives):
            if objective.code in taken:
                raise Taken(
                    f"agreement {other.code} promises {objective.code} at the same scope",
                    path=("objectives", index, "code"),
                )


def refuse_loosening(
    candidate: Agreement, others: Iterable[Agreement], *, named: Container[AgreementId] | None = None
) -> None:
    """What a higher level declares tighten-only may not be loosened below it, whichever was activated first.

    `named`: the agreements that whoever activates may hear of by name; None where it may of all.
    """
    for other in others:
        if other.id == candidate.id or not _overlap_in_time(candidate, other):
            continue
        if _above(other, candidate):
            _check_tightening(upper=other, lower=candidate, blamed=candidate, named=named)
        if _above(candidate, other):
            _check_tightening(upper=candidate, lower=other, blamed=candidate, named=named)


def _overlap_in_time(left: Agreement, right: Agreement) -> bool:
    if not left.activated or not right.activated:
        return False
    starts = max(left.activated[0].effective_from, right.activated[0].effective_from)
    ends = [each for each in (left.ends_at, right.ends_at) if each is not None]
    return not ends or starts < min(ends)


def _above(upper: Agreement, lower: Agreement) -> bool:
    if upper.provider != lower.provider or upper.level >= lower.level:
        return False
    customer_fits = upper.customer is None or upper.customer == lower.customer
    service_fits = upper.service is None or upper.service == lower.service
    return customer_fits and service_fits


def _check_tightening(
    *, upper: Agreement, lower: Agreement, blamed: Agreement, named: Container[AgreementId] | None
) -> None:
    above, below = upper.activated[-1], lower.activated[-1]
    bounds = {each.code: each for each in above.objectives if each.override is Override.TIGHTEN}
    for index, objective in enumerate(below.objectives):
        bound = bounds.get(objective.code)
        if bound is None:
            continue
        reason = _loosens(objective, bound) or _excludes_otherwise(below, above)
        if reason is not None:
            other = upper if blamed is lower else lower
            is_named = named is None or other.id in named
            where = f"agreement {other.code}" if is_named else "by another agreement of the provider"
            raise Invalid(
                f"{objective.code} may only be tightened ({where}): {reason}",
                path=("objectives", index),
            )


def _loosens(lower: Objective, upper: Objective) -> str | None:
    """Why the lower objective is not a tightening of the upper; None where it is one or equals it."""
    comparable = (
        (lower.metric, upper.metric, "another metric"),
        (lower.direction, upper.direction, "another direction"),
        (lower.window, upper.window, "another window or calendar"),
        (lower.source, upper.source, "another source"),
        (lower.missing, upper.missing, "silence counts otherwise"),
        (lower.granularity, upper.granularity, "another granularity"),
        (lower.hours, upper.hours, "other service hours"),
        (lower.case_milestone, upper.case_milestone, "another milestone"),
    )
    for mine, theirs, why in comparable:
        if mine != theirs:
            return f"not comparable: {why}"
    if not _no_looser(lower, upper):
        return "its target is looser"
    if lower.minimum_duration > upper.minimum_duration:
        return "its minimum duration is longer"
    if lower.case_limit is not None and upper.case_limit is not None and lower.case_limit > upper.case_limit:
        return "its limit is longer"
    if lower.low_volume is LowVolume.ONE_MISS and upper.low_volume is LowVolume.NONE:
        return "it tolerates a miss of few cases"
    if not lower.coverage_needed.meets(upper.coverage_needed, Direction.AT_LEAST):
        return "its minimum coverage is lower"
    return None


def _excludes_otherwise(lower: Version, upper: Version) -> str | None:
    """Fewer exclusions would be tighter, but what the two leave of a period can't be told beforehand."""
    mine, theirs = (lower.exclusion_terms, lower.recurring), (upper.exclusion_terms, upper.recurring)
    return None if mine == theirs else "not comparable: other terms of exclusions"


def _no_looser(lower: Objective, upper: Objective) -> bool:
    return lower.expected.meets(upper.expected, upper.direction) and lower.breach_level.meets(
        upper.breach_level, upper.direction
    )

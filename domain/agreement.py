"""Who promised what to whom, for which customers and services, in which version from when on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from itertools import pairwise
from uuid import UUID

from domain.calendars import ContractYearWindow, RollingWindow, periods
from domain.errors import DomainError, Invalid, OutOfRange, Taken, TooMany, WrongState
from domain.exclusion import ExclusionTerms
from domain.ids import AgreementId, PartyId, PeriodId, ServiceId, VersionId
from domain.objective import Importance, Objective
from domain.recurrence import RECURRENCES_MAX, Recurrence, require_bounded
from domain.service import Service
from domain.spans import Span
from domain.text import checked_code, checked_name, checked_note

OBJECTIVES_MAX = 100
CLAUSES_MAX = 100
VERSIONS_MAX = 100
GRACE_MAX = timedelta(days=92)
DEFAULT_GRACE = timedelta(days=5)
HORIZON = timedelta(days=800)
"""How far ahead of the clock period bounds are laid down as terms; the worker extends them."""


class AgreementKind(Enum):
    SLA = "sla"
    """To a customer."""
    OLA = "ola"
    """Between internal teams."""
    UC = "uc"
    """Underpinning contract: a vendor's."""


class Level(IntEnum):
    """In order of precedence, weakest first (rules.md, Levels)."""

    CORPORATE = 1
    CUSTOMER = 2
    SERVICE = 3
    CUSTOMER_AND_SERVICE = 4


class ClauseKind(Enum):
    PURPOSE = "purpose"
    SCOPE = "scope"
    RESPONSIBILITIES = "responsibilities"
    EXCLUSIONS = "exclusions"
    MEASUREMENT_METHOD = "measurement_method"
    REPORTING = "reporting"
    DISPUTE_PROCEDURE = "dispute_procedure"
    INDEMNIFICATION = "indemnification"
    TERMINATION = "termination"
    CHANGE_PROCEDURE = "change_procedure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    kind: ClauseKind
    text: str

    def __post_init__(self) -> None:
        checked_note(self.text, "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The terms from an instant on, until the next version in force. Never edited once in force, only succeeded.

    `activated_at` is None while the version is a draft. `grace`: how long after its end a period stays provisional.
    """

    id: VersionId
    number: int
    effective_from: datetime
    objectives: tuple[Objective, ...]
    clauses: tuple[Clause, ...] = ()
    grace: timedelta = DEFAULT_GRACE
    judge_partial_periods: bool = False
    exclusion_terms: tuple[ExclusionTerms, ...] = ()
    recurring: tuple[Recurrence, ...] = ()
    activated_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.objectives) <= OBJECTIVES_MAX:
            raise OutOfRange(f"a version has 1 to {OBJECTIVES_MAX} objectives", path=("objectives",))
        if len(self.clauses) > CLAUSES_MAX:
            raise OutOfRange(f"a version has at most {CLAUSES_MAX} clauses", path=("clauses",))
        if not timedelta(0) <= self.grace <= GRACE_MAX:
            raise OutOfRange(f"a grace is 0 to {GRACE_MAX.days} days", path=("grace",))
        if len(self.recurring) > RECURRENCES_MAX:
            raise TooMany(f"a version has at most {RECURRENCES_MAX} recurrences", path=("recurring",))
        kinds = [terms.kind for terms in self.exclusion_terms]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                raise Taken(f"two terms are of the kind {kind.value}", path=("exclusionTerms", index, "kind"))
        seen: set[str] = set()
        for index, objective in enumerate(self.objectives):
            if objective.code in seen:
                raise Taken(f"two objectives have the code {objective.code}", path=("objectives", index, "code"))
            seen.add(objective.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Scope: one customer or all (None), one service or all (None). Invariant: versions are in order of number."""

    id: AgreementId
    code: str
    name: str
    kind: AgreementKind
    provider: PartyId
    customer: PartyId | None = None
    service: ServiceId | None = None
    starts_at: datetime
    ends_at: datetime | None = None
    versions: tuple[Version, ...] = ()

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)
        if len(self.versions) > VERSIONS_MAX:
            raise OutOfRange(f"an agreement has at most {VERSIONS_MAX} versions")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise OutOfRange("an agreement ends after it starts", path=("endsAt",))
        for version in self.versions:
            if version.effective_from < self.starts_at:
                raise OutOfRange("a version takes effect at or after the agreement's start", path=("effectiveFrom",))
            if self.ends_at is not None and version.effective_from >= self.ends_at:
                raise OutOfRange("a version takes effect before the agreement's end", path=("effectiveFrom",))

    @property
    def level(self) -> Level:
        if self.customer is None:
            return Level.CORPORATE if self.service is None else Level.SERVICE
        return Level.CUSTOMER if self.service is None else Level.CUSTOMER_AND_SERVICE

    @property
    def activated(self) -> tuple[Version, ...]:
        """Versions in force or to come into force, in order of effect."""
        return tuple(version for version in self.versions if version.activated_at is not None)

    def in_force(self, at: datetime) -> Version | None:
        """The version that governs the instant."""
        if at < self.starts_at or (self.ends_at is not None and at >= self.ends_at):
            return None
        found = [version for version in self.activated if version.effective_from <= at]
        return found[-1] if found else None

    def drafted(self, version: Version) -> Agreement:
        """With one more draft, numbered after the last; only one draft at a time."""
        if any(each.activated_at is None for each in self.versions):
            raise WrongState("the agreement has a draft already")
        return replace(self, versions=(*self.versions, version))

    def activate(self, *, at: datetime) -> Agreement:
        """The draft comes into force from its `effective_from` on, after every version before it."""
        if not self.versions or self.versions[-1].activated_at is not None:
            raise WrongState("the agreement has no draft to activate")
        draft = self.versions[-1]
        if self.activated and draft.effective_from <= self.activated[-1].effective_from:
            raise OutOfRange("a version takes effect after the one that it succeeds", path=("effectiveFrom",))
        return replace(self, versions=(*self.versions[:-1], replace(draft, activated_at=at)))

    def successor_of(self, version: VersionId) -> Version | None:
        for current, following in pairwise(self.activated):
            if current.id == version:
                return following
        return None

    def covers(self, service: Service, *, customers: frozenset[PartyId]) -> bool:
        """Whether an objective of this agreement is judged on the service.

        `customers`: the agreement's customer and the parties below it. For all services it is those that the
        agreement's provider delivers to a consumer within the scope.
        """
        if self.service is not None:
            return service.id == self.service
        if service.provider != self.provider:
            return False
        return bool(service.consumers) if self.customer is None else bool(service.consumers & customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One period of an objective on one service. A partial one is cut by the agreement's term.

    `report_only`: judged and told, breaching nothing (rules.md, Calendars: a first partial period).
    """

    id: PeriodId
    span: Span
    report_only: bool = False


def periods_of(
    agreement: Agreement, version: Version, objective: Objective, *, until: datetime, new_id: Callable[[], UUID]
) -> tuple[Period, ...]:
    """The periods that the version governs: those that start while it is in force (rules.md, Calendars).

    The first version also governs the part of the natural period that its start cuts. Rolling periods are whole: none
    that the agreement's term would cut is judged.
    """
    successor = agreement.successor_of(version.id)
    ends = (until, agreement.ends_at, successor.effective_from if successor else None)
    stop = min(end for end in ends if end is not None)
    window = objective.window
    anchor = agreement.starts_at if isinstance(window, ContractYearWindow) else version.effective_from
    first = agreement.activated[0].id == version.id
    told_only = objective.importance is Importance.REPORT_ONLY
    found: list[Period] = []
    for natural in periods(window, starts=anchor, until=stop):
        cut = natural.start < version.effective_from
        if cut and not (first and natural.end > version.effective_from):
            continue
        start = max(natural.start, version.effective_from)
        end = natural.end if agreement.ends_at is None else min(natural.end, agreement.ends_at)
        partial = cut or end < natural.end
        if partial and isinstance(window, RollingWindow):
            continue
        report_only = told_only or (partial and not version.judge_partial_periods)
        found.append(Period(id=PeriodId(new_id()), span=Span(start, end), report_only=report_only))
    return tuple(found)


def require_bounded_recurrences(version: Version, *, ends_at: datetime | None) -> None:
    """Raises Invalid or TooMany for one that has no end, never occurs, or occurs too often."""
    for index, recurrence in enumerate(version.recurring):
        try:
            require_bounded(recurrence, ends_at=ends_at)
        except DomainError as error:
            raise error.at("recurring", index) from error


def require_distinct_scope(agreement: Agreement) -> None:
    """A service-level agreement of one party with itself makes no sense."""
    if agreement.customer == agreement.provider:
        raise Invalid("a party makes no agreement with itself", path=("customer",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectivePlace:
    """An objective with the agreement and version that it stands in."""

    objective: Objective
    agreement: Agreement
    version: VersionId

"""The time of a period that counts: within service hours, without what exclusions take out (rules.md, Time down)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from domain.agreement import Period
from domain.aside import EXCLUSIONS_TOLD_MAX, ExclusionUsed, SetAside
from domain.attainment import Subject
from domain.calendars import ContractYearWindow, natural_period
from domain.exclusion import Exclusion, ExclusionKind
from domain.hours import open_spans
from domain.ids import ExclusionId
from domain.recurrence import occurrences
from domain.spans import Span, intersect, microseconds, subtract, total_us, union


@dataclass(frozen=True, slots=True)
class Excluded:
    """An exclusion, or an occurrence of the recurrence at that place of the version, with a piece of time that it
    takes out.
    """

    exclusion: Exclusion
    recurrence: int | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedTime:
    """Of a whole period, what is yet to come included. Each part is disjoint and sorted.

    `open`: within service hours. `excluded`: what exclusions take out of that, each instant by the one that started
    first. `counted`: the rest.
    """

    open: tuple[Span, ...]
    excluded: tuple[Excluded, ...]
    counted: tuple[Span, ...]


def allowed_time(subject: Subject, exclusions: Sequence[Exclusion], period: Period) -> AllowedTime:
    """The exclusions are those that meet `reach`, or more; those of other scopes and withdrawn ones are left alone."""
    within = (period.span,)
    is_open = _open(subject, within)
    found = [
        *_recorded(subject, exclusions),
        *_recurring(subject, reach(subject, period)),
    ]
    pieces = _apart(_kept(subject, sorted(found, key=_order), period.span))
    excluded = tuple(
        Excluded(piece.exclusion, piece.recurrence, span)
        for piece in pieces
        for span in intersect((piece.span,), is_open)
    )
    return AllowedTime(
        open=is_open, excluded=excluded, counted=subtract(is_open, union(piece.span for piece in excluded))
    )


def reach(subject: Subject, period: Period) -> tuple[Span, ...]:
    """The time whose exclusions decide what counts in the period: with a yearly cap, all of its contract years."""
    if not any(terms.yearly_cap is not None for terms in subject.exclusion_terms):
        return (period.span,)
    return union((period.span, *_contract_years(subject, period.span)))


def counted_spans(subject: Subject, exclusions: Sequence[Exclusion], period: Period, at: datetime) -> tuple[Span, ...]:
    """The allowed time of the period so far."""
    return so_far(allowed_time(subject, exclusions, period).counted, at)


def so_far(spans: Sequence[Span], at: datetime) -> tuple[Span, ...]:
    """The parts of disjoint sorted spans before the instant."""
    return tuple(Span(span.start, min(span.end, at)) for span in spans if span.start < at)


def excluded_us(period: Period, at: datetime, allowed: tuple[Span, ...]) -> int:
    """Of a period that is open around the clock."""
    until = min(at, period.span.end)
    return max(0, microseconds(until - period.span.start)) - total_us(allowed)


def set_aside(allowed: AllowedTime, period: Period, at: datetime) -> SetAside:
    """The time of the period so far that does not count: outside service hours, and by exclusion."""
    passed = so_far((period.span,), at)
    lengths: dict[ExclusionId, int] = {}
    first: dict[ExclusionId, Excluded] = {}
    for piece in allowed.excluded:
        for span in so_far((piece.span,), at):
            exclusion = piece.exclusion.id
            first.setdefault(exclusion, piece)
            lengths[exclusion] = lengths.get(exclusion, 0) + span.length_us
    used = [
        ExclusionUsed(
            exclusion=exclusion,
            kind=piece.exclusion.kind,
            starts_at=piece.exclusion.span.start,
            recurrence=piece.recurrence,
            us=lengths[exclusion],
        )
        for exclusion, piece in first.items()
    ]
    return SetAside(
        closed_us=total_us(passed) - total_us(so_far(allowed.open, at)),
        excluded_us=sum(lengths.values()),
        exclusions=tuple(used[:EXCLUSIONS_TOLD_MAX]),
        exclusions_total=len(used),
    )


def _open(subject: Subject, within: Iterable[Span]) -> tuple[Span, ...]:
    hours = subject.objective.hours
    if hours is None:
        return tuple(within)
    return tuple(span for each in within for span in open_spans(hours, each))


def _recorded(subject: Subject, exclusions: Sequence[Exclusion]) -> Iterator[Excluded]:
    """Those of the subject's scope that were announced as the version asks."""
    terms = {each.kind: each for each in subject.exclusion_terms}
    for each in exclusions:
        if each.withdrawn or not each.concerns(service=subject.service, agreement=subject.agreement):
            continue
        if each.kind not in terms or terms[each.kind].takes(each):
            yield Excluded(each, None, each.span)


def _recurring(subject: Subject, within: Sequence[Span]) -> Iterator[Excluded]:
    """The version's own: announced with it."""
    for place, recurrence in enumerate(subject.recurring):
        seen: set[Span] = set()
        for around in within:
            for span in occurrences(recurrence, around, ends_at=subject.ends_at):
                if span in seen:
                    continue
                seen.add(span)
                exclusion = Exclusion(
                    id=_occurrence_id(subject, place, span.start),
                    kind=recurrence.kind,
                    span=span,
                    agreement=subject.agreement,
                    reason=recurrence.reason,
                )
                yield Excluded(exclusion, place, span)


def _occurrence_id(subject: Subject, place: int, start: datetime) -> ExclusionId:
    """The same whenever it is computed; of another version than the ids that are minted."""
    told = f"{subject.version}/{place}/{start.isoformat()}"
    return ExclusionId(UUID(bytes=sha256(told.encode()).digest()[:16], version=5))


def _order(piece: Excluded) -> tuple[datetime, datetime, ExclusionId]:
    return (piece.span.start, piece.span.end, piece.exclusion.id)


def _kept(subject: Subject, found: Sequence[Excluded], period: Span) -> list[Excluded]:
    """What caps leave, in the order of `_order`. A kind's instants use its cap up once, whoever excludes them."""
    caps = {each.kind: each.yearly_cap for each in subject.exclusion_terms if each.yearly_cap is not None}
    kept = [piece for piece in found if piece.exclusion.kind not in caps and piece.span.overlaps(period)]
    if any(piece.exclusion.kind in caps for piece in found):
        for year in _contract_years(subject, period):
            kept += _capped(subject, caps, found, year)
    return sorted((piece for piece in kept if piece.span.overlaps(period)), key=_order)


def _capped(
    subject: Subject, caps: Mapping[ExclusionKind, timedelta], found: Sequence[Excluded], year: Span
) -> Iterator[Excluded]:
    """Only time within service hours uses a cap up."""
    for kind, cap in caps.items():
        left = microseconds(cap)
        pieces = (piece for piece in found if piece.exclusion.kind is kind)
        for piece in _apart(_clipped(pieces, year)):
            for span in _open(subject, (piece.span,)):
                if left <= 0:
                    break
                end = min(span.end, span.start + timedelta(microseconds=left))
                left -= microseconds(end - span.start)
                yield Excluded(piece.exclusion, piece.recurrence, Span(span.start, end))


def _clipped(pieces: Iterable[Excluded], within: Span) -> Iterator[Excluded]:
    for piece in pieces:
        span = piece.span.clip(within)
        if span is not None:
            yield Excluded(piece.exclusion, piece.recurrence, span)


def _apart(pieces: Iterable[Excluded]) -> Iterator[Excluded]:
    """The same instants, each by the piece that started first. Of pieces in order of start what is left lies behind."""
    taken: datetime | None = None
    for piece in pieces:
        start = piece.span.start if taken is None else max(taken, piece.span.start)
        if start < piece.span.end:
            yield Excluded(piece.exclusion, piece.recurrence, Span(start, piece.span.end))
            taken = piece.span.end


def _contract_years(subject: Subject, within: Span) -> tuple[Span, ...]:
    """Those of the agreement that share time with the span, in the zone of the objective's window."""
    window = ContractYearWindow(zone=subject.objective.window.zone)
    years: list[Span] = []
    start = max(within.start, subject.starts_at)
    while start < within.end:
        years.append(natural_period(window, start, starts=subject.starts_at))
        start = years[-1].end
    return tuple(years)

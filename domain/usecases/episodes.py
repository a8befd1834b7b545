"""After a pass judged evaluations of rolling objectives: their episodes, followed by their breaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.agreement import ObjectivePlace
from domain.breach import Breach, Transition
from domain.episode import Judged, episodes, follow_episode
from domain.feed import BreachChange
from domain.ids import BreachId, PeriodId
from domain.metric import Metric
from domain.ports import Mint, Work
from domain.service import Service
from domain.spans import Span
from domain.usecases.breaches import breach_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """What a pass judged of a rolling objective on a service."""

    place: ObjectivePlace
    metric: Metric
    service: Service
    spans: Sequence[Span]

    @property
    def judged(self) -> Judged:
        return Judged(objective=self.place.objective.id, service=self.service.id)


async def follow_episodes(work: Work, rolled: Sequence[Rolled], *, at: datetime, mint: Mint) -> list[BreachChange]:
    """Keeps the breaches of all episodes that the judged evaluations are part of, or were; answers what changed.

    The verdicts are saved, and `work.episodes.hold` was called before that: so of two passes over one objective and
    service the later one finds the verdicts of both.
    """
    by_judged = {each.judged: each for each in rolled}
    reach = {
        judged: (min(span.start for span in each.spans), max(span.start for span in each.spans))
        for judged, each in by_judged.items()
    }
    found = await work.episodes.evaluations(reach)
    breaches = await work.breaches.by_periods([each.period for listed in found.values() for each in listed])
    changed: dict[PeriodId, Breach] = {}
    steps: list[tuple[Judged, PeriodId, Sequence[Transition]]] = []
    for judged, evaluations in found.items():
        begun = {episode.first.period: episode for episode in episodes(evaluations)}
        agreement = by_judged[judged].place.agreement.id
        for each in evaluations:
            before = breaches.get(each.period)
            after, taken = follow_episode(
                before, begun.get(each.period), agreement=agreement, judged=judged, at=at, new_id=BreachId(mint())
            )
            if after is not None and after != before:
                changed[each.period] = after
                steps.append((judged, each.period, taken))
    await work.breaches.save(changed)
    return await _told(work, by_judged, changed, steps)


async def _told(
    work: Work,
    rolled: Mapping[Judged, Rolled],
    changed: Mapping[PeriodId, Breach],
    steps: Sequence[tuple[Judged, PeriodId, Sequence[Transition]]],
) -> list[BreachChange]:
    """An event tells the verdict by which its episode began."""
    verdicts = await work.attainments.by_ids(changed)
    return [
        breach_change(step, changed[period], verdicts[period], place.place, place.metric, place.service)
        for judged, period, taken in steps
        for step in taken
        for place in (rolled[judged],)
    ]

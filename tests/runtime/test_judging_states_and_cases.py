"""Judging states and cases from files: as the judge on all facts at once, and bound to the terms' rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import CaseEvidence, Status, Subject, TimeEvidence
from domain.evaluate import evaluate
from domain.ids import StreamId
from domain.outage_time import OutageFacts
from domain.ratio import Ratio
from domain.state import StateChange, log_of
from runtime.fact_rows import CaseRow, FactRow, StateRow
from runtime.facts_file import BadLines
from runtime.gathering import Gathered, gather
from runtime.judgement_json import as_json
from runtime.judging import judge
from runtime.terms import Terms, id_of
from runtime.terms_file import read_terms
from runtime.yaml_nodes import FileInvalid
from tests.runtime.wrong_terms import SMALL

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROBED = (
    SMALL.replace("month", "day")
    .replace("99.9", "99.9\n    minimum_duration: PT30M\n    missing: excluded")
    .replace(
        "    aggregation: availability\n",
        "    aggregation: availability\n    shape: state\n    staleness: PT2H\n    weights: {degraded: 0.5}\n",
    )
)
COMPOSED = PROBED.replace(
    "  - code: web\n",
    "  - {code: web, structure: {any_of: [one, two]}}\n  - {code: one, provider: a}\n  - {code: two, provider: b}\n",
)
DESK = (
    SMALL.replace("month", "day")
    .replace("aggregation: availability", "aggregation: cases_within")
    .replace("expected: 99.9", "expected: 90\n    case_milestone: resolution\n    case_limit: PT1H")
)


def terms_of(folder: Path, text: str) -> Terms:
    path = folder / "terms.yaml"
    path.write_text(text, encoding="utf-8")
    return read_terms(path)


def gathered(terms: Terms, *rows: FactRow) -> Gathered:
    bad = BadLines("facts")
    found = gather(terms, rows, bad)
    bad.refuse()
    return found


def refused(terms: Terms, *rows: FactRow) -> list[str]:
    bad = BadLines("facts")
    gather(terms, rows, bad)
    return bad.told


def a_state(line: int, at: datetime, state: str, *, service: str = "web", source: str = "default") -> StateRow:
    return StateRow(line, service, "availability", source, at, state)


def a_case(line: int, opened: datetime, resolved: datetime | None = None, *, name: str | None = None) -> CaseRow:
    return CaseRow(line, "web", "availability", "default", name or f"T-{line}", opened, None, resolved, ())


@st.composite
def state_rows(draw: st.DrawFn) -> list[StateRow]:
    """Of two services, from two sources each, on a grid of half hours over five days."""
    services, sources = st.sampled_from(["one", "two", "web"]), st.sampled_from(["here", "there"])
    places = st.tuples(st.integers(0, 5 * 48), services, sources)
    found = draw(st.lists(places, max_size=12, unique=True))
    states = st.sampled_from(["up", "down", "degraded"])
    return [
        a_state(line, START + place * HOUR / 2, draw(states), service=service, source=source)
        for line, (place, service, source) in enumerate(found)
    ]


@pytest.mark.parametrize("text", [PROBED, COMPOSED], ids=["measured by itself", "composed"])
@given(rows=state_rows(), hours=st.integers(1, 150))
def test_a_period_judged_on_the_states_around_it_is_as_judged_on_all(
    tmp_path_factory: pytest.TempPathFactory, text: str, rows: list[StateRow], hours: int
) -> None:
    terms = terms_of(tmp_path_factory.getbasetemp(), text)
    at = START + hours * HOUR
    for verdict in judge(terms, gathered(terms, *rows), at=at).verdicts:
        attainment = verdict.attainment
        subject = Subject(
            objective=verdict.promise.objective,
            metric=verdict.promise.metric,
            agreement=attainment.agreement,
            version=attainment.version,
            service=attainment.service,
            starts_at=terms.agreement.starts_at,
            ends_at=terms.agreement.ends_at,
            grace=terms.version.grace,
        )
        on_all = evaluate(subject, all_states(terms, rows), (), attainment.period, at)
        # When to look again matters to nobody here, so what is still to come is left out.
        assert replace(attainment, next_at=None) == replace(on_all, next_at=None)


def all_states(terms: Terms, rows: Sequence[StateRow]) -> OutageFacts:
    logs = {
        service.id: [
            log_of(
                StreamId(id_of("stream", f"{service.id}/availability/{source}")),
                [StateChange(row.at, row.state) for row in rows if (row.service, row.source) == (service.code, source)],
                2 * HOUR,
            )
            for source in dict.fromkeys(row.source for row in rows if row.service == service.code)
        ]
        for service in terms.services.values()
    }
    return OutageFacts(services=terms.services, logs=logs)


def test_states_are_judged_and_told_with_the_stretches_that_were_not_up(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, PROBED)
    said = ["up"] * 24
    said[3], said[5] = "degraded", "down"
    rows = [a_state(line, START + line * HOUR, state) for line, state in enumerate(said)]
    found = judge(terms, gathered(terms, *rows), at=START + 24 * HOUR)
    [verdict] = found.verdicts
    evidence = verdict.attainment.evidence
    assert isinstance(evidence, TimeEvidence)
    assert (verdict.attainment.status, evidence.down_us, evidence.missing_us) == (Status.MISSED, 7_200_000_000, 0)
    assert (
        '"states":[{"state":"degraded","since":"2024-01-01T03:00:00Z","use":"counted"},'
        '{"state":"down","since":"2024-01-01T05:00:00Z","use":"counted"}],"statesTotal":2'
    ) in as_json(found, "breach")


def test_cases_are_judged_in_the_period_in_which_they_are_decided(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, DESK)
    rows = [
        a_case(1, START, START + HOUR),
        a_case(2, START, START + 3 * HOUR),
        a_case(3, START + 23 * HOUR + HOUR / 2, START + 25 * HOUR),
    ]
    found = judge(terms, gathered(terms, *rows), at=START + 48 * HOUR)
    shares = [verdict.attainment.value for verdict in found.verdicts]
    assert shares == [Ratio(1, 2), Ratio(0, 1)]
    second = found.verdicts[1].attainment.evidence
    assert isinstance(second, CaseEvidence)
    assert (second.in_time, second.late, second.open, second.cases[0].external_id) == (0, 1, 0, "T-3")
    assert '{"caseId":"T-3","decidedAt":"2024-01-02T00:30:00Z","use":"late"}' in as_json(found, "breach")


def test_rows_are_held_to_the_rules_of_their_metric(tmp_path: Path) -> None:
    probed, desk = terms_of(tmp_path, PROBED), terms_of(tmp_path, DESK)
    cases: list[tuple[Terms, list[FactRow], str]] = [
        (
            probed,
            [a_state(2, START, "critical")],
            "facts:2: state: state 'critical' has no declared weight; declared are up, down, degraded",
        ),
        (
            probed,
            [a_case(2, START)],
            "facts:2: metric: availability is measured by facts of another kind: state",
        ),
        (
            desk,
            [a_state(2, START, "up")],
            "facts:2: metric: availability is measured by facts of another kind: case",
        ),
        (
            probed,
            [a_state(2, START, "up"), a_state(3, START, "down")],
            "facts:3: line 2 has the same fact with other content",
        ),
        (
            desk,
            [a_case(2, START, name="T"), a_case(3, START, START + HOUR, name="T")],
            "facts:3: line 2 has the same fact with other content",
        ),
    ]
    for terms, rows, told in cases:
        assert refused(terms, *rows) == [told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DESK.replace("\n    case_limit: PT1H", ""), "a promise about cases names its limit"),
        (DESK.replace("\n    case_milestone: resolution", ""), "a promise about cases names its milestone"),
        (
            PROBED.replace("missing: excluded", "case_limit: PT1H"),
            "availability is not about cases, which alone have a limit",
        ),
        (DESK.replace("PT1H", "PT0S"), "a limit is 1 second to 366 days"),
        (
            SMALL.replace("aggregation: availability", "aggregation: availability\n    staleness: PT1H"),
            "do not go stale",
        ),
    ],
)
def test_terms_about_cases_and_states_are_held_to_their_rules(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FileInvalid, match=told):
        terms_of(tmp_path, text)

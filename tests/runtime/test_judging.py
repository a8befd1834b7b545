"""Judging from files: the same verdicts as the judge on all facts at once, and rows bound to the terms' rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attainment import Status, Subject, TimeEvidence
from domain.errors import TooMany
from domain.evaluate import evaluate
from domain.fact import Outage, OutageLog
from domain.ids import StreamId
from domain.outage_time import OutageFacts
from domain.ratio import Ratio
from runtime.fact_rows import FactRow, OutageRow, SampleRow, TallyRow
from runtime.facts_file import BadLines
from runtime.gathering import Gathered, RowsOf, gather
from runtime.judging import judge
from runtime.terms import Terms, id_of
from runtime.terms_file import read_terms
from tests.runtime.wrong_terms import SMALL

START = datetime(2024, 1, 1, tzinfo=UTC)
DAILY = SMALL.replace("month", "day").replace("99.9", "99.9\n    minimum_duration: PT30M")
COMPOSED = DAILY.replace(
    "  - code: web\n",
    "  - {code: web, structure: {any_of: [one, two]}}\n  - {code: one, provider: a}\n  - {code: two, provider: b}\n",
)
COUNTED = SMALL.replace(
    "    aggregation: availability\n",
    "    aggregation: availability\n"
    "  - {code: success, aggregation: ratio_of_sums}\n"
    "  - {code: latency, aggregation: mean, direction: at_most, scale: 1}\n"
    "  - {code: losses, aggregation: sum, direction: at_most}\n",
).replace(
    "objectives:\n",
    "objectives:\n"
    "  - {code: success, metric: success, expected: 90, window: {every: month}, source: edge}\n"
    "  - {code: latency, metric: latency, expected: 100, window: {every: month}}\n",
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


@st.composite
def outage_rows(draw: st.DrawFn) -> list[OutageRow]:
    """Some that touch, overlap, reach over midnights or last; of the services one and two."""
    found = []
    for line in range(draw(st.integers(0, 8))):
        start = START + timedelta(minutes=10 * draw(st.integers(0, 5 * 144)))
        length = draw(st.one_of(st.none(), st.integers(1, 200)))
        end = None if length is None else start + timedelta(minutes=10 * length)
        service, impact = draw(st.sampled_from(["one", "two", "web"])), draw(st.sampled_from(["major", "minor"]))
        found.append(OutageRow(line, "v", service, str(line), start, end, impact))
    return found


@pytest.mark.parametrize("text", [DAILY, COMPOSED], ids=["measured by itself", "composed"])
@given(rows=outage_rows(), hours=st.integers(1, 150))
def test_a_period_judged_on_the_facts_around_it_is_as_judged_on_all(
    tmp_path_factory: pytest.TempPathFactory, text: str, rows: list[OutageRow], hours: int
) -> None:
    terms = terms_of(tmp_path_factory.getbasetemp(), text)
    at = START + timedelta(hours=hours)
    for verdict in judge(terms, gathered(terms, *rows), at=at).verdicts:
        attainment = verdict.attainment
        subject = Subject(
            objective=verdict.promise.objective,
            metric=verdict.promise.metric,
            agreement=attainment.agreement,
            version=attainment.version,
            service=attainment.service,
            grace=terms.version.grace,
        )
        on_all = evaluate(subject, all_facts(terms, rows, at), (), attainment.period, at)
        # When to look again matters to nobody here, so outages that are still to come are left out.
        assert replace(attainment, next_at=None) == replace(on_all, next_at=None)


def all_facts(terms: Terms, rows: list[OutageRow], at: datetime) -> OutageFacts:
    logs = {
        service.id: [
            OutageLog(
                stream=StreamId(id_of("stream", f"{service.id}/default")),
                outages=[
                    Outage(external_id=str(row.line), impact=row.impact, start=row.started_at, end=row.ended_at)
                    for row in rows
                    if row.service == service.code and not service.structures
                ],
                reported_through=at,
            )
        ]
        for service in terms.services.values()
    }
    return OutageFacts(services=terms.services, logs=logs)


def test_tallies_and_samples_are_judged_by_metric_and_source(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, COUNTED)
    ends = START + timedelta(minutes=15)
    rows = gathered(
        terms,
        TallyRow(2, "web", "success", "edge", START, ends, 90, 100),
        TallyRow(3, "web", "success", "edge", START + timedelta(days=31), ends + timedelta(days=31), 0, 100),
        TallyRow(4, "web", "success", "inside", START, ends, 0, 100),
        SampleRow(5, "web", "latency", "edge", START, Decimal(95)),
        SampleRow(6, "web", "latency", "inside", START, Decimal(104)),
        SampleRow(7, "mail", "latency", "inside", START, Decimal(1)),
        SampleRow(8, "web", "weight", "inside", START, Decimal(1)),
    )
    found = judge(terms, rows, until=START + timedelta(days=1))
    assert [verdict.attainment.value for verdict in found.verdicts[:2]] == [Ratio(90, 100), Ratio(1990, 20)]
    assert found.not_under_terms == {RowsOf("", "mail", "latency"): 1, RowsOf("", "web", "weight"): 1}


MAJOR = OutageRow(2, "host", "web", "1", START, START + timedelta(hours=1), "major")
TALLY = TallyRow(2, "web", "success", "edge", START, START + timedelta(minutes=15), 90, 100)
SAMPLE = SampleRow(2, "web", "latency", "edge", START, Decimal(95))


@pytest.mark.parametrize("row", [MAJOR, TALLY, SAMPLE], ids=["outage", "tally", "sample"])
def test_a_fact_that_is_told_twice_counts_once_and_is_counted_as_repeated(tmp_path: Path, row: FactRow) -> None:
    terms = terms_of(tmp_path, COUNTED)
    once, twice = gathered(terms, row), gathered(terms, row, replace(row, line=3))
    assert (once.repeated, twice.repeated, twice.rows) == (0, 1, 2)
    at = START + timedelta(days=40)
    assert judge(terms, once, at=at).verdicts == judge(terms, twice, at=at).verdicts


@pytest.mark.parametrize(
    "other",
    [
        replace(MAJOR, vendor="another"),
        replace(MAJOR, incident_id="2"),
        replace(MAJOR, source="probe"),
        replace(MAJOR, started_at=START + timedelta(minutes=1)),
        replace(TALLY, source="inside"),
        replace(TALLY, started_at=START + timedelta(minutes=1)),
        replace(SAMPLE, at=START + timedelta(microseconds=1)),
    ],
)
def test_a_fact_of_another_identity_is_another_fact(tmp_path: Path, other: FactRow) -> None:
    assert gathered(terms_of(tmp_path, COUNTED), MAJOR, TALLY, SAMPLE, replace(other, line=9)).repeated == 0


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([MAJOR, replace(MAJOR, line=3, impact="minor")], "facts:3: line 2 has the same fact with other content"),
        ([MAJOR, replace(MAJOR, line=3, ended_at=None)], "facts:3: line 2 has the same fact with other content"),
        ([TALLY, replace(TALLY, line=3, good=89)], "facts:3: line 2 has the same fact with other content"),
        ([SAMPLE, replace(SAMPLE, line=3, value=Decimal(1))], "facts:3: line 2 has the same fact with other content"),
        (
            [replace(MAJOR, impact="odd")],
            "facts:2: impact: impact 'odd' has no declared weight; declared are critical, major, minor, none",
        ),
        (
            [replace(TALLY, ended_at=START + timedelta(minutes=16))],
            "facts:2: ended_at: a tally lies inside one cell of 0:15:00 of its stream's grid",
        ),
        ([replace(TALLY, metric="latency")], "facts:2: metric: latency is measured by facts of another kind: sample"),
        ([replace(SAMPLE, metric="success")], "facts:2: metric: success is measured by facts of another kind: tally"),
        ([replace(SAMPLE, metric="losses", value=Decimal(-1))], "facts:2: value: a summed value is not negative"),
        (
            [replace(SAMPLE, value=Decimal("1e15"))],
            "facts:2: value: a value has at most 9007199254740991 units of its scale",
        ),
    ],
)
def test_a_row_that_breaks_a_rule_of_its_terms_is_told(tmp_path: Path, rows: list[FactRow], told: str) -> None:
    assert refused(terms_of(tmp_path, COUNTED), *rows) == [told]


def test_rows_of_names_that_no_service_has_are_counted_and_used_for_nothing(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, SMALL.replace("code: web", "code: web\n    records: [{vendor: host, service: Web}]"))
    rows = gathered(terms, MAJOR, replace(MAJOR, service="Web", vendor="guest"), replace(MAJOR, service="Web"))
    assert rows.not_under_terms == {RowsOf("host", "web", ""): 1, RowsOf("guest", "Web", ""): 1}
    assert [row.service for listed in rows.outages.values() for row in listed] == ["Web"]


def test_by_default_it_is_judged_at_the_end_of_the_last_fact_of_all(tmp_path: Path) -> None:
    unused = OutageRow(3, "host", "elsewhere", "2", START, START + timedelta(days=40), "major")
    rows = gathered(terms_of(tmp_path, SMALL), MAJOR, unused)
    assert judge(terms_of(tmp_path, SMALL), rows).at == START + timedelta(days=40)
    through = SMALL + "reported_through: 2024-03-01\n"
    assert judge(terms_of(tmp_path, through), rows).at == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "status"), [("default", Status.MISSED), ("probe", Status.MET), ("prob", Status.HELD)]
)
def test_outages_are_judged_by_source_and_a_source_never_heard_of_is_silent(
    tmp_path: Path, source: str, status: Status
) -> None:
    terms = terms_of(tmp_path, SMALL.replace("99.9", f"99.9\n    source: {source}"))
    rows = gathered(terms, MAJOR, replace(MAJOR, service="elsewhere", source="probe"))
    (verdict,) = judge(terms, rows, at=START + timedelta(days=31)).verdicts
    assert verdict.attainment.status is status


def test_maintenance_that_lasts_excludes_up_to_the_instant_of_judging(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, SMALL)
    rows = gathered(terms, replace(MAJOR, impact="maintenance", ended_at=None))
    (verdict,) = judge(terms, rows, at=START + timedelta(days=2)).verdicts
    assert isinstance(verdict.attainment.evidence, TimeEvidence)
    assert verdict.attainment.evidence.allowed_us == 0
    assert verdict.attainment.evidence.allowed_total_us == 29 * 86_400_000_000


def test_more_verdicts_than_a_run_gives_are_refused(tmp_path: Path) -> None:
    terms = terms_of(tmp_path, DAILY.replace("2024-01-01", "1990-01-01").replace("- code: web", WEBS))
    with pytest.raises(TooMany, match="more than 100000 periods: take fewer with --from and --until"):
        judge(terms, gathered(terms, MAJOR))


WEBS = "\n".join(f"{'' if number == 0 else '  '}- code: web-{number}" for number in range(10))

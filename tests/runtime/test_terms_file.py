"""The file of terms: what it says, and every problem told with its line, column and field."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agreement import Agreement, AgreementKind, Version
from domain.calendars import CalendarWindow, ContractYearWindow, Every
from domain.exclusion import Exclusion, ExclusionKind
from domain.ids import AgreementId, ExclusionId, MetricId, ObjectiveId, PartyId, ServiceId, VersionId
from domain.instants import EARLIEST
from domain.metric import Aggregation, Metric, Shape
from domain.objective import Granularity, Importance, Missing, Objective
from domain.ratio import Direction, Ratio
from domain.service import Service, StructureVersion
from domain.spans import Span
from domain.structure import AllOf, AnyOf, Component, KOfN
from runtime.terms import Promise, RecordName, Terms, id_of
from runtime.terms_file import read_terms
from runtime.yaml_nodes import FILE_BYTES_MAX, FileInvalid, FileUnreadable
from tests.runtime.wrong_terms import SMALL, WRONG

ROOT = Path(__file__).parent.parent.parent


def service_id(code: str) -> ServiceId:
    return ServiceId(id_of("service", code))


def party_id(code: str) -> PartyId:
    return PartyId(id_of("party", code))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "terms.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems_of(folder: Path, text: str | bytes) -> list[str]:
    """As they are told, without the folder."""
    path = write(folder, text)
    with pytest.raises(FileInvalid) as refused:
        read_terms(path)
    return refused.value.message.replace(str(path), "terms.yaml").splitlines()


def test_the_least_that_a_file_says(tmp_path: Path) -> None:
    starts = datetime(2024, 1, 1, tzinfo=UTC)
    metric = Metric(
        id=MetricId(id_of("metric", "availability")),
        code="availability",
        name="availability",
        aggregation=Aggregation.AVAILABILITY,
        shape=Shape.OUTAGE,
    )
    objective = Objective(
        id=ObjectiveId(id_of("objective", "uptime")),
        code="uptime",
        name="uptime",
        metric=metric.id,
        direction=Direction.AT_LEAST,
        expected=Ratio(999, 1000),
        window=CalendarWindow(every=Every.MONTH, zone="UTC"),
    )
    version = Version(
        id=VersionId(id_of("version", "hosting")),
        number=1,
        effective_from=starts,
        objectives=(objective,),
        activated_at=starts,
    )
    assert read_terms(write(tmp_path, SMALL)) == Terms(
        agreement=Agreement(
            id=AgreementId(id_of("agreement", "hosting")),
            code="hosting",
            name="hosting",
            kind=AgreementKind.UC,
            provider=party_id("host"),
            starts_at=starts,
            versions=(version,),
        ),
        provider="host",
        customer=None,
        zone="UTC",
        services={service_id("web"): Service(id=service_id("web"), code="web", name="web", provider=party_id("host"))},
        metrics={"availability": metric},
        promises=(Promise(objective=objective, metric=metric, services=(service_id("web"),)),),
        exclusions=(),
        feeds={RecordName(None, "web"): (service_id("web"),)},
        reported_through=None,
    )


def test_the_complete_example_says_all_of_it() -> None:
    terms = read_terms(ROOT / "examples" / "platform-sla.yaml")
    platform = terms.services[service_id("platform")]
    control, delivery, reserve, edge = (
        Component(service_id(code)) for code in ("source-control", "delivery", "delivery-reserve", "delivery-edge")
    )
    assert platform.structures == (
        StructureVersion(effective_from=EARLIEST, structure=AllOf((control, AnyOf((delivery, reserve))))),
        StructureVersion(
            effective_from=datetime(2025, 2, 28, 23, tzinfo=UTC),
            structure=AllOf((control, KOfN(k=2, parts=(delivery, reserve, edge)))),
        ),
    )
    assert terms.version.objectives[0] == Objective(
        id=ObjectiveId(id_of("objective", "uptime")),
        code="uptime",
        name="Uptime",
        metric=terms.metrics["availability"].id,
        direction=Direction.AT_LEAST,
        expected=Ratio(1999, 2000),
        minimum=Ratio(199, 200),
        window=CalendarWindow(every=Every.MONTH, zone="Europe/Berlin"),
        importance=Importance.CRITICAL,
        minimum_duration=timedelta(minutes=1),
        granularity=Granularity.WHOLE_MINUTES,
        missing=Missing.HOLD,
        minimum_coverage=Ratio(99, 100),
    )
    assert [promise.objective.window for promise in terms.promises[1:]] == [
        CalendarWindow(every=Every.MONTH, zone="UTC", anchor_day=16),
        CalendarWindow(every=Every.QUARTER, zone="Europe/Berlin"),
        ContractYearWindow(zone="Europe/Berlin"),
    ]
    assert terms.metrics["availability"].weights["degraded"] == Fraction(1, 2)
    assert terms.exclusions[1] == Exclusion(
        id=ExclusionId(id_of("exclusion", "1")),
        kind=ExclusionKind.AGREED,
        span=Span(datetime(2025, 2, 14, 23, tzinfo=UTC), datetime(2025, 2, 15, 23, tzinfo=UTC)),
        agreement=terms.agreement.id,
        reason="Move of the customer's own data centre",
    )
    assert terms.fed_by("GitHub", "Pull Requests") == (service_id("source-control"),)
    assert terms.fed_by("anyone", "delivery-edge") == (service_id("delivery-edge"),)
    assert terms.fed_by("anyone", "platform") == ()
    assert terms.reported_through == datetime(2025, 3, 31, 22, tzinfo=UTC)


def test_the_example_in_the_docs_is_the_file() -> None:
    page = (ROOT / "docs" / "terms-file.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    assert shown == [(ROOT / "examples" / "platform-sla.yaml").read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("99.95", Decimal("99.95")),
        ("'99.95'", Decimal("99.95")),
        ("99.999999999999999999999", Decimal("99.999999999999999999999")),
        ("0.1", Decimal("0.1")),
        ("100", Decimal(100)),
    ],
)
def test_numbers_are_exact(tmp_path: Path, written: str, exact: Decimal) -> None:
    terms = read_terms(write(tmp_path, SMALL.replace("99.9", written)))
    assert terms.promises[0].objective.expected.exact == Fraction(exact) / 100


def test_an_agreement_on_no_service_covers_all_that_its_provider_delivers(tmp_path: Path) -> None:
    more = "  - code: web\n  - code: mail\n  - {code: cables, provider: carrier}\n"
    terms = read_terms(write(tmp_path, SMALL.replace("  - code: web\n", more)))
    assert terms.promises[0].services == (service_id("web"), service_id("mail"))


def test_a_date_is_its_first_instant_in_the_zone(tmp_path: Path) -> None:
    # Clocks skipped midnight of that day.
    text = SMALL.replace("2024-01-01", "2018-11-04") + "zone: America/Sao_Paulo\n"
    assert read_terms(write(tmp_path, text)).agreement.starts_at == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_a_file_may_start_with_a_byte_order_mark_and_use_windows_line_ends(tmp_path: Path) -> None:
    plain = read_terms(write(tmp_path, SMALL))
    assert read_terms(write(tmp_path, b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())) == plain


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in SMALL
    problems = problems_of(tmp_path, SMALL.replace(old, new, 1))
    assert problems == [f"terms.yaml:{line}" for line in told.splitlines()]


def test_all_problems_of_a_file_are_told_in_order_of_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("uc", "x").replace("99.9", "1000").replace("every: month", "every: moon")
    assert problems_of(tmp_path, text) == [
        "terms.yaml:3:9: agreement.kind: this is one of sla, ola, uc, not 'x'",
        "terms.yaml:14:15: objectives[0].expected: a target of a share is above 0 and at most 100 percent",
        "terms.yaml:15:21: objectives[0].window.every: this is one of day, week, month, quarter, year, not 'moon'",
    ]


def test_of_many_problems_the_first_are_told_and_all_are_counted(tmp_path: Path) -> None:
    text = SMALL + "".join(f"field-{number}: 1\n" for number in range(50))
    problems = problems_of(tmp_path, text)
    assert len(problems) == 21
    assert problems[0].startswith("terms.yaml:16:10: field-0: there is no such field here; known are agreement, zone, ")
    assert problems[-1] == "terms.yaml: and 30 more problems"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "terms.yaml:1:1: fields are needed here, not nothing"),
        (b"- 1\n- 2\n", "terms.yaml:1:1: fields are needed here, not a list"),
        (b"agreement:\n  name: \xff\xfe\n", "terms.yaml:2:1: this is not UTF-8"),
        (b"agreement: \x00\n", "terms.yaml:1:1: the character U+0000 is not allowed"),
        (b'agreement: "\\U99999999"\n', "terms.yaml:1:1: this is not YAML: Python int too large to convert to C int"),
        (b"a: b: c\n", "terms.yaml:1:5: mapping values are not allowed here"),
    ],
)
def test_a_file_that_is_no_mapping_of_text_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    assert problems_of(tmp_path, content)[0] == told


def test_a_file_beyond_a_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL + "# " + "x" * FILE_BYTES_MAX)
    with pytest.raises(FileUnreadable, match="a file of terms has at most 1048576 bytes"):
        read_terms(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"none\.yaml: No such file or directory"):
        read_terms(tmp_path / "none.yaml")


@given(
    st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-{}[],&*!|>'\"%@#?~\\\n xU0f", max_size=60).map(str.encode))
)
def test_no_file_does_worse_than_to_be_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """As the whole file, and as the value of a field of every kind."""
    values = [line for line in SMALL.splitlines() if not line.endswith(":")]
    for text in (
        content,
        *(SMALL.encode().replace(each.encode(), each.split(":")[0].encode() + b": " + content) for each in values),
    ):
        with suppress(FileInvalid):
            assert read_terms(write(tmp_path_factory.getbasetemp(), text)).promises

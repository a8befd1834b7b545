"""Files of facts: what they say, and every bad line told with its number and field."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.case import Pause
from runtime.fact_rows import CaseRow, FactRow, OutageRow, SampleRow, StateRow, TallyRow
from runtime.facts_file import LINE_BYTES_MAX, BadLines, FactsInvalid, read_facts, read_outage_rows
from runtime.yaml_nodes import FileUnreadable
from tests.real_outages import FILE, rows_by_component

TEN = datetime(2025, 1, 1, 10, tzinfo=UTC)
ELEVEN = datetime(2025, 1, 1, 11, tzinfo=UTC)
OUTAGES = "vendor,service,incident_id,started_at,ended_at,impact\n"
TALLIES = "service,metric,started_at,ended_at,good,total\n"
SAMPLES = "service,metric,source,at,value\n"
STATES = "service,metric,at,state\n"
CASES = "service,metric,case_id,opened_at,responded_at,resolved_at,pauses\n"
GOOD = "GitHub,Actions,17,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,major\n"
KNOWN = (
    "known are vendor,service,incident_id,started_at,ended_at,impact,[source]; "
    "service,metric,started_at,ended_at,good,total,[source]; service,metric,at,value,[source]; "
    "service,metric,at,state,[source]; "
    "service,metric,case_id,opened_at,responded_at,resolved_at,[source],[pauses]"
)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "facts"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes) -> list[FactRow]:
    bad = BadLines("facts")
    found = list(read_facts(write(folder, content), bad))
    bad.refuse()
    return found


def problems_of(folder: Path, content: str | bytes) -> list[str]:
    with pytest.raises(FactsInvalid) as refused:
        read(folder, content)
    return refused.value.message.splitlines()


def test_outages_of_csv(tmp_path: Path) -> None:
    assert read(tmp_path, OUTAGES + GOOD + '"A, Inc.","B ""b""",x y,2025-01-01T11:00:00.25+01:00,,none\n') == [
        OutageRow(2, "GitHub", "Actions", "17", TEN, ELEVEN, "major"),
        OutageRow(3, "A, Inc.", 'B "b"', "x y", datetime(2025, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC), None, "none"),
    ]


def test_columns_come_in_any_order(tmp_path: Path) -> None:
    content = "impact,source,ended_at,started_at,incident_id,service,vendor\nmajor,probe,,2025-01-01T10:00:00Z,1,S,V\n"
    assert read(tmp_path, content) == [OutageRow(2, "V", "S", "1", TEN, None, "major", "probe")]


def test_tallies_and_samples_of_csv(tmp_path: Path) -> None:
    assert read(tmp_path, TALLIES + "web,success,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,9,10\n") == [
        TallyRow(2, "web", "success", "default", TEN, ELEVEN, 9, 10)
    ]
    assert read(
        tmp_path, SAMPLES + "web,latency,,2025-01-01T10:00:00Z,0.1\nweb,latency,edge,2025-01-01T10:00:00Z,-2e3\n"
    ) == [
        SampleRow(2, "web", "latency", "default", TEN, Decimal("0.1")),
        SampleRow(3, "web", "latency", "edge", TEN, Decimal(-2000)),
    ]


def test_states_and_cases_of_csv(tmp_path: Path) -> None:
    assert read(tmp_path, STATES + "web,probes,2025-01-01T10:00:00Z,degraded\n") == [
        StateRow(2, "web", "probes", "default", TEN, "degraded")
    ]
    open_case = "web,tickets,T-1,2025-01-01T10:00:00Z,,,\n"
    paused = "2025-01-01T10:00:00Z/2025-01-01T10:30:00Z 2025-01-01T10:45:00Z/"
    resolved = f"web,tickets,T-2,2025-01-01T10:00:00Z,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,{paused}\n"
    assert read(tmp_path, CASES + open_case + resolved) == [
        CaseRow(2, "web", "tickets", "default", "T-1", TEN, None, None, ()),
        CaseRow(
            3,
            "web",
            "tickets",
            "default",
            "T-2",
            TEN,
            TEN,
            ELEVEN,
            (Pause(TEN, TEN + timedelta(minutes=30)), Pause(TEN + timedelta(minutes=45), None)),
        ),
    ]


def test_kinds_may_be_mixed_in_ndjson_and_numbers_are_exact(tmp_path: Path) -> None:
    content = """\
{"vendor":"V","service":"S","incident_id":"1","started_at":"2025-01-01T10:00:00Z","impact":"major"}
{"vendor":"V","service":"S","incident_id":"2","started_at":"2025-01-01T10:00:00Z","ended_at":null,"impact":"major"}
 {"service":"web","metric":"success","started_at":"2025-01-01T10:00:00Z","ended_at":"2025-01-01T11:00:00Z","good":"9","total":10}
{"service":"web","metric":"latency","source":"edge","at":"2025-01-01T10:00:00Z","value":0.1000000000000000055511151231}
{"service":"web","metric":"probes","at":"2025-01-01T10:00:00Z","state":"up"}
{"service":"web","metric":"tickets","case_id":"1","opened_at":"2025-01-01T10:00:00Z","resolved_at":null}
"""
    assert read(tmp_path, content) == [
        OutageRow(1, "V", "S", "1", TEN, None, "major"),
        OutageRow(2, "V", "S", "2", TEN, None, "major"),
        TallyRow(3, "web", "success", "default", TEN, ELEVEN, 9, 10),
        SampleRow(4, "web", "latency", "edge", TEN, Decimal("0.1000000000000000055511151231")),
        StateRow(5, "web", "probes", "default", TEN, "up"),
        CaseRow(6, "web", "tickets", "default", "1", TEN, None, None, ()),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + (OUTAGES + GOOD).encode(),
        (OUTAGES + GOOD).replace("\n", "\r\n").encode(),
        (OUTAGES + GOOD).removesuffix("\n").encode(),
    ],
    ids=["byte order mark", "windows line ends", "no last line end"],
)
def test_files_as_different_writers_leave_them(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == [OutageRow(2, "GitHub", "Actions", "17", TEN, ELEVEN, "major")]


def test_a_header_without_lines_is_a_file_without_facts(tmp_path: Path) -> None:
    assert read(tmp_path, OUTAGES) == []


INSTANT = "an instant is written like 2024-01-31T09:30:00Z, not"
COUNT = "a count is written like 42, in at most 40 digits, not"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "the line is empty"),
        ("  ", "the line is empty"),
        ("GitHub,Actions", "the header has 6 columns, this line 2"),
        (GOOD.strip() + ",", "the header has 6 columns, this line 7"),
        ('"GitHub,Actions', "this is not a line of CSV: unexpected end of data"),
        ('"GitHub"x,Actions', "this is not a line of CSV: ',' expected after '\"'"),
        (GOOD.replace("GitHub", ""), "vendor: a name is 1 to 200 printable characters"),
        (GOOD.replace("Actions", "\x1b[31m"), "service: a name is 1 to 200 printable characters"),
        (GOOD.replace("17", "x" * 201), "incident_id: an external id is 1 to 200 printable characters"),
        (GOOD.replace("2025-01-01T10:00:00Z", ""), f"started_at: {INSTANT} ''"),
        (GOOD.replace("2025-01-01T10:00:00Z", "yesterday"), f"started_at: {INSTANT} 'yesterday'"),
        (
            GOOD.replace("2025-01-01T10:00:00Z", "2025-02-30T10:00:00Z"),
            "started_at: there is no instant '2025-02-30T10:00:00Z'",
        ),
        (
            GOOD.replace("2025-01-01T10:00:00Z", "2025-01-01T10:00:00"),
            "started_at: an instant needs an offset from UTC, such as Z, which '2025-01-01T10:00:00' lacks",
        ),
        (GOOD.replace("2025-01-01T10:00:00Z", "0001-01-01T00:00:00Z"), "started_at: an instant lies from 1990 to 2200"),
        (GOOD.replace("2025-01-01T11:00:00Z", "2201-01-01T00:00:00Z"), "ended_at: an instant lies from 1990 to 2200"),
        (GOOD.replace("T11:00:00Z", "T10:00:00Z"), "ended_at: an outage ends after it starts"),
        (GOOD.replace("T11:00:00Z", "T09:00:00Z"), "ended_at: an outage ends after it starts"),
        (GOOD.replace("T11:00:00Z", "T24:00:00Z"), "ended_at: there is no instant '2025-01-01T24:00:00Z'"),
    ],
)
def test_a_bad_line_of_outages_is_told_with_number_and_field(tmp_path: Path, line: str, told: str) -> None:
    content = OUTAGES + GOOD + line.removesuffix("\n") + "\n" + GOOD
    assert problems_of(tmp_path, content) == [f"facts:3: {told}"]


@pytest.mark.parametrize(
    ("header", "line", "told"),
    [
        (TALLIES, "web,m,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,11,10", "good: good is 0 to total"),
        (TALLIES, "web,m,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,-1,10", f"good: {COUNT} '-1'"),
        (TALLIES, "web,m,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,1.0,10", f"good: {COUNT} '1.0'"),
        (
            TALLIES,
            "web,m,2025-01-01T10:00:00Z,2025-01-01T11:00:00Z,1,9007199254740992",
            "total: a total is 0 to 9007199254740991",
        ),
        (TALLIES, "web,m,2025-01-01T11:00:00Z,2025-01-01T11:00:00Z,1,1", "ended_at: a tally ends after it starts"),
        (TALLIES, "web,m,2025-01-01T11:00:00Z,,1,1", f"ended_at: {INSTANT} ''"),
        (
            SAMPLES,
            "web,m,,2025-01-01T11:00:00Z,NaN",
            "value: a number is written like 99.95, in at most 40 characters, not 'NaN'",
        ),
        (
            SAMPLES,
            "web,m,,2025-01-01T11:00:00Z,1e999",
            "value: a number is written like 99.95, in at most 40 characters, not '1e999'",
        ),
        (
            SAMPLES,
            "web,m,A B,2025-01-01T11:00:00Z,1",
            "source: a code is 1 to 80 of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
        ),
        (
            STATES,
            "web,m,2025-01-01T11:00:00Z,UP",
            "state: a code is 1 to 80 of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
        ),
        (CASES, "web,m,T,,,,", f"opened_at: {INSTANT} ''"),
        (
            CASES,
            "web,m,T,2025-01-01T11:00:00Z,2025-01-01T10:00:00Z,,",
            "responded_at: a case is responded to at or after its opening",
        ),
        (
            CASES,
            "web,m,T,2025-01-01T11:00:00Z,,2025-01-01T10:00:00Z,",
            "resolved_at: a case is resolved at or after its opening",
        ),
        (
            CASES,
            "web,m,T,2025-01-01T11:00:00Z,,,2025-01-01T11:00:00Z",
            "pauses: a pause is written like 2025-01-31T09:30:00Z/2025-01-31T10:00:00Z, not '2025-01-01T11:00:00Z'",
        ),
        (
            CASES,
            "web,m,T,2025-01-01T11:00:00Z,,,2025-01-01T12:00:00Z/2025-01-01T11:30:00Z",
            "pauses: a case is resumed after it was paused",
        ),
    ],
)
def test_a_bad_line_of_counts_is_told_with_number_and_field(tmp_path: Path, header: str, line: str, told: str) -> None:
    assert problems_of(tmp_path, f"{header}{line}\n") == [f"facts:2: {told}"]


SAMPLE = '{"service":"web","metric":"m","at":"2025-01-01T10:00:00Z","value":1}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "this is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "a line is one JSON object"),
        ('"text"', "a line is one JSON object"),
        ("{}", f"no known form has the keys ''; {KNOWN}"),
        ('{"service":"web"}', f"no known form has the keys 'service'; {KNOWN}"),
        (SAMPLE[:-1] + ',"good":1}', f"no known form has the keys 'service,metric,at,value,good'; {KNOWN}"),
        (SAMPLE[:-1] + ',"unit":"ms"}', "there is no key 'unit'; known are service, metric, at, value, source"),
        (SAMPLE.replace('"metric":"m",', ""), "metric: metric is needed"),
        (SAMPLE[:-1] + ',"value":2}', "a key is there twice"),
        (SAMPLE.replace(":1}", ":NaN}"), "a number is finite, not NaN"),
        (SAMPLE.replace(":1}", ":-Infinity}"), "a number is finite, not -Infinity"),
        (SAMPLE.replace(":1}", ":true}"), "value: this is a string or a number"),
        (SAMPLE.replace(":1}", ":null}"), "value: this is a string or a number"),
        (SAMPLE.replace(":1}", ":[1]}"), "value: this is a string or a number"),
        (SAMPLE.replace('"web"', "5"), "service: this is a string, not the number 5"),
        (
            SAMPLE.replace('"web"', '"\\ud800"'),
            "service: a code is 1 to 80 of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
        ),
        ('{"value":' + "[" * 100_000, "this JSON is too deep"),
        (SAMPLE + " " + SAMPLE, "this is not JSON: Extra data at column 70"),
    ],
)
def test_a_bad_line_of_ndjson_is_told_with_number_and_field(tmp_path: Path, line: str, told: str) -> None:
    assert problems_of(tmp_path, f"{SAMPLE}\n{line}\n") == [f"facts:2: {told}"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"\n", "the line is empty"),
        (b"a,b\n1,2\n", f"no known form has the header 'a,b'; {KNOWN}"),
        (
            OUTAGES.replace("impact", "impact,impact").encode() + b"1\n",
            f"no known form has the header {OUTAGES.strip() + ',impact'!r}; {KNOWN}",
        ),
        (b"PK\x03\x04\x00\x00", "the line has a NUL character"),
        ((OUTAGES + GOOD).encode("utf-16"), "the line has a NUL character"),
        (b"\xff" + OUTAGES.encode(), "the line is not UTF-8, from its byte 1 on"),
    ],
)
def test_a_file_of_no_known_form_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    assert problems_of(tmp_path, content)[0] == f"facts:1: {told}"


def test_lines_that_are_no_text_are_told_beside_those_that_break_rules(tmp_path: Path) -> None:
    content = b"".join(
        [
            OUTAGES.encode(),
            b"GitHub,\xff,17,2025-01-01T10:00:00Z,,major\n",
            b"GitHub,Act\x00ions,17,2025-01-01T10:00:00Z,,major\n",
            b"x" * (LINE_BYTES_MAX + 1) + b"\n",
            b"y" * (3 * LINE_BYTES_MAX) + b"\n",
            GOOD.replace("major", "Major!").encode(),
        ]
    )
    assert problems_of(tmp_path, content) == [
        "facts:2: the line is not UTF-8, from its byte 8 on",
        "facts:3: the line has a NUL character",
        "facts:4: a line has at most 1048576 bytes",
        "facts:5: a line has at most 1048576 bytes",
        "facts:6: impact: a code is 1 to 80 of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
    ]


def test_of_many_bad_lines_twenty_are_told_and_all_are_counted(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, OUTAGES + "x\n" * 1_000)
    assert problems[:20] == [f"facts:{line}: the header has 6 columns, this line 1" for line in range(2, 22)]
    assert problems[20:] == ["facts: and 980 more bad lines"]


def test_outages_are_yielded_only_where_the_whole_file_is_good(tmp_path: Path) -> None:
    with pytest.raises(FactsInvalid, match=re.escape("facts:3: the line is empty")):
        read_outage_rows(write(tmp_path, OUTAGES + GOOD + "\n"))
    with pytest.raises(FactsInvalid, match="outages are needed here"):
        read_outage_rows(write(tmp_path, SAMPLE))
    with pytest.raises(FileUnreadable, match="No such file or directory"):
        read_outage_rows(tmp_path / "none.csv")


def test_the_real_outages_are_all_read() -> None:
    rows = list(read_outage_rows(FILE))
    assert len(rows) == sum(map(len, rows_by_component().values())) == 2195
    assert rows[0] == OutageRow(
        2,
        "GitHub",
        "(unspecified)",
        "19601822",
        datetime(2024, 1, 3, 12, 42, tzinfo=UTC),
        datetime(2024, 1, 3, 17, 5, tzinfo=UTC),
        "minor",
    )


@given(st.one_of(st.binary(max_size=300), st.text(alphabet='{}[]",:\\ue0+-.1Tz\r\n', max_size=100).map(str.encode)))
def test_no_file_does_worse_than_to_be_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    bad = BadLines("facts")
    for head in (b"", OUTAGES.encode(), TALLIES.encode(), SAMPLES.encode()):
        for row in read_facts(write(tmp_path_factory.getbasetemp(), head + content), bad):
            assert row.line > 0

"""`interpact judge` as a process: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.wrong_terms import SMALL

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
UC = EXAMPLES / "github-actions-uc.yaml"
SLA = EXAMPLES / "platform-sla.yaml"
REAL = EXAMPLES / "data" / "vendor-outages-2024-2025.csv"
HEADER = "vendor,service,incident_id,started_at,ended_at,impact\n"
MET, BREACH, BAD_INPUT, HELD = 0, 1, 2, 3


def interpact(*arguments: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", *map(str, arguments)],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def files(folder: Path, *outages: str, terms: str = SMALL) -> tuple[Path, Path]:
    """Terms and facts; an outage is `started_at,ended_at,impact` of the service web."""
    (folder / "terms.yaml").write_text(terms, encoding="utf-8")
    rows = "".join(f"host,web,{number},{outage}\n" for number, outage in enumerate(outages))
    (folder / "facts.csv").write_text(HEADER + rows, encoding="utf-8")
    return folder / "terms.yaml", folder / "facts.csv"


def verdicts(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)["verdicts"]
    return found


def test_the_table_tells_each_period_and_the_exit_status_a_breach() -> None:
    done = interpact(
        "judge", UC, EXAMPLES / "actions-outages.csv", "--from", "2025-01-01", "--at", "2025-04-02T19:00:00Z"
    )
    assert (done.returncode, done.stderr) == (BREACH, "")
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line.startswith("│")
    ]
    first, second = "2025-01-01 – 2025-04-01 UTC", "2025-04-01 – 2025-07-01 UTC"
    assert rows == [
        ["uptime", "actions", first, "99.930491 %", "99.9 %", "met", "5400", "0", "7768800", "100 %", "3 outages"],
        ["uptime", "actions", second, "93.023255 %", "99.9 %", "missed", "10800", "0", "154800", "100 %", "1 outages"],
        ["uptime", "git-operations", first, "100.000000 %", "99.9 %", "met", "0", "0", "7776000", "100 %", "0 outages"],
        [
            "uptime",
            "git-operations",
            second,
            "100.000000 %",
            "99.9 %",
            "pending",
            "0",
            "0",
            "154800",
            "100 %",
            "0 outages",
        ],
        ["uptime", "packages", first, "100.000000 %", "99.9 %", "met", "0", "0", "7776000", "100 %", "0 outages"],
        ["uptime", "packages", second, "100.000000 %", "99.9 %", "pending", "0", "0", "154800", "100 %", "0 outages"],
    ]
    assert done.stdout.splitlines()[-3:] == [
        "6 verdicts: 3 met, 1 missed, 2 pending.",
        "1 of 7 rows repeat another and count once.",
        "1 of 7 rows are about no service or metric of these terms; --json lists them.",
    ]


def test_json_tells_all_of_a_verdict_with_its_evidence(tmp_path: Path) -> None:
    terms, facts = files(
        tmp_path,
        "2024-01-10T10:00:00Z,2024-01-10T10:30:00.5Z,critical",
        "2024-01-10T10:15:00Z,2024-01-10T10:45:00Z,minor",
        "2024-01-20T00:00:00Z,2024-01-20T12:00:00Z,maintenance",
        "2024-01-20T11:00:00Z,2024-01-20T13:00:00Z,major",
    )
    done = interpact("judge", terms, facts, "--json", "--at", "2024-02-01")
    assert (done.returncode, done.stderr) == (BREACH, "")
    allowed_us, down_us = (31 * 24 - 12) * 3_600_000_000, 1_800_500_000 + 3_600_000_000

    def outage(line: int, start: str, end: str, impact: str, use: str) -> dict[str, object]:
        record = {"line": line, "vendor": "host", "service": "web", "incidentId": str(line - 2)}
        return {**record, "startedAt": start, "endedAt": end, "impact": impact, "use": use}

    assert json.loads(done.stdout) == {
        "form": "interpact.judgement/1",
        "outcome": "breach",
        "agreement": {
            "code": "hosting",
            "name": "hosting",
            "kind": "uc",
            "provider": "host",
            "customer": None,
            "startsAt": "2024-01-01T00:00:00Z",
            "endsAt": None,
        },
        "judgedAt": "2024-02-01T00:00:00Z",
        "reportedThrough": "2024-02-01T00:00:00Z",
        "counts": {"met": 0, "below_expected": 0, "missed": 1, "pending": 0, "held": 0, "not_applicable": 0},
        "facts": {"rows": 4, "repeated": 0, "notUnderTerms": []},
        "verdicts": [
            {
                "objective": "uptime",
                "service": "web",
                "metric": "availability",
                "aggregation": "availability",
                "direction": "at_least",
                "period": {
                    "start": "2024-01-01T00:00:00Z",
                    "end": "2024-02-01T00:00:00Z",
                    "zone": "UTC",
                    "localStart": "2024-01-01T00:00:00+00:00",
                    "localEnd": "2024-02-01T00:00:00+00:00",
                    "reportOnly": False,
                },
                "phase": "provisional",
                "status": "missed",
                "breach": True,
                "breachEndedAt": None,
                "value": {
                    "numerator": allowed_us - down_us,
                    "denominator": allowed_us,
                    "shown": "99.795062",
                    "unit": "%",
                },
                "expected": {"numerator": 999, "denominator": 1000, "shown": "99.9", "unit": "%"},
                "minimum": None,
                "coverage": {"numerator": allowed_us, "denominator": allowed_us, "shown": "100.000000", "unit": "%"},
                "errorBudget": {
                    "unit": "microseconds",
                    "total": "2635200000",
                    "spent": "5400500000",
                    "left": "-2765300000",
                    "leftShare": "-104.937007",
                },
                "confidence": None,
                "missTolerated": False,
                "evidence": {
                    "kind": "time",
                    "periodUs": 31 * 86_400_000_000,
                    "excludedUs": 12 * 3_600_000_000,
                    "allowedUs": allowed_us,
                    "allowedTotalUs": allowed_us,
                    "downUs": down_us,
                    "excusedUs": 3_600_000_000,
                    "shortUs": 0,
                    "weightlessUs": 14 * 60_000_000 + 59_500_000,
                    "missingUs": 0,
                    "badUnits": down_us,
                    "unitsPerUs": 1,
                    "budgetUs": allowed_us // 1000,
                    "outages": [
                        outage(2, "2024-01-10T10:00:00Z", "2024-01-10T10:30:00.500000Z", "critical", "counted"),
                        outage(3, "2024-01-10T10:15:00Z", "2024-01-10T10:45:00Z", "minor", "weightless"),
                        outage(5, "2024-01-20T11:00:00Z", "2024-01-20T13:00:00Z", "major", "counted"),
                    ],
                    "outagesTotal": 3,
                    "states": [],
                    "statesTotal": 0,
                },
                "setAside": {
                    "closedUs": 0,
                    "excludedUs": 43_200_000_000,
                    "exclusions": [
                        {
                            "kind": "maintenance",
                            "startsAt": "2024-01-20T00:00:00Z",
                            "recurrence": None,
                            "tookUs": 43_200_000_000,
                        }
                    ],
                    "exclusionsTotal": 1,
                },
                "formula": [
                    "allowed = 2678400 s of the period - 43200 s excluded = 2635200 s",
                    (
                        "down = 5400.5 s counted; apart from it 3600 s excused, 0 s too short, "
                        "899.5 s without weight, 0 s not reported"
                    ),
                    "availability = (allowed - down by weight) / allowed = 99.795062 %",
                ],
            }
        ],
    }


JANUARY = "2024-02-01T00:00:00Z"
TEN_MINUTES = "2024-01-10T10:00:00Z,2024-01-10T10:10:00Z,major"
TWO_HOURS = "2024-01-10T10:00:00Z,2024-01-10T12:00:00Z,major"


@pytest.mark.parametrize(
    ("change", "outage", "at", "status", "words"),
    [
        (("", ""), TEN_MINUTES, JANUARY, MET, ["met"]),
        (("", ""), TWO_HOURS, JANUARY, BREACH, ["missed"]),
        (("", ""), "2024-01-10T10:00:00Z,,major", "2024-01-10T10:10:00Z", MET, ["pending"]),
        (("", ""), "2024-01-10T10:00:00Z,,major", "2024-01-10T12:00:00Z", BREACH, ["missed"]),
        (("99.9", "99.9\n    minimum: 99"), TWO_HOURS, JANUARY, BREACH, ["below_expected"]),
        (("99.9", "99.9\n    importance: report_only"), TWO_HOURS, JANUARY, MET, ["missed"]),
        (("2024-01-01", "2024-01-02"), TWO_HOURS, JANUARY, MET, ["missed"]),
        (("2024-01-01", "2024-01-02\njudge_partial_periods: true"), TWO_HOURS, JANUARY, BREACH, ["missed"]),
        (("services:", "reported_through: 2024-01-15\nservices:"), TEN_MINUTES, JANUARY, HELD, ["held"]),
        (("services:", "reported_through: 2024-01-15\nservices:"), TWO_HOURS, JANUARY, BREACH, ["missed"]),
        (("services:", "reported_through: 2024-01-15\nservices:"), TEN_MINUTES, "2024-01-15", MET, ["pending"]),
        (
            ("services:", "exclusions: [{kind: agreed, start: 2024-01-01, end: 2024-02-01}]\nservices:"),
            TWO_HOURS,
            JANUARY,
            MET,
            ["not_applicable"],
        ),
    ],
)
def test_the_exit_status_tells_met_breach_and_held_apart(
    tmp_path: Path, change: tuple[str, str], outage: str, at: str, status: int, words: list[str]
) -> None:
    terms, facts = files(tmp_path, outage, terms=SMALL.replace(*change, 1))
    done = interpact("judge", terms, facts, "--json", "--at", at)
    assert ([each["status"] for each in verdicts(done)], done.returncode) == (words, status)
    outcome = {MET: "met", BREACH: "breach", HELD: "held"}[status]
    assert json.loads(done.stdout)["outcome"] == outcome


@pytest.mark.parametrize(
    ("change", "facts", "arguments", "told"),
    [
        (
            ("99.9", "199"),
            "",
            (),
            "terms.yaml:14:15: objectives[0].expected: a target of a share is above 0 and at most 100 percent",
        ),
        (
            ("", ""),
            "host,web,1,2024-01-10T10:00:00Z,2024-01-10T09:00:00Z,major\n",
            (),
            "facts.csv:2: ended_at: an outage ends after it starts",
        ),
        (
            ("", ""),
            "host,web,1,2024-01-10T10:00:00Z,,catastrophic\n",
            (),
            (
                "facts.csv:2: impact: impact 'catastrophic' has no declared weight; "
                "declared are critical, major, minor, none"
            ),
        ),
        (
            ("", ""),
            "host,web,1,2024-01-10T10:00:00Z,,major\nhost,web,1,2024-01-10T10:00:00Z,,minor\n",
            (),
            "facts.csv:3: line 2 has the same fact with other content",
        ),
        (("", ""), "", (), "the file has no facts, so --at must name the instant to judge at"),
        (("", ""), "", ("--at", "2023-12-31"), "no period to be judged has started by 2023-12-31T00:00:00Z"),
        (
            ("", ""),
            "",
            ("--at", "2024-02-01", "--from", "2024-01-02"),
            "no period to be judged has started by 2024-02-01T00:00:00Z",
        ),
        (("", ""), "", ("--at", "tomorrow"), "--at: an instant is written like 2024-01-31T09:30:00Z, not 'tomorrow'"),
    ],
)
def test_bad_input_is_told_plainly_and_judges_nothing(
    tmp_path: Path, change: tuple[str, str], facts: str, arguments: tuple[str, ...], told: str
) -> None:
    terms, csv = files(tmp_path, terms=SMALL.replace(*change, 1))
    csv.write_text(HEADER + facts, encoding="utf-8")
    done = interpact("judge", terms, csv, "--json", *arguments)
    assert (done.returncode, done.stdout, done.stderr.replace(f"{tmp_path}/", "")) == (BAD_INPUT, "", told + "\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "interpact: error: the following arguments are required: COMMAND"),
        (("dance",), "interpact: error: argument COMMAND: invalid choice: 'dance'"),
        (("judge",), "interpact judge: error: the following arguments are required: TERMS, FACTS"),
        (("judge", "none.yaml", "none.csv"), "none.yaml: No such file or directory"),
        (("judge", str(UC), "none.csv"), "none.csv: No such file or directory"),
        (("judge", str(UC), "docs"), "docs: Is a directory"),
    ],
)
def test_wrong_usage_is_bad_input(arguments: tuple[str, ...], told: str) -> None:
    done = interpact(*arguments)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_facts_may_come_from_standard_input() -> None:
    piped = interpact("judge", UC, "-", "--json", "--at", "2026-01-10", given=REAL.read_text(encoding="utf-8"))
    named = interpact("judge", UC, REAL, "--json", "--at", "2026-01-10")
    assert (piped.stdout, piped.returncode) == (named.stdout, BREACH)
    broken = interpact("judge", UC, "-", given=HEADER + "x\n")
    assert broken.stderr == "standard input:2: the header has 6 columns, this line 1\n"


def test_the_example_of_a_composed_service_is_judged_as_its_docs_say() -> None:
    found = verdicts(interpact("judge", SLA, EXAMPLES / "platform-facts.ndjson", "--json"))
    told = [
        (each["objective"], each["status"], each["value"] and each["value"]["shown"], each["breach"]) for each in found
    ]
    assert told == [
        ("uptime", "below_expected", "99.930555", True),
        ("uptime", "below_expected", "99.909420", True),
        ("uptime", "missed", "99.484073", True),
        ("success", "not_applicable", None, False),
        ("success", "met", "99.935000", False),
        ("success", "missed", "99.850000", True),
        ("success", "pending", None, False),
        ("response-time", "missed", "256.175000", False),
        ("no-data-loss", "pending", "0.000000", False),
    ]


def test_a_verdict_needs_neither_a_database_nor_the_service() -> None:
    script = (
        "import sys\nfrom runtime.cli import main\n"
        f"status = main(['judge', {str(UC)!r}, {str(REAL)!r}, '--json'])\n"
        "heavy = {'sqlalchemy', 'asyncpg', 'strawberry', 'graphql', 'starlette', 'uvicorn', 'alembic', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (BREACH, "[]\n")


def test_an_output_that_nobody_reads_is_no_error() -> None:
    command = [sys.executable, "-m", "runtime.cli", "judge", str(UC), str(REAL), "--json"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(command, cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert (done.stderr, done.returncode) == ("", 141)

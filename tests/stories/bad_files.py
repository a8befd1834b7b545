"""Bad files, as the commands read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.stories.processes import ROOT

TERMS = (ROOT / "examples" / "github-actions-uc.yaml").read_bytes()
HEADER = b"vendor,service,incident_id,started_at,ended_at,impact\n"
TALLIES = b"service,metric,started_at,ended_at,good,total\n"
GOOD = b"GitHub,Actions,1,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,major\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A command over files; it ends with status 2 and says what is wrong with file and line."""

    name: str
    arguments: Sequence[str]
    files: Mapping[str, bytes]
    says: str

    def __str__(self) -> str:
        return self.name


def judged(name: str, line: bytes, says: str) -> Run:
    """The bad line is the third one of the file."""
    files = {"terms.yaml": TERMS, "facts.csv": HEADER + GOOD + line}
    return Run(name=f"judge: {name}", arguments=("judge", "terms.yaml", "facts.csv"), files=files, says=says)


def shown(name: str, line: bytes, says: str) -> Run:
    return Run(
        name=f"demo: {name}",
        arguments=("demo", "--no-serve", "--outages", "facts.csv"),
        files={"facts.csv": HEADER + GOOD + line},
        says=says,
    )


OUTAGE = b"GitHub,Actions,2,%s,%s,major\n"
AT, END = b"2024-05-01T00:00:00Z", b"2024-05-01T01:00:00Z"

ROWS = [
    judged("an empty line", b"\n" + GOOD, "facts.csv:3: the line is empty"),
    judged("a line of too few fields", b"GitHub,Actions\n", "facts.csv:3: the header has 6 columns, this line 2"),
    judged("a line of too many fields", GOOD[:-1] + b",x\n", "facts.csv:3: the header has 6 columns, this line 7"),
    judged("an end before the start", OUTAGE % (END, AT), "facts.csv:3: ended_at: an outage ends after it starts"),
    judged("a naive instant", OUTAGE % (AT[:-1], END), "facts.csv:3: started_at: an instant needs an offset"),
    judged("an absurd instant", OUTAGE % (b"9999" + AT[4:], b""), "facts.csv:3: started_at: an instant lies from 1990"),
    judged(
        "an undeclared impact",
        (OUTAGE % (AT, END)).replace(b"major", b"awful"),
        "facts.csv:3: impact: impact 'awful' has no",
    ),
    judged("bad UTF-8", GOOD.replace(b"1", b"\xff", 1), "facts.csv:3: the line is not UTF-8, from its byte 16 on"),
    shown("an empty line", b"\n" + GOOD, "facts.csv:3: the line is empty"),
    shown("a line of too few fields", b"GitHub,Actions\n", "facts.csv:3: the header has 6 columns, this line 2"),
    shown("an end before the start", OUTAGE % (END, AT), "facts.csv:3: ended_at: an outage ends after it starts"),
    Run(
        name="judge: terms that are none",
        arguments=("judge", "terms.yaml", "facts.csv"),
        files={"terms.yaml": b"agreement: [", "facts.csv": HEADER + GOOD},
        says="terms.yaml:1:13: expected the node content",
    ),
    Run(
        name="judge: good above total",
        arguments=("judge", "terms.yaml", "facts.csv"),
        files={
            "terms.yaml": TERMS,
            "facts.csv": TALLIES + b"actions,availability,2024-05-01T00:00:00Z,2024-05-01T00:15:00Z,3,2\n",
        },
        says="facts.csv:2",
    ),
]

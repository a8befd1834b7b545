"""`interpact judge` on all real outages, held to an independent mask of one cell for each second."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.domain.reference import mask_seconds
from tests.real_outages import FILE, Component, busy, components, rows_by_component

ROOT = Path(__file__).parent.parent.parent
SECOND_US = 1_000_000
HEAD = """\
agreement: {code: all, kind: uc, provider: vendors, starts: 2024-01-01, ends: 2026-01-01}
metrics:
  - {code: availability, aggregation: availability}
objectives:
  - {code: by-month, metric: availability, expected: 99.9, window: {every: month}}
  - {code: by-quarter, metric: availability, expected: 99.9, window: {every: quarter, zone: America/New_York}}
services:
"""


def test_down_and_allowed_seconds_are_those_of_the_mask(tmp_path: Path) -> None:
    coded = {f"component-{number}": component for number, component in enumerate(components())}
    terms = tmp_path / "terms.yaml"
    services = [
        f"  - {{code: {code}, records: [{{vendor: {vendor}, service: {json.dumps(service)}}}]}}\n"
        for code, (vendor, service) in coded.items()
    ]
    terms.write_text(HEAD + "".join(services), encoding="utf-8")
    command = [sys.executable, "-m", "runtime.cli", "judge", str(terms), str(FILE), "--json", "--at", "2026-02-01"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert told["facts"] == {"rows": 2195, "repeated": 0, "notUnderTerms": []}
    compared = 0
    for verdict in told["verdicts"]:
        compared += _is_that_of_the_mask(verdict, coded[verdict["service"]])
    assert len(told["verdicts"]) == len(coded) * (24 + 9)
    assert compared >= 600


def _is_that_of_the_mask(verdict: dict[str, dict[str, object]], component: Component) -> bool:
    """Fails where it is not; False where there was nothing to count, which needs no mask."""
    start, end = (datetime.fromisoformat(str(verdict["period"][name])).astimezone(UTC) for name in ("start", "end"))
    found = verdict["evidence"]["downUs"], verdict["evidence"]["allowedUs"]
    if not busy(component, start, end):
        assert found == (0, (end - start).total_seconds() * SECOND_US)
        return False
    down, allowed = mask_seconds(rows_by_component()[component], start, end)
    assert found == (down * SECOND_US, allowed * SECOND_US), (component, start)
    return True

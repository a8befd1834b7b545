"""What tests that make their cases themselves have counted, told at the end of a run in however many processes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

SAID: Mapping[str, str] = {
    "access matrix": "access matrix: {:,} operations, {:,} leaks",
    "row-level security": "row-level security: {:,} policies, {:,} times dropped or opened, {:,} times unnoticed",
    "rules of the policy": "rules of the policy: {:,} changed, {:,} unnoticed",
}
"""By the property that a test records, as a tuple of numbers; those of all tests are added."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    sums: dict[str, list[int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, numbers in report.user_properties:
                if name in SAID:
                    known = sums.get(name, [0] * len(numbers))
                    sums[name] = [one + other for one, other in zip(known, numbers, strict=True)]
    for name, numbers in sums.items():
        terminalreporter.write_line(SAID[name].format(*numbers))

"""`interpact judge --explain`: the tree as lines and as JSON, and the guide's example as it is run."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from tests.runtime.test_judge import BREACH, EXAMPLES, ROOT, UC, interpact

RUN = (
    "judge",
    UC,
    EXAMPLES / "actions-outages.csv",
    "--from",
    "2025-04-01",
    "--at",
    "2025-04-02T19:00:00Z",
    "--explain",
)


def test_the_guides_example_is_what_is_printed() -> None:
    done = interpact(*RUN)
    assert (done.returncode, done.stderr) == (BREACH, "")
    first = done.stdout.split("\n\n")[1]
    blocks = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8").split("```\n")
    assert first in [block.strip() for block in blocks]


def computed(step: dict[str, Any]) -> Fraction | None:
    values = [value for below in step["steps"] if (value := computed(below)) is not None]
    match step["operation"]:
        case None:
            exact = step["exact"]
            return None if exact is None else Fraction(exact["numerator"], exact["denominator"])
        case "sum":
            return sum(values, start=Fraction(0))
        case "difference":
            return values[0] - sum(values[1:])
        case "ratio":
            return 100 * values[0] / values[1]
        case "rest":
            return 100 - 100 * values[0] / values[1]
        case other:
            raise AssertionError(other)


def test_the_leaves_of_the_json_give_each_verdict() -> None:
    done = interpact(*RUN, "--json")
    verdicts = json.loads(done.stdout)["verdicts"]
    assert len(verdicts) == 3
    for verdict in verdicts:
        root, value = verdict["explanation"], verdict["value"]
        [step] = [below for below in root["steps"] if below["key"] == "value"]
        told = Fraction(value["numerator"], value["denominator"]) * 100
        assert (computed(step), computed(root), root["detail"]) == (told, told, verdict["status"])


def test_without_the_option_nothing_is_explained() -> None:
    done = interpact(*RUN[:-1], "--json")
    assert ["explanation" in verdict for verdict in json.loads(done.stdout)["verdicts"]] == [False] * 3

"""House rules, held as tests."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ASYNC_ROOMS = {"ports.py", "fact_ports.py", "history_ports.py"}
LINES_MAX = 450
FUNCTION_LINES_MAX = 60


def python_files(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts)


CODE = [path for folder in ("domain", "persistence", "graph", "runtime", "bench") for path in python_files(folder)]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [p for p in python_files("domain") if p.parent.name == "domain"], ids=named)
def test_the_nouns_of_the_domain_are_not_async(path: Path) -> None:
    if path.name in ASYNC_ROOMS:
        pytest.skip("the ports are async by their nature")
    nodes = ast.walk(ast.parse(path.read_text()))
    assert [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith)] == []


def test_the_domain_reads_no_clock_and_makes_no_chance() -> None:
    forbidden = re.compile(r"\.now\(|\.utcnow\(|\.today\(|\bimport (random|secrets|time|os)\b|uuid[1-7]\(")
    found = [named(path) for path in python_files("domain") if forbidden.search(path.read_text())]
    assert found == []


@pytest.mark.parametrize("path", CODE, ids=named)
def test_a_module_holds_one_noun_and_a_function_one_idea(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LINES_MAX
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert {name: lines for name, lines in long.items() if lines > FUNCTION_LINES_MAX} == {}


def test_nothing_is_left_to_fix() -> None:
    marks = re.compile(r"\b(" + "|".join(("FIX" + "ME", "TO" + "DO", "XX" + "X", "HA" + "CK")) + r")\b")
    found = [named(path) for path in CODE + python_files("tests") if marks.search(path.read_text())]
    assert found == []


def test_every_public_module_says_what_it_is_for() -> None:
    silent = [named(path) for path in CODE if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert silent == []


def test_no_lock_names_an_index_and_no_file_names_a_machine() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), *ROOT.glob("*/clients/package-lock.json")]
    assert [named(path) for path in locks if "://" in path.read_text()] == []
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    tracked = [ROOT / name for name in files.stdout.splitlines() if (ROOT / name).is_file()]
    home = f"{ROOT.parent}/"
    if len(home) < 4:
        pytest.skip("the checkout lies at the root")
    assert [named(path) for path in tracked if home.encode() in path.read_bytes()] == []


def test_every_decision_says_context_decision_consequences_and_alternatives() -> None:
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        for part in ("Context.", "Decision.", "Consequences.", "Alternatives."):
            assert f"**{part}**" in path.read_text(), f"{path.name} lacks {part}"


def test_every_runtime_dependency_has_a_reason() -> None:
    reasons = (ROOT / "docs" / "decisions" / "0007-dependencies.md").read_text()
    wanted = [line for line in (ROOT / "requirements" / "runtime.in").read_text().splitlines() if line.strip()]
    names = [re.split(r"[\[<>=~! ]", line)[0] for line in wanted if not line.startswith("#")]
    assert [name for name in names if f"`{name}`" not in reasons] == []

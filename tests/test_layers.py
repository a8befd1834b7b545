"""Inside a folder each module imports only from those above it; import-linter holds the arrows between folders."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def modules(folder: str) -> dict[str, Path]:
    """By dotted name. A package's own file stands under the package's name."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> set[str]:
    """The known modules that a file imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from domain.usecases import once` names a module, `from domain.errors import NotFound` a thing in one.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & set(known)


def graph(folder: str) -> dict[str, set[str]]:
    known = modules(folder)
    return {name: imports(path, known) - {name} for name, path in known.items()}


@pytest.mark.parametrize("folder", ["domain", "persistence", "graph", "runtime"])
def test_modules_have_an_order_in_which_each_imports_only_from_above(folder: str) -> None:
    order = list(TopologicalSorter(graph(folder)).static_order())
    assert len(order) == len(modules(folder)) > 1


def test_the_nouns_of_the_domain_know_neither_the_ports_nor_the_use_cases() -> None:
    asynchronous = {"domain.ports", "domain.fact_ports"} | {
        name for name in modules("domain") if name.startswith("domain.usecases")
    }
    nouns = {name: found for name, found in graph("domain").items() if name not in asynchronous}
    assert {name: found & asynchronous for name, found in nouns.items() if found & asynchronous} == {}
    ports = graph("domain")["domain.ports"] | graph("domain")["domain.fact_ports"]
    assert not any(name.startswith("domain.usecases") for name in ports)

"""The command `interpact`: its commands, and what an exit status tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli import COMMANDS

ROOT = Path(__file__).parent.parent.parent
# Stands for a command that ends as the test says: the dispatcher is what is looked at.
ENDING = """\
import sys, types
from domain.errors import Invalid
from runtime import cli
from runtime.settings import SettingsError

def run(arguments):
    {ending}

sys.modules["runtime.commands.judge"] = types.SimpleNamespace(configure=lambda parser: None, run=run)
sys.exit(cli.main(["judge"]))
"""


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_lists_every_command() -> None:
    done = python("-m", "runtime.cli", "--help")
    assert done.returncode == 0
    assert " ".join(COMMANDS) == "serve work migrate schema policy demo judge tenant key feed person audit"
    for command, summary in COMMANDS.items():
        assert any(line.split() == [command, *summary.split()] for line in done.stdout.splitlines()), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = python("-m", "runtime.cli", command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: interpact {command} ")


@pytest.mark.parametrize(
    ("ending", "status", "told"),
    [
        ("return 0", 0, ""),
        ("return 3", 3, ""),
        ("raise Invalid('a value that no rule takes')", 2, "a value that no rule takes\n"),
        (
            "raise SettingsError(('INTERPACT_PORT: no', 'DATABASE_URL: no'))",
            2,
            "INTERPACT_PORT: no\nDATABASE_URL: no\n",
        ),
        ("raise ExceptionGroup('', [Invalid('one'), ExceptionGroup('', [Invalid('two')])])", 2, "one\ntwo\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("raise BrokenPipeError", 141, ""),
    ],
)
def test_the_exit_status_tells_how_it_ended(ending: str, status: int, told: str) -> None:
    done = python("-c", ENDING.format(ending=ending))
    assert (done.returncode, done.stdout, done.stderr) == (status, "", told)


@pytest.mark.parametrize(
    "ending", ["return {}['missing']", "raise ExceptionGroup('', [Invalid('x'), KeyError('missing')])"]
)
def test_a_bug_is_never_taken_for_a_verdict(ending: str) -> None:
    done = python("-c", ENDING.format(ending=ending))
    assert done.returncode == 70
    assert "KeyError: 'missing'" in done.stderr


def test_wrong_settings_are_told_plainly() -> None:
    done = python("-m", "runtime.cli", "serve", INTERPACT_PORT="none")
    assert done.returncode == 2
    assert "INTERPACT_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_a_character_gets_its_number() -> None:
    facts, terms = "examples/actions-outages.csv", "examples/github-actions-uc.yaml"
    done = python("-m", "runtime.cli", "judge", terms, facts, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2025-01-01 \\u2013 2025-04-01 UTC" in done.stdout

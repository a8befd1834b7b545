"""`interpact judge TERMS FACTS`: a verdict in a pipeline, from two files and no database (docs/judge.md)."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from enum import Enum
from pathlib import Path

from rich.console import Console

from domain.errors import Invalid
from runtime.facts_file import STDIN, BadLines, read_facts
from runtime.gathering import gather
from runtime.judgement_explain import explanation_lines
from runtime.judgement_json import as_explained_json, as_json
from runtime.judgement_table import as_table, closing_lines
from runtime.judging import Judgement, judge
from runtime.terms_file import read_terms
from runtime.written import NotWritten, instant_or_day

PIPE_WIDTH = 400
"""Columns where the output is no terminal: a table's lines are not broken."""


class Outcome(Enum):
    """The exit status tells them apart; 2 is bad input."""

    MET = 0
    BREACH = 1
    HELD = 3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "Judge a file of terms on a file of facts, without a database."
    parser.epilog = "Exit status: 0 no breach, 1 at least one breach, 2 bad input, 3 no breach but a verdict held."
    parser.add_argument("terms", metavar="TERMS", type=Path, help="terms, in YAML (docs/terms-file.md)")
    parser.add_argument("facts", metavar="FACTS", type=Path, help="facts, in CSV or NDJSON; - is standard input")
    parser.add_argument("--json", action="store_true", help="print JSON with all evidence instead of a table")
    parser.add_argument("--explain", action="store_true", help="tell how each verdict came to be (docs/explain.md)")
    parser.add_argument("--at", metavar="INSTANT", help="judge at this instant, or at the start of this date")
    parser.add_argument("--from", dest="since", metavar="DATE", help="only periods that start at or after it")
    parser.add_argument("--until", metavar="DATE", help="only periods that start before it")


def run(arguments: argparse.Namespace) -> int:
    terms = read_terms(arguments.terms)
    bad = BadLines("standard input" if arguments.facts == STDIN else str(arguments.facts))
    gathered = gather(terms, read_facts(arguments.facts, bad), bad)
    bad.refuse()
    judgement = judge(
        terms,
        gathered,
        at=_option("--at", arguments.at, terms.zone),
        since=_option("--from", arguments.since, terms.zone),
        until=_option("--until", arguments.until, terms.zone),
    )
    outcome = _outcome(judgement)
    if arguments.json:
        written = as_explained_json if arguments.explain else as_json
        sys.stdout.write(written(judgement, outcome.name.lower()) + "\n")
    else:
        _print_table(judgement)
    if arguments.explain and not arguments.json:
        sys.stdout.writelines(f"{line}\n" for line in explanation_lines(judgement))
    return outcome.value


def _option(name: str, text: str | None, zone: str) -> datetime | None:
    try:
        return None if text is None else instant_or_day(text, zone)
    except NotWritten as wrong:
        raise Invalid(f"{name}: {wrong}") from wrong


def _outcome(judgement: Judgement) -> Outcome:
    if judgement.breaches:
        return Outcome.BREACH
    return Outcome.HELD if judgement.held else Outcome.MET


def _print_table(judgement: Judgement) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    console.print(as_table(judgement))
    for line in closing_lines(judgement):
        console.print(line, markup=False)

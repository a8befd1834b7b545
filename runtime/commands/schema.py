"""`interpact schema`: prints the GraphQL schema. Needs no database."""

from __future__ import annotations

import argparse
import sys

from graph.schema import schema_text


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(arguments: argparse.Namespace) -> int:
    del arguments
    sys.stdout.write(schema_text())
    return 0

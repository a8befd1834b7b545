"""The command `interpact`. A command's module is imported only where it is called: `judge` needs no database.

Exit status: the command's own; 2 where the input or the settings are wrong; 70 where the service has a bug, so that
none is taken for a verdict; 130 after Ctrl-C; 141 where nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from domain.errors import DomainError
from runtime.settings import SettingsError

BAD_INPUT = 2
BUG = 70
INTERRUPTED = 130
UNREAD = 141

COMMANDS: Mapping[str, str] = {
    "serve": "serve GraphQL, with a worker beside it",
    "work": "run a worker: judge what facts have made due",
    "migrate": "bring the database's schema up to date",
    "schema": "print the GraphQL schema",
    "policy": "print who may do what",
    "demo": "load a tenant with real outages of three vendors, and serve it",
    "judge": "judge a file of terms on a file of facts, without a database",
    "tenant": "create a tenant",
    "key": "create, list and revoke API keys",
    "feed": "delete old events",
    "person": "invite, list, suspend, restore and remove people",
    "audit": "erase addresses from the audit log",
}


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status. Wrong usage exits by itself, with status 2."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets its number; it is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader either; the interpreter would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception as error:  # noqa: BLE001 - the outermost frame: a bug has a status of its own
        return _told(error)
    return status


def _run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="interpact", description="Service level agreements that span several vendors.", allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    chosen = argv[0] if argv else ""
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, allow_abbrev=False)
        if name == chosen:
            module = import_module(f"runtime.commands.{name}")
            module.configure(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _told(error: Exception) -> int:
    plain = list(_plain(error))
    if None in plain:
        traceback.print_exception(error)
        return BUG
    for message in plain:
        print(message, file=sys.stderr)
    return BAD_INPUT


def _plain(error: BaseException) -> Iterator[str | None]:
    """What to tell of an error, or of each in a group; None of one that only a bug can cause."""
    match error:
        case BaseExceptionGroup():
            for each in error.exceptions:
                yield from _plain(each)
        case DomainError():
            yield error.message
        case SettingsError():
            yield str(error)
        case _:
            yield None


if __name__ == "__main__":
    sys.exit(main())

"""What a process says on standard error: lines of text for people, or JSON lines for machines.

Each line carries what is known of the operation it belongs to: the request's id, the tenant, the role. None carries a
secret or what people posted: values that look like one are struck out, and of a database's error the detail, which
quotes rows, is left off.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

FIELDS = ("request_id", "tenant", "caller", "role")

QUIET = ("uvicorn", "websockets", "sqlalchemy", "asyncio", "urllib3", "httpx", "httpcore", "opentelemetry")
"""Libraries that would tell frames, headers, addresses and statements: only their warnings and errors are heard."""

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 - it is never changed in place

_SECRETS = (
    (re.compile(r"\bipk_[a-z2-7]+(?:_[a-z2-7]+)*(?:_[0-9a-f]{8})?"), "ipk_***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?!\*)[^\s\"',;]+"), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"(\w://[^\s:/@]*):[^\s@]+@"), r"\1:***@"),
    # PostgreSQL quotes the row here.
    (re.compile(r"\n?(?:DETAIL|CONTEXT):[^\n]*"), ""),
    (re.compile(r"Failing row contains[^\n]*"), "Failing row: ***"),
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x09), *range(0x0B, 0x20), 0x7F)}


@contextmanager
def about(**facts: str | None) -> Iterator[None]:
    """What is logged inside the block, and in tasks that it starts, carries these facts; one of FIELDS each."""
    token = _about.set({**_about.get(), **{name: value for name, value in facts.items() if value is not None}})
    try:
        yield
    finally:
        # A generator may be closed by another task than the one that it ran in; that one's facts end with it.
        with suppress(ValueError):
            _about.reset(token)


def known() -> Mapping[str, str]:
    return _about.get()


def begin(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Every logger of the process writes through one handler. `form` is json, text, or empty: text on a terminal."""
    as_json = form == "json" or (not form and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, the facts that are known, and `error` with the stack."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": struck(record.getMessage()),
            **known(),
            **_facts(record),
        }
        error = _error(record)
        if error:
            line["error"] = error
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


class TextLines(logging.Formatter):
    """One line, with the facts at its end in brackets; a stack follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in {**known(), **_facts(record)}.items())
        message = struck(record.getMessage()).replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname} {record.name}: {message}" + (f" [{facts}]" if facts else "")
        error = _error(record)
        return f"{line}\n{error}".translate(_CONTROL) if error else line.translate(_CONTROL)


def struck(text: str) -> str:
    """The text without what looks like a key, a token, a password in an address, or a row."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _facts(record: logging.LogRecord) -> Mapping[str, object]:
    """What a caller gave as `extra={"facts": …}`: numbers and words of our own."""
    facts: Mapping[str, object] = getattr(record, "facts", {})
    return facts


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _error(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return struck("".join(traceback.format_exception(record.exc_info[1])).rstrip("\n"))

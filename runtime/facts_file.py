"""Files of facts, CSV or NDJSON, read line by line (docs/judge.md, Facts).

A CSV's header tells the kind of all its lines; in NDJSON, one object a line, each line's keys tell its own. A line that
can't be read is told with its number and field, and nothing of the file is used.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from domain.errors import Invalid
from runtime.fact_rows import FORMS, NUMBERS, OUTAGES, FactRow, Form, OutageRow, Wrong
from runtime.written import told
from runtime.yaml_nodes import FileUnreadable

LINE_BYTES_MAX = 1 << 20
BAD_LINES_TOLD_MAX = 20
STDIN = Path("-")

_BOM = b"\xef\xbb\xbf"


class FactsInvalid(Invalid):
    """The message has a line for each bad line that is told, led in by file and line."""

    code = "FACTS_INVALID"


@dataclass(slots=True)
class BadLines:
    """The bad lines of one file: all are counted, the first are told."""

    name: str
    told: list[str] = field(default_factory=list)
    total: int = 0

    def add(self, line: int, message: str, *, column: str = "") -> None:
        self.total += 1
        if self.total <= BAD_LINES_TOLD_MAX:
            self.told.append(f"{self.name}:{line}: {column}: {message}" if column else f"{self.name}:{line}: {message}")

    def refuse(self) -> None:
        """Raises FactsInvalid if there are any."""
        if not self.total:
            return
        more = self.total - len(self.told)
        raise FactsInvalid("\n".join([*self.told, *([f"{self.name}: and {more} more bad lines"] if more else [])]))


def read_facts(path: Path, bad: BadLines) -> Iterator[FactRow]:
    """The good lines in order; the others are added to `bad`, which the caller asks before it uses any.

    The path `-` is standard input. Raises FileUnreadable.
    """
    try:
        with _opened(path) as stream:
            yield from _rows(stream, bad)
    except OSError as wrong:
        raise FileUnreadable(f"{path}: {wrong.strerror}") from wrong


def read_outage_rows(path: Path) -> Iterator[OutageRow]:
    """The outages of a file, checked to its end before the first is yielded. The file is read twice.

    Raises FactsInvalid, also for lines that are no outages; FileUnreadable.
    """
    bad = BadLines(str(path))
    for row in read_facts(path, bad):
        if not isinstance(row, OutageRow):
            bad.add(row.line, f"outages are needed here: {','.join(OUTAGES.needed)}")
    bad.refuse()
    return (row for row in read_facts(path, bad) if isinstance(row, OutageRow))


class _Number(str):
    """A JSON number as written, so that it passes through no float."""

    __slots__ = ()


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STDIN else path.open("rb")


def _rows(stream: BinaryIO, bad: BadLines) -> Iterator[FactRow]:
    lines = _lines(stream, bad)
    first = next(lines, None)
    if first is None:
        if not bad.total:
            bad.add(1, "the file is empty")
        return
    number, text = first
    if text.lstrip().startswith("{"):
        yield from _read(_chained(first, lines), bad, _json_row)
        return
    if number != 1:
        return
    header = _header(text, bad)
    if header is not None:
        form, columns = header
        yield from _read(lines, bad, lambda line, content: form.read(line, _csv_cells(content, columns)))


def _read(lines: Iterator[tuple[int, str]], bad: BadLines, read: Callable[[int, str], FactRow]) -> Iterator[FactRow]:
    for number, text in lines:
        try:
            row = read(number, text)
        except Wrong as wrong:
            bad.add(number, str(wrong), column=wrong.column)
        else:
            yield row


def _chained(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _lines(stream: BinaryIO, bad: BadLines) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is text, without its line end; the others are bad."""
    number = 0
    while raw := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(raw) > LINE_BYTES_MAX and not raw.endswith(b"\n"):
            bad.add(number, f"a line has at most {LINE_BYTES_MAX} bytes")
            while (rest := stream.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
                pass
            continue
        content = raw.removeprefix(_BOM if number == 1 else b"").removesuffix(b"\n").removesuffix(b"\r")
        if not content.strip():
            bad.add(number, "the line is empty")
        elif b"\0" in content:
            bad.add(number, "the line has a NUL character")
        else:
            try:
                yield number, content.decode("utf-8")
            except UnicodeDecodeError as wrong:
                bad.add(number, f"the line is not UTF-8, from its byte {wrong.start + 1} on")


def _header(text: str, bad: BadLines) -> tuple[Form, Sequence[str]] | None:
    try:
        columns = _csv_fields(text)
    except Wrong as wrong:
        bad.add(1, str(wrong))
        return None
    found = [form for form in FORMS if form.takes(columns)]
    if not found or len(set(columns)) < len(columns):
        bad.add(1, f"no known form has the header {told(text)}; {_known_forms()}")
        return None
    return found[0], columns


def _known_forms() -> str:
    forms = [",".join([*form.needed, *(f"[{name}]" for name in form.optional)]) for form in FORMS]
    return f"known are {'; '.join(forms)}"


def _csv_fields(text: str) -> Sequence[str]:
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as wrong:
        raise Wrong(f"this is not a line of CSV: {wrong}") from wrong


def _csv_cells(text: str, columns: Sequence[str]) -> Mapping[str, str]:
    cells = _csv_fields(text)
    if len(cells) != len(columns):
        raise Wrong(f"the header has {len(columns)} columns, this line {len(cells)}")
    return dict(zip(columns, cells, strict=True))


def _json_row(line: int, text: str) -> FactRow:
    cells = _json_object(text)
    found = [form for form in FORMS if form.signs & cells.keys()]
    if len(found) != 1:
        raise Wrong(f"no known form has the keys {told(','.join(cells))}; {_known_forms()}")
    form = found[0]
    for name in cells:
        if name not in form.needed and name not in form.optional:
            raise Wrong(f"there is no key {told(name)}; known are {', '.join([*form.needed, *form.optional])}")
    for name in form.needed:
        if name not in cells and name not in form.may_be_left_out:
            raise Wrong(f"{name} is needed", column=name)
    texts = {name: _json_text(name, value) for name, value in cells.items()}
    return form.read(line, {**dict.fromkeys(form.may_be_left_out, ""), **texts})


def _json_object(text: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_refuse_constant, object_pairs_hook=_distinct
        )
    except json.JSONDecodeError as wrong:
        raise Wrong(f"this is not JSON: {wrong.msg} at column {wrong.colno}") from wrong
    except RecursionError as wrong:
        raise Wrong("this JSON is too deep") from wrong
    if not isinstance(value, dict):
        raise Wrong("a line is one JSON object")
    return value


def _refuse_constant(text: str) -> object:
    raise Wrong(f"a number is finite, not {text}")


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Wrong("a key is there twice")
    return found


def _json_text(name: str, value: object) -> str:
    """Numbers may be strings, for writers that hold no exact ones; text may not be a number."""
    if value is None and any(name in form.may_be_left_out for form in FORMS):
        return ""
    if not isinstance(value, str):
        raise Wrong("this is a string or a number", column=name)
    if isinstance(value, _Number) and name not in NUMBERS:
        raise Wrong(f"this is a string, not the number {value[:40]}", column=name)
    return value

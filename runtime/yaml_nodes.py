"""A YAML file as nodes that know their line and column.

Values stay the text of the file, never YAML's own types: `99.9` is exactly that, `no` is a word. Anchors, aliases, tags
and deep nesting are refused, so a small file stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

import yaml

from domain.errors import Invalid

FILE_BYTES_MAX = 1 << 20
DEPTH_MAX = 40
PROBLEMS_TOLD_MAX = 20

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class ScalarNode:
    """`text` is None where nothing is written, or a plain `null`."""

    line: int
    column: int
    text: str | None


@dataclass(slots=True, eq=False)
class ListNode:
    line: int
    column: int
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class FieldsNode:
    """A mapping; `nodes` are keys and values in turn, as written."""

    line: int
    column: int
    nodes: list[Node] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[Node, Node]]:
        return list(zip(self.nodes[::2], self.nodes[1::2], strict=True))


Node: TypeAlias = ScalarNode | ListNode | FieldsNode


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """`line` and `column` count from 1. `path` is like `objectives[0].expected`; empty for the whole file."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class FileInvalid(Invalid):
    """The message has a line for each problem, led in by file, line and column."""

    code = "FILE_INVALID"

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        lines = [f"{name}:{each.line}:{each.column}: {each}" for each in self.problems[:PROBLEMS_TOLD_MAX]]
        if len(self.problems) > PROBLEMS_TOLD_MAX:
            lines.append(f"{name}: and {len(self.problems) - PROBLEMS_TOLD_MAX} more problems")
        super().__init__("\n".join(lines))


class FileUnreadable(Invalid):
    code = "FILE_UNREADABLE"


def read_yaml(path: Path) -> Node:
    """The file's one document. Raises FileUnreadable, or FileInvalid with the first problem of its YAML."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
    except OSError as wrong:
        raise FileUnreadable(f"{path}: {wrong.strerror}") from wrong
    if len(raw) > FILE_BYTES_MAX:
        raise FileUnreadable(f"{path}: a file of terms has at most {FILE_BYTES_MAX} bytes")
    try:
        return _composed(_decoded(raw))
    except _Refused as wrong:
        raise FileInvalid(str(path), [wrong.problem]) from wrong


class _Mark(Protocol):
    """A place in a text, counted from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class _Refused(ValueError):
    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(message)
        self.problem = Problem(line=line, column=column, path="", message=message)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _Refused("this is not UTF-8", line=raw.count(b"\n", 0, wrong.start) + 1, column=1) from wrong


def _composed(text: str) -> Node:
    """The root, built from YAML's events without recursion."""
    root = ListNode(1, 1)
    open_nodes: list[ListNode | FieldsNode] = [root]
    for event in _events(text):
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event)
            if len(open_nodes) > DEPTH_MAX:
                raise _Refused(f"at most {DEPTH_MAX} levels are taken", line=node.line, column=node.column)
            if len(open_nodes) == 1 and root.nodes:
                raise _Refused("one document is taken, and here a second starts", line=node.line, column=node.column)
            open_nodes[-1].nodes.append(node)
            if not isinstance(node, ScalarNode):
                open_nodes.append(node)
    return root.nodes[0] if root.nodes else ScalarNode(1, 1, None)


def _events(text: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as wrong:
        line = text.count("\n", 0, wrong.position) + 1
        raise _Refused(f"the character U+{wrong.character:04X} is not allowed", line=line, column=1) from wrong
    except yaml.MarkedYAMLError as wrong:
        line, column = _place(wrong.problem_mark or wrong.context_mark)
        raise _Refused(wrong.problem or wrong.context or "this is not YAML", line=line, column=column) from wrong
    except (ValueError, OverflowError) as wrong:
        # The library lets through what Python says of an escape or number that is far out of range.
        raise _Refused(f"this is not YAML: {wrong}", line=1, column=1) from wrong


def _node(event: yaml.NodeEvent) -> Node:
    line, column = _place(event.start_mark)
    if event.anchor is not None:
        raise _Refused("anchors and aliases are not taken", line=line, column=column)
    match event:
        case yaml.ScalarEvent():
            _refuse_tag(event.tag, line, column)
            return ScalarNode(line, column, None if event.style is None and event.value in _NULLS else event.value)
        case yaml.MappingStartEvent():
            _refuse_tag(event.tag, line, column)
            return FieldsNode(line, column)
        case yaml.SequenceStartEvent():
            _refuse_tag(event.tag, line, column)
            return ListNode(line, column)
        case _:
            raise AssertionError(f"{event} is no node")


def _refuse_tag(tag: str | None, line: int, column: int) -> None:
    if tag is not None:
        raise _Refused("tags are not taken", line=line, column=column)


def _place(mark: _Mark | None) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)

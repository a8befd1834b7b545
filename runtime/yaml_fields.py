"""Reading fields out of YAML nodes, so that every problem is gathered with its line, column and path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

from domain.errors import DomainError
from domain.text import checked_code
from runtime.written import NotWritten, told
from runtime.yaml_nodes import FieldsNode, ListNode, Node, Problem, ScalarNode

FIELDS_MAX = 1_000
PROBLEMS_MAX = 1_000
"""More are not gathered: whoever has so many starts with the first."""

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")

T = TypeVar("T")
D = TypeVar("D")


@dataclass(slots=True)
class Problems:
    """All that is wrong with one file, gathered while it is read."""

    found: list[Problem] = field(default_factory=list)

    def blame(self, node: Node, path: str, message: str) -> None:
        if len(self.found) < PROBLEMS_MAX:
            self.found.append(Problem(line=node.line, column=node.column, path=path, message=message))

    def within(self, path: str) -> bool:
        """Whether there is any at the path or below it."""
        below = (f"{path}.", f"{path}[") if path else ""
        return any(each.path == path or each.path.startswith(below) for each in self.found)


@dataclass(slots=True)
class Item:
    """One node with its path. A reader of an item returns its value or raises a ValueError or DomainError."""

    problems: Problems
    node: Node
    path: str

    @property
    def is_absent(self) -> bool:
        """Nothing is written after the key, or `null`."""
        return isinstance(self.node, ScalarNode) and self.node.text is None

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, ListNode)

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, ScalarNode)

    @property
    def text(self) -> str:
        if not isinstance(self.node, ScalarNode) or self.node.text is None:
            raise NotWritten(f"one value is needed here, not {_kind(self.node)}")
        return self.node.text

    def blame(self, message: str) -> None:
        self.problems.blame(self.node, self.path, message)

    def entries(self, *, least: int, most: int) -> list[Item]:
        """The list here. Another kind of node, or a length out of bounds, is a problem and gives no entries."""
        if not isinstance(self.node, ListNode):
            self.blame(f"a list is needed here, not {_kind(self.node)}")
            return []
        if not least <= len(self.node.nodes) <= most:
            self.blame(f"{least} to {most} entries belong here, not {len(self.node.nodes)}")
            return []
        return [Item(self.problems, node, f"{self.path}[{index}]") for index, node in enumerate(self.node.nodes)]

    def pairs(self, *, most: int = FIELDS_MAX) -> Iterator[tuple[str, Item]]:
        """The fields of the mapping here, whatever their names; a name that comes twice is a problem."""
        if not isinstance(self.node, FieldsNode):
            self.blame(f"fields are needed here, not {_kind(self.node)}")
            return
        pairs = self.node.pairs
        if len(pairs) > most:
            self.blame(f"at most {most} fields belong here, not {len(pairs)}")
            return
        seen: set[str] = set()
        for key, value in pairs:
            if not isinstance(key, ScalarNode) or not key.text:
                self.problems.blame(key, self.path, "the name of a field is plain text")
                continue
            path = self.inside(key.text)
            if key.text in seen:
                self.problems.blame(key, path, "this field is there twice")
                continue
            seen.add(key.text)
            yield key.text, Item(self.problems, value, path)

    def inside(self, name: str) -> str:
        """The path of a field of the mapping here."""
        return f"{self.path}.{name}" if self.path else name


class Fields:
    """The fields of one mapping. What can't be read is a problem, and a placeholder stands for it from there on."""

    def __init__(self, item: Item, known: Sequence[str]) -> None:
        self.item = item
        self.known = known
        self._found: dict[str, Item] = {}
        for name, value in item.pairs():
            if name in known:
                self._found[name] = value
            else:
                value.blame(f"there is no such field here; known are {', '.join(known)}")

    @property
    def sound(self) -> bool:
        """No problem was found here or below."""
        return not self.item.problems.within(self.item.path)

    def get(self, name: str) -> Item | None:
        """The field, or None where it is left out. To ask for an unknown one is a bug."""
        assert name in self.known, f"{name} is no field of {self.item.path}"
        found = self._found.get(name)
        return None if found is None or found.is_absent else found

    def need(self, name: str, read: Callable[[Item], T], *, placeholder: D) -> T | D:
        found = self.get(name)
        if found is None:
            self.blame(name, f"{name} is needed")
            return placeholder
        return self._read(found, read, placeholder)

    def may(self, name: str, read: Callable[[Item], T], *, default: D) -> T | D:
        found = self.get(name)
        return default if found is None else self._read(found, read, default)

    def blame(self, name: str, message: str) -> None:
        """A problem of the field, told where it is written, else where its mapping is."""
        found = self._found.get(name)
        if found is None:
            self.item.problems.blame(self.item.node, self.item.inside(name), message)
        else:
            found.blame(message)

    def build(self, make: Callable[[], T], named: Mapping[str, str] | None = None) -> T | None:
        """What `make` returns; None where a field is unsound or a rule is broken, which is blamed on its field.

        `named`: what the file calls the fields that the rule's path calls otherwise.
        """
        if not self.sound:
            return None
        try:
            return make()
        except DomainError as wrong:
            first = str(wrong.path[0]) if wrong.path else ""
            name = (named or {}).get(first) or _snake(first)
            if name in self.known:
                self.blame(name, wrong.message)
            else:
                self.item.blame(wrong.message)
        except ValueError as wrong:
            self.item.blame(str(wrong))
        return None

    def _read(self, found: Item, read: Callable[[Item], T], otherwise: D) -> T | D:
        try:
            return read(found)
        except DomainError as wrong:
            found.blame(wrong.message)
        except ValueError as wrong:
            found.blame(str(wrong))
        return otherwise


def coded_entries(item: Item, known: Sequence[str], *, most: int) -> Iterator[tuple[str, Fields]]:
    """The entries of a list of which each has a code of its own; one without a code that can be read is left out."""
    seen: set[str] = set()
    for entry in item.entries(least=1, most=most):
        fields = Fields(entry, known)
        code = fields.need("code", scalar(checked_code), placeholder="")
        if code in seen:
            fields.blame("code", f"the code {code} is there twice")
        elif code:
            seen.add(code)
            yield code, fields


def scalar(convert: Callable[[str], T]) -> Callable[[Item], T]:
    """A reader of an item from a reader of its text."""
    return lambda item: convert(item.text)


def one_of(choices: Mapping[str, T]) -> Callable[[Item], T]:
    def read(item: Item) -> T:
        text = item.text
        if text not in choices:
            raise NotWritten(f"this is one of {', '.join(choices)}, not {told(text)}")
        return choices[text]

    return read


def _kind(node: Node) -> str:
    match node:
        case FieldsNode():
            return "fields"
        case ListNode():
            return "a list"
        case ScalarNode(text=None):
            return "nothing"
        case ScalarNode(text=text):
            return f"the value {told(str(text))}"
        case _ as never:
            assert_never(never)


def _snake(name: str) -> str:
    return _HUMP.sub(lambda hump: "_" + hump[1].lower(), name)

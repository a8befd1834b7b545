"""What a row of the table of bad input is: what is sent, by whom, and where and how it is refused.

The rows are in bad_facts.py, bad_terms.py, bad_requests.py and bad_files.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Sent = dict[str, Any]

AT, END, LATER = "2024-05-01T00:00:00Z", "2024-05-01T01:00:00Z", "2024-05-01T00:15:00Z"
NUL = "\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Ids of what is there: `leaf` is measured, `whole` rests on it, `terms` is in force; `foreign` is another's."""

    vendor: str
    leaf: str
    whole: str
    up: str
    terms: str
    foreign_party: str
    foreign_service: str
    unknown_service: str


Given = Callable[[Names], Sent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A document with its variables. It is refused in `userErrors`, or else in the errors at the top.

    `path` is the whole one that the answer tells, its parts joined by dots; empty where it can tell none.
    """

    name: str
    key: str
    document: str
    given: Given
    code: str
    path: str = ""
    says: str = ""
    at_the_top: bool = False

    def __str__(self) -> str:
        return self.name


def document(mutation: str) -> str:
    wanted = mutation[0].upper() + mutation[1:]
    return f"mutation ($input: {wanted}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code message path }} }} }}"


def refused(
    name: str, mutation: str, given: Given, code: str, path: str, *, key: str = "admin", says: str = ""
) -> Asked:
    """In `userErrors`; the path is told from `input` on."""
    whole = f"input.{path}" if path else "input"
    return Asked(name=name, key=key, document=document(mutation), given=given, code=code, path=whole, says=says)


def unread(name: str, mutation: str, given: Given, path: str, says: str, *, key: str = "admin") -> Asked:
    """A value that its type cannot read, so that nothing is carried out at all."""
    return Asked(
        name=name,
        key=key,
        document=document(mutation),
        given=given,
        code="BAD_USER_INPUT",
        path=f"input.{path}",
        says=says,
        at_the_top=True,
    )


def stream(**other: str) -> Sent:
    return {"metric": "up", "service": "leaf", "vendor": "vendor", **other}


def given(**content: Any) -> Given:
    return lambda _names: {"input": content}

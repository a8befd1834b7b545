"""Codes, names and notes: what a short text may be."""

from __future__ import annotations

import re

from domain.errors import Invalid, OutOfRange

CODE_LENGTH_MAX = 80
NAME_LENGTH_MAX = 200
NOTE_LENGTH_MAX = 10_000

_CODE = re.compile(r"[a-z0-9]([a-z0-9._/-]*[a-z0-9])?")


def checked_code(text: str, field: str = "code") -> str:
    """A code as people write it in contracts: lower-case letters, digits and `._/-`, unique within its kind."""
    if not is_code(text):
        raise Invalid(
            f"a code is 1 to {CODE_LENGTH_MAX} of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
            path=(field,),
        )
    return text


def is_code(text: str) -> bool:
    """Whether anything can have this code: what can't need not be looked up."""
    return len(text) <= CODE_LENGTH_MAX and _CODE.fullmatch(text) is not None


def checked_name(text: str, field: str = "name") -> str:
    if not text.strip() or len(text) > NAME_LENGTH_MAX or not text.isprintable():
        raise Invalid(f"a name is 1 to {NAME_LENGTH_MAX} printable characters", path=(field,))
    return text


def checked_note(text: str, field: str = "note") -> str:
    if len(text) > NOTE_LENGTH_MAX or "\x00" in text:
        raise OutOfRange(f"at most {NOTE_LENGTH_MAX} characters, none of them NUL", path=(field,))
    return text

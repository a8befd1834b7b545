"""Customers, vendors and internal teams. Parties form a tree: corporate, business unit, site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.ids import PartyId
from domain.text import checked_code, checked_name

PARTY_DEPTH_MAX = 10


class PartyKind(Enum):
    CUSTOMER = "customer"
    VENDOR = "vendor"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    id: PartyId
    code: str
    name: str
    kind: PartyKind
    parent: PartyId | None = None

    def __post_init__(self) -> None:
        checked_code(self.code)
        checked_name(self.name)

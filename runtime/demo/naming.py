"""Codes for what the records name: any vendor and component gets one, the same for the same file."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from domain.text import CODE_LENGTH_MAX
from runtime.demo.story import PARTIES, SERVICES, UNDER_CONTRACT, VENDORS, WITHOUT_CONTRACT, RecordName

VENDOR_CODE_LENGTH_MAX = 30

_OTHERS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The code of each vendor and each component, those of the story first."""

    vendors: Mapping[str, str]
    services: Mapping[RecordName, str]


def names_of(found: Collection[RecordName]) -> Names:
    told = (*UNDER_CONTRACT, *WITHOUT_CONTRACT)
    others = sorted(set(found) - set(told), key=lambda name: (name.vendor, name.service))
    vendors = dict.fromkeys((*VENDORS, *(name.vendor for name in others)))
    codes = _codes(vendors, taken={party.code for party in PARTIES}, most=VENDOR_CODE_LENGTH_MAX)
    services: dict[RecordName, str] = {}
    taken = {service.code for service in SERVICES}
    for name in (*told, *others):
        code = _free(f"{codes[name.vendor]}/", name.service, taken, CODE_LENGTH_MAX)
        taken.add(code)
        services[name] = code
    return Names(vendors=codes, services=services)


def _codes(names: Iterable[str], *, taken: set[str], most: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found[name] = _free("", name, taken, most)
        taken.add(found[name])
    return found


def _free(prefix: str, name: str, taken: Collection[str], most: int) -> str:
    """The name in letters that a code may have; with a digest where that is empty, too long or in use."""
    slug = _OTHERS.sub("-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()).strip("-")
    code = prefix + slug
    if slug and len(code) <= most and code not in taken:
        return code
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    kept = slug[: most - len(prefix) - len(digest) - 1].strip("-")
    return f"{prefix}{kept}-{digest}" if kept else f"{prefix}{digest}"

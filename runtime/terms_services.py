"""The services of a file of terms: what each rests on, and which records are about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import NotFound
from domain.ids import PartyId, ServiceId
from domain.instants import EARLIEST
from domain.service import Service, StructureVersion
from domain.structure import AllOf, AnyOf, Component, KOfN, Structure, find_cycle
from domain.text import checked_code, checked_name
from runtime.terms import RecordName, id_of
from runtime.written import count, told
from runtime.yaml_fields import Fields, Item, coded_entries, scalar

SERVICES_MAX = 1_000
RECORDS_MAX = 1_000
STRUCTURES_MAX = 100
PARTS_MAX = 200
LISTED_MAX = 10
"""How many codes an error lists."""

SERVICE_FIELDS = ("code", "name", "provider", "records", "structure")
RECORD_FIELDS = ("vendor", "service")
PART_KINDS = ("all_of", "any_of", "k_of_n")

Instants = Callable[[Item], datetime]


@dataclass(slots=True)
class Services:
    """`codes` holds every service that is written, also one with problems, which `by_id` lacks."""

    codes: dict[str, ServiceId] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    by_id: dict[ServiceId, Service] = field(default_factory=dict)
    feeds: dict[RecordName, tuple[ServiceId, ...]] = field(default_factory=dict)

    def named(self, item: Item) -> ServiceId:
        found = self.codes.get(item.text)
        if found is None:
            listed = ", ".join(list(self.codes)[:LISTED_MAX])
            raise NotFound("service", f"{told(item.text)} is listed under services; listed are {listed}")
        return found


def read_services(item: Item, provider: str, instants: Instants) -> Services:
    services = Services()
    entries = list(coded_entries(item, SERVICE_FIELDS, most=SERVICES_MAX))
    for code, _ in entries:
        services.codes[code] = ServiceId(id_of("service", code))
    for code, fields in entries:
        _read_service(services, code, fields, provider, instants)
    _refuse_cycles(services, dict(entries))
    return services


def _read_service(services: Services, code: str, fields: Fields, provider: str, instants: Instants) -> None:
    services.providers[code] = fields.may("provider", scalar(checked_code), default=provider)
    structures = fields.may("structure", lambda item: _structures(item, services, instants), default=())
    name = fields.may("name", scalar(checked_name), default=code)
    records = fields.may("records", _records, default=(RecordName(None, code),))
    if structures and structures[0].effective_from == EARLIEST:
        # It is never measured by itself, so no outage record can be about it.
        if fields.get("records") is not None:
            fields.blame("records", "records are about a service that is measured by itself; this one has a structure")
        records = ()
    service = fields.build(
        lambda: Service(
            id=services.codes[code],
            code=code,
            name=name,
            provider=PartyId(id_of("party", services.providers[code])),
            structures=structures,
        )
    )
    if service is None:
        return
    services.by_id[service.id] = service
    for record in records:
        services.feeds[record] = (*services.feeds.get(record, ()), service.id)


def _records(item: Item) -> tuple[RecordName, ...]:
    found: list[RecordName] = []
    for entry in item.entries(least=1, most=RECORDS_MAX):
        fields = Fields(entry, RECORD_FIELDS)
        vendor = fields.may("vendor", scalar(lambda text: checked_name(text, "vendor")), default=None)
        service = fields.need("service", scalar(checked_name), placeholder="")
        name = RecordName(vendor, service)
        if name in found:
            entry.blame("these records are named twice")
        found.append(name)
    return tuple(found)


def _structures(item: Item, services: Services, instants: Instants) -> tuple[StructureVersion, ...]:
    """One structure from the beginning, or a list of them, of which each but the first says from when on."""
    if not item.is_list:
        fields = None if item.is_scalar else Fields(item, PART_KINDS)
        version = _version(item, fields, services, EARLIEST)
        return () if version is None else (version,)
    versions: list[StructureVersion] = []
    for index, entry in enumerate(item.entries(least=1, most=STRUCTURES_MAX)):
        fields = Fields(entry, ("effective_from", *PART_KINDS))
        if index == 0:
            effective_from = fields.may("effective_from", instants, default=EARLIEST)
        else:
            effective_from = fields.need("effective_from", instants, placeholder=EARLIEST)
        version = _version(entry, fields, services, effective_from)
        if version is None:
            continue
        if versions and versions[-1].effective_from >= effective_from:
            fields.blame("effective_from", "a structure takes effect after the one before it")
        versions.append(version)
    return tuple(versions)


def _version(
    item: Item, fields: Fields | None, services: Services, effective_from: datetime
) -> StructureVersion | None:
    structure = _component(item, services) if fields is None else _combined(fields, services)
    if structure is None:
        return None
    if fields is None:
        return StructureVersion(effective_from=effective_from, structure=structure)
    return fields.build(lambda: StructureVersion(effective_from=effective_from, structure=structure))


def _part(item: Item, services: Services) -> Structure | None:
    return _component(item, services) if item.is_scalar else _combined(Fields(item, PART_KINDS), services)


def _component(item: Item, services: Services) -> Structure | None:
    try:
        return Component(services.named(item))
    except (NotFound, ValueError) as wrong:
        item.blame(str(wrong))
        return None


def _combined(fields: Fields, services: Services) -> Structure | None:
    """Ends because a file's nodes are at most some dozens deep."""
    given = [(kind, part) for kind in PART_KINDS if (part := fields.get(kind)) is not None]
    if len(given) != 1:
        fields.item.blame("a structure is the code of a service, or one of all_of, any_of, k_of_n")
        return None
    kind, part = given[0]
    match kind:
        case "all_of":
            parts = _parts(part, services)
            return fields.build(lambda: AllOf(parts))
        case "any_of":
            parts = _parts(part, services)
            return fields.build(lambda: AnyOf(parts))
        case _:
            return _k_of_n(Fields(part, ("k", "of")), services)


def _k_of_n(fields: Fields, services: Services) -> Structure | None:
    k = fields.need("k", scalar(count), placeholder=1)
    parts = fields.need("of", lambda item: _parts(item, services), placeholder=())
    return fields.build(lambda: KOfN(k=k, parts=parts))


def _parts(item: Item, services: Services) -> tuple[Structure, ...]:
    parts = (_part(entry, services) for entry in item.entries(least=1, most=PARTS_MAX))
    return tuple(part for part in parts if part is not None)


def _refuse_cycles(services: Services, entries: Mapping[str, Fields]) -> None:
    cycle = find_cycle({each.id: each.components for each in services.by_id.values()})
    if cycle is not None:
        codes = [services.by_id[each].code for each in cycle]
        entries[codes[0]].blame("structure", f"the structure has a cycle: {' > '.join([*codes, codes[0]])}")

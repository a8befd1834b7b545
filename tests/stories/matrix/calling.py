"""A call of each mutation as a template: what goes well for a caller, and where in it things are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from tests.stories.matrix.expected import READ_BY, RIGHTS
from tests.stories.matrix.oracle import Tenant, Thing, Who
from tests.stories.matrix.scene import Scene

NEW = "a-newcomer"
Permits: TypeAlias = Callable[[Thing], bool | None]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a call names a thing. `permits`: which of those that the caller sees may stand there; None where that hangs
    on facts too.
    """

    type: str
    usual: str
    permits: Permits
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What a caller of a party has of its own, by name: enough for a call of each sort, where it may make one."""

    party: str
    vendor: str
    service: str
    rests: str
    agreement: str
    draft: str
    provider: str
    customer: str
    promised: str
    exclusion: str


OWN: Mapping[str, Own] = {
    "left": Own(
        party="left",
        vendor="left",
        service="left-hosting",
        rests="left-suite",
        agreement="left-uc",
        draft="left-draft",
        provider="left",
        customer="ops",
        promised="left-hosting",
        exclusion="left-hosting",
    ),
    "right": Own(
        party="right",
        vendor="right",
        service="right-hosting",
        rests="right-hosting",
        agreement="right-uc",
        draft="right-uc",
        provider="right",
        customer="ops",
        promised="right-hosting",
        exclusion="right-hosting",
    ),
    "buyer": Own(
        party="buyer",
        vendor="buyer",
        service="portal",
        rests="portal",
        agreement="buyer-sla",
        draft="buyer-draft",
        provider="ops",
        customer="buyer",
        promised="portal",
        exclusion="buyer-sla",
    ),
    "ops": Own(
        party="ops",
        vendor="ops",
        service="archive",
        rests="portal",
        agreement="buyer-sla",
        draft="buyer-draft",
        provider="ops",
        customer="buyer",
        promised="portal",
        exclusion="buyer-sla",
    ),
    "team": Own(
        party="team",
        vendor="desk",
        service="helpdesk",
        rests="portal",
        agreement="desk-ola",
        draft="left-draft",
        provider="ops",
        customer="desk",
        promised="portal",
        exclusion="desk-ola",
    ),
}
"""By party; who is of the whole tenant has what the left vendor has."""


class Writer:
    """One caller's calls."""

    def __init__(self, scene: Scene, who: Who) -> None:
        self.scene = scene
        self.who = who
        self.own = OWN[who.party or "left"]
        self.tenant: Tenant = scene.tenants[who.mark]
        house = scene.houses[who.mark]
        self.start, self.later = house.begins.isoformat(), (house.begins + timedelta(hours=1)).isoformat()
        self.tally_end = (house.begins + timedelta(minutes=15)).isoformat()

    def sees(self, thing: Thing) -> bool:
        """By relation alone: who reports names things that it may not read."""
        return self.tenant.related(self.who.party, RIGHTS[READ_BY[thing.type]], thing)

    def acts_for(self, thing: Thing) -> bool:
        return self.who.party is None or thing.uuid in self.tenant.own(self.who.party)

    def may(self, action: str) -> Permits:
        return lambda thing: self.tenant.related(self.who.party, RIGHTS[action], thing)

    def _place(self, type_name: str, usual: str, permits: Permits | None = None, *, is_code: bool = False) -> Place:
        return Place(type_name, usual, permits or (lambda _thing: True), is_code)

    def _withdrawn(self, kind: str) -> dict[str, Any]:
        """A stream with facts: of another one there may be others, or none."""
        usual = self._stream(kind)
        for name in ("metric", "service"):
            place = usual[name]
            permits = self._only_as_usual(place)
            usual[name] = Place(place.type, place.usual, permits, is_code=True)
        return usual

    def _only_as_usual(self, place: Place) -> Permits:
        code = f"{self.who.mark}.{place.usual}"
        return lambda thing: place.permits(thing) if code in thing.words else None

    def _stream(self, kind: str, **more: Place) -> dict[str, Any]:
        vendor = self.tenant.party(self.own.vendor)
        service = self.tenant.thing("Service", self.own.service)
        return {
            "metric": self._place("Metric", kind, self._if_streamed(f"{self.who.mark}.{kind}"), is_code=True),
            "service": self._place(
                "Service",
                self.own.service,
                lambda it: self.acts_for(vendor) and it.links["providers"] == {vendor.uuid},
                is_code=True,
            ),
            "vendor": self._place(
                "Party",
                self.own.vendor,
                lambda it: self.acts_for(it) and service.links["providers"] == {it.uuid},
                is_code=True,
            ),
            "source": f"{self.who.mark}.{self.own.service}-probe",
            **more,
        }

    def _if_streamed(self, code: str) -> Permits:
        """The thing of the code, where the caller has a service to report of at all."""
        vendor, service = self.tenant.party(self.own.vendor), self.tenant.thing("Service", self.own.service)
        reports = self.acts_for(vendor) and service.links["providers"] == {vendor.uuid}
        return lambda thing: code in thing.words if reports else False

    def _customer(self) -> Place:
        vendor, service = self.tenant.party(self.own.vendor), self.tenant.thing("Service", self.own.service)
        provides = service.links["providers"] == {vendor.uuid}
        return self._place("Party", self.own.vendor, lambda _it: self.acts_for(vendor) and provides, is_code=True)

    def _objective(self) -> dict[str, Any]:
        window = {"calendar": {"every": "DAY", "zone": "UTC"}}
        return {"code": NEW, "name": NEW, "metric": self._place("Metric", "up"), "expected": "99", "window": window}

    def templates(self) -> Mapping[str, list[dict[str, Any]]]:
        return {**self._catalog(), **self._terms(), **self._facts(), **self._exclusions()}

    def _catalog(self) -> Mapping[str, list[dict[str, Any]]]:
        own, new = self.own, {"code": NEW, "name": NEW}
        provider = self._place("Party", own.party, self.acts_for)
        component = {"component": self._place("Service", own.service)}
        structured = self.may("manage services")
        return {
            "createParty": [
                {**new, "kind": "VENDOR", "parent": self._place("Party", own.party, self.may("manage parties"))}
            ],
            "createMetric": [{**new, "aggregation": "MEAN"}],
            "createService": [
                {**new, "provider": provider},
                {**new, "provider": provider, "consumers": [self._place("Party", own.party)]},
                {**new, "provider": provider, "structure": component},
            ],
            "changeServiceStructure": [
                {
                    "service": self._place("Service", own.rests, structured),
                    "structure": {"anyOf": [{"component": self._place("Service", own.service, self._may_rest)}]},
                    "effectiveFrom": self.start,
                }
            ],
        }

    def _may_rest(self, _thing: Thing) -> bool | None:
        return self.may("manage services")(self.tenant.thing("Service", self.own.rests))

    def _terms(self) -> Mapping[str, list[dict[str, Any]]]:
        own = self.own
        terms = {"effectiveFrom": self.start, "objectives": [self._objective()]}
        draft = {
            "code": NEW,
            "name": NEW,
            "kind": "UC",
            "startsAt": self.start,
            **terms,
            "provider": self._place("Party", own.provider, self._one_side(own.customer)),
        }
        manage = self.may("manage agreements")
        return {
            "draftAgreement": [
                {
                    **draft,
                    "customer": self._place("Party", own.customer, self._one_side(own.provider)),
                    "service": self._place("Service", own.promised),
                }
            ],
            "amendAgreement": [{"agreement": self._place("Agreement", own.agreement, manage), **terms}],
            "activateAgreement": [{"agreement": self._place("Agreement", own.draft, manage)}],
        }

    def _one_side(self, other: str) -> Permits:
        return lambda thing: self.acts_for(thing) or self.acts_for(self.tenant.party(other))

    def _facts(self) -> Mapping[str, list[dict[str, Any]]]:
        up, good, delay = self._stream("up"), self._stream("good"), self._stream("delay")
        outage = {"externalId": NEW, "impact": "critical", "startedAt": self.start, "endedAt": self.later}
        tally = {"starts": [self.start], "ends": [self.tally_end], "good": ["1"], "total": ["1"]}
        known = f"{self.own.service}-o"
        known_one = self._place("Outage", known, self._if_streamed(f"{self.who.mark}.{known}"), is_code=True)
        case = {"externalId": NEW, "openedAt": self.start}
        ticket = f"{self.own.service}-case"
        known_case = self._place("Case", ticket, self._if_streamed(f"{self.who.mark}.{ticket}"), is_code=True)
        return {
            "recordCases": [{"cases": [{"stream": self._stream("ticket"), **case}]}],
            "withdrawCases": [{"cases": [{"stream": self._withdrawn("ticket"), "externalId": known_case}]}],
            "recordStates": [
                {"series": [{"stream": self._stream("probe"), "instants": [self.start], "states": ["down"]}]}
            ],
            "withdrawStates": [{"stream": self._withdrawn("probe"), "instants": [self.later]}],
            "recordOutages": [
                {"outages": [{"stream": up, **outage}]},
                {"outages": [{"stream": self._stream("up", customer=self._customer()), **outage}]},
                {"reports": [{"stream": up, "through": self.later}]},
            ],
            "withdrawOutages": [{"outages": [{"stream": self._withdrawn("up"), "externalId": known_one}]}],
            "recordMeasurements": [
                {"tallies": [{"stream": good, **tally}]},
                {"samples": [{"stream": delay, "instants": [self.start], "values": ["1"]}]},
            ],
            "withdrawMeasurements": [{"stream": self._withdrawn("good"), "instants": [self.later]}],
        }

    def _exclusions(self) -> Mapping[str, list[dict[str, Any]]]:
        own = self.own
        exclusion = {"kind": "AGREED", "startsAt": self.start, "endsAt": self.later}
        known = f"{own.exclusion}-reason"
        return {
            "recordExclusion": [
                {**exclusion, "service": self._place("Service", own.promised)},
                {**exclusion, "agreement": self._place("Agreement", own.agreement)},
                {
                    **exclusion,
                    "service": self._place("Service", own.promised),
                    "corrects": self._place("Exclusion", known),
                    "replacesRevision": 1,
                },
            ],
            "withdrawExclusion": [{"exclusion": self._place("Exclusion", known), "replacesRevision": 1}],
        }


def places(template: object) -> Iterator[Place]:
    if isinstance(template, Place):
        yield template
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from places(value)
    elif isinstance(template, list):
        for value in template:
            yield from places(value)


def filled(template: Any, tenant: Tenant, place: Place | None = None, text: str = "") -> Any:
    """The call, with the text at the place and what is usual everywhere else."""
    if isinstance(template, Place):
        return text if template is place else _usual(template, tenant)
    if isinstance(template, Mapping):
        return {name: filled(value, tenant, place, text) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, tenant, place, text) for value in template]
    return template


def _usual(place: Place, tenant: Tenant) -> str:
    if place.is_code:
        return f"{tenant.mark}.{place.usual}"
    thing = tenant.party(place.usual) if place.type == "Party" else tenant.thing(place.type, place.usual)
    return thing.id


def code_of(thing: Thing) -> str:
    """The shortest of its words: others begin with it."""
    return min(thing.words, key=len)

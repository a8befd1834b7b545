"""Nobody changes anything of another tenant or of a rival, and is told of it no more than of what does not exist.

Each mutation of the schema is tried; one that the table lacks fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from domain.actor import Role
from domain.filters import ExclusionFilter
from domain.ids import (
    AgreementId,
    ExclusionId,
    MetricId,
    PartyId,
    ServiceId,
)
from domain.paging import PageRequest
from graph.ids import encode
from runtime.service import Running
from tests.stories import walking
from tests.stories.conftest import ClientOf, House, NewWorkshop
from tests.stories.documents import RECORD_OUTAGES, mutation
from tests.stories.rivals import (
    FOREIGN,
    LEFT,
    LEFT_BUYER,
    PORTAL,
    RIGHT,
    RIGHT_BUYER,
    SHARED,
    Intruder,
    Rivals,
    rivals,
)
from tests.stories.storage import Store
from tests.stories.tenants import a_key, mint
from tests.stories.workshop import Workshop

Input = dict[str, Any]
START, END, LATER = "2024-05-01T00:00:00Z", "2024-05-01T01:00:00Z", "2024-05-02T00:00:00Z"
NEW = "an-intruder"
"""The code of what an intruder would make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a call names: ids and codes of things of others, or of nothing at all."""

    party: str
    customer: str
    service: str
    metric: str
    agreement: str
    exclusion: str
    party_code: str
    service_code: str
    metric_code: str
    external_id: str
    customer_code: str

    def stream(self, **other: str) -> Input:
        return {
            "metric": self.metric_code,
            "service": self.service_code,
            "vendor": self.party_code,
            "source": f"{self.party_code}-probe",
            **other,
        }


def of_others(workshop: Workshop, vendor: str, customer: str, exclusion: ExclusionId, metric: str) -> Aim:
    service = f"{vendor}-hosting"
    return Aim(
        party=encode("Party", workshop.parties[vendor].id),
        customer=encode("Party", workshop.parties[customer].id),
        service=encode("Service", workshop.services[service].id),
        metric=encode("Metric", workshop.metrics[metric].id),
        agreement=encode("Agreement", workshop.agreements[f"{vendor}-uc"].id),
        exclusion=encode("Exclusion", exclusion),
        party_code=vendor,
        service_code=service,
        metric_code=metric,
        external_id=f"{vendor}-o0",
        customer_code=customer,
    )


def of_nothing(metric: str = "no-metric") -> Aim:
    """Of a tenant's own parties the metric is one that there is: they share it."""
    return Aim(
        party=encode("Party", PartyId(mint())),
        customer=encode("Party", PartyId(mint())),
        service=encode("Service", ServiceId(mint())),
        metric=encode("Metric", MetricId(mint())),
        agreement=encode("Agreement", AgreementId(mint())),
        exclusion=encode("Exclusion", ExclusionId(mint())),
        party_code="nobody",
        service_code="nothing",
        metric_code=metric,
        external_id="no-outage",
        customer_code="no-customer",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """Ids of what is the intruder's own to name, so that a call names one thing of others only."""

    party: str
    service: str
    service_code: str
    metric: str
    metric_code: str
    party_code: str


def calls(aim: Aim, own: Own) -> Mapping[str, list[Input]]:
    """By mutation the inputs that reach for what the aim names, one thing at a time."""
    objective = {
        "code": "up",
        "name": "Up",
        "metric": own.metric,
        "expected": "99",
        "window": {"calendar": {"every": "DAY", "zone": "UTC"}},
    }
    terms = {"effectiveFrom": START, "objectives": [objective]}
    foreign_terms = {"effectiveFrom": START, "objectives": [{**objective, "metric": aim.metric}]}
    draft = {"code": NEW, "name": NEW, "kind": "UC", "provider": own.party, "startsAt": START, **terms}
    exclusion = {"kind": "AGREED", "startsAt": START, "endsAt": END}
    mine = {"metric": own.metric_code, "service": own.service_code, "vendor": own.party_code}
    outage = {"externalId": aim.external_id, "impact": "critical", "startedAt": START, "endedAt": END}
    streams = [aim.stream(), {**mine, "service": aim.service_code}, {**mine, "customer": aim.customer_code}]
    if aim.metric_code != own.metric_code:
        streams.append({**mine, "metric": aim.metric_code})
    tally = {"starts": [START], "ends": ["2024-05-01T00:15:00Z"], "good": ["1"], "total": ["1"]}
    sample = {"instants": [START], "values": ["1"]}
    component = {"component": aim.service}
    return {
        "createParty": [{"code": NEW, "name": NEW, "kind": "VENDOR", "parent": aim.party}],
        "createMetric": [],
        "createService": [
            {"code": NEW, "name": NEW, "provider": aim.party},
            {"code": NEW, "name": NEW, "provider": own.party, "consumers": [aim.party]},
            {"code": NEW, "name": NEW, "provider": own.party, "structure": component},
        ],
        "changeServiceStructure": [
            {"service": aim.service, "structure": {"component": own.service}, "effectiveFrom": START},
            {"service": own.service, "structure": {"allOf": [component]}, "effectiveFrom": START},
        ],
        "draftAgreement": [
            {**draft, "provider": aim.party},
            {**draft, "customer": aim.party},
            {**draft, "service": aim.service},
            {**draft, **foreign_terms},
        ],
        "amendAgreement": [{"agreement": aim.agreement, **terms}],
        "activateAgreement": [{"agreement": aim.agreement}],
        "recordOutages": [
            *({"outages": [{"stream": stream, **outage}], "onInvalid": "KEEP_GOOD"} for stream in streams),
            *({"reports": [{"stream": stream, "through": LATER}]} for stream in streams),
        ],
        "withdrawOutages": [{"outages": [{"stream": each, "externalId": aim.external_id}]} for each in streams],
        "recordMeasurements": [
            *({"tallies": [{"stream": stream, **tally}]} for stream in streams),
            *({"samples": [{"stream": stream, **sample}]} for stream in streams),
        ],
        "withdrawMeasurements": [{"stream": stream, "instants": [START]} for stream in streams],
        "recordExclusion": [
            {**exclusion, "service": aim.service},
            {**exclusion, "agreement": aim.agreement},
            {**exclusion, "service": own.service, "corrects": aim.exclusion, "replacesRevision": 1},
        ],
        "withdrawExclusion": [{"exclusion": aim.exclusion, "replacesRevision": 1}],
    }


RIGHTS = {
    "vendor": {"recordOutages", "withdrawOutages", "recordMeasurements", "withdrawMeasurements"},
    "customer": set(),
    "stranger": set(walking.root_fields("Mutation")),
}
"""What each may do at all, with what is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    rivals: Rivals
    exclusion: ExclusionId

    def intruder(self, name: str) -> Intruder:
        return next(each for each in self.rivals.intruders if each.name == name)

    def aim(self, name: str) -> Aim:
        """A rival's things for a party of the tenant; for the stranger any of the tenant's."""
        vendor = LEFT if name == "stranger" else RIGHT
        return of_others(self.rivals.house, vendor, RIGHT_BUYER, self.exclusion, f"{SHARED}-up")

    def own(self, name: str) -> Own:
        workshop, vendor, service, metric = {
            "vendor": (self.rivals.house, LEFT, f"{LEFT}-hosting", f"{SHARED}-up"),
            "customer": (self.rivals.house, LEFT_BUYER, PORTAL, f"{SHARED}-up"),
            "stranger": (self.rivals.foreign, FOREIGN, f"{FOREIGN}-hosting", f"{FOREIGN}-up"),
        }[name]
        return Own(
            party=encode("Party", workshop.parties[vendor].id),
            service=encode("Service", workshop.services[service].id),
            service_code=service,
            metric=encode("Metric", workshop.metrics[metric].id),
            metric_code=metric,
            party_code=vendor,
        )


@pytest.fixture(scope="module")
async def scene(house: House, inside: Running, a_workshop: NewWorkshop) -> Scene:
    found = await rivals(a_workshop, inside.worker.settle, house.server.owner_url)
    async with inside.open_work(found.house.admin) as work:
        page = await work.exclusions.page(PageRequest(), ExclusionFilter())
    exclusion = next(row.item.id for row in page.rows if RIGHT in row.item.reason)
    return Scene(rivals=found, exclusion=exclusion)


def document(name: str) -> str:
    wanted = walking.root_fields("Mutation")[name].args["input"].type
    return (
        f"mutation ($input: {wanted}) {{ {name}(input: $input) {{ __typename userErrors {{ code message path }} }} }}"
    )


def refusals(answer: Mapping[str, Any], aim: Aim) -> Iterator[tuple[str, str, str]]:
    """Code, message and path of everything that is wrong, with what was named taken out."""
    named = [getattr(aim, name) for name in Aim.__slots__]
    for error in answer.get("errors", ()):
        yield error["extensions"]["code"], _without(error["message"], named), str(error["extensions"].get("inputPath"))
    for payload in (answer.get("data") or {}).values():
        for error in payload["userErrors"] if payload else ():
            yield error["code"], _without(error["message"], named), ".".join(error["path"])


def _without(message: str, named: list[str]) -> str:
    # The longest first: one code may be the beginning of another.
    for name in sorted(named, key=len, reverse=True):
        message = message.replace(name, "…")
    return walking.without_uuids(message)


def test_every_mutation_is_tried() -> None:
    own = Own(party="", service="", service_code="", metric="", metric_code="", party_code="")
    assert set(calls(of_nothing(), own)) == set(walking.root_fields("Mutation"))
    assert len(MAY) + len(MAY_NOT) == len(RIGHTS) * len(walking.root_fields("Mutation"))


MAY = [(intruder, name) for intruder, names in RIGHTS.items() for name in sorted(names)]
MAY_NOT = [(each, name) for each in RIGHTS for name in walking.root_fields("Mutation") if name not in RIGHTS[each]]


@pytest.mark.parametrize(("intruder", "name"), MAY)
async def test_a_change_to_what_others_have_is_refused_like_one_to_nothing_and_changes_nothing(
    scene: Scene, client_of: ClientOf, store: Store, intruder: str, name: str
) -> None:
    client, own, theirs = client_of(scene.intruder(intruder).key), scene.own(intruder), scene.aim(intruder)
    nothing = of_nothing() if intruder == "stranger" else of_nothing(own.metric_code)
    before = await store.digests()
    for aimed, lost in zip(calls(theirs, own)[name], calls(nothing, own)[name], strict=True):
        answer = list(refusals(await client.said(document(name), input=aimed), theirs))
        missed = list(refusals(await client.said(document(name), input=lost), nothing))
        assert answer == missed, aimed
        assert {code for code, _, _ in answer} == {"NOT_FOUND"}, aimed
    assert await store.digests() == before


@pytest.mark.parametrize(("intruder", "name"), MAY_NOT)
async def test_a_change_that_a_role_may_not_make_is_refused_whatever_it_names(
    scene: Scene, client_of: ClientOf, store: Store, intruder: str, name: str
) -> None:
    client, theirs = client_of(scene.intruder(intruder).key), scene.aim(intruder)
    before = await store.digests()
    for given in calls(theirs, scene.own(intruder))[name] or [{"code": NEW, "name": NEW, "aggregation": "MEAN"}]:
        refused = refusals(await client.said(document(name), input=given), theirs)
        assert {code for code, _, _ in refused} == {"FORBIDDEN"}
    assert await store.digests() == before


async def test_an_idempotency_key_is_a_partys_own(scene: Scene, client_of: ClientOf, house: House) -> None:
    """A rival's key tells nothing of what the rival did under it."""
    tenants = scene.rivals.house
    right, _ = await a_key(house.server.owner_url, tenants.tenant, Role.VENDOR, tenants.parties[RIGHT].id)
    done = []
    for party, key in ((RIGHT, right), (LEFT, scene.intruder("vendor").key)):
        stream = {"metric": f"{SHARED}-up", "service": f"{party}-hosting", "vendor": party}
        outage = {"stream": stream, "externalId": "once", "impact": "minor", "startedAt": START, "endedAt": END}
        done.append(
            await client_of(key).do(mutation(RECORD_OUTAGES), outages=[outage], idempotencyKey="the-same-for-both")
        )
    assert [payload["recordedCount"] for payload in done] == [1, 1]

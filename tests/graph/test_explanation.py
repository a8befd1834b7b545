"""Explanations through the schema: the numbers of the leaves give the verdict, down to pages of facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from domain.actor import Actor
from domain.policy import Role
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, acting_for, an_agreement, furnish, made

HOUR = timedelta(hours=1)
EXPLANATION = """
query($agreements: [ID!], $asOf: DateTime) {
  attainments(first: 1, orderBy: {direction: ASC}, filter: {agreements: $agreements}) { nodes {
    value
    explanation(asOf: $asOf) {
      at position status value versionNumber
      steps { key parentKey depth label detail operation quantity { value unit exact { numerator denominator } } }
    }
  } }
}
"""
FACTS = """
query($agreements: [ID!], $asOf: DateTime, $after: String, $first: Int) {
  attainments(first: 1, orderBy: {direction: ASC}, filter: {agreements: $agreements}) { nodes {
    explanation(asOf: $asOf) { at steps { key factShape facts(first: $first, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        externalId startsAt endsAt content good total value revision use recordedAt position stream { source }
      }
    } } }
  } }
}
"""


@pytest.fixture
async def asker(database: Database, admin: Actor, mint: Mint) -> Asker:
    return an_asker(database, admin, mint, START)


def written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


async def lived(asker: Asker) -> tuple[Furnished, str]:
    """A day with an outage, one without weight, tallies at the quarters of its first hour, and one off them."""
    furnished = await furnish(asker)
    draft = an_agreement(
        "ratio",
        furnished.parties["acme"],
        a_promise(furnished.metrics["success"], code="success"),
        service=furnished.services["acme-api"],
        customer=furnished.parties["us"],
    )
    drafted = await asker.do("draftAgreement", "agreement { id }", **draft)
    await asker.do("activateAgreement", agreement=drafted["agreement"]["id"])
    asker.clock.pass_by(48 * HOUR)
    outages = [
        {
            "stream": a_stream("uptime"),
            "externalId": f"o-{hour}",
            "impact": impact,
            "startedAt": written(START + hour * HOUR),
            "endedAt": written(START + (hour + 1) * HOUR),
        }
        for hour, impact in ((3, "major"), (5, "minor"), (9, "critical"))
    ]
    report = {"stream": a_stream("uptime"), "through": written(START + 24 * HOUR)}
    await asker.do("recordOutages", outages=outages, reports=[report])
    starts = [START + minutes * timedelta(minutes=1) for minutes in (0, 15, 30, 50)]
    tallies = {
        "stream": a_stream("success"),
        "starts": [written(each) for each in starts],
        "ends": [written(each + timedelta(minutes=5)) for each in starts],
        "good": [9, 8, 7, 6],
        "total": [10, 10, 10, 10],
    }
    await asker.do("recordMeasurements", tallies=[tallies])
    await asker.judge()
    return furnished, drafted["agreement"]["id"]


async def explained(asker: Asker, agreement: str, **more: object) -> Any:
    found = await asker.ask(EXPLANATION, agreements=[agreement], **more)
    return found["attainments"]["nodes"][0]["explanation"]


def computed(steps: list[dict[str, Any]], key: str) -> Fraction | None:
    """From the leaves that the schema tells, by what it says of each step."""
    [step] = [each for each in steps if each["key"] == key]
    if step["operation"] is None:
        exact = step["quantity"] and step["quantity"]["exact"]
        return exact and Fraction(int(exact["numerator"]), int(exact["denominator"]))
    below = [computed(steps, each["key"]) for each in steps if each["parentKey"] == key]
    values = [each for each in below if each is not None]
    match step["operation"]:
        case "SUM":
            return sum(values, start=Fraction(0))
        case "DIFFERENCE":
            return values[0] - sum(values[1:])
        case "RATIO":
            return 100 * values[0] / values[1]
        case "REST":
            return 100 - 100 * values[0] / values[1]
        case other:
            raise AssertionError(other)


async def test_the_leaves_give_the_verdict_and_the_same_instant_the_same_answer(asker: Asker) -> None:
    furnished, ratio = await lived(asker)
    for agreement, value in ((furnished.agreements["uc-acme"], "91.666666"), (ratio, "75.000000")):
        told = await explained(asker, agreement)
        steps = told["steps"]
        assert (told["value"], told["status"], told["versionNumber"]) == (value, "MISSED", 1)
        assert [step["key"] for step in steps if step["depth"] == 0] == ["verdict"]
        exact = computed(steps, "verdict.value")
        assert exact is not None
        assert f"{int(exact * 10**6) / 10**6:.6f}" == value
        for step in steps:
            if step["operation"] is not None:
                quantity = step["quantity"]["exact"]
                held = Fraction(int(quantity["numerator"]), int(quantity["denominator"]))
                assert computed(steps, step["key"]) == held
        asker.clock.pass_by(HOUR)
        late = {"stream": a_stream("uptime"), "through": written(asker.clock())}
        await asker.do("recordOutages", reports=[late])
        assert await explained(asker, agreement, asOf=told["at"]) == told


async def facts_of(asker: Asker, agreement: str, key: str, **more: object) -> Any:
    found = await asker.ask(FACTS, agreements=[agreement], **more)
    steps = found["attainments"]["nodes"][0]["explanation"]["steps"]
    [facts] = [step["facts"] for step in steps if step["key"] == key]
    return facts


async def test_each_fact_stands_under_what_became_of_it(asker: Asker) -> None:
    furnished, _ = await lived(asker)
    uptime = furnished.agreements["uc-acme"]
    down = await facts_of(asker, uptime, "verdict.value.bad.weighed")
    recorded_at, position = down["nodes"][0].pop("recordedAt"), down["nodes"][0].pop("position")
    assert (recorded_at, bool(position)) == (written(START + 48 * HOUR), True)
    assert [each["externalId"] for each in down["nodes"]] == ["o-3", "o-9"]
    assert down["nodes"][0] == {
        "externalId": "o-3",
        "startsAt": written(START + 3 * HOUR),
        "endsAt": written(START + 4 * HOUR),
        "content": "major",
        "good": None,
        "total": None,
        "value": None,
        "revision": 1,
        "use": "COUNTED",
        "stream": {"source": "default"},
    }
    light = await facts_of(asker, uptime, "verdict.apart.weightless")
    assert ([each["externalId"] for each in light["nodes"]], light["totalCount"]) == (["o-5"], 1)


@pytest.mark.parametrize("key", ["verdict.value.good", "verdict.value.total"])
async def test_pages_of_tallies_hold_each_once_in_order(asker: Asker, key: str) -> None:
    _, ratio = await lived(asker)
    at = written(asker.clock())
    seen: list[tuple[str, str]] = []
    after: str | None = None
    for pages in range(4):
        page = await facts_of(asker, ratio, key, first=1, after=after, asOf=at)
        assert page["totalCount"] == 4
        seen += [(each["startsAt"], each["good"]) for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (pages < 3)
    minutes = (0, 15, 30, 50)
    assert seen == [
        (written(START + minute * timedelta(minutes=1)), good)
        for minute, good in zip(minutes, ["9", "8", "7", "6"], strict=True)
    ]


async def test_a_cursor_of_one_step_opens_no_other(asker: Asker) -> None:
    furnished, ratio = await lived(asker)
    page = await facts_of(asker, ratio, "verdict.value.good", first=1)
    answer = await asker.say(
        FACTS, agreements=[furnished.agreements["uc-acme"]], first=1, after=page["pageInfo"]["endCursor"]
    )
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"CURSOR_INVALID"}


async def test_who_does_not_see_a_stream_sees_the_number_and_none_of_its_facts(asker: Asker) -> None:
    furnished, ratio = await lived(asker)
    customer = acting_for(asker, Role.CUSTOMER, furnished.parties["us"])
    told, mine = await explained(asker, ratio), await explained(customer, ratio)
    assert {**mine, "position": ""} == {**told, "position": ""}
    for key in ("verdict.value.good", "verdict.value.total"):
        page = await facts_of(customer, ratio, key)
        assert (page["nodes"], page["totalCount"]) == ([], 0)
    vendor = acting_for(asker, Role.VENDOR, furnished.parties["acme"])
    assert len((await facts_of(vendor, ratio, "verdict.value.good"))["nodes"]) == 4


async def test_of_a_service_that_rests_on_a_rivals_a_vendor_is_listed_its_own_outages_alone(asker: Asker) -> None:
    """The number holds both hours; the rival's outage is in no list, nor counted in any."""
    furnished, _ = await lived(asker)
    parties, services = furnished.parties, furnished.services
    parts = [{"component": services["acme-api"]}, {"component": services["rival-api"]}]
    suite = await made(
        asker,
        "Service",
        "suite",
        provider=parties["acme"],
        consumers=[parties["us"]],
        structure={"allOf": parts},
    )
    promise = a_promise(furnished.metrics["uptime"], code="suite")
    draft = an_agreement("suite", parties["acme"], promise, service=suite, customer=parties["us"])
    agreement = (await asker.do("draftAgreement", "agreement { id }", **draft))["agreement"]["id"]
    await asker.do("activateAgreement", agreement=agreement)
    of_rival = {
        "stream": a_stream("uptime", "rival"),
        "externalId": "secret",
        "impact": "major",
        "startedAt": written(START + 12 * HOUR),
        "endedAt": written(START + 13 * HOUR),
    }
    report = {"stream": a_stream("uptime", "rival"), "through": written(START + 24 * HOUR)}
    await asker.do("recordOutages", outages=[of_rival], reports=[report])
    await asker.judge()
    vendor = acting_for(asker, Role.VENDOR, parties["acme"])
    listed = {}
    for who, at in (("vendor", vendor), ("tenant", asker)):
        told = await explained(at, agreement)
        [down] = [step["quantity"]["value"] for step in told["steps"] if step["key"] == "verdict.value.bad.weighed"]
        page = await facts_of(at, agreement, "verdict.value.bad.weighed")
        listed[who] = (down, [each["externalId"] for each in page["nodes"]], page["totalCount"])
    assert listed == {
        "vendor": ("10800", ["o-3", "o-9"], 2),
        "tenant": ("10800", ["o-3", "o-9", "secret"], 3),
    }
    answer = await vendor.say(FACTS, agreements=[agreement])
    assert "secret" not in str(answer)


async def test_an_instant_to_come_is_invalid_and_names_the_argument(asker: Asker) -> None:
    _, ratio = await lived(asker)
    answer = await asker.say(EXPLANATION, agreements=[ratio], asOf=written(asker.clock() + HOUR))
    [error] = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["inputPath"]) == ("INVALID", ["asOf"])

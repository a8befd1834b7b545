"""Bad parties, metrics, services, agreements and exclusions, and what a role or another tenant may not do."""

from __future__ import annotations

from typing import Any

from tests.stories.bad_input import AT, END, NUL, Asked, Given, Names, document, given, refused, unread

WINDOW = {"every": "DAY", "zone": "UTC"}


def party(name: str, code: str, path: str, /, **more: Any) -> Asked:
    return refused(name, "createParty", given(**{"code": "new", "name": "New", "kind": "VENDOR", **more}), code, path)


def metric(name: str, code: str, path: str, /, **more: Any) -> Asked:
    sent = given(**{"code": "new", "name": "New", "aggregation": "MEAN", **more})
    return refused(name, "createMetric", sent, code, path)


def draft(names: Names, objective: dict[str, Any], terms: dict[str, Any]) -> dict[str, Any]:
    promised = {
        "code": "up",
        "name": "Up",
        "metric": names.up,
        "expected": "99.9",
        "window": {"calendar": WINDOW},
    }
    return {
        "code": "new-terms",
        "name": "New terms",
        "kind": "UC",
        "provider": names.vendor,
        "startsAt": AT,
        "effectiveFrom": AT,
        "objectives": [{**promised, **objective}],
        **terms,
    }


def promise(name: str, code: str, path: str, /, **objective: Any) -> Asked:
    def sent(names: Names) -> dict[str, Any]:
        return {"input": draft(names, objective, {})}

    return refused(name, "draftAgreement", sent, code, f"objectives.0.{path}")


def terms(name: str, code: str, path: str, /, **more: Any) -> Asked:
    """Names of things are looked up: `@leaf` stands for its id."""

    def sent(names: Names) -> dict[str, Any]:
        return {"input": draft(names, {}, named(names, more))}

    return refused(name, "draftAgreement", sent, code, path)


def named(names: Names, content: Any) -> Any:
    """With ids where the content names things by `@`."""
    match content:
        case str() if content.startswith("@"):
            return getattr(names, content[1:])
        case dict():
            return {key: named(names, each) for key, each in content.items()}
        case list():
            return [named(names, each) for each in content]
        case _:
            return content


def meant(**content: Any) -> Given:
    return lambda names: {"input": named(names, content)}


def structure(name: str, code: str, path: str, *, of: str = "@leaf", says: str = "", **content: Any) -> Asked:
    sent = meant(service=of, effectiveFrom=AT, structure=content)
    return refused(name, "changeServiceStructure", sent, code, path, says=says)


def exclusion(name: str, code: str, path: str, /, **more: Any) -> Asked:
    sent = meant(**{"kind": "AGREED", "startsAt": AT, "endsAt": END, "service": "@leaf", **more})
    return refused(name, "recordExclusion", sent, code, path)


def forbidden(name: str, mutation: str, sent: Given, *, key: str) -> Asked:
    found = refused(name, mutation, sent, "FORBIDDEN", "", key=key, says="may not")
    return Asked(
        name=name, key=key, document=found.document, given=sent, code="FORBIDDEN", says="may not", at_the_top=True
    )


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {"component": "@whole"}
    for _ in range(levels):
        found = {"allOf": [found]}
    return found


CATALOG = [
    party("a code in use", "CODE_TAKEN", "code", code="vendor"),
    party("a code with capitals", "INVALID", "code", code="Vendor"),
    party("a name of spaces", "INVALID", "name", name="   "),
    party("a NUL in a name", "INVALID", "name", name=f"a{NUL}"),
    metric("a scale of 10", "OUT_OF_RANGE", "scale", scale=10),
    metric("a grid that does not divide a day", "OUT_OF_RANGE", "grid", grid="PT50M"),
    metric("a weight of 2", "OUT_OF_RANGE", "weights.0.weight", weights=[{"impact": "major", "weight": "2"}]),
    metric("no weights", "INVALID", "weights", weights=[]),
    metric("a weight of maintenance", "INVALID", "weights.0.weight", weights=[{"impact": "maintenance", "weight": 0}]),
    metric("slices of seven minutes", "OUT_OF_RANGE", "slice", aggregation="MEAN_OF_SLICES", slice="PT7M"),
    metric("slices of nothing", "INVALID", "slice", aggregation="MEAN_OF_SLICES"),
    metric("a percentile above 100", "OUT_OF_RANGE", "percentile", aggregation="PERCENTILE", percentile="100.1"),
    metric("a NUL in a unit", "INVALID", "unit", unit=f"ms{NUL}"),
    metric("availability to stay below", "INVALID", "direction", aggregation="AVAILABILITY", direction="AT_MOST"),
    structure("a structure with a cycle", "CYCLE", "structure", component="@whole", says="cycle"),
    structure("a service that rests on itself", "INVALID", "structure", component="@leaf"),
    structure("a structure of nothing", "INVALID", "structure", allOf=[]),
    structure("two of one", "INVALID", "structure", kOfN={"k": 2, "parts": [{"component": "@whole"}]}),
    structure("a structure of 11 levels", "INVALID", "structure", **deep(11)),
    structure("another tenant's service", "NOT_FOUND", "structure", component="@foreign_service", of="@whole"),
    structure("an unknown service in a structure", "NOT_FOUND", "structure", component="@unknown_service", of="@whole"),
    structure(
        "another tenant's service to be changed", "NOT_FOUND", "service", of="@foreign_service", component="@leaf"
    ),
]

TERMS = [
    promise("a target above 100 percent", "OUT_OF_RANGE", "expected", expected="100.000001"),
    promise("a target of nothing", "OUT_OF_RANGE", "expected", expected="0"),
    promise("a target below nothing", "OUT_OF_RANGE", "expected", expected=-1),
    promise("a minimum above the target", "OUT_OF_RANGE", "minimum", minimum="99.95"),
    promise("a coverage above 100 percent", "OUT_OF_RANGE", "minimumCoverage", minimumCoverage=101),
    promise("a tolerated miss of outages", "INVALID", "lowVolume", lowVolume="ONE_MISS"),
    promise("a minimum duration of two days", "OUT_OF_RANGE", "minimumDuration", minimumDuration="PT48H"),
    promise(
        "an unknown zone", "INVALID", "window.calendar.zone", window={"calendar": {"every": "DAY", "zone": "Mars"}}
    ),
    promise(
        "an anchor day of 32",
        "OUT_OF_RANGE",
        "window.calendar.anchorDay",
        window={"calendar": {"every": "MONTH", "zone": "UTC", "anchorDay": 32}},
    ),
    terms("another tenant's party as provider", "NOT_FOUND", "provider", provider="@foreign_party"),
    terms("another tenant's party as customer", "NOT_FOUND", "customer", customer="@foreign_party"),
    terms("another tenant's service to be promised", "NOT_FOUND", "service", service="@foreign_service"),
    terms("a service where a party is meant", "NOT_FOUND", "provider", provider="@leaf"),
    terms("an id that is none", "INVALID", "provider", provider="vendor"),
    terms("an agreement that ends before it starts", "OUT_OF_RANGE", "endsAt", endsAt="2024-04-01T00:00:00Z"),
    terms("terms before the agreement", "OUT_OF_RANGE", "effectiveFrom", effectiveFrom="2024-04-01T00:00:00Z"),
    terms("an agreement with oneself", "INVALID", "customer", customer="@vendor"),
    terms("no promise", "OUT_OF_RANGE", "objectives", objectives=[]),
    terms("a grace of a year", "OUT_OF_RANGE", "grace", grace="P365D"),
    terms("an agreement's code in use", "CODE_TAKEN", "code", code="terms"),
    refused("nothing to activate", "activateAgreement", meant(agreement="@terms"), "WRONG_STATE", "agreement"),
    refused("an agreement that is none", "activateAgreement", meant(agreement="@leaf"), "NOT_FOUND", "agreement"),
    Asked(
        name="two windows at once",
        key="admin",
        document=document("draftAgreement"),
        given=lambda names: {
            "input": draft(names, {"window": {"calendar": WINDOW, "contractYear": {"zone": "UTC"}}}, {})
        },
        code="BAD_USER_INPUT",
        says="'WindowInput' must specify exactly one key",
        at_the_top=True,
    ),
    unread(
        "a duration in months",
        "draftAgreement",
        lambda names: {"input": draft(names, {}, {"grace": "P1M"})},
        "grace",
        "no fixed length",
    ),
    exclusion("an exclusion that ends before it starts", "OUT_OF_RANGE", "endsAt", endsAt="2024-04-01T00:00:00Z"),
    exclusion("an exclusion of 401 days", "OUT_OF_RANGE", "endsAt", endsAt="2025-06-06T00:00:00Z"),
    exclusion("an exclusion of nothing", "INVALID", "service", service=None),
    exclusion("another tenant's service to be excused", "NOT_FOUND", "service", service="@foreign_service"),
    exclusion("a correction without a revision", "INVALID", "replacesRevision", corrects="@leaf"),
    exclusion("a NUL in a reason", "OUT_OF_RANGE", "reason", reason=f"a{NUL}"),
]

RIGHTS = [
    forbidden("a vendor that makes a party", "createParty", given(code="n", name="N", kind="VENDOR"), key="vendor"),
    forbidden(
        "a vendor that excuses itself",
        "recordExclusion",
        meant(kind="AGREED", startsAt=AT, endsAt=END, service="@leaf"),
        key="vendor",
    ),
    forbidden("a customer that posts outages", "recordOutages", given(outages=[]), key="customer"),
    forbidden("an analyst that activates", "activateAgreement", meant(agreement="@terms"), key="analyst"),
    forbidden("an auditor that posts measurements", "recordMeasurements", given(tallies=[]), key="auditor"),
    Asked(
        name="an ingest key that reads",
        key="ingest",
        document="{ parties { totalCount } }",
        given=lambda _names: {},
        code="FORBIDDEN",
        says="may not read",
        at_the_top=True,
    ),
]

ROWS = [*CATALOG, *TERMS, *RIGHTS]

"""Whatever stands in a field of an input, the answer is a user error or a result, never a fault of the service."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLInputType, build_schema, is_list_type, is_non_null_type

from domain.actor import Actor
from graph.errors import RequestError
from graph.schema import schema_text
from persistence.database import Database
from runtime.clock import Mint
from tests.graph.asking import Asker, an_asker
from tests.graph.furnished import START, Furnished, a_promise, a_stream, an_agreement, furnish, made

SCHEMA = build_schema(schema_text())
T0, T1 = "2026-01-01T10:00:00Z", "2026-01-01T10:05:00Z"
ODD: dict[str, list[object]] = {
    "String": ["", "\x00", "a\x00b", "x" * 20_000, "😀" * 50, "\u202e", "'; --", "%", "\\", "a" * 80],
    "ID": ["", "\x00", "A" * 200, "😀", "UGFydHk"],
    "Int": [0, -1, 2**31 - 1, -(2**31)],
    "BigInt": [0, -1, 2**53, str(2**63 - 1), str(-(2**63))],
    "Decimal": ["0", "-1", "1e27", "-1e27", "1e-28", "0.0000001"],
    "Duration": ["PT0S", "-PT1S", "P36525D", "PT0.000001S"],
    "DateTime": ["1990-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z"],
    "Boolean": [True],
}
Path = tuple[str | int, ...]


def inputs(there: Furnished) -> dict[str, dict[str, Any]]:
    """For each mutation an input with every field, the list fields with one item."""
    acme, api, uptime = there.parties["acme"], there.services["acme-api"], there.metrics["uptime"]
    outage = {"stream": a_stream("uptime", source="odd"), "externalId": "odd", "replacesRevision": 1}
    ticket = {"stream": a_stream("tickets", source="odd"), "externalId": "odd", "replacesRevision": 1}
    promise = a_promise(uptime, source="odd", minimum="98", minimumDuration="PT5M", minimumCoverage="50")
    terms = an_agreement("odd", acme, promise, clauses=[{"kind": "SCOPE", "text": "x"}], grace="PT1H")
    own = ("effectiveFrom", "objectives", "clauses", "grace")
    span = {"startsAt": T0, "endsAt": T1}
    columns = {"starts": [T0], "ends": [T1], "good": [1], "total": [2], "replacesRevision": 1}
    return {
        "createParty": {"code": "odd", "name": "Odd", "kind": "VENDOR", "parent": acme},
        "createMetric": {
            "code": "odd",
            "name": "Odd",
            "aggregation": "SUM",
            "unit": "ms",
            "scale": 3,
            "grid": "PT15M",
            "weights": [{"impact": "odd", "weight": "1"}],
            "methodology": "x",
        },
        "createService": {
            "code": "odd",
            "name": "Odd",
            "provider": acme,
            "consumers": [acme],
            "structure": {"kOfN": {"k": 1, "parts": [{"component": api}]}},
        },
        "changeServiceStructure": {"service": api, "structure": {"component": api}, "effectiveFrom": T0},
        "draftAgreement": {**terms, "service": api, "customer": there.parties["us"], "endsAt": "2027-01-01T00:00:00Z"},
        "amendAgreement": {"agreement": there.agreements["uc-acme"], **{name: terms[name] for name in own}},
        "activateAgreement": {"agreement": there.agreements["uc-acme"]},
        "recordOutages": {
            "outages": [{**outage, "impact": "major", "startedAt": T0, "endedAt": T1}],
            "reports": [{"stream": a_stream("uptime"), "through": T0}],
        },
        "withdrawOutages": {"outages": [outage]},
        "recordMeasurements": {
            "tallies": [{"stream": a_stream("success", customer="us"), **columns}],
            "samples": [{"stream": a_stream("latency"), "instants": [T0], "values": ["1"], "replacesRevision": 1}],
        },
        "withdrawMeasurements": {"stream": a_stream("success"), "instants": [T0], "replacesRevision": 1},
        "recordStates": {
            "series": [{"stream": a_stream("probes"), "instants": [T0], "states": ["up"], "replacesRevision": 1}],
        },
        "withdrawStates": {"stream": a_stream("probes"), "instants": [T0], "replacesRevision": 1},
        "recordCases": {
            "cases": [
                {
                    **ticket,
                    "openedAt": T0,
                    "respondedAt": T1,
                    "pauses": [{"pausedAt": T0, "resumedAt": T1}],
                    "resolvedAt": T1,
                }
            ],
        },
        "withdrawCases": {"cases": [ticket]},
        "recordExclusion": {
            "kind": "AGREED",
            "service": api,
            "announcedAt": T0,
            "approvedBy": "x",
            "reason": "x",
            "corrects": api,
            "replacesRevision": 1,
            **span,
        },
        "withdrawExclusion": {"exclusion": api, "replacesRevision": 1},
    }


def leaves(given: object, type_: GraphQLInputType, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The places of an input that hold scalars, with the scalar's name."""
    if is_non_null_type(type_):
        yield from leaves(given, type_.of_type, path)
    elif is_list_type(type_):
        assert isinstance(given, list)
        yield from leaves(given[0], type_.of_type, (*path, 0))
    elif isinstance(type_, GraphQLInputObjectType):
        assert isinstance(given, dict)
        for name, value in given.items():
            yield from leaves(value, type_.fields[name].type, (*path, name))
    elif str(type_) in ODD:
        yield path, str(type_)


def with_odd(given: dict[str, Any], path: Path, odd: object) -> dict[str, Any]:
    changed = deepcopy(given)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return changed


async def fault(asker: Asker, mutation: str, given: dict[str, Any]) -> object:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
    text = f"mutation($input: {kind}) {{ {mutation}(input: $input) {{ userErrors {{ code path }} }} }}"
    try:
        answer = await asker.say(text, input=given)
    except RequestError:
        return None
    return answer.get("errors")


MUTATION = SCHEMA.mutation_type
assert MUTATION is not None


@pytest.mark.parametrize("mutation", list(MUTATION.fields))
async def test_an_odd_value_is_no_fault(database: Database, admin: Actor, mint: Mint, mutation: str) -> None:
    asker = an_asker(database, admin, mint, START + timedelta(days=1))
    furnished = await furnish(asker)
    await made(asker, "Metric", "probes", aggregation="AVAILABILITY", shape="STATE", staleness="PT1H")
    await made(asker, "Metric", "tickets", aggregation="CASES_WITHIN")
    given = inputs(furnished)[mutation]
    assert MUTATION is not None
    type_ = MUTATION.fields[mutation].args["input"].type
    faults = {
        f"{'.'.join(map(str, path))} = {str(odd)[:20]!r}": found
        for path, scalar in leaves(given, type_)
        for odd in ODD[scalar]
        if (found := await fault(asker, mutation, with_odd(given, path, odd)))
    }
    assert faults == {}
